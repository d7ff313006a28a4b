"""A scene in a window: a picture of it of any size, and a legend whose entries can be hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pygame

from wrappers.painter import Painter
from wrappers.panel import DIM, FAINT, PAPER, put
from wrappers.scene import Scene, colours_of, symbol_shapes
from wrappers.sprites import BLEND, reach, rgb, sprite, text_width

DIGITS = "1234567890"  # the keys of the legend's first ten entries

_LINE, _LABEL, _SYMBOL, _GAP = 26, 17, 9, 18  # in pixels
_AROUND = 76  # what a picture is higher and wider than its board, at most
_WIDEST = 0.9  # a picture is at least so many longer sides of its board wide


class Board:
    """A scene and a legend with keys, painted at any time and size.

    The scene's frames may grow: they are read when they are painted.

    Args:
        scene: a checked scene.
        theme: "dark" or "light".
        keys: whether to show the keys that hide the legend's entries.
    """

    def __init__(self, scene: Scene, theme: str = "dark", *, keys: bool = True) -> None:
        self.scene, self._keys = scene, keys
        self.hidden: set[int] = set()
        self._theme = theme
        self._colours = {name: rgb(text) for name, text in colours_of(scene, theme).items()}
        self._painters: dict[int, Painter] = {}
        # A copy, whose frames leave out what is hidden; the painter draws those.
        self._shown: dict[str, Any] = {**scene, "legend": []}

    def toggle(self, entry: int) -> None:
        """Hides an entry of the legend, or shows it again; one that is not there does nothing."""
        if entry < len(self.scene["legend"]):
            self.hidden ^= {entry}
            self._shown["frames"] = _Frames(self.scene["frames"], self._hidden_marks())

    def paint(self, time: float, size: tuple[int, int]) -> pygame.Surface:
        """The picture at a time in frames, with the legend beneath it."""
        whole = pygame.Surface(size)
        whole.fill(PAPER)
        lines = self._lay_out(size[0])
        height = size[1] - _LINE * len(lines)
        painted = self._painter(size[0], height).paint(time)
        box = painted.get_rect(midtop=(size[0] // 2, max(0, (height - painted.get_height()) // 2)))
        whole.blit(painted, box)
        for row, entries in enumerate(lines):
            middle = height + round((row + 0.5) * _LINE)
            for index, left in entries:
                self._paint_entry(whole, index, left, middle)
        return whole

    def _painter(self, width: int, height: int) -> Painter:
        *_, box_width, box_height = self.scene["box"]
        longer = max(box_width, box_height)
        share = max(box_width / longer, _WIDEST)
        board = int(min((width - _AROUND) / share, (height - _AROUND) * longer / box_height))
        board = max(board, 64)
        if board not in self._painters:
            self._painters = {board: Painter(self._shown, self._theme, board)}
        return self._painters[board]

    def _hidden_marks(self) -> set[str]:
        return {mark for entry in self.hidden for mark in self.scene["legend"][entry]["marks"]}

    def _lay_out(self, width: int) -> list[list[tuple[int, int]]]:
        """The legend's lines: entries and where they begin."""
        lines: list[list[tuple[int, int]]] = []
        left = width
        for index, entry in enumerate(self.scene["legend"]):
            long = 2 * _SYMBOL + 30 + text_width(entry["label"], _LABEL)
            if left + long > width - 12:
                lines.append([])
                left = 16
            lines[-1].append((index, left))
            left += long + _GAP
        return lines

    def _paint_entry(self, whole: pygame.Surface, index: int, left: int, middle: int) -> None:
        entry = self.scene["legend"][index]
        colour = DIM if index in self.hidden else FAINT
        if self._keys and index < len(DIGITS):
            put(whole, DIGITS[index], _LABEL, DIM, midleft=(left, middle))
            left += 14
        if index not in self.hidden:
            symbol = self._symbol(self.scene["marks"][entry["marks"][-1]])
            place = symbol.get_rect(center=(left + _SYMBOL, middle))
            whole.blit(symbol, place, special_flags=BLEND)
        box = put(whole, entry["label"], _LABEL, colour, midleft=(left + 2 * _SYMBOL + 6, middle))
        if index in self.hidden:
            pygame.draw.line(whole, colour, box.midleft, box.midright)

    def _symbol(self, mark: Mapping[str, Any]) -> pygame.Surface:
        shapes = symbol_shapes(mark)
        solid = max((reach(s) for s in shapes if s["shape"] != "glow"), default=1.0)
        return sprite(shapes, self._colours, min(30.0, _SYMBOL / solid))


class _Frames:
    """A scene's frames without some marks."""

    def __init__(self, frames: Any, hidden: set[str]) -> None:
        self._frames, self._hidden = frames, hidden

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> dict[str, Any]:
        shown = self._frames[index]
        return {name: places for name, places in shown.items() if name not in self._hidden}
