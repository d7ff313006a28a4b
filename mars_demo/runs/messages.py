"""How a program reports an error and exits."""

from __future__ import annotations

import sys
from typing import NoReturn


def fail(error: Exception | str, prog: str = "mars-demo") -> NoReturn:
    """Ends the program with one line on stderr and exit code 2."""
    print(f"{prog}: {' '.join(str(error).split())}", file=sys.stderr)
    raise SystemExit(2) from None
