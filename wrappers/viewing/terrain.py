"""Sky, ground and the arena's edge, as a camera sees them at dusk."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pygame
import pygame.gfxdraw
from numpy.typing import NDArray

from wrappers.viewing.camera import Camera
from wrappers.viewing.scene_3d import Scene3D
from wrappers.viewing.sprites import Colour

SUN = np.array([0.74, 0.58, 0.34])  # where the light comes from
EDGE: Colour = (255, 120, 92)  # of the arena
STONE: Colour = (92, 98, 130)  # of obstacles
FIRE: Colour = (255, 241, 168)  # of shots
# Above the horizon and below it, by the distance from it in pictures' heights.
_SKY = (
    (0.0, (255, 205, 150)),
    (0.025, (248, 165, 120)),
    (0.09, (190, 112, 134)),
    (0.2, (98, 82, 142)),
    (0.4, (44, 52, 112)),
    (0.75, (20, 28, 72)),
    (1.3, (10, 14, 44)),
)
_GROUND = (
    (0.0, (146, 104, 120)),
    (0.02, (98, 82, 112)),
    (0.07, (54, 62, 94)),
    (0.2, (28, 44, 68)),
    (0.6, (16, 32, 48)),
    (1.3, (10, 22, 34)),
)
_BANDS = 140
_FIELD, _FARTHEST = 1500.0, 16_500.0  # m: a field's side, and the distance of the last one
_HAZE = 9000.0  # m over which colours fade to 1/e
_ROAD: Colour = (74, 128, 168)
_EDGE_SEEN = 5000.0  # m


def paint_world(picture: pygame.Surface, camera: Camera, space: Scene3D) -> None:
    """Sky, sun, ground, grid and the arena's edge."""
    _paint_backdrop(picture, camera)
    _paint_sun(picture, camera)
    _paint_fields(picture, camera)
    _paint_grid(picture, camera, space["radius"])


def haze(distance: float | NDArray) -> Any:
    """The part of a colour that is left over a distance in metres, 1 to 0."""
    return np.exp(-np.asarray(distance) / _HAZE)


def mixed(colour: Colour, other: Colour, part: float) -> Colour:
    """A mixture of two colours, `part` of the other."""
    red, green, blue = (round(a + part * (b - a)) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _paint_backdrop(picture: pygame.Surface, camera: Camera) -> None:
    """Sky and ground as bands along the horizon."""
    normal, offset = camera.horizon()
    width, height = camera.size
    along = 0.51 * float(np.hypot(width, height)) * np.array([-normal[1], normal[0]])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    lowest, highest = np.sort(corners @ normal + offset)[[0, -1]].tolist()
    middle = np.array([width, height]) / 2
    foot = middle - (middle @ normal + offset) * normal  # on the horizon
    for start, end, colour in _bands():
        if end * height > lowest and start * height < highest:
            near, far = (foot + height * part * normal for part in (start, end))
            band = np.array([near - along, near + along, far + along, far - along])
            pygame.draw.polygon(picture, colour, band.tolist())


@cache
def _bands() -> list[tuple[float, float, Colour]]:
    """Each band's start and end, in pictures' heights above the horizon, and its colour."""
    bands = []
    for sign, stops in ((1.0, _SKY), (-1.0, _GROUND)):
        # They are narrow at the horizon, where colours change fast.
        borders = stops[-1][0] * np.linspace(0, 1, _BANDS + 1) ** 2
        borders[-1] = 10.0
        for near, far in pairwise(borders.tolist()):
            low, high = sorted((sign * near, sign * far))
            bands.append((low, high, _blend(stops, min((near + far) / 2, stops[-1][0]))))
    return bands


def _blend(stops: tuple[tuple[float, Colour], ...], place: float) -> Colour:
    for (start, first), (end, second) in pairwise(stops):
        if place <= end:
            return mixed(first, second, (place - start) / (end - start))
    return stops[-1][1]


def _paint_sun(picture: pygame.Surface, camera: Camera) -> None:
    spot, _ = camera.spot(camera.place + 1e5 * np.array([SUN[0], SUN[1], 0.035]))
    if np.isfinite(spot).all():
        for radius, colour in ((0.5, (70, 36, 20)), (0.16, (90, 60, 30)), (0.05, (150, 130, 90))):
            shine = glow(round(radius * camera.size[1]), colour)
            picture.blit(shine, shine.get_rect(center=_whole(spot)), special_flags=pygame.BLEND_ADD)


def _paint_fields(picture: pygame.Surface, camera: Camera) -> None:
    """Fields of slightly different colours, which make movement over the ground visible."""
    here = np.round(camera.place[:2] / _FIELD)
    reach = round(_FARTHEST / _FIELD)
    steps = np.arange(-reach, reach + 1)
    columns, rows = (grid.ravel() for grid in np.meshgrid(*(steps + c for c in here)))
    corners = np.stack([columns, rows], axis=-1) * _FIELD
    away = np.hypot(*(corners - camera.place[:2]).T)
    tone = (np.sin(columns * 12.9898 + rows * 78.233) * 43758.5453) % 1.0
    clear = haze(away)
    shown = (away < _FARTHEST) & (tone > 0.45)
    shown &= camera.see(np.append(corners, 0 * corners[:, :1], axis=1))[:, 0] > -1.5 * _FIELD
    half = _FIELD / 2 - 60
    for x, y, part, seen in zip(
        corners[shown, 0], corners[shown, 1], tone[shown], clear[shown], strict=True
    ):
        square = [
            [x - half, y - half, 0],
            [x + half, y - half, 0],
            [x + half, y + half, 0],
            [x - half, y + half, 0],
        ]
        outline = camera.polygon(np.array(square))
        if outline is not None:
            colour = (60, 120, 130) if part > 0.72 else (20, 60, 110)
            fill_polygon(picture, outline, (*colour, round(95 * part * seen)))


def _paint_grid(picture: pygame.Surface, camera: Camera, radius: float) -> None:
    """Lines on the ground, a kilometre apart, and the edge of the arena."""
    starts, ends, opacity = (
        np.concatenate(part) for part in zip(*_ground_lines(radius), strict=True)
    )
    away = np.linalg.norm((starts + ends) / 2 - camera.place, axis=1)
    draw_lines(picture, camera, starts, ends, _ROAD, opacity * haze(away))
    angles = np.radians(np.arange(0, 361, 3))
    rim = radius * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=-1)
    draw_lines(picture, camera, rim[:-1], rim[1:], EDGE, np.full(len(rim) - 1, 200.0))
    close = 1 - np.hypot(*(rim - camera.place)[:-1, :2].T) / _EDGE_SEEN
    near = np.flatnonzero(close > 0)
    if len(near):
        top = camera.place[2] + 2500
        up = np.array([0.0, 0.0, 1.0])
        draw_lines(picture, camera, rim[near], rim[near] + top * up, EDGE, 130 * close[near])
        for height in np.arange(1000, top, 1000):
            start, end = (rim[near + k] + height * up for k in (0, 1))
            draw_lines(picture, camera, start, end, EDGE, 130 * close[near])


