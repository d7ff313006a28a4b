"""Outputs of commands: checks that a path is writable before the work, and Markdown tables."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from mars_demo.learning.config import check_name


def check_writable(path: Path) -> None:
    """Checks that a file can be written at a path, without writing it.

    Commands whose result takes minutes call this first.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise type(error)(f"cannot write {path}: {there}: {error.strerror}") from None


def check_picture(path: Path) -> None:
    """`check_writable` for a picture.

    Raises:
        OSError: it cannot be written.
        ValueError: its suffix is not a format of matplotlib.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    check_name("format of pictures", path.suffix.lower().removeprefix("."), formats)
    check_writable(path)


def markdown_table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table with the column names `head`. Entries are escaped, see `markdown_text`."""
    lines = [markdown_row(head), "|" + "---|" * len(head), *map(markdown_row, rows)]
    return "\n".join(lines)


def markdown_row(entries: Iterable[str]) -> str:
    """A row of a Markdown table. Entries are escaped: no HTML, and no column separator."""
    texts = (markdown_text(entry).replace("|", "\\|") for entry in entries)
    return f"| {' | '.join(texts)} |"


def markdown_text(text: str) -> str:
    """Text on one line, with HTML escaped; names of files and folders may contain some."""
    return html.escape(" ".join(text.split()), quote=False)
