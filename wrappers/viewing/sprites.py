"""Shapes as pygame surfaces with smooth edges, off screen.

Shapes are drawn several times too large and scaled down. Surfaces here hold premultiplied colours,
because only these can be scaled and blended without dark fringes; they are blitted with `BLEND`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import numpy as np
import pygame
import pygame.gfxdraw
from numpy.typing import NDArray

from wrappers.viewing.scene import Circle, Glow, Polygon, Rectangle, Sector, Shape, Text
from wrappers.viewing.shapes import font, printable, reach

Colour = tuple[int, int, int]
Paint = tuple[int, ...]  # red, green, blue, and opacity if it is not full

BLEND = pygame.BLEND_PREMULTIPLIED
_TOO_LARGE = 4


def rgb(text: str) -> Colour:
    """ "#0a0b0c" -> (10, 11, 12)."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def drawing(
    shapes: Iterable[Shape],
    colours: Mapping[str, Colour],
    scale: float,
    corner: tuple[float, float],
    size: tuple[int, int],
) -> pygame.Surface:
    """Shapes on a transparent surface of `size` pixels, `scale` pixels to a unit of the scene.

    `corner` is the place in the scene that lies at the surface's top left.
    """
    unit = scale * _TOO_LARGE
    large = _blank(size[0] * _TOO_LARGE, size[1] * _TOO_LARGE)
    for shape in shapes:
        colour = colours[shape["fill"]]
        middle = round((shape["x"] - corner[0]) * unit), round((shape["y"] - corner[1]) * unit)
        if shape.get("opacity", 1) == 1 and shape["shape"] in _DRAW_ONTO:
            _DRAW_ONTO[shape["shape"]](large, shape, middle, colour, unit)
        else:
            layer = _DRAW[shape["shape"]](shape, colour, unit)
            large.blit(layer, layer.get_rect(center=middle), special_flags=BLEND)
    return pygame.transform.smoothscale(large, size)


def sprite(shapes: Iterable[Shape], colours: Mapping[str, Colour], scale: float) -> pygame.Surface:
    """Shapes on as small a surface as they need, their origin in its middle."""
    shapes = list(shapes)
    half = 1 + math.ceil(scale * max((reach(shape) for shape in shapes), default=0.0))
    return drawing(shapes, colours, scale, (-half / scale, -half / scale), (2 * half, 2 * half))


def turned(
    twice: pygame.Surface, turn: float, size: float, opacity: float
) -> tuple[pygame.Surface, tuple[int, int]]:
    """A sprite that was drawn twice as large, turned, sized and faded; and its origin in pixels."""
    whole = pygame.transform.rotozoom(twice, -turn, size / 2)
    if opacity < 1:
        whole.fill((round(255 * opacity),) * 4, special_flags=pygame.BLEND_RGBA_MULT)
    middle = whole.get_rect().center
    used = whole.get_bounding_rect()
    return whole.subsurface(used).copy(), (middle[0] - used.x, middle[1] - used.y)


def write(text: str, pixels: int, colour: Colour, opacity: float = 1.0) -> pygame.Surface:
    """A line of text, `pixels` high."""
    letters = font(pixels).render(printable(text), True, colour)
    letters.set_alpha(round(255 * opacity))
    # Not `premul_alpha`, which garbles surfaces with padded rows, as the font's are, and crashes on
    # empty ones.
    layer = _blank(*letters.get_size())
    layer.blit(letters, (0, 0))
    premultiplied = pygame.image.tobytes(layer, "RGBA_PREMULT")
    return pygame.image.frombytes(premultiplied, layer.get_size(), "RGBA")


@lru_cache(maxsize=4096)
def line(dx: int, dy: int, width: int, colour: Colour, opacity: float) -> pygame.Surface:
    """A straight line between two places; blit it `width` left of and above their box."""
    layer = _blank((abs(dx) + 2 * width) * _TOO_LARGE, (abs(dy) + 2 * width) * _TOO_LARGE)
    start = np.array([max(0, -dx), max(0, -dy)]) + width
    end = start + np.array([dx, dy])
    corners = _TOO_LARGE * _band(start, end, width)
    pygame.draw.polygon(layer, _premultiplied(colour, opacity), corners.tolist())
    return pygame.transform.smoothscale_by(layer, 1 / _TOO_LARGE)


def long_line(
    picture: pygame.Surface,
    start: tuple[int, int],
    end: tuple[int, int],
    width: int,
    paint: tuple[int, int, int, int],
    end_width: int | None = None,
) -> None:
    """A line across a picture. It is not cached as by `line`: too many differ."""
    if width == 1 or start == end:
        pygame.gfxdraw.line(picture, *start, *end, paint)
        return
    band = _band(np.array(start), np.array(end), width, end_width)
    corners = band.round().astype(int).tolist()
    pygame.gfxdraw.filled_polygon(picture, corners, paint)
    if start[0] != end[0] and start[1] != end[1]:
        pygame.gfxdraw.aapolygon(picture, corners, paint)


