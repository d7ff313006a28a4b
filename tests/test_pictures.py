"""docs/pictures.py: the pictures in the pages can be drawn anew."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser import changed, colours

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(DOCS / "pictures.py"))


def test_pictures_are_tiled_row_by_row(script, tmp_path):
    red, green, blue = (np.full((4, 6, 3), colour, np.uint8) for colour in np.eye(3) * 255)
    path = script["tile"]([red, green, blue], 2, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (8, 12, 3)
    corners = sheet[[0, 0, 4, 4], [0, 6, 0, 6]]
    assert corners.argmax(1).tolist() == [0, 1, 2, 0]  # the rest is as the first one's corner


@pytest.mark.slow
def test_all_are_drawn_anew(script, tmp_path):
    script["main"](tmp_path)
    drawn = sorted(path for path in tmp_path.rglob("*.*"))
    assert len(drawn) == 11
    for path in drawn:
        there = DOCS / path.relative_to(tmp_path)
        assert there.exists()
        if path.suffix == ".html":
            continue
        new, old = (Image.open(file) for file in (path, there))
        assert new.size == old.size
        assert (getattr(new, "n_frames", 1) > 20) == (getattr(old, "n_frames", 1) > 20)
        first = [np.asarray(picture.convert("RGB")) for picture in (new, old)]
        assert colours(first[0]) > 5
        assert changed(*first) < 0.01
