"""A close-up of a scene, which follows one of its marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pygame

from wrappers.viewing.legend import Legend
from wrappers.viewing.overlay import CHIP, PAPER, put
from wrappers.viewing.scene import Scene, colours_of, places
from wrappers.viewing.sprites import BLEND, rgb, sprite

_TITLE = 24  # pixels


class CloseUp:
    """The marks around the one in the middle, painted at any time and size.

    Neither the background nor trails are drawn, so that the picture does not show where in the
    scene the mark is. Marks are not turned or sized. Frames are read when they are painted, so that
    frames may be added to the scene.

    Args:
        scene: a checked scene.
        mark: the name of the mark in the middle; the first one in each frame.
        across: units of the scene along the shorter side of the picture.
    """

    def __init__(self, scene: Mapping[str, Any], mark: str, across: float) -> None:
        self.scene, self._checked = scene, cast(Scene, scene)
        self._mark, self._across = mark, across
        self._colours = {
            name: rgb(text) for name, text in colours_of(self._checked, "dark").items()
        }
        self._legend = Legend(self._checked, self._colours, keys=False)
        self._sprites: dict[tuple[str, int], pygame.Surface] = {}

    def paint(self, time: float, size: tuple[int, int]) -> pygame.Surface:
        """The picture at a time in frames, with the legend beneath it."""
        whole = pygame.Surface(size)
        whole.fill(PAPER)
        height = size[1] - self._legend.height(size[0])
        scale = max(4, int(min(size[0], height) / self._across))
        whole.set_clip((0, 0, size[0], height))
        middle = np.array([size[0] // 2, height // 2])
        here = np.array(places(self._checked, self._mark, time)[0][:2])
        self._paint_grid(whole, middle, here, scale)
        for name in self.scene["marks"]:
            for place in places(self._checked, name, time):
                x, y = (middle + scale * (np.array(place[:2]) - here)).round().astype(int).tolist()
                symbol = self._sprite(name, scale)
                whole.blit(symbol, symbol.get_rect(center=(x, y)), special_flags=BLEND)
        whole.set_clip(None)
        put(whole, self.scene["title"], _TITLE, topleft=(16, 16))
        self._legend.paint(whole)
        return whole

    def _sprite(self, name: str, scale: int) -> pygame.Surface:
        key = name, scale
        if key not in self._sprites:
            self._sprites[key] = sprite(
                self._checked["marks"][name].get("shapes", ()), self._colours, scale
            )
        return self._sprites[key]

    def _paint_grid(
        self, whole: pygame.Surface, middle: np.ndarray, here: np.ndarray, scale: int
    ) -> None:
        """Faint lines between the units, which make movement visible."""
        width, height = whole.get_size()
        left, top = (middle + scale * (0.5 - here % 1.0)) % scale
        for x in np.arange(left, width, scale):
            pygame.draw.line(whole, CHIP, (round(x), 0), (round(x), height))
        for y in np.arange(top, height, scale):
            pygame.draw.line(whole, CHIP, (0, round(y)), (width, round(y)))