def _blank(width: int, height: int) -> pygame.Surface:
    return pygame.Surface((width, height), pygame.SRCALPHA, 32)


def _premultiplied(colour: Colour, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = (round(opacity * part) for part in colour)
    return red, green, blue, round(255 * opacity)


def _draw_circle(
    surface: pygame.Surface, shape: Circle, middle: tuple[int, int], paint: Paint, unit: float
) -> None:
    line = round(shape.get("outline", 0) * unit)
    pygame.draw.circle(surface, paint, middle, shape["radius"] * unit, line)


def _draw_rectangle(
    surface: pygame.Surface, shape: Rectangle, middle: tuple[int, int], paint: Paint, unit: float
) -> None:
    box = pygame.Rect(0, 0, round(shape["width"] * unit), round(shape["height"] * unit))
    box.center = middle
    corner = round(shape.get("corner", 0) * unit)
    pygame.draw.rect(surface, paint, box, round(shape.get("outline", 0) * unit), corner)


def _circle(shape: Circle, colour: Colour, unit: float) -> pygame.Surface:
    half = math.ceil(shape["radius"] * unit) + 1
    layer = _blank(2 * half, 2 * half)
    paint = _premultiplied(colour, shape.get("opacity", 1))
    _draw_circle(layer, shape, (half, half), paint, unit)
    return layer


def _rectangle(shape: Rectangle, colour: Colour, unit: float) -> pygame.Surface:
    layer = _blank(round(shape["width"] * unit), round(shape["height"] * unit))
    paint = _premultiplied(colour, shape.get("opacity", 1))
    _draw_rectangle(layer, shape, layer.get_rect().center, paint, unit)
    return layer


def _glow(shape: Glow, colour: Colour, unit: float) -> pygame.Surface:
    half = math.ceil(shape["radius"] * unit)
    away = (np.arange(2 * half) + 0.5 - half) / half
    fading = np.clip(1 - np.hypot(away[:, None], away[None, :]), 0, 1)
    alpha = shape.get("opacity", 1) * fading**2
    pixels = np.empty((2 * half, 2 * half, 4), np.uint8)
    pixels[..., :3] = np.round(alpha[..., None] * np.array(colour))
    pixels[..., 3] = np.round(255 * alpha)
    return pygame.image.frombuffer(pixels.tobytes(), (2 * half, 2 * half), "RGBA")


def _polygon(shape: Polygon, colour: Colour, unit: float) -> pygame.Surface:
    return _outlined(np.array(shape["points"], float) * unit, shape, colour, unit)


def _sector(shape: Sector, colour: Colour, unit: float) -> pygame.Surface:
    angles = np.radians(np.linspace(-shape["angle"], shape["angle"], 33))
    rim = shape["radius"] * unit * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return _outlined(np.concatenate([np.zeros((1, 2)), rim]), shape, colour, unit)


def _outlined(
    points: NDArray, shape: Polygon | Sector, colour: Colour, unit: float
) -> pygame.Surface:
    """A polygon around the middle of its layer; its outline's corners are round."""
    line = shape.get("outline", 0) * unit
    half = math.ceil(np.abs(points).max() + line / 2) + 1
    layer = _blank(2 * half, 2 * half)
    paint = _premultiplied(colour, shape.get("opacity", 1))
    corners = points + half
    if not line:
        pygame.draw.polygon(layer, paint, corners.tolist())
        return layer
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (start != end).any():  # pygame's own wide lines are thinner where they slant
            pygame.draw.polygon(layer, paint, _band(start, end, line).tolist())
        pygame.draw.circle(layer, paint, start.tolist(), line / 2)
    return layer


def _band(start: NDArray, end: NDArray, width: float, end_width: float | None = None) -> NDArray:
    """The corners (4, 2) of a straight line from one place to another; it may narrow or widen."""
    dx, dy = end - start
    across = 0.5 * np.array([-dy, dx]) / math.hypot(dx, dy)
    wide, narrow = width * across, (width if end_width is None else end_width) * across
    return np.array([start + wide, end + narrow, end - narrow, start - wide])


def _text(shape: Text, colour: Colour, unit: float) -> pygame.Surface:
    return write(shape["text"], round(shape["height"] * unit), colour, shape.get("opacity", 1))


# Opaque shapes need no layer, which may be far larger than the visible part of the shape.
_DRAW_ONTO: dict[str, Callable[..., None]] = {"circle": _draw_circle, "rectangle": _draw_rectangle}
_DRAW: dict[str, Callable[..., pygame.Surface]] = {
    "circle": _circle,
    "rectangle": _rectangle,
    "glow": _glow,
    "text": _text,
    "polygon": _polygon,
    "sector": _sector,
}
