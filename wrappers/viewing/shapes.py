"""Sizes of shapes and texts, which are needed before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, cast

from PIL import ImageFont

from wrappers.viewing.scene import Shape, Text

if TYPE_CHECKING:
    import pygame.font

_OTHER_FONT = 0.7  # of pygame's sizes are Pillow's, for letters as wide


def numbered(shapes: Iterable[Shape], number: float | None) -> list[Shape]:
    """The shapes; each `number` becomes a `text` of that number."""

    def written(shape: Shape) -> Shape:
        if shape["shape"] != "number":
            return shape
        return cast(Text, {**shape, "shape": "text", "text": f"{number:.1f}"})

    return [written(shape) for shape in shapes]


def reach(shape: Shape) -> float:
    """The largest distance of a shape from its mark's origin, along x or y."""
    if shape["shape"] == "text":
        extent = shape["height"] * max(1, len(shape["text"])) / 2
    elif shape["shape"] == "number":
        extent = shape["height"] * len("00.0") / 2
    elif shape["shape"] == "polygon":
        extent = max(abs(number) for point in shape["points"] for number in point)
        extent += shape.get("outline", 0) / 2
    elif shape["shape"] == "rectangle":
        extent = max(shape["width"], shape["height"]) / 2
    else:
        extent = shape["radius"]
    return max(abs(shape["x"]), abs(shape["y"])) + extent


@cache
def font(pixels: int) -> pygame.font.Font:
    """The font that comes with pygame: a text looks the same on every machine."""
    import pygame.font

    pygame.font.init()
    return pygame.font.Font(None, pixels)


def text_width(text: str, pixels: int) -> int:
    """The width of a line of text in pixels; without pygame, about that."""
    try:
        return font(pixels).size(printable(text))[0]
    except ImportError:
        return round(_other_font(pixels).getlength(printable(text)))


def shortened(text: str, pixels: int, width: int) -> str:
    """The text, or as much of its beginning as fits into `width` pixels."""
    if text_width(text, pixels) <= width:
        return text
    while text and text_width(text + "…", pixels) > width:
        text = text[:-1]
    return text.rstrip() + "…"


@cache
def _other_font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_OTHER_FONT * pixels)


def printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text) or " "
