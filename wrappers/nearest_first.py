"""Orders the valid names in a message about an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest_first(value: object, valid: Iterable[str]) -> list[str]:
    """The valid names, the likeliest misspelling of `value` first."""

    def distance(name: str) -> float:
        return -difflib.SequenceMatcher(None, str(value), name).ratio()

    return sorted(valid, key=distance)
