"""Progress on stderr: a bar in a terminal, or one plain line a minute in a log."""

from __future__ import annotations

import locale
import math
import sys
import time
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 60.0
"""Time between two lines of a log, in seconds."""

_LINE = "{l_bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def progress_bar(total: int, done: int = 0, name: str | None = None, shown: bool = True) -> tqdm:
    """A progress bar of environment steps; use it as a context manager.

    Args:
        total: all environment steps.
        done: steps that were done before.
        name: the text before the bar.
        shown: whether the bar is shown.
    """
    options: dict[str, Any] = {"unit": " steps", "unit_scale": True, "disable": not shown}
    kind = tqdm if sys.stderr.isatty() else _Lines
    return kind(total=total, initial=done, desc=name, ascii=not _has_blocks(), **options)


def say_before(text: str) -> None:
    """Prints what is happening before there is a bar; in a terminal, the bar overwrites it."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(text, end=end, file=sys.stderr, flush=True)


class _Lines(tqdm):
    """A bar for a log: it prints a new line once a minute, and overwrites none."""

    def __init__(self, **options: Any):
        self._next = -math.inf  # when the next line is due
        super().__init__(bar_format=_LINE, leave=False, file=sys.stderr, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        if msg is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            print(str(self), file=sys.stderr, flush=True)

    def clear(self, nolock: bool = False) -> None:
        pass  # lines of a log are never removed

    def close(self) -> None:
        if not self.disable:
            self._next = -math.inf  # the last line is always printed
            self.display()
        super().close()


def _has_blocks() -> bool:
    """Whether stderr and the user's locale can encode the characters that tqdm draws bars with.

    Both are checked, because Python uses UTF-8 for stderr in the locale C and a terminal may not.
    """
    try:
        for encoding in (sys.stderr.encoding, locale.getencoding()):
            "\u2588\u258f".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
