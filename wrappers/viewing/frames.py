"""The frames of a scene as pictures in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wrappers.viewing import check_pygame
from wrappers.viewing.scene import Scene, check_frame, check_scene

if TYPE_CHECKING:
    import pygame

    from wrappers.viewing.painter import Painter


def render_frames(
    scene: Mapping[str, Any], *, theme: str = "dark", board: int = 672, between: int = 1
) -> Iterator[NDArray[np.uint8]]:
    """Draws a scene, one picture after the other; no display is needed.

    Args:
        scene: what to draw; `wrappers.viewing.scene` describes it.
        theme: "dark" or "light".
        board: the board's longer side in pixels. The picture is a little larger; its sides are
            multiples of 16, for video encoders.
        between: pictures for each frame; with more than one, marks glide.

    Returns:
        an iterator over uint8 (height, width, 3).

    Raises:
        ValueError: a fault of the scene or of another argument, before anything is drawn.
        ImportError: pygame is missing.
    """
    checked = check_scene(scene)
    _check_least("board", board, 64)
    _check_least("between", between, 1)
    painter = _painter(checked, theme, board)
    moments = (len(checked["frames"]) - 1) * between + 1
    return (_pixels(painter.paint(moment / between)) for moment in range(moments))


def render_frame(
    scene: Mapping[str, Any], frame: int = 0, *, theme: str = "dark", board: int = 672
) -> NDArray[np.uint8]:
    """Draws one frame of a scene, as `render_frames` does.

    Args:
        scene: what to draw; `wrappers.viewing.scene` describes it.
        frame: which of its frames.
        theme: "dark" or "light".
        board: the board's longer side in pixels.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: a fault of the scene or of another argument.
        ImportError: pygame is missing.
    """
    checked = check_scene(scene)
    check_frame(checked, frame)
    _check_least("board", board, 64)
    return _pixels(_painter(checked, theme, board).paint(frame))


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def _painter(scene: Scene, theme: str, board: int) -> Painter:
    check_pygame()
    from wrappers.viewing.painter import Painter

    return Painter(scene, theme, board)


def _pixels(picture: pygame.Surface) -> NDArray[np.uint8]:
    import pygame

    width, height = picture.get_size()
    return np.frombuffer(pygame.image.tobytes(picture, "RGB"), np.uint8).reshape(height, width, 3)
