"""Paints the moments of a scene with pygame, off screen: it needs no display.

What does not move is drawn once, marks become sprites, and a moment is a copy of the ground with
sprites laid on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pygame

from wrappers.scene import Scene, axes_of, colours_of, places, symbol_shapes
from wrappers.sprites import (
    BLEND,
    drawing,
    line,
    long_line,
    numbered,
    reach,
    rgb,
    shortened,
    sprite,
    text_width,
    turned,
    write,
)

_PAPER = {"dark": "#060914", "light": "#ffffff"}
_INK = {"dark": "#f2f5ff", "light": "#141b33"}
_FAINT = {"dark": "#8d9ac2", "light": "#5a668a"}
_NARROWEST = 0.9  # width of the picture, in longer sides of the board: a title needs room
# In pixels.
_SIDE, _HEADER, _LEGEND_LINE = 10, 54, 30
_TITLE, _LABEL, _VALUE = 24, 17, 24
_SYMBOL = 9  # half a legend's symbol
_ROUNDED = {
    "turn": lambda degrees: 4.0 * (round(degrees / 4) % 90),
    "size": lambda factor: round(factor, 1),
    "opacity": lambda factor: round(factor, 1),
    "number": lambda number: round(number, 1),
}


class Painter:
    """One scene, ready to be painted at any time.

    Args:
        scene: a checked scene.
        theme: "dark" or "light".
        board: the board's longer side in pixels. The picture is a little larger, and its sides are
            multiples of 16, as video encoders like them.
    """

    def __init__(self, scene: Scene, theme: str, board: int) -> None:
        self._scene = scene
        self._colours = {name: rgb(text) for name, text in colours_of(scene, theme).items()}
        self._ink, self._faint = rgb(_INK[theme]), rgb(_FAINT[theme])

        left, top, width, height = scene["box"]
        self._scale = _whole_if_large(board / max(width, height))
        self._board = pygame.Rect(0, 0, round(width * self._scale), round(height * self._scale))
        content = max(self._board.width, round(_NARROWEST * board))
        picture_width = _multiple_of_16(content + 2 * _SIDE)
        self._left = (picture_width - content) // 2
        self._right = self._left + content
        self._board.topleft = (picture_width - self._board.width) // 2, _HEADER
        legend = self._lay_out_legend()
        picture_height = _multiple_of_16(self._board.bottom + _LEGEND_LINE * len(legend) + 4)
        self._origin = self._board.x - left * self._scale, self._board.y - top * self._scale

        self._sprites: dict[tuple, pygame.Surface] = {}
        self._symbols: dict[tuple, tuple[pygame.Surface, tuple[int, int]]] = {}
        self._ground = pygame.Surface((picture_width, picture_height), depth=32)
        self._ground.fill(rgb(_PAPER[theme]))
        floor = drawing(
            scene["background"], self._colours, self._scale, (left, top), self._board.size
        )
        self._ground.blit(floor, self._board, special_flags=BLEND)
        for name, stands in scene["still"].items():
            self._lay(self._ground, name, stands)
        self._columns = self._paint_header()
        self._paint_legend(legend)

    def paint(self, time: float) -> pygame.Surface:
        """The picture at a time in frames; between frames, gliding marks are on their way."""
        picture = self._ground.copy()
        for texts, left in self._columns:
            picture.blit(
                write(texts[int(time)], _VALUE, self._ink), (left, 28), special_flags=BLEND
            )
        picture.set_clip(self._board)
        for name, mark in self._scene["marks"].items():
            if "trail" in mark:
                self._paint_trail(picture, name, mark["trail"], time)
            stands = places(self._scene, name, time)
            if "line" in mark:
                self._rule(picture, name, stands)
            self._lay(picture, name, stands)
        picture.set_clip(None)
        return picture

    def _lay(self, picture: pygame.Surface, name: str, stands: Iterable[Iterable[float]]) -> None:
        for place in stands:
            symbol, origin = self._symbol(name, place)
            x, y = self._pixel(place)
            picture.blit(symbol, (x - origin[0], y - origin[1]), special_flags=BLEND)

    def _symbol(self, name: str, place: Iterable[float]) -> tuple[pygame.Surface, tuple[int, int]]:
        """A mark as it looks at a place, and where in the picture of it its origin lies."""
        look = _look(self._scene["marks"][name], place)
        key = name, *look.items()
        if key not in self._symbols:
            number = look.pop("number", None)
            if look:
                twice = self._sprite(name, number, 2)
                plain = {"turn": 0.0, "size": 1.0, "opacity": 1.0}
                self._symbols[key] = turned(twice, **(plain | look))
            else:
                symbol = self._sprite(name, number, 1)
                self._symbols[key] = symbol, symbol.get_rect().center
        return self._symbols[key]

    def _sprite(self, name: str, number: float | None, factor: int) -> pygame.Surface:
        key = name, number, factor
        if key not in self._sprites:
            shapes = numbered(self._scene["marks"][name].get("shapes", ()), number)
            self._sprites[key] = sprite(shapes, self._colours, factor * self._scale)
        return self._sprites[key]

    def _rule(self, picture: pygame.Surface, name: str, stands: Iterable[Iterable[float]]) -> None:
        mark = self._scene["marks"][name]
        width = max(1, round(mark["line"]["width"] * self._scale))
        colour = self._colours[mark["line"]["fill"]]
        for place in stands:
            named = dict(zip(axes_of(mark), place, strict=True))
            start, end = self._pixel(place), self._pixel((named["x2"], named["y2"]))
            long_line(picture, start, end, width, (*colour, round(255 * named.get("opacity", 1.0))))

    def _pixel(self, place: Iterable[float]) -> tuple[int, int]:
        x, y = (round(o + p * self._scale) for o, p in zip(self._origin, place, strict=False))
        return x, y

    def _paint_trail(
        self, picture: pygame.Surface, name: str, trail: Mapping[str, Any], time: float
    ) -> None:
        width = max(1, round(trail["width"] * self._scale))
        colour = self._colours[trail["fill"]]
        times = [*range(max(0, int(time) - trail["frames"]), int(time) + 1), time]
        stops = [[self._pixel(p) for p in places(self._scene, name, t)] for t in times]
        for then, starts, ends in zip(times, stops, stops[1:], strict=False):
            opacity = round(0.75 * (1 - (time - then) / (trail["frames"] + 1)), 2)
            for (x0, y0), (x1, y1) in zip(starts, ends, strict=False):
                if (x0, y0) != (x1, y1):
                    stroke = line(x1 - x0, y1 - y0, width, colour, opacity)
                    corner = min(x0, x1) - width, min(y0, y1) - width
                    picture.blit(stroke, corner, special_flags=BLEND)

    def _paint_header(self) -> list[tuple[list[str], int]]:
        """Paints the title and the readouts' labels; returns each readout's texts and place."""
        columns = []
        right = self._right
        for label, texts in reversed(self._scene["readouts"].items()):
            right -= max(text_width(label, _LABEL), *(text_width(t, _VALUE) for t in texts))
            self._ground.blit(write(label, _LABEL, self._faint), (right, 11), special_flags=BLEND)
            columns.append((texts, right))
            right -= 22
        title = shortened(self._scene["title"], _TITLE, right - self._left)
        self._ground.blit(write(title, _TITLE, self._ink), (self._left, 20), special_flags=BLEND)
        return columns

    def _lay_out_legend(self) -> list[list[tuple[Mapping[str, Any], int]]]:
        """The legend's lines: entries and where they begin."""
        lines: list[list[tuple[Mapping[str, Any], int]]] = []
        left = self._right
        for entry in self._scene["legend"]:
            width = 2 * _SYMBOL + 6 + text_width(entry["label"], _LABEL)
            if left + width > self._right:
                lines.append([])
                left = self._left
            lines[-1].append((entry, left))
            left += width + 18
        return lines

    def _paint_legend(self, lines: list[list[tuple[Mapping[str, Any], int]]]) -> None:
        for index, entries in enumerate(lines):
            middle = self._board.bottom + 4 + round((index + 0.5) * _LEGEND_LINE)
            for entry, left in entries:
                shapes = symbol_shapes(self._scene["marks"][entry["marks"][-1]])
                solid = max((reach(s) for s in shapes if s["shape"] != "glow"), default=1.0)
                symbol = sprite(shapes, self._colours, min(self._scale, _SYMBOL / solid))
                label = write(entry["label"], _LABEL, self._faint)
                self._ground.blit(
                    symbol,
                    symbol.get_rect(center=(left + _SYMBOL, middle)),
                    special_flags=BLEND,
                )
                self._ground.blit(
                    label,
                    label.get_rect(midleft=(left + 2 * _SYMBOL + 6, middle)),
                    special_flags=BLEND,
                )


def _look(mark: Mapping[str, Any], place: Iterable[float]) -> dict[str, float]:
    """How a mark's place changes its look, rounded, so that few pictures of it are needed."""
    named = zip(axes_of(mark), place, strict=True)
    return {axis: _ROUNDED[axis](number) for axis, number in named if axis in _ROUNDED}


def _whole_if_large(scale: float) -> float:
    """Cells of whole pixels look crisper."""
    return float(int(scale)) if scale >= 4 else scale


def _multiple_of_16(pixels: int) -> int:
    return -(-pixels // 16) * 16
