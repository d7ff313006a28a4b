"""Parses command lines with tyro, and turns its error messages into one line."""

from __future__ import annotations

import ast
import inspect
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

import tyro

from mars_demo.runs.checkpoint import CheckpointError
from mars_demo.runs.messages import fail
from mars_demo.runs.reading import RunError
from wrappers.nearest_first import nearest_first

_STYLES = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = str.maketrans("╭╮╰╯│─", "     -")
_RULE = re.compile(r".*-{5,}\s*")  # also the upper border, which holds the title
_UNKNOWN = re.compile(r"invalid choice '(.*)' for argument '(.*)'\. Expected one of (\(.*\))\.")
_NO_VALUE = re.compile(r"Missing value for argument '(.*)'\. Expected .* values?\.")
_WRONG_TYPE = re.compile(r"Error parsing .*?('[^']*')\]?\.?(?: Got errors:.*)?$")


def run_program(command: type[Any], words: Sequence[str] | None = None) -> None:
    """Parses and runs a program of one command; messages name it by the command's file.

    Args:
        command: a dataclass with a `run` method.
        words: its options; None for those of the program's own command line.

    Raises:
        SystemExit: after `--help` with code 0, after a user's mistake with code 2.
    """
    prog = Path(inspect.getfile(command)).name
    with one_line_mistakes(prog):
        parse_words(command, sys.argv[1:] if words is None else words, prog).run()


@contextmanager
def one_line_mistakes(prog: str) -> Iterator[None]:
    """A user's mistake ends the program in one line on stderr and exit code 2."""
    try:
        yield
    except (ValueError, RunError, CheckpointError, OSError, ImportError) as error:
        fail(error, prog)


def parse_words(
    kind: Any, words: Sequence[str], prog: str, description: str | None = None, **options: Any
) -> Any:
    """An instance of a dataclass, or of one in a union of them, from the words of a command line.

    Args:
        kind: what to make.
        words: the words after the program's name.
        prog: the program's name in messages.
        description: for `--help`; None for the docstring of `kind`.
        options: further arguments of `tyro.cli`.

    Raises:
        ValueError: the words cannot be parsed; the message says why, in one line.
        SystemExit: after `--help`, with code 0.
    """
    box = io.StringIO()
    helps = bool({"-h", "--help"} & set(words))
    try:
        with redirect_stderr(box), nullcontext() if helps else _unbroken_lines():
            return tyro.cli(kind, args=words, prog=prog, description=description, **options)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ValueError(f"{one_line(box.getvalue())}; see {prog} --help") from None


@contextmanager
def _unbroken_lines() -> Iterator[None]:
    """Sets a terminal so wide that tyro breaks no line of its messages."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "1000"
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def one_line(box: str) -> str:
    """The message in a box that tyro printed, and the options that it suggests, as one line.

    A message that is not recognised keeps its own words, so that other versions of tyro work too.
    """
    parts: list[list[str]] = [[]]
    for line in _STYLES.sub("", box).translate(_FRAME).splitlines():
        if _RULE.fullmatch(line):
            parts.append([])
        elif line.strip():
            parts[-1].append(line)
    _, message, *others = (part for part in [*parts, [], []])
    said = _reworded(message, others)
    suggested = [_names(part) for part in others if part and "Perhaps you meant" in part[0]]
    names = [name for of_one in suggested for name in of_one]
    return f"{said}; did you mean {' or '.join(names)}?" if names else said


def _reworded(message: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    """A message of tyro in the words that the rest of the program uses for the same mistake."""
    text = " ".join(" ".join(message).split())
    if text.startswith("Missing from "):
        return f"missing: {', '.join(_names(message))}"
    if found := _UNKNOWN.fullmatch(text):
        value, argument, listed = found.groups()
        valid = nearest_first(value, ast.literal_eval(listed))
        what = argument if argument.startswith("-") else "value"
        return f"unknown {what} {value!r}; valid: {', '.join(valid)}"
    if found := _NO_VALUE.fullmatch(text):
        return f"missing: {'a value for ' if found[1].startswith('-') else ''}{found[1]}"
    usage = next((_names(part)[0] for part in others if part and "helptext:" in part[0]), "")
    if usage and (found := _WRONG_TYPE.match(text)):
        option, _, kind = usage.replace("{None}|", "").partition(" ")
        return f"{option} takes {kind}, got {found[1]}"
    return text[:1].lower() + text[1:].rstrip(".")


def _names(part: Sequence[str]) -> list[str]:
    """The least indented lines below the first line of a part."""
    depth = min((len(line) - len(line.lstrip()) for line in part[1:]), default=0)
    return [line.strip() for line in part[1:] if not line[:depth].strip() and line[depth] != " "]


def check_named(given: Sequence[object], what: str) -> None:
    """Checks that a command that takes one or more of something was given at least one.

    Raises:
        ValueError: it was given none.
    """
    if not given:
        raise ValueError(f"name {what}")
