"""A legend below a picture: entries with their symbols, and the keys that hide them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pygame

from wrappers.viewing.layout import LABEL, SYMBOL, symbol, wrap
from wrappers.viewing.overlay import DIM, FAINT, put
from wrappers.viewing.scene import Mark, Scene
from wrappers.viewing.shapes import text_width
from wrappers.viewing.sprites import BLEND, Colour, sprite

DIGITS = "1234567890"  # the keys of the first ten entries

_LINE, _SIDE = 26, 16  # in pixels
_LARGEST = 30.0  # pixels to a unit of the scene, in a symbol


class Legend:
    """A scene's legend, for pictures of any width.

    Args:
        scene: a checked scene.
        colours: the scene's in a theme.
        keys: whether to show the keys that hide entries.
    """

    def __init__(self, scene: Scene, colours: Mapping[str, Colour], keys: bool) -> None:
        self._entries = scene["legend"]
        self._keys = keys
        self._symbols = [_symbol(scene["marks"][e["marks"][-1]], colours) for e in self._entries]

    def height(self, width: int) -> int:
        """In pixels."""
        return _LINE * len(self._lay_out(width))

    def paint(self, picture: pygame.Surface, hidden: Collection[int] = ()) -> None:
        """Paints it at the foot of a picture; hidden entries are struck out."""
        lines = self._lay_out(picture.get_width())
        top = picture.get_height() - _LINE * len(lines)
        for row, entries in enumerate(lines):
            middle = top + round((row + 0.5) * _LINE)
            for index, left in entries:
                self._paint_entry(picture, index, left, middle, index in hidden)

    def _lay_out(self, width: int) -> list[list[tuple[int, int]]]:
        """The lines: the index and the x of each entry."""
        long = [2 * SYMBOL + 30 + text_width(entry["label"], LABEL) for entry in self._entries]
        return wrap(long, _SIDE, width - _SIDE)

    def _paint_entry(
        self, picture: pygame.Surface, index: int, left: int, middle: int, hidden: bool
    ) -> None:
        if self._keys and index < len(DIGITS):
            put(picture, DIGITS[index], LABEL, DIM, midleft=(left, middle))
            left += 14
        if not hidden:
            place = self._symbols[index].get_rect(center=(left + SYMBOL, middle))
            picture.blit(self._symbols[index], place, special_flags=BLEND)
        words, colour = self._entries[index]["label"], DIM if hidden else FAINT
        box = put(picture, words, LABEL, colour, midleft=(left + 2 * SYMBOL + 6, middle))
        if hidden:
            pygame.draw.line(picture, colour, box.midleft, box.midright)


def _symbol(mark: Mark, colours: Mapping[str, Colour]) -> pygame.Surface:
    shapes, scale = symbol(mark, _LARGEST)
    return sprite(shapes, colours, scale)
