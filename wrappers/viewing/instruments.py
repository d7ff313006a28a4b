"""A pilot's instruments over the picture: heading, speed, height, health, other aircraft."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pygame
import pygame.gfxdraw
from numpy.typing import NDArray

from wrappers.viewing.body_pose import Pose, is_alive, place, pose
from wrappers.viewing.camera import NEAR, Camera
from wrappers.viewing.overlay import BAD, GOOD, put
from wrappers.viewing.radar import paint_radar, sighted
from wrappers.viewing.scene_3d import Body, Scene3D
from wrappers.viewing.solids import apparent_size
from wrappers.viewing.sprites import Colour
from wrappers.viewing.terrain import FIRE, draw_lines

Colours = Mapping[str, Colour]

LINE: Colour = (190, 240, 255)
_SHADE = (8, 12, 30, 120)
_MOST_ARROWS, _NAMED = 3, 4000.0  # m: farther aircraft have a frame without a name
_TAPE, _TAPE_DEGREES = 340, 90  # width of the heading's tape, in pixels and degrees
_NAMES = {0: "N", 45: "NE", 90: "E", 135: "SE", 180: "S", 225: "SW", 270: "W", 315: "NW"}
_NEAR_EDGE, _LOW, _NEAR_CEILING = 0.88, 350.0, 600.0  # share of the radius, m, m


def paint_instruments(
    picture: pygame.Surface,
    camera: Camera,
    space: Scene3D,
    colours: Colours,
    time: float,
    body: int,
    step_seconds: float | None,
) -> None:
    """Paints all instruments.

    Args:
        picture: to paint on.
        camera: that the picture was taken with.
        space: of a scene.
        colours: the scene's.
        time: in frames.
        body: the index of the pilot's.
        step_seconds: simulated seconds of a frame; None shows no speeds.
    """
    own = space["bodies"][body]
    now = pose(own, time)
    alive = is_alive(own, time)
    if _is_hurt(own, time):
        pygame.gfxdraw.box(picture, picture.get_rect(), (*BAD, 26))
    if alive:
        _paint_ladder(picture, camera, now)
        _paint_reach(picture, camera, own, now)
    _paint_others(picture, camera, space, colours, time, body)
    _paint_heading(picture, now)
    _paint_height(picture, own, now, time, step_seconds)
    _paint_health(picture, own, now, colours)
    width, height = picture.get_size()
    radius = round(min(0.14 * height, 0.11 * width))
    middle = width - radius - 20, height - radius - 20
    paint_radar(picture, space, colours, time, body, middle, radius)
    if alive:
        _warn(picture, space, now)


def _paint_others(
    picture: pygame.Surface,
    camera: Camera,
    space: Scene3D,
    colours: Colours,
    time: float,
    body: int,
) -> None:
    """Frames around the team and enemies it sees, and arrows to the nearest out of view."""
    own = space["bodies"][body]
    now, seen, arrows = pose(own, time), sighted(space, time), 0
    for index, there in _others(space, body, now, time):
        other = space["bodies"][index]
        hostile = other["colour"] != own["colour"]
        if hostile and index not in seen:
            continue
        colour = colours[other["colour"]]
        shown = FIRE if hostile and in_reach(own, now, there.place) else colour
        in_view = _paint_target(picture, camera, other, now, there, shown)
        if hostile and not in_view and arrows < _MOST_ARROWS:
            _paint_arrow(picture, camera, there.place, colour)
            arrows += 1


def compass(yaw: float) -> float:
    """Degrees clockwise from north of a yaw in radians, which goes from east to north."""
    return float((90 - np.degrees(yaw)) % 360)


def speed(body: Body, time: float, step_seconds: float) -> float:
    """m/s, from the places of the frames around a time."""
    frames = len(body["x"])
    first = min(max(int(np.ceil(time)) - 1, 0), max(frames - 2, 0))
    start, end = (place(body, min(first + k, frames - 1)) for k in (0, 1))
    return float(np.linalg.norm(end - start)) / step_seconds


def _paint_ladder(picture: pygame.Surface, camera: Camera, now: Pose) -> None:
    """The pitch ladder, a line every ten degrees, and the nose's direction."""
    ahead = now.axes[0]
    flat = np.array([ahead[0], ahead[1], 0.0]) / max(float(np.hypot(*ahead[:2])), 1e-6)
    right = np.array([flat[1], -flat[0], 0.0])
    steps = np.array([degrees for degrees in range(-40, 50, 10) if degrees])
    rungs = camera.place + 5000 * (flat + np.tan(np.radians(steps))[:, None] * [0, 0, 1])
    for side in (-1, 1):
        starts, ends = (rungs + side * away * right for away in (250, 600))
        draw_lines(picture, camera, starts, ends, LINE, np.full(len(steps), 70.0))
    for degrees, end in zip(steps.tolist(), rungs + 600 * right, strict=True):
        spot, _ = camera.spot(end)
        if np.isfinite(spot).all():
            put(picture, f"{degrees}", 15, LINE, 0.5, midleft=(spot[0] + 5, spot[1]))
    spot, away = camera.spot(camera.place + 5000 * ahead)
    if away > NEAR:
        x, y = (round(float(part)) for part in spot)
        pygame.draw.circle(picture, LINE, (x, y), 6, 1)
        for dx, dy in ((-1, 0), (1, 0), (0, -1)):
            pygame.draw.line(picture, LINE, (x + 6 * dx, y + 6 * dy), (x + 13 * dx, y + 13 * dy))


