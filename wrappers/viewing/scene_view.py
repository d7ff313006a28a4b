"""A two-dimensional view of a scene for a window, with a legend whose entries can be hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pygame

from wrappers.viewing.legend import Legend
from wrappers.viewing.overlay import PAPER
from wrappers.viewing.painter import Painter
from wrappers.viewing.scene import Scene, colours_of
from wrappers.viewing.sprites import rgb

_AROUND = 76  # pixels by which a picture is higher and wider than its board, at most
_WIDEST = 0.9  # least width of a picture, in longer sides of its board


class SceneView:
    """A scene and its legend, painted at any time and size.

    Frames are read when they are painted, so that frames may be added to the scene.

    Args:
        scene: a checked scene.
        theme: "dark" or "light".
        keys: whether to show the keys that hide the legend's entries.
    """

    def __init__(self, scene: Mapping[str, Any], theme: str = "dark", *, keys: bool = True) -> None:
        self.scene = scene
        checked = cast(Scene, scene)
        self.hidden: set[int] = set()
        self._theme = theme
        colours = {name: rgb(text) for name, text in colours_of(checked, theme).items()}
        self._legend = Legend(checked, colours, keys)
        self._painters: dict[int, Painter] = {}
        # A copy for the painter, whose frames leave out the hidden marks.
        self._shown = cast(Scene, {**scene, "legend": []})

    def toggle(self, entry: int) -> None:
        """Hides or shows the entry of the legend with that index; nothing if there is none."""
        legend = self.scene["legend"]
        if entry < len(legend):
            self.hidden ^= {entry}
            marks = {mark for index in self.hidden for mark in legend[index]["marks"]}
            self._shown["frames"] = cast(Any, _Frames(self.scene["frames"], marks))

    def paint(self, time: float, size: tuple[int, int]) -> pygame.Surface:
        """The picture at a time in frames, with the legend beneath it."""
        whole = pygame.Surface(size)
        whole.fill(PAPER)
        height = size[1] - self._legend.height(size[0])
        painted = self._painter(size[0], height).paint(time)
        top = max(0, (height - painted.get_height()) // 2)
        whole.blit(painted, painted.get_rect(midtop=(size[0] // 2, top)))
        self._legend.paint(whole, self.hidden)
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


class _Frames:
    """A scene's frames without some marks."""

    def __init__(self, frames: Any, hidden: set[str]) -> None:
        self._frames, self._hidden = frames, hidden

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> dict[str, Any]:
        shown = self._frames[index]
        return {name: places for name, places in shown.items() if name not in self._hidden}
