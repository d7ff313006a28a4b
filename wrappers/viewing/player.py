"""Plays episodes in a window: any scene, at any speed, forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pygame

from wrappers.viewing.chase_view import ChaseView
from wrappers.viewing.legend import DIGITS
from wrappers.viewing.overlay import CHIP, FAINT, HELP_HEIGHT, INK, PAPER, keys_line, put
from wrappers.viewing.scene import check_scene
from wrappers.viewing.scene_view import SceneView
from wrappers.viewing.window import QUIT_KEYS

Views = Mapping[str, Mapping[str, Any]]

_SLOWEST, _FASTEST = 1 / 8, 8.0
_BAR = 26  # height of the line with the scrubber
_SIDE = 16
_REST = 2.0  # s from the end of an episode to the next one
_KEYS = {
    "Space": "pause",
    "Left Right": "step",
    "Up Down": "speed",
    "N": "next episode",
    "Tab": "view",
    "1–9": "hide",
    "Home": "again",
    "H": "help",
    "Q": "quit",
}


class Player:
    """A `wrappers.viewing.window.Screen` that plays one episode after the other, by itself.

    Args:
        following: makes the next episode; it is called ahead of time and on another thread. An
            episode is a dict of views: names, and scenes with the same number of frames. If the
            first scene has a `space`, there is also a view from behind each body.
        theme: "dark" or "light".
        step_seconds: simulated seconds of a frame. Views from behind a body then show speeds, and
            play in real time.

    Raises:
        ValueError: a fault of the first episode's scenes.
    """

    def __init__(
        self,
        following: Callable[[], Views],
        theme: str = "dark",
        step_seconds: float | None = None,
    ) -> None:
        self._following, self._theme, self._step_seconds = following, theme, step_seconds
        self._thread = ThreadPoolExecutor(1)
        self._next: Future[Views] = self._thread.submit(self._make)
        self.over = False
        self.playing, self.speed, self.help = True, 1.0, True
        self.view = 0
        self._wants_next = False
        self._rested: float | None = None  # s at the end of an episode that nobody stopped
        self._bar = pygame.Rect(0, 0, 1, 1)
        self._begin(self._next.result())

    @property
    def views(self) -> list[str]:
        """The names of this episode's views."""
        return list(self._views)

    @property
    def frames(self) -> int:
        """How many frames the episode has."""
        return len(self._scene["frames"])

    @property
    def shown(self) -> SceneView | ChaseView:
        """The view that is shown."""
        return list(self._views.values())[self.view]

    def handle(self, event: pygame.event.Event) -> None:
        if event.type == pygame.KEYDOWN:
            self._press(event.key, getattr(event, "mod", 0))
        elif event.type == pygame.MOUSEBUTTONDOWN and self._bar.inflate(0, 12).collidepoint(
            event.pos
        ):
            self._seek(event.pos[0])
        elif event.type == pygame.MOUSEMOTION and event.buttons[0] and not self.playing:
            self._drag(event.pos)

    def advance(self, seconds: float) -> None:
        if self._wants_next and self._next.done():
            self._begin(self._next.result())
        if self.playing:
            self.time = min(self.time + seconds * self.speed * self._rate, self._end)
            self.playing = self.time < self._end
            self._rested = None if self.playing else 0.0
        elif self._rested is not None:
            self._rested += seconds
            self._wants_next |= self._rested >= _REST

    def paint(self, size: tuple[int, int]) -> pygame.Surface:
        picture = pygame.Surface(size)
        picture.fill(PAPER)
        below = _BAR + HELP_HEIGHT * self.help
        picture.blit(self.shown.paint(self.time, (size[0], size[1] - below)), (0, 0))
        self._paint_bar(picture, size[1] - below)
        if self.help:
            keys_line(picture, _KEYS, _SIDE, size[0] - _SIDE, size[1] - HELP_HEIGHT // 2 - 2)
        return picture

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def _end(self) -> float:
        return self.frames - 1

    @property
    def _rate(self) -> float:
        """Frames a second: the scene's, or real time behind a body."""
        if isinstance(self.shown, ChaseView) and self._step_seconds is not None:
            return 1 / self._step_seconds
        return self._scene["rate"]

    def _begin(self, views: Views) -> None:
        """Shows an episode from its start, in the same view as before, and starts on the next."""
        self._scene = next(iter(views.values()))
        self._views: dict[str, SceneView | ChaseView] = {
            name: SceneView(scene, self._theme) for name, scene in views.items()
        }
        for index, body in enumerate(self._scene.get("space", {}).get("bodies", ())):
            self._views[f"behind {body['name']}"] = ChaseView(
                self._scene, index, self._step_seconds
            )
        self.time, self.playing, self._wants_next = 0.0, self.frames > 1, False
        self._rested = None
        self.view %= len(self._views)
        self._next = self._thread.submit(self._make)

    def _make(self) -> Views:
        views = self._following()
        for scene in views.values():
            check_scene(scene)
        return views

    def _press(self, key: int, modifiers: int) -> None:
        self._rested = None
        if key in QUIT_KEYS:
            self.over = True
        elif key == pygame.K_SPACE:
            if self.time >= self._end:
                self.time = 0.0
            self.playing = not self.playing
        elif key in (pygame.K_RIGHT, pygame.K_LEFT):
            self._step(key == pygame.K_RIGHT)
        elif key == pygame.K_UP:
            self.speed = min(2 * self.speed, _FASTEST)
        elif key == pygame.K_DOWN:
            self.speed = max(self.speed / 2, _SLOWEST)
        elif key == pygame.K_HOME:
            self.time, self.playing = 0.0, True
        elif key in (pygame.K_n, pygame.K_RETURN):
            self._wants_next = True
        elif key == pygame.K_TAB:
            self.view = (self.view + (-1 if modifiers & pygame.KMOD_SHIFT else 1)) % len(self.views)
        elif key == pygame.K_h:
            self.help = not self.help
        elif isinstance(self.shown, SceneView) and (digit := _digit(key)) is not None:
            self.shown.toggle(digit)

    def _step(self, forward: bool) -> None:
        """Goes to the next whole frame, or the one before, and pauses."""
        here = int(self.time)
        self.time = float(min(here + 1, self._end) if forward else self._before(here))
        self.playing = False

    def _before(self, here: int) -> int:
        return max(here - 1, 0) if self.time == here else here

    def _drag(self, place: tuple[int, int]) -> None:
        if self._bar.inflate(0, 60).collidepoint(place):
            self._seek(place[0])

    def _seek(self, x: float) -> None:
        share = (x - self._bar.left) / self._bar.width
        self.time = float(round(min(max(share, 0.0), 1.0) * self._end))
        self.playing, self._rested = False, None

    def _paint_bar(self, picture: pygame.Surface, top: int) -> None:
        width, middle = picture.get_width(), top + _BAR // 2
        status = f"{int(self.time)} / {self.frames - 1}   {_factor(self.speed)}"
        status += "" if self.playing else "   paused"
        if self._wants_next:
            status += "   preparing the next episode"
        view = put(picture, self.views[self.view], 18, INK, midleft=(_SIDE, middle))
        words = put(picture, status, 18, FAINT, midright=(width - _SIDE, middle))
        left, right = view.right + 16, words.left - 16
        self._bar = pygame.Rect(left, middle - 3, max(right - left, 1), 6)
        pygame.draw.rect(picture, CHIP, self._bar, border_radius=3)
        reached = left + self._bar.width * (self.time / self._end if self._end else 1.0)
        done = pygame.Rect(left, middle - 3, max(round(reached) - left, 6), 6)
        pygame.draw.rect(picture, FAINT, done, border_radius=3)
        pygame.draw.circle(picture, INK, (reached, middle), 7)


def _digit(key: int) -> int | None:
    """The index of the legend's entry that a key toggles."""
    name = pygame.key.name(key).strip("[]")
    return DIGITS.index(name) if len(name) == 1 and name in DIGITS else None


def _factor(speed: float) -> str:
    return f"{speed:g}×" if speed >= 1 else f"1/{1 / speed:g}×"
