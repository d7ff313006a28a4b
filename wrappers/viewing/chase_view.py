"""A view of an episode in three dimensions, from behind one of its bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pygame

from wrappers.viewing.aircraft_models import model
from wrappers.viewing.body_pose import pose, smoothed_pose
from wrappers.viewing.camera import Camera, axes
from wrappers.viewing.instruments import paint_instruments
from wrappers.viewing.scene import Scene, colours_of
from wrappers.viewing.scene_3d import Body, Scene3D
from wrappers.viewing.solids import paint_solids
from wrappers.viewing.sprites import rgb
from wrappers.viewing.terrain import paint_world

_FIELD_OF_VIEW = np.radians(76)  # of the picture's width
_BEHIND, _ABOVE = 33.0, 8.5  # m: where the camera is, from the body
_LOOKS_DOWN = np.radians(5)
_LEAN = np.radians(24)  # the camera's largest bank
_USUAL_LENGTH = 20.0  # m: longer aircraft are seen from farther away


class ChaseView:
    """An episode as a camera behind a body sees it, at any time and of any size.

    Attributes:
        scene: may be replaced by a scene of the same bodies.
        body: may be replaced by the index of another body.
        from_nose: look from the nose, not from behind.
        colours: the scene's, by their names.

    Args:
        scene: a checked scene with a `space`.
        body: the index of the body that is followed.
        step_seconds: simulated seconds of a frame; without it no speeds are shown.
    """

    def __init__(
        self, scene: Mapping[str, Any], body: int, step_seconds: float | None = None
    ) -> None:
        self.scene, self.body, self.step_seconds = scene, body, step_seconds
        self.from_nose = False
        self.colours = {
            name: rgb(text) for name, text in colours_of(cast(Scene, scene), "dark").items()
        }

    def paint(self, time: float, size: tuple[int, int]) -> pygame.Surface:
        """The picture at a time in frames."""
        picture = pygame.Surface(size)
        space: Scene3D = self.scene["space"]
        camera = self.camera(time, size)
        paint_world(picture, camera, space)
        hidden = self.body if self.from_nose else None
        paint_solids(picture, camera, space, self.colours, time, hidden)
        paint_instruments(picture, camera, space, self.colours, time, self.body, self.step_seconds)
        return picture

    def camera(self, time: float, size: tuple[int, int]) -> Camera:
        """Where the picture is taken from."""
        body: Body = self.scene["space"]["bodies"][self.body]
        focal = float(size[0] / 2 / np.tan(_FIELD_OF_VIEW / 2))
        now = pose(body, time)
        if self.from_nose:
            return Camera(now.place + 6.0 * now.axes[0], now.axes, size, focal)
        seen = smoothed_pose(body, time)
        far = max(1.0, model(body["shape"]).length / _USUAL_LENGTH)
        level = axes(seen.yaw, 0.8 * seen.pitch, 0.0)
        place = now.place - far * _BEHIND * level[0] + far * _ABOVE * level[2]
        place[2] = max(place[2], 3.0)
        view = axes(seen.yaw, 0.8 * seen.pitch - _LOOKS_DOWN, _LEAN * seen.bank)
        return Camera(place, view, size, focal)