def _paint_reach(picture: pygame.Surface, camera: Camera, own: Body, now: Pose) -> None:
    """The rim of the cone in which the body can hit others, dashed."""
    if "reach" not in own:
        return
    _, half = own["reach"]
    forward, right, up = now.axes
    turns = np.radians(np.arange(0, 363, 3))[:, None]
    side = np.tan(np.radians(half)) * (np.cos(turns) * right + np.sin(turns) * up)
    rim = camera.place + 3000 * (forward + side)
    draw_lines(
        picture, camera, rim[:-1:2], rim[1::2], (255, 225, 150), np.full(len(rim) // 2, 110.0)
    )


def in_reach(own: Body, now: Pose, place: NDArray) -> bool:
    """Whether a body can hit what is at a place."""
    if "reach" not in own:
        return False
    reach, half = own["reach"]
    way = place - now.place
    away = float(np.linalg.norm(way))
    return 0 < away < reach and float(way @ now.axes[0] / away) > math.cos(math.radians(half))


def _others(space: Scene3D, body: int, now: Pose, time: float) -> list[tuple[int, Pose]]:
    """The other living bodies and where they are, the nearest first."""
    poses = [
        (index, pose(other, time))
        for index, other in enumerate(space["bodies"])
        if index != body and is_alive(other, time)
    ]
    return sorted(poses, key=lambda found: float(np.linalg.norm(found[1].place - now.place)))


def _is_hurt(own: Body, time: float) -> bool:
    """Whether a body loses health at a time."""
    before, after = (int(rounded(time)) for rounded in (np.floor, np.ceil))
    health = own["health"]
    return after < len(health) and health[after] < health[before]


def _paint_target(
    picture: pygame.Surface,
    camera: Camera,
    other: Body,
    now: Pose,
    there: Pose,
    shown: Colour,
) -> bool:
    """Another body's frame, distance and health; False if it is out of view."""
    away = float(np.linalg.norm(there.place - now.place))
    spot, ahead = camera.spot(there.place)
    width, height = picture.get_size()
    if ahead < NEAR or not (0 < spot[0] < width and 0 < spot[1] < height):
        return False
    half = round(max(11.0, 9.5 * apparent_size(ahead) * camera.focal / ahead))
    if half > 160:
        return True
    x, y = (round(float(part)) for part in spot)
    arm = max(4, half // 3)
    for dx in (-half, half):
        for dy in (-half, half):
            corner = x + dx, y + dy
            pygame.draw.line(picture, shown, corner, (x + dx - arm * np.sign(dx), y + dy), 2)
            pygame.draw.line(picture, shown, corner, (x + dx, y + dy - arm * np.sign(dy)), 2)
    bar = pygame.Rect(x - half, y - half - 8, 2 * half, 3)
    pygame.draw.rect(picture, (40, 44, 70), bar)
    pygame.draw.rect(picture, shown, (bar.x, bar.y, round(bar.width * there.health), 3))
    if away < _NAMED:
        put(picture, f"{away / 1000:.1f} km", 15, shown, midtop=(x, y + half + 4))
        put(picture, other["name"], 15, shown, 0.8, midtop=(x, y + half + 17))
    return True


def _paint_arrow(picture: pygame.Surface, camera: Camera, place: NDArray, colour: Colour) -> None:
    """An arrow near the picture's rim, towards a place outside of the picture."""
    _, right, up = camera.see(place)
    length = max(float(np.hypot(right, up)), 1e-6)
    way = np.array([right, -up]) / length
    middle = np.array(picture.get_size()) / 2
    tip = middle + 0.72 * way * middle.min()
    across = np.array([-way[1], way[0]])
    corners = [tip + 14 * way, tip + 8 * across, tip - 8 * across]
    pygame.draw.polygon(picture, colour, [corner.tolist() for corner in corners])


def _paint_heading(picture: pygame.Surface, now: Pose) -> None:
    middle, heading = picture.get_width() // 2, compass(now.yaw)
    left = middle - _TAPE // 2
    shade(picture, pygame.Rect(left, 12, _TAPE, 34))
    for degrees in range(0, 360, 5):
        away = (degrees - heading + 180) % 360 - 180
        if abs(away) > _TAPE_DEGREES / 2 - 2:
            continue
        x = round(middle + away * _TAPE / _TAPE_DEGREES)
        if degrees in _NAMES:
            put(picture, _NAMES[degrees], 20, LINE, center=(x, 25))
        elif degrees % 15 == 0:
            put(picture, f"{degrees:03d}", 15, LINE, 0.75, center=(x, 25))
        pygame.draw.line(picture, LINE, (x, 38 if degrees % 15 == 0 else 41), (x, 45))
    pygame.draw.polygon(picture, LINE, [(middle, 47), (middle - 6, 56), (middle + 6, 56)])
    put(picture, f"{round(heading) % 360:03d}°", 18, LINE, midtop=(middle, 60))


def _paint_height(
    picture: pygame.Surface,
    own: Body,
    now: Pose,
    time: float,
    step_seconds: float | None,
) -> None:
    """Speed on the left, height on the right."""
    width, height = picture.get_size()
    middle = height // 2
    right = width - 150
    shade(picture, pygame.Rect(right, middle - 42, 128, 84))
    put(picture, "HEIGHT", 14, LINE, 0.6, topleft=(right + 10, middle - 34))
    put(picture, f"{now.place[2]:,.0f} m", 28, LINE, topleft=(right + 10, middle - 21))
    if step_seconds is None:
        return
    fast = speed(own, time, step_seconds)
    climb = fast * np.sin(now.pitch)
    put(picture, f"{climb:+.0f} m/s", 18, LINE, 0.9, topleft=(right + 10, middle + 3))
    shade(picture, pygame.Rect(22, middle - 42, 128, 84))
    put(picture, "SPEED", 14, LINE, 0.6, topleft=(32, middle - 34))
    put(picture, f"{fast:.0f} m/s", 28, LINE, topleft=(32, middle - 21))
    put(picture, f"{3.6 * fast:,.0f} km/h", 18, LINE, 0.9, topleft=(32, middle + 3))


def _paint_health(picture: pygame.Surface, own: Body, now: Pose, colours: Colours) -> None:
    left, bottom = 22, picture.get_height() - 24
    put(picture, own["name"], 20, colours[own["colour"]], bottomleft=(left, bottom - 16))
    bar = pygame.Rect(left, bottom - 10, 170, 10)
    pygame.draw.rect(picture, (30, 34, 60), bar, border_radius=4)
    colour = GOOD if now.health > 0.5 else (255, 176, 46) if now.health > 0.25 else BAD
    left_over = pygame.Rect(left, bottom - 10, round(170 * now.health), 10)
    pygame.draw.rect(picture, colour, left_over, border_radius=4)


def _warn(picture: pygame.Surface, space: Scene3D, now: Pose) -> None:
    away = float(np.hypot(*now.place[:2]))
    outwards = now.axes[0][:2] @ now.place[:2] > 0
    words = None
    if now.place[2] < _LOW + 400 * max(0.0, -np.sin(now.pitch)) and now.pitch < 0.1:
        words = "PULL UP"
    elif now.place[2] > space["ceiling"] - _NEAR_CEILING:
        words = "CEILING"
    elif away > _NEAR_EDGE * space["radius"] and outwards:
        words = "TURN BACK"
    if words:
        place = picture.get_width() // 2, round(0.27 * picture.get_height())
        put(picture, words, 40, BAD, center=place)


def shade(picture: pygame.Surface, box: pygame.Rect) -> None:
    """Darkens a part of the picture, to write on it."""
    pygame.gfxdraw.box(picture, box, _SHADE)
