"""Reading files that others may have written, cut short or edited: every fault is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

NONSENSE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RecursionError,
)
"""What code raises when it is given something else than it expects."""

Parsed = TypeVar("Parsed")


class RunError(Exception):
    """A run cannot start, go on or be read; the message says why and what to do."""


def read_json(path: Path, parse: Callable[[Any], Parsed]) -> Parsed:
    """What `parse` makes of a JSON file.

    Args:
        path: the file.
        parse: is given the file's value, and may fail in any way where that is not as it should be.

    Raises:
        RunError: not JSON, or `parse` failed; one line with the path.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    try:
        return parse(json.loads(data))
    except NONSENSE as error:
        raise RunError(f"{path} is damaged: {in_one_line(error)}") from None


def read_json_lines(path: Path, parse: Callable[[Any], Parsed]) -> list[Parsed]:
    """What `parse` makes of each line of a file; empty if there is no file.

    A last line that has no end and makes no sense was torn when the writing stopped: it is left
    out.

    Raises:
        RunError: another line is not JSON, or `parse` failed; one line with path and number.
    """
    if not path.exists():
        return []
    texts = path.read_bytes().split(b"\n")
    parsed = []
    for number, text in enumerate(texts, 1):
        try:
            parsed.append(parse(json.loads(text)))
        except NONSENSE as error:
            if number == len(texts):
                break
            raise RunError(f"{path}, line {number}, is damaged: {in_one_line(error)}") from None
    return parsed


def in_one_line(said: object) -> str:
    """What an error says, or any other value, of bounded length."""
    text = f"it has no {said}" if isinstance(said, KeyError) else str(said)
    said = " ".join(text.split()) or type(said).__name__
    return said if len(said) <= 500 else f"{said[:500]} ..."


def check_type(value: Any, *kinds: type) -> Any:
    """The value; TypeError unless it is of one of these types. A bool is no number."""
    if type(value) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"expected {names}, got {value!r}")
    return value
