"""A window on the screen, and its event loop.

The window shows a `Screen`, which gets events and the time that passes, and paints pictures. It
does not depend on the loop, so that tests can drive it without one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import pygame

from wrappers.viewing.overlay import PAPER, put, veil

SIZE = (1120, 840)
_AROUND = (40, 90)  # of a desktop: pixels that a window leaves to its frame and to panels
_DESKTOP = 1080  # pixels: desktops of twice this height have letters of twice the size
_LEAST = (800, 600)  # text in a smaller window could not be read
_PICTURES_PER_SECOND = 60
_SETTLED = 0.2  # s without a resize after which pictures are painted in the new size


class NoDisplayError(OSError):
    """There is no display to open a window on."""


class Screen(Protocol):
    """What a window shows."""

    @property
    def over(self) -> bool:
        """Whether the window is to be closed."""
        ...

    def handle(self, event: pygame.event.Event) -> None:
        """Something happened: a key, the mouse, a gamepad."""
        ...

    def advance(self, seconds: float) -> None:
        """Time has passed."""
        ...

    def paint(self, size: tuple[int, int]) -> pygame.Surface:
        """The picture now, of so many pixels."""
        ...

    def close(self) -> None:
        """The window is closed."""
        ...


def check_display() -> None:
    """Raises NoDisplayError if no window can be opened; call it before expensive work."""
    unnamed = not os.environ.get("SDL_VIDEODRIVER")
    places = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if unnamed and sys.platform.startswith("linux") and not any(places):
        # SDL would draw into nowhere and say nothing.
        raise _no_display("neither DISPLAY nor WAYLAND_DISPLAY is set")
    try:
        pygame.display.init()
    except pygame.error as error:
        raise _no_display(str(error)) from None
    if unnamed and pygame.display.get_driver() in ("offscreen", "dummy"):
        pygame.display.quit()
        raise _no_display("SDL found none")


def run_window(
    screen: Screen, title: str, size: tuple[int, int] = SIZE, *, times: int | None = None
) -> None:
    """Shows a screen in a window until it is over, or the window is closed.

    Args:
        screen: what to show.
        title: over the window.
        size: of the window at first, in pixels, or what fits the desktop; it can be resized. On
            a desktop with very many pixels all is drawn larger.
        times: close after this number of pictures.

    Raises:
        NoDisplayError: no window can be opened.
    """
    check_display()
    try:
        zoom = _zoom()
        window = _open(_fitting(size, zoom), title)
        clock = pygame.time.Clock()
        settled, resized = window.get_size(), 0.0
        while not screen.over and times != 0:
            seconds = clock.tick(_PICTURES_PER_SECOND) / 1000
            for event in pygame.event.get():
                if event.type == pygame.QUIT:
                    return
                if event.type == pygame.VIDEORESIZE:
                    resized = 0.0
                screen.handle(_at_painted_place(event, zoom))
            window = pygame.display.get_surface() or window
            resized += seconds
            if resized >= _SETTLED:
                settled = window.get_size()
            screen.advance(seconds)
            _fill(window, screen.paint(_at_least(settled, zoom)))
            pygame.display.flip()
            times = None if times is None else times - 1
    finally:
        screen.close()
        pygame.display.quit()


class Loading:
    """A screen that is still being made, on its own thread. Once it is, a key starts it.

    Args:
        make: makes the screen; its exceptions are raised here, when the loop calls a method.
        message: what to show meanwhile.
    """

    def __init__(self, make: Callable[[], Screen], message: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._making: Future[Screen] = self._thread.submit(make)
        self._message = message
        self._seconds = 0.0
        self._quit = self._started = False

    @property
    def screen(self) -> Screen | None:
        """The screen, once it is there."""
        return self._making.result() if self._making.done() else None

    @property
    def over(self) -> bool:
        return self._quit or (self.screen is not None and self.screen.over)

    def handle(self, event: pygame.event.Event) -> None:
        if self.screen is not None and self._started:
            self.screen.handle(event)
        elif event.type == pygame.KEYDOWN and event.key in QUIT_KEYS:
            self._quit = True
        elif event.type in (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN, pygame.JOYBUTTONDOWN):
            self._started = self.screen is not None

    def advance(self, seconds: float) -> None:
        self._seconds += seconds
        if self.screen is not None:
            self.screen.advance(seconds if self._started else 0.0)

    def paint(self, size: tuple[int, int]) -> pygame.Surface:
        if self.screen is not None:
            picture = self.screen.paint(size)
            if not self._started:
                veil(picture, "Ready", ["Press any key"])
            return picture
        picture = pygame.Surface(size)
        picture.fill(PAPER)
        dots = "." * (1 + int(2 * self._seconds) % 3)
        put(picture, self._message, 26, midbottom=(size[0] // 2, size[1] // 2))
        put(picture, dots, 26, midtop=(size[0] // 2, size[1] // 2))
        return picture

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        made = self._making.done() and not self._making.cancelled()
        if made and self._making.exception() is None:
            self._making.result().close()


QUIT_KEYS = (pygame.K_ESCAPE, pygame.K_q)


def _open(size: tuple[int, int], title: str) -> pygame.Surface:
    try:
        window = pygame.display.set_mode(size, pygame.RESIZABLE)
    except pygame.error as error:
        raise _no_display(str(error)) from None
    pygame.display.set_caption(title)
    return window


def _desktop() -> tuple[int, int]:
    return min(pygame.display.get_desktop_sizes(), default=SIZE, key=lambda size: size[1])


def _zoom() -> int:
    """Pixels of the window to one that is painted."""
    return max(1, _desktop()[1] // _DESKTOP)


def _fitting(size: tuple[int, int], zoom: int) -> tuple[int, int]:
    free = (side - around for side, around in zip(_desktop(), _AROUND, strict=True))
    width, height = (min(zoom * side, most) for side, most in zip(size, free, strict=True))
    return max(width, 1), max(height, 1)


def _at_least(size: tuple[int, int], zoom: int) -> tuple[int, int]:
    """The size to paint a window of this size in."""
    return max(size[0] // zoom, _LEAST[0]), max(size[1] // zoom, _LEAST[1])


def _at_painted_place(event: pygame.event.Event, zoom: int) -> pygame.event.Event:
    if zoom == 1 or not hasattr(event, "pos"):
        return event
    place = (event.pos[0] // zoom, event.pos[1] // zoom)
    return pygame.event.Event(event.type, {**event.dict, "pos": place})


def _fill(window: pygame.Surface, picture: pygame.Surface) -> None:
    """The picture on the window, stretched while the window is being resized."""
    if picture.get_size() != window.get_size():
        picture = pygame.transform.smoothscale(picture, window.get_size())
    window.blit(picture, (0, 0))


def _no_display(why: str) -> NoDisplayError:
    return NoDisplayError(f"no window can be opened: {why}; write a file instead")