@lru_cache(maxsize=8)
def _ground_lines(radius: float) -> list[tuple[NDArray, NDArray, NDArray]]:
    """Starts (K, 3), ends (K, 3) and opacities (K,) of the grid's pieces, line by line."""
    lines = []
    for place in np.arange(-np.floor(radius / 1000), np.floor(radius / 1000) + 1) * 1000.0:
        reach = np.sqrt(max(radius**2 - place**2, 0))
        stops = np.linspace(-reach, reach, 2 + int(reach / 1000))
        fixed = np.full_like(stops, place)
        for columns in ((fixed, stops), (stops, fixed)):
            points = np.stack([*columns, 0 * stops], axis=-1)
            lines.append((points[:-1], points[1:], np.full(len(stops) - 1, 150.0)))
    return lines


def draw_lines(
    picture: pygame.Surface,
    camera: Camera,
    starts: NDArray,
    ends: NDArray,
    colour: Colour,
    opacity: NDArray,
) -> None:
    """Thin lines between places (N, 3), of opacities (N,) from 0 to 255."""
    clear = np.flatnonzero(opacity > 3)
    seen, index = camera.lines(starts[clear], ends[clear])
    strengths = opacity[clear][index].round().astype(int).tolist()
    for (start, end), strength in zip(seen.round().astype(int).tolist(), strengths, strict=True):
        (x0, y0), (x1, y1) = start, end
        pygame.gfxdraw.line(picture, x0, y0, x1, y1, (*colour, strength))


def fill_polygon(picture: pygame.Surface, outline: NDArray, paint: tuple[int, ...]) -> None:
    """A polygon (N, 2) with smooth edges; its paint may be translucent."""
    if paint[-1] > 3 or len(paint) == 3:
        corners = outline.round().astype(int).tolist()
        pygame.gfxdraw.filled_polygon(picture, corners, paint)
        if len(paint) == 3 or paint[3] == 255:
            pygame.gfxdraw.aapolygon(picture, corners, paint)


@lru_cache(maxsize=256)
def glow(radius: int, colour: Colour) -> pygame.Surface:
    """A round glow of a radius in pixels, to add to a picture."""
    radius = max(radius, 1)
    away = (np.arange(2 * radius) + 0.5 - radius) / radius
    fading = np.clip(1 - np.hypot(away[:, None], away[None, :]), 0, 1) ** 2
    pixels = (fading[..., None] * np.array(colour)).round().astype(np.uint8)
    return pygame.image.frombuffer(pixels.tobytes(), (2 * radius, 2 * radius), "RGB")


def _whole(spot: NDArray) -> tuple[int, int]:
    return round(float(spot[0])), round(float(spot[1]))
