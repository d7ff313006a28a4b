"""Reads JSON files that may be damaged or edited; every error is a message of one line."""

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
"""Errors that parsing raises if a file's content is not what it expects."""

Parsed = TypeVar("Parsed")


class RunError(Exception):
    """A run cannot start, continue or be read; the message says why and what to do."""


def read_json(path: Path, parse: Callable[[Any], Parsed]) -> Parsed:
    """Reads a JSON file and parses its value.

    Args:
        path: the file.
        parse: takes the file's value; it may raise any of `NONSENSE` if the value is wrong.

    Raises:
        RunError: the file is not JSON, or `parse` failed; one line with the path.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    try:
        return parse(json.loads(data))
    except NONSENSE as error:
        raise RunError(f"{path} is damaged: {in_one_line(error)}") from None


def read_json_lines(path: Path, parse: Callable[[Any], Parsed]) -> list[Parsed]:
    """Reads a file with one JSON value a line, and parses each; empty if there is no file.

    A last line without an end that cannot be parsed is left out: writing was interrupted there.

    Raises:
        RunError: another line is not JSON, or `parse` failed; one line with the path and the line's
            number.
        OSError: the file cannot be read.
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
    """The message of an error, or any other value as text: one line, at most 500 characters."""
    text = f"it has no {said}" if isinstance(said, KeyError) else str(said)
    said = " ".join(text.split()) or type(said).__name__
    return said if len(said) <= 500 else f"{said[:500]} ..."


def check_type(value: Any, *kinds: type) -> Any:
    """Returns the value if it is of one of these types; a bool does not count as an int.

    Raises:
        TypeError: it is of another type.
    """
    if type(value) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"expected {names}, got {value!r}")
    return value
