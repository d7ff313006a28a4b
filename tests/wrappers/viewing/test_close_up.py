"""A scene around one of its marks, on the disc that walks to the right past a white square."""

import numpy as np
import pygame
import pytest

from tests.wrappers.viewing.scenes import make_scene
from wrappers.viewing.close_up import CloseUp

SIZE = (400, 426)  # a line of legend beneath 400 by 400 pixels
BLUE, WHITE, RED = (0x20, 0x40, 0xE0), (0xFF, 0xFF, 0xFF), (0xE0, 0x20, 0x20)


def centre(picture, colour):
    """Where the largest area of a colour lies above the legend; None if there is none."""
    part = picture.subsurface((0, 60, 400, 340))
    found = pygame.mask.from_threshold(part, colour, (8, 8, 8, 255)).connected_component()
    x, y = found.centroid()
    return (x, y + 60) if found.count() > 20 else None


@pytest.fixture
def scene():
    frames = [{"disc": [[0.5 + i, 1.5]], "square": [[2.5, 2.5]]} for i in range(4)]
    return make_scene(frames=4) | {"frames": frames, "still": {}}


@pytest.mark.parametrize("time", [0, 0.5, 1, 2, 3])
def test_one_mark_stays_in_the_middle_and_the_others_pass(scene, time):
    picture = CloseUp(scene, "disc", 8).paint(time, SIZE)
    np.testing.assert_allclose(centre(picture, BLUE), [200, 200], atol=2)
    # 50 pixels to a unit; the disc is at (0.5 + time, 1.5), the square at (2.5, 2.5).
    np.testing.assert_allclose(centre(picture, WHITE), [200 + 50 * (2 - time), 250], atol=2)


def test_the_background_is_not_drawn(scene):
    assert centre(CloseUp(scene, "disc", 8).paint(0, SIZE), RED) is None


def test_frames_may_grow(scene):
    view = CloseUp(scene, "disc", 8)
    scene["frames"].append({"disc": [[9.5, 1.5]], "square": [[8.5, 1.5]]})
    np.testing.assert_allclose(centre(view.paint(4, SIZE), WHITE), [150, 200], atol=2)


def test_it_fills_any_size(scene):
    for size in ((800, 600), (600, 1000)):
        assert CloseUp(scene, "disc", 8).paint(0.3, size).get_size() == size
