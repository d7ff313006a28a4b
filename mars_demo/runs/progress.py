"""How far a command is, on stderr: a bar in a terminal, a plain line a minute in a log."""

from __future__ import annotations

import locale
import math
import sys
import time
from typing import Any

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 60.0
"""Of a log."""

_LINE = "{l_bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def progress_bar(total: int, done: int = 0, name: str | None = None, shown: bool = True) -> tqdm:
    """A bar of environment steps, which its context closes.

    Args:
        total: steps of the whole.
        done: those that were done before.
        name: what stands before the bar.
        shown: whether there is anything to see.
    """
    options: dict[str, Any] = {"unit": " steps", "unit_scale": True, "disable": not shown}
    kind = tqdm if sys.stderr.isatty() else _Lines
    return kind(total=total, initial=done, desc=name, ascii=not _has_blocks(), **options)


def say_before(text: str) -> None:
    """Says what is under way before there is a bar, which takes the text's place."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(text, end=end, file=sys.stderr, flush=True)


class _Lines(tqdm):
    """Writes a line of its own instead of overwriting one, and only once a minute."""

    def __init__(self, **options: Any):
        self._next = -math.inf  # when the next line is due
        super().__init__(bar_format=_LINE, leave=False, file=sys.stderr, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        if msg is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            print(str(self), file=sys.stderr, flush=True)

    def clear(self, nolock: bool = False) -> None:
        pass  # what was written stays

    def close(self) -> None:
        if not self.disable:
            self._next = -math.inf  # how it ended is always said
            self.display()
        super().close()


def _has_blocks() -> bool:
    """Whether stderr, and the user's locale, have the characters that tqdm draws bars with.

    Python takes UTF-8 for stderr where the locale is C; a terminal need not.
    """
    try:
        for encoding in (sys.stderr.encoding, locale.getencoding()):
            "\u2588\u258f".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
