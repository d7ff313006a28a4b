"""The command `mars-demo`, which `python -m mars_demo` is too."""

import os
import sys

from mars_demo.runs.hosts import join_hosts


def main() -> None:
    """Meets the other hosts, if there are any, and runs the command line."""
    # First of all: JaxMARL starts JAX when it is imported, and hosts must have met before.
    if "--distributed" in sys.argv:
        try:
            join_hosts()
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(2) from None
    if sys.argv[1:2] == ["sweep"]:
        # Its runs are processes that share the accelerator with it, and it needs nothing there.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from mars_demo.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
