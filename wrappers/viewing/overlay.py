"""Text over and around a picture in a window: words, lines of keys, messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import pygame

from wrappers.viewing.sprites import BLEND, Colour, write

PAPER: Colour = (6, 9, 20)
INK: Colour = (242, 245, 255)
FAINT: Colour = (141, 154, 194)
DIM: Colour = (84, 95, 130)
CHIP: Colour = (27, 36, 66)
GOOD: Colour = (0, 199, 149)
BAD: Colour = (245, 100, 80)

HELP_HEIGHT = 34  # of a line of keys, in pixels
_KEY, _GAP = 17, 14


def put(
    picture: pygame.Surface,
    words: str,
    pixels: int,
    colour: Colour = INK,
    opacity: float = 1.0,
    **place: tuple[float, float],
) -> pygame.Rect:
    """Writes words; `place` gives one point of their box, by a name of pygame's Rect."""
    line = _written(words, pixels, colour, round(opacity, 2))
    (side, (x, y)), *_ = place.items()
    box = line.get_rect(**{side: (round(x), round(y))})
    picture.blit(line, box, special_flags=BLEND)
    return box


def keys_line(
    picture: pygame.Surface, keys: Mapping[str, str], left: int, right: int, middle: int
) -> None:
    """A line of keys with their meanings: as many as fit, and the last one, which quits."""
    *others, last = keys.items()
    right -= _key_width(*last) + _GAP
    fitting = []
    used = left
    for key, meaning in others:
        used += _key_width(key, meaning) + _GAP
        if used - _GAP > right:
            break
        fitting.append((key, meaning))
    for key, meaning in [*fitting, last]:
        cap = _written(key, _KEY, INK, 1.0)
        words = _written(meaning, _KEY, FAINT, 1.0)
        chip = pygame.Rect(left, 0, cap.get_width() + 12, 22)
        chip.centery = middle
        pygame.draw.rect(picture, CHIP, chip, border_radius=5)
        picture.blit(cap, cap.get_rect(center=chip.center), special_flags=BLEND)
        left = chip.right + 5
        box = words.get_rect(midleft=(left, middle))
        picture.blit(words, box, special_flags=BLEND)
        left = box.right + _GAP


def _key_width(key: str, meaning: str) -> int:
    cap, words = _written(key, _KEY, INK, 1.0), _written(meaning, _KEY, FAINT, 1.0)
    return cap.get_width() + 12 + 5 + words.get_width()


def veil(
    picture: pygame.Surface, headline: str, lines: Iterable[str], colour: Colour = INK
) -> None:
    """A message over the darkened picture."""
    lines = list(lines)
    width, height = picture.get_size()
    shade = pygame.Surface((width, 128 + 28 * len(lines)))
    shade.fill(PAPER)
    shade.set_alpha(215)
    box = shade.get_rect(center=(width // 2, height // 2))
    picture.blit(shade, box)
    pygame.draw.rect(picture, colour, (box.left, box.top, box.width, 3))
    pygame.draw.rect(picture, colour, (box.left, box.bottom - 3, box.width, 3))
    put(picture, headline, 64, colour, midtop=(box.centerx, box.top + 28))
    for index, line in enumerate(lines):
        put(picture, line, 24, midtop=(box.centerx, box.top + 92 + 28 * index))


@lru_cache(maxsize=1024)
def _written(words: str, pixels: int, colour: Colour, opacity: float) -> pygame.Surface:
    return write(words, pixels, colour, opacity)
