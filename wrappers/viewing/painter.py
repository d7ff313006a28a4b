"""Paints a scene with pygame, off screen: it needs no display.

What does not move is drawn once. Marks become sprites, which are laid on a copy of that picture.
"""

from __future__ import annotations

from collections.abc import Iterable

import pygame

from wrappers.viewing.layout import (
    LABEL,
    LABEL_MIDDLE,
    NEWS,
    NEWS_LEFT,
    NEWS_TOP,
    SYMBOL,
    TITLE,
    TITLE_MIDDLE,
    VALUE,
    VALUE_MIDDLE,
    Layout,
)
from wrappers.viewing.scene import (
    PAPERS,
    Line,
    Mark,
    Place,
    Scene,
    Trail,
    axes_of,
    colours_of,
    ending,
    news,
    places,
)
from wrappers.viewing.shapes import numbered, shortened
from wrappers.viewing.sprites import (
    BLEND,
    drawing,
    line,
    long_line,
    rgb,
    sprite,
    turned,
    write,
)

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
        board: the board's longer side in pixels. The picture is a little larger; its sides are
            multiples of 16, for video encoders.
    """

    def __init__(self, scene: Scene, theme: str, board: int) -> None:
        self._scene = scene
        self._colours = {name: rgb(text) for name, text in colours_of(scene, theme).items()}
        self._paper, self._ink, self._faint = map(rgb, PAPERS[theme].values())
        self._layout = layout = Layout(scene, board)
        self._board = pygame.Rect(layout.board)
        self._sprites: dict[tuple, pygame.Surface] = {}
        self._symbols: dict[tuple, tuple[pygame.Surface, tuple[int, int]]] = {}

        self._ground = pygame.Surface(layout.size, depth=32)
        self._ground.fill(self._paper)
        corner = scene["box"][0], scene["box"][1]
        floor = drawing(scene["background"], self._colours, layout.scale, corner, self._board.size)
        self._ground.blit(floor, self._board, special_flags=BLEND)
        for name, stands in scene["still"].items():
            self._lay(self._ground, name, stands)
        self._paint_around()

    def paint(self, time: float) -> pygame.Surface:
        """The picture at a time in frames; between frames, gliding marks are on their way."""
        picture = self._ground.copy()
        for column in self._layout.columns:
            text = write(column.texts[int(time)], VALUE, self._ink)
            _put(picture, text, midleft=(column.left, VALUE_MIDDLE))
        picture.set_clip(self._board)
        for name, mark in self._scene["marks"].items():
            if "trail" in mark:
                self._paint_trail(picture, name, mark["trail"], time)
            stands = places(self._scene, name, time)
            if "line" in mark:
                self._paint_lines(picture, mark, mark["line"], stands)
            self._lay(picture, name, stands)
        picture.set_clip(None)
        self._paint_news(picture, time)
        return picture

    def _paint_news(self, picture: pygame.Surface, time: float) -> None:
        """What happened lately, and at the end who won, on the board."""
        board = self._board
        for row, (text, colour) in enumerate(news(self._scene, time)):
            words = write(text, NEWS, self._colours[colour])
            middle = board.top + NEWS_TOP + row * NEWS
            _put(picture, words, midleft=(board.left + NEWS_LEFT, middle))
        if text := shortened(ending(self._scene, time), TITLE, board.width - 2 * NEWS_LEFT):
            words = write(text, TITLE, self._paper)
            plate = words.get_rect(center=board.center).inflate(28, 16)
            pygame.draw.rect(picture, self._ink, plate, border_radius=8)
            _put(picture, words, center=plate.center)

    def _lay(self, picture: pygame.Surface, name: str, stands: Iterable[Place]) -> None:
        for place in stands:
            symbol, origin = self._symbol(name, place)
            x, y = self._pixel(place)
            picture.blit(symbol, (x - origin[0], y - origin[1]), special_flags=BLEND)

    def _symbol(self, name: str, place: Place) -> tuple[pygame.Surface, tuple[int, int]]:
        """The picture of a mark at a place, and the mark's origin in that picture."""
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
            self._sprites[key] = sprite(shapes, self._colours, factor * self._layout.scale)
        return self._sprites[key]

    def _paint_lines(
        self, picture: pygame.Surface, mark: Mark, line: Line, stands: Iterable[Place]
    ) -> None:
        width = max(1, round(line["width"] * self._layout.scale))
        narrow = max(1, round(line.get("end", line["width"]) * self._layout.scale))
        colour = self._colours[line["fill"]]
        for place in stands:
            named = dict(zip(axes_of(mark), place, strict=True))
            start, end = self._pixel(place), self._pixel((named["x2"], named["y2"]))
            paint = (*colour, round(255 * named.get("opacity", 1.0)))
            long_line(picture, start, end, width, paint, narrow)

    def _pixel(self, place: Place) -> tuple[int, int]:
        x, y = (
            round(start + number * self._layout.scale)
            for start, number in zip(self._layout.origin, place, strict=False)
        )
        return x, y

    def _paint_trail(self, picture: pygame.Surface, name: str, trail: Trail, time: float) -> None:
        width = max(1, round(trail["width"] * self._layout.scale))
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

    def _paint_around(self) -> None:
        """The title, the readouts' labels and the legend, which never change."""
        layout = self._layout
        title = write(layout.title, TITLE, self._ink)
        _put(self._ground, title, midleft=(layout.title_left, TITLE_MIDDLE))
        for column in layout.columns:
            label = write(column.label, LABEL, self._faint)
            _put(self._ground, label, midleft=(column.left, LABEL_MIDDLE))
        for entry in layout.legend:
            shapes, scale = layout.symbol(entry.mark)
            symbol = sprite(shapes, self._colours, scale)
            _put(self._ground, symbol, center=(entry.left + SYMBOL, entry.middle))
            label = write(entry.label, LABEL, self._faint)
            _put(self._ground, label, midleft=(entry.label_left, entry.middle))


def _put(picture: pygame.Surface, piece: pygame.Surface, **place: tuple[int, int]) -> None:
    """Blits a piece; `place` gives one point of it, by a name of pygame's Rect."""
    picture.blit(piece, piece.get_rect(**place), special_flags=BLEND)


def _look(mark: Mark, place: Place) -> dict[str, float]:
    """How a mark's place changes its look, rounded, so that few pictures are kept."""
    named = zip(axes_of(mark), place, strict=True)
    return {axis: _ROUNDED[axis](number) for axis, number in named if axis in _ROUNDED}
