"""Paints aircraft, obstacles, smoke and fire as a camera sees them, the farthest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pygame
from numpy.typing import NDArray

from wrappers.viewing.aircraft_models import Model, model
from wrappers.viewing.body_pose import Pose, is_alive, pose
from wrappers.viewing.camera import NEAR, Camera
from wrappers.viewing.overlay import GOOD
from wrappers.viewing.scene_3d import Body, Scene3D
from wrappers.viewing.sprites import Colour
from wrappers.viewing.terrain import FIRE, STONE, SUN, draw_lines, fill_polygon, glow, haze, mixed

Colours = Mapping[str, Colour]

_METAL: Colour = (206, 212, 226)
_GLASS: Colour = (28, 40, 72)
_NOZZLE: Colour = (70, 66, 74)
_NIGHT: Colour = (18, 20, 40)
_HAZE: Colour = (110, 88, 112)
_BRIGHT: Colour = (255, 176, 46)
_SUN = SUN / np.linalg.norm(SUN)
_TEAM = {"body": 0.12, "wing": 0.5, "fin": 1.0}  # how much of the team's colour a part has
# Far bodies are drawn larger than they are, to be visible.
_TRUE_UNTIL, _LARGEST = 220.0, 9.0
_SPECK = 9.0  # pixels: smaller bodies are drawn as a dot
_TRAIL, _TRAIL_STEP = 3.0, 0.25  # frames
_BURST = 6.0  # frames for which an explosion glows
_SIDES = 20  # of a cylinder
_MOTES, _MOTE_BOX = 90, 320.0  # number of dust particles, and the side of their box in metres


def paint_solids(
    picture: pygame.Surface,
    camera: Camera,
    space: Scene3D,
    colours: Colours,
    time: float,
    hidden: int | None,
) -> None:
    """Everything with a thickness; `hidden` is the index of a body that is left out."""
    _paint_cells(picture, camera, space, colours, time)
    _paint_motes(picture, camera)
    things: list[tuple[float, Callable[[], None]]] = []
    for cylinder in space["obstacles"]:
        away = float(camera.see([*cylinder[:2], cylinder[3] / 2])[0])
        things.append((away, partial(_paint_cylinder, picture, camera, cylinder)))
    for point in space["points"][_frame(time, len(space["points"]))]:
        away = float(camera.see(point)[0])
        paint = partial(_paint_point, picture, camera, point, space["point_radius"], colours)
        things.append((away, paint))
    for index, body in enumerate(space["bodies"]):
        now = pose(body, time)
        away = float(camera.see(now.place)[0])
        colour = colours[body["colour"]]
        if is_alive(body, time):
            things.append((away + 1, partial(_paint_trails, picture, camera, body, time, colour)))
            if index != hidden:
                things.append((away, partial(_paint_body, picture, camera, body, now, colour)))
        elif (died := body["died"]) is not None and time - died < _BURST:
            age = (time - died) / _BURST
            things.append((away, partial(_paint_burst, picture, camera, now.place, age)))
    for _, paint in sorted(things, key=lambda thing: -thing[0]):
        paint()
    _paint_shots(picture, camera, space, time)


def apparent_size(distance: float) -> float:
    """The factor by which a body at a distance in metres is drawn larger than it is."""
    return float(np.clip(distance / _TRUE_UNTIL, 1.0, _LARGEST))


def _paint_body(
    picture: pygame.Surface, camera: Camera, body: Body, now: Pose, colour: Colour
) -> None:
    shape, frame = model(body["shape"]), now.axes
    distance = float(np.linalg.norm(now.place - camera.place))
    size = apparent_size(distance)
    places = now.place + size * shape.points @ frame
    seen = camera.see(places)
    if seen[:, 0].min() < NEAR:
        return
    spots = camera.pixels(seen)
    if not _inside(spots, picture.get_size()):
        return
    faded = 0.75 * (1 - float(haze(0.6 * distance)))
    if np.ptp(spots, axis=0).max() < _SPECK:
        pygame.draw.circle(picture, mixed(colour, _HAZE, faded), _whole(spots.mean(axis=0)), 3)
        return
    _paint_faces(picture, camera, shape, places, seen, spots, colour, faded)
    for nozzle in shape.nozzles:
        spot, away = camera.spot(now.place + size * nozzle @ frame)
        if away > NEAR:
            radius = round(min(size * 2.2 * camera.focal / away, 60))
            _shine(picture, spot, radius, (110, 52, 24))
            _shine(picture, spot, radius // 2, (220, 150, 90))


def _paint_faces(
    picture: pygame.Surface,
    camera: Camera,
    shape: Model,
    places: NDArray,
    seen: NDArray,
    spots: NDArray,
    colour: Colour,
    faded: float,
) -> None:
    """A model's faces, the farthest first, lit by the sun."""
    a, b, c = (places[shape.thirds[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing = np.sum(normals * (camera.place - a), axis=1)
    normals *= np.where(facing < 0, -1.0, 1.0)[:, None]  # towards the camera
    light = 0.4 + 0.5 * np.maximum(normals @ _SUN, 0) + 0.16 * normals[:, 2]
    depth = seen[shape.thirds, 0].mean(axis=1)
    paints = {part: mixed(_METAL, colour, share) for part, share in _TEAM.items()}
    paints |= {"glass": _GLASS, "nozzle": _NOZZLE}
    for index in np.argsort(-depth):
        corners, part = shape.faces[index]
        lit = mixed(_NIGHT, paints[part], float(np.clip(light[index], 0.12, 1)))
        fill_polygon(picture, spots[list(corners)], mixed(lit, _HAZE, faded))


def _paint_trails(
    picture: pygame.Surface, camera: Camera, body: Body, time: float, colour: Colour
) -> None:
    """Trails behind a body's wing tips."""
    times = np.arange(max(time - _TRAIL, 0.0), time, _TRAIL_STEP)[::-1]
    if not len(times):
        return
    poses = [pose(body, t) for t in (time, *times)]
    away = float(np.linalg.norm(poses[0].place - camera.place))
    size = apparent_size(away)
    tips = model(body["shape"]).tips
    lines = np.stack([p.place + size * tips @ p.axes for p in poses])
    soft = mixed(colour, (255, 255, 255), 0.45)
    opacity = 150 * (1 - np.arange(len(lines) - 1) / len(lines)) ** 2
    for tip in (0, 1):
        draw_lines(picture, camera, lines[:-1, tip], lines[1:, tip], soft, opacity)


def _paint_shots(picture: pygame.Surface, camera: Camera, space: Scene3D, time: float) -> None:
    """Tracers from nose to target, and sparks where they hit."""
    frame = int(np.ceil(time))
    for shooter, target, first, last in space["shots"]:
        if not first <= frame <= last or time == 0:
            continue
        one, other = space["bodies"][shooter], space["bodies"][target]
        if not (is_alive(one, time) and is_alive(other, time - 0.5)):
            continue
        start, end = pose(one, time), pose(other, time).place
        muzzle = start.place + 9.0 * start.axes[0]
        shares = (3.1 * time + np.arange(7)[:, None] / 7) % 1.0
        dashes = (muzzle + (end - muzzle) * np.minimum(shares + more, 1.0) for more in (0.0, 0.05))
        seen, index = camera.lines(*dashes)
        for line, share in zip(seen.tolist(), shares[index, 0], strict=True):
            pygame.draw.line(picture, FIRE, line[0], line[1], 3 if share < 0.25 else 2)
        flicker = 0.6 + 0.4 * np.sin(40 * time)
        for place, metres in ((muzzle, 1.1), (end, 14.0)):
            spot, away = camera.spot(place)
            if away > NEAR:
                shown = metres * apparent_size(away) * camera.focal / away
                _shine(picture, spot, round(min(flicker * shown, 30)), _BRIGHT)


def _paint_burst(picture: pygame.Surface, camera: Camera, place: NDArray, age: float) -> None:
    spot, away = camera.spot(place)
    if away < NEAR:
        return
    size = apparent_size(away) * camera.focal / away
    fade = (1 - age) ** 2
    for metres, colour in ((60.0, (180, 70, 20)), (34.0, (255, 170, 60)), (16.0, (255, 240, 200))):
        radius = min(round(metres * (0.4 + age) * size), 320)
        bright = tuple(round(fade * part / 8) * 8 for part in colour)
        _shine(picture, spot, radius // 4 * 4, bright)  # pyright: ignore[reportArgumentType]
    ring = round(min(70 * age * size, 600))
    if ring > 2:
        pygame.draw.circle(picture, mixed(_HAZE, _BRIGHT, fade), _whole(spot), ring, 2)


def _paint_cylinder(picture: pygame.Surface, camera: Camera, cylinder: Sequence[float]) -> None:
    x, y, radius, height = cylinder
    angles = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    low = np.array([x, y]) + radius * rim
    faded = 0.8 * (1 - float(haze(0.7 * np.hypot(*(camera.place[:2] - [x, y])))))
    order = np.argsort(-np.hypot(*(low - camera.place[:2]).T))
    for k in order:
        j = (k + 1) % _SIDES
        if (low[k] + low[j] - 2 * np.array([x, y])) @ (camera.place[:2] - low[k]) < 0:
            continue
        wall = np.array([[*low[k], 0], [*low[j], 0], [*low[j], height], [*low[k], height]])
        outline = camera.polygon(wall)
        if outline is not None:
            normal = (rim[k] + rim[j]) / 2
            light = 0.35 + 0.6 * max(0.0, float(normal @ _SUN[:2]))
            stone = mixed((14, 18, 36), STONE, light)
            fill_polygon(picture, outline, mixed(stone, _HAZE, faded))
    if camera.place[2] > height:
        outline = camera.polygon(np.append(low, np.full((_SIDES, 1), height), axis=1))
        if outline is not None:
            fill_polygon(picture, outline, mixed(STONE, _HAZE, faded))


def _paint_point(
    picture: pygame.Surface, camera: Camera, point: Sequence[float], radius: float, colours: Colours
) -> None:
    """A sphere to fly into, with a line to the ground below it."""
    spot, away = camera.spot(point)
    colour = colours.get("point", GOOD)
    foot, top = np.array([[[*point[:2], 0.0]], [point]], float)
    draw_lines(picture, camera, foot, top, colour, np.array([120.0]))
    if away > NEAR:
        shown = min(round(radius * camera.focal / away), 2 * camera.size[0])
        _shine(picture, spot, min(shown, 200), mixed((0, 0, 0), colour, 0.35))
        pygame.draw.circle(picture, colour, _whole(spot), shown, 2)


def _paint_cells(
    picture: pygame.Surface, camera: Camera, space: Scene3D, colours: Colours, time: float
) -> None:
    """The squares of the ground that are still to be searched."""
    half = 0.46 * space["cell_side"]
    for x, y, first, last in space["cells"]:
        if first <= time <= last:
            corners = [[x - half, y - half], [x + half, y - half], [x + half, y + half]]
            square = np.array([[*c, 0.0] for c in (*corners, [x - half, y + half])])
            outline = camera.polygon(square)
            if outline is not None:
                away = float(np.linalg.norm(square.mean(axis=0) - camera.place))
                fill_polygon(
                    picture, outline, (*colours.get("point", GOOD), round(90 * haze(away / 2)))
                )


def _paint_motes(picture: pygame.Surface, camera: Camera) -> None:
    """Dust around the camera, which shows how fast it moves."""
    random = np.random.default_rng(7)
    places = random.uniform(0, _MOTE_BOX, (_MOTES, 3))
    around = (places - camera.place) % _MOTE_BOX - _MOTE_BOX / 2
    opacity = 150 * np.maximum(1 - 2 * np.linalg.norm(around, axis=1) / _MOTE_BOX, 0)
    motes, streak = around + camera.place, 3.0 * camera.axes[0]
    draw_lines(picture, camera, motes - streak, motes + streak, (255, 230, 210), opacity)


def _shine(picture: pygame.Surface, spot: NDArray, radius: int, colour: Colour) -> None:
    if radius > 0 and _inside(spot[None], picture.get_size(), radius):
        shine = glow(radius, colour)
        picture.blit(shine, shine.get_rect(center=_whole(spot)), special_flags=pygame.BLEND_ADD)


def _inside(spots: NDArray, size: tuple[int, int], margin: int = 0) -> bool:
    low, high = spots.min(axis=0) - margin, spots.max(axis=0) + margin
    return bool((high > 0).all() and (low < np.array(size)).all() and np.abs(spots).max() < 3e4)


def _whole(spot: NDArray) -> tuple[int, int]:
    return round(float(spot[0])), round(float(spot[1]))


def _frame(time: float, frames: int) -> int:
    return min(max(int(time), 0), frames - 1)
