"""A round map from above; the nose of the own aircraft points up."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pygame
import pygame.gfxdraw
from numpy.typing import NDArray

from wrappers.viewing.body_pose import is_alive, pose
from wrappers.viewing.overlay import FAINT, GOOD, put
from wrappers.viewing.scene_3d import Body, Scene3D
from wrappers.viewing.sprites import Colour
from wrappers.viewing.terrain import EDGE, STONE

_SKY = (8, 14, 34, 205)
_RING = (60, 84, 134)
_LEAST = 2500.0  # m that a map shows
_LABELLED = 200  # pixels: on a map with a larger radius all have names
_ARROW = np.array([[1.0, 0.0], [-0.7, 0.62], [-0.35, 0.0], [-0.7, -0.62]])


def paint_radar(
    picture: pygame.Surface,
    space: Scene3D,
    colours: Mapping[str, Colour],
    time: float,
    body: int,
    middle: tuple[int, int],
    radius: int,
) -> None:
    """A map around a body with everything that its team sees.

    Args:
        picture: to paint on.
        space: of a scene.
        colours: the scene's.
        time: in frames.
        body: whose map it is.
        middle: of the map, in pixels.
        radius: of the map, in pixels.
    """
    own = space["bodies"][body]
    now = pose(own, time)
    known = [pose(space["bodies"][k], time).place for k in _known(space, own, time)]
    places = [*known, *space["points"][min(max(int(time), 0), len(space["points"]) - 1)]]
    away = max((np.hypot(*(np.asarray(p)[:2] - now.place[:2])) for p in places), default=0.0)
    reach = float(np.clip(1.2 * away, _LEAST, max(space["radius"], _LEAST)))
    scale = radius / reach
    turn = np.pi / 2 - now.yaw  # the nose to the top
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

    def spot(place: Any) -> NDArray:
        x, y = spin @ (np.asarray(place, float)[:2] - now.place[:2]) * scale
        return np.array([middle[0] + x, middle[1] - y])

    pygame.gfxdraw.filled_circle(picture, *middle, radius, _SKY)
    clip = picture.get_clip()
    disc = pygame.Rect(middle[0] - radius, middle[1] - radius, 2 * radius, 2 * radius)
    picture.set_clip(disc)
    for ring in np.arange(1, 9) * (2000 if reach > 4500 else 1000):
        if ring < reach:
            pygame.draw.circle(picture, _RING, middle, round(ring * scale), 1)
    _paint_sight(picture, own, middle, radius, scale, colours)
    _paint_task(picture, space, time, colours, spot, scale, middle, radius)
    angles = np.radians(np.arange(0, 361, 4))
    rim = [spot(space["radius"] * np.array([np.cos(a), np.sin(a)])) for a in angles]
    for a, b in pairwise(rim):
        if _within(a, middle, radius) and _within(b, middle, radius):
            pygame.draw.aaline(picture, EDGE, a.tolist(), b.tolist())
    size = max(5.0, min(radius / 17, 13.0))
    for index in _known(space, own, time):
        other, there = space["bodies"][index], pose(space["bodies"][index], time)
        at = spot(there.place)
        if _within(at, middle, radius):
            _paint_arrow(picture, at, there.yaw + turn, size, colours[other["colour"]])
            if radius > _LABELLED:
                label = f"{other['name']}, {there.place[2] / 1000:.1f} km up"
                put(picture, label, 16, colours[other["colour"]], midleft=(at[0] + 16, at[1]))
    picture.set_clip(clip)
    pygame.draw.circle(picture, FAINT, middle, radius, 1)
    north = spin @ [0.0, 1.0] * (radius - 9)
    put(picture, "N", 15, FAINT, center=(middle[0] + north[0], middle[1] - north[1]))


def sighted(space: Scene3D, time: float) -> set[int]:
    """Indices of the bodies that are seen by the other team at a time."""
    frame = int(time)
    return {seen for _, seen, first, last in space["sights"] if first <= frame <= last}


def _known(space: Scene3D, own: Body, time: float) -> list[int]:
    """Indices of the living bodies of the own team, and of those it sees."""
    seen = sighted(space, time)
    return [
        index
        for index, body in enumerate(space["bodies"])
        if is_alive(body, time) and (body["colour"] == own["colour"] or index in seen)
    ]


def _paint_sight(
    picture: pygame.Surface,
    own: Body,
    middle: tuple[int, int],
    radius: int,
    scale: float,
    colours: Mapping[str, Colour],
) -> None:
    """The reach of the own sensor, straight up on the map."""
    reach, half = own["sight"]
    angles = np.radians(np.linspace(90 - half, 90 + half, 24))
    away = min(reach * scale, radius)
    rim = [(middle[0] + away * np.cos(a), middle[1] - away * np.sin(a)) for a in angles]
    corners = [(round(x), round(y)) for x, y in (middle, *rim)]
    pygame.gfxdraw.filled_polygon(picture, corners, (*colours[own["colour"]], 34))


def _paint_task(
    picture: pygame.Surface,
    space: Scene3D,
    time: float,
    colours: Mapping[str, Colour],
    spot: Any,
    scale: float,
    middle: tuple[int, int],
    radius: int,
) -> None:
    """Cells to search, obstacles, places to reach."""
    colour = colours.get("point", GOOD)
    for x, y, first, last in space["cells"]:
        at = spot((x, y))
        if first <= time <= last and _within(at, middle, radius):
            pygame.draw.circle(picture, colour, at, max(1.5, 0.12 * space["cell_side"] * scale))
    for x, y, size, _ in space["obstacles"]:
        if _within(spot((x, y)), middle, radius - size * scale):
            pygame.draw.circle(picture, STONE, spot((x, y)), max(2.0, size * scale))
    points = space["points"][min(max(int(time), 0), len(space["points"]) - 1)]
    for point in points:
        if _within(spot(point), middle, radius):
            shown = max(3.0, space["point_radius"] * scale)
            pygame.draw.circle(picture, colour, spot(point), shown, 2)


def _paint_arrow(
    picture: pygame.Surface, at: NDArray, angle: float, size: float, colour: Colour
) -> None:
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = [(at + size * (corner @ spin) * [1, -1]).tolist() for corner in _ARROW]
    pygame.draw.polygon(picture, colour, corners)


def _within(at: NDArray, middle: tuple[int, int], radius: float) -> bool:
    return float(np.hypot(at[0] - middle[0], at[1] - middle[1])) < radius
