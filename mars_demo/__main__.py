"""The command `mars-demo`, which `python -m mars_demo` is too."""

import os
import signal
import sys

from mars_demo.runs.messages import fail
from mars_demo.runs.signals import INTERRUPTED, leave, leave_on_interrupt


def main() -> None:
    """Meets the other hosts, if there are any, and runs the command line.

    SIGINT ends it in one line, whenever it comes: while it imports, while it works, and while the
    interpreter ends.
    """
    try:
        with leave_on_interrupt():  # imports take seconds, and some swallow a KeyboardInterrupt
            run = _import_commands()
        run()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, leave)
        print("interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGINT, leave)


def _import_commands():
    # First of all: JaxMARL starts JAX when it is imported, and hosts must have met before.
    if "--distributed" in sys.argv:
        from mars_demo.runs.hosts import join_hosts

        try:
            join_hosts()
        except ValueError as error:
            fail(error)
    if sys.argv[1:2] == ["sweep"]:
        # Its runs are processes that share the accelerator with it, and it needs nothing there.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from mars_demo.cli.main import main as run

    return run


if __name__ == "__main__":
    main()
