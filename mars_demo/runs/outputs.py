"""What commands write: whether they can, found out before the work, and tables as Markdown."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from mars_demo.learning.config import check_name


def check_writable(path: Path) -> None:
    """Raises OSError unless a file can be written at a path. Makes nothing there.

    A command whose result takes minutes asks this first.
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
    """The same for a picture; ValueError where its suffix names no format of matplotlib's."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    check_name("format of pictures", path.suffix.lower().removeprefix("."), formats)
    check_writable(path)


def markdown_table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """The lines of a table, under the names of its columns. Whatever an entry holds is text."""
    lines = [markdown_row(head), "|" + "---|" * len(head), *map(markdown_row, rows)]
    return "\n".join(lines)


def markdown_row(entries: Iterable[str]) -> str:
    """A line of a table. Whatever an entry holds is text: no HTML, and no end of its column."""
    texts = (markdown_text(entry).replace("|", "\\|") for entry in entries)
    return f"| {' | '.join(texts)} |"


def markdown_text(text: str) -> str:
    """Text from a file or a folder's name, which may hold HTML, as Markdown shows it."""
    return html.escape(" ".join(text.split()), quote=False)
