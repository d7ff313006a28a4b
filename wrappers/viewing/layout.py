"""The layout of a picture: the board, the title and readouts above it, the legend below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wrappers.viewing.scene import LegendEntry, Mark, Scene, Shape, symbol_shapes
from wrappers.viewing.shapes import reach, shortened, text_width

# Heights of lines in pixels, and how far below the picture's top their middles are.
TITLE, LABEL, VALUE = 24, 17, 24
TITLE_MIDDLE, LABEL_MIDDLE, VALUE_MIDDLE = 28, 16, 36
NEWS, NEWS_LEFT, NEWS_TOP = 20, 14, 20  # of the lines that tell on the board what happened
SYMBOL = 9  # half a legend's symbol, in pixels

_SIDE, _HEADER, _LEGEND_LINE, _LEGEND_GAP = 10, 54, 30, 18  # in pixels
_NARROWEST = 0.9  # width of the picture, in longer sides of the board: a title needs room


class Column(NamedTuple):
    """A readout: its label, its text for each frame, and the x of both in pixels."""

    label: str
    texts: Sequence[str]
    left: int


class Entry(NamedTuple):
    """An entry of the legend, in pixels; its symbol is a mark, `SYMBOL` pixels to each side."""

    label: str
    mark: Mark
    left: int
    middle: int

    @property
    def label_left(self) -> int:
        return self.left + 2 * SYMBOL + 6


class Layout:
    """Attributes:
    size: width and height of the picture in pixels, multiples of 16, for video encoders.
    scale: pixels to a unit of the scene.
    board: left, top, width and height of the board in pixels.
    origin: the scene's (0, 0) in pixels of the picture.
    title, title_left: the title, shortened if it is too long, and its x.
    columns: the readouts.
    legend: its entries.

    Args:
        scene: a checked scene.
        board: the board's longer side in pixels. Without title and readouts, or without a legend,
            the picture has no space for them.
    """

    def __init__(self, scene: Scene, board: int) -> None:
        left, top, width, height = scene["box"]
        self.scale = _whole_if_large(board / max(width, height))
        board_width, board_height = round(width * self.scale), round(height * self.scale)
        header = _HEADER if scene["title"] or scene["readouts"] else _SIDE
        content = max(board_width, round(_NARROWEST * board) if header > _SIDE else 0)
        picture_width = _multiple_of_16(content + 2 * _SIDE)
        self.title_left = (picture_width - content) // 2
        right = self.title_left + content
        board_left = (picture_width - board_width) // 2
        self.board = board_left, header, board_width, board_height
        self.origin = board_left - left * self.scale, header - top * self.scale

        self.columns, room = _columns(scene["readouts"], right)
        self.title = shortened(scene["title"], TITLE, room - self.title_left)
        bottom = header + board_height
        lines = _lines(scene["legend"], self.title_left, right)
        self.legend = [
            Entry(label, scene["marks"][mark], start, bottom + 4 + round((i + 0.5) * _LEGEND_LINE))
            for i, line in enumerate(lines)
            for label, mark, start in line
        ]
        under = _LEGEND_LINE * len(lines) + 4 if lines else _SIDE
        self.size = picture_width, _multiple_of_16(bottom + under)

    def symbol(self, mark: Mark) -> tuple[list[Shape], float]:
        """A mark's shapes as a legend's symbol, and its scale, at most that of the board."""
        return symbol(mark, self.scale)


def symbol(mark: Mark, largest: float) -> tuple[list[Shape], float]:
    """A mark's shapes as a legend's symbol, and its scale, at most `largest`."""
    shapes = symbol_shapes(mark)
    solid = max((reach(s) for s in shapes if s["shape"] != "glow"), default=1.0)
    return shapes, min(largest, SYMBOL / solid)


def wrap(widths: Iterable[int], leftmost: int, right: int) -> list[list[tuple[int, int]]]:
    """Entries of a legend in lines: the index and the x of each."""
    lines: list[list[tuple[int, int]]] = []
    left = right
    for index, width in enumerate(widths):
        if left + width > right:
            lines.append([])
            left = leftmost
        lines[-1].append((index, left))
        left += width + _LEGEND_GAP
    return lines


def _columns(readouts: Mapping[str, Sequence[str]], right: int) -> tuple[list[Column], int]:
    """The readouts from right to left, and the largest x of a title."""
    columns = []
    for label, texts in reversed(list(readouts.items())):
        right -= max(text_width(label, LABEL), *(text_width(text, VALUE) for text in texts))
        columns.append(Column(label, texts, right))
        right -= 22
    return columns, right


def _lines(
    legend: Iterable[LegendEntry], leftmost: int, right: int
) -> list[list[tuple[str, str, int]]]:
    """The legend's lines: the label, the mark's name and the x of each entry."""
    entries = [(entry["label"], entry["marks"][-1]) for entry in legend]
    widths = [2 * SYMBOL + 6 + text_width(label, LABEL) for label, _ in entries]
    return [[(*entries[i], left) for i, left in line] for line in wrap(widths, leftmost, right)]


def _whole_if_large(scale: float) -> float:
    """Cells of whole pixels look crisper."""
    return float(int(scale)) if scale >= 4 else scale


def _multiple_of_16(pixels: int) -> int:
    return -(-pixels // 16) * 16
