"""The page in three dimensions, on an episode of two bodies that is written here by hand."""

import copy
import json
import re

import numpy as np
import pytest

from tests.wrappers.viewing import scenes
from tests.wrappers.viewing.scenes import FRAMES, NASTY, Page, make_body
from wrappers import check_scene, html_replay, html_replay_3d, save_scene

BLUE, ORANGE = "#2040e0", "#e08020"


def make_space(**changes):
    space = {
        "radius": 4000,
        "ceiling": 5000,
        "shots": [[0, 1, 1, 2]],
        "sights": [[0, 1, 0, 2]],
        "obstacles": [[2000, -2000, 500, 1500]],
        "points": [[[0, 2000, 1000]]] * FRAMES,
        "cells": [[500, 500, 0, 3]],
    }
    other = make_body("two", colour="orange", y=[1000] * FRAMES, died=3)
    return scenes.make_space(other, **(space | changes))


def make_scene(title="Two bodies", **changes):
    scene = {
        "title": title,
        "box": [-4, -4, 8, 8],
        "rate": 8,
        "colours": {
            name: {"dark": colour, "light": colour}
            for name, colour in (("blue", BLUE), ("orange", ORANGE))
        },
        "background": [],
        "still": {},
        "marks": {},
        "frames": [{}] * FRAMES,
        "readouts": {"step": [str(i) for i in range(FRAMES)]},
        "legend": [],
        "space": make_space(),
    }
    return copy.deepcopy(scene | changes)


# --- The format -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        (None, "space is a dict, got NoneType"),
        ({"radius": 1}, "the space lacks 'ceiling', 'bodies'"),
        (make_space(radius=0), "radius is positive, got 0"),
        (make_space(bodies=[make_body(colour="red")]), "body 'one' has an unknown colour 'red'"),
        (make_space(bodies=[make_body(shape="disc")]), "has an unknown shape 'disc'; valid: swept"),
        (make_space(bodies=[make_body(x=[0])]), "body 'one' has 1 numbers of x for 5 frames"),
        (make_space(bodies=[{"name": "one"}]), "body 'one' lacks 'kind', 'shape', 'colour'"),
        (make_space(points=[]), "points for 0 of 5 frames"),
        (make_space(shots=[[0, 2, 0, 1]]), "shots names a body that is none of the 2"),
        (make_space(sights=[[0, 1, 3, 5]]), "sights ends on frames that are none of the 5"),
        (make_space(cells=[[0, 0, 2, 1]]), "cells ends on frames"),
    ],
)
def test_a_wrong_space_is_refused_in_one_line(space, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        check_scene(make_scene(space=space))
    assert "\n" not in str(caught.value)


def test_a_page_in_three_dimensions_needs_space():
    scene = make_scene()
    del scene["space"]
    with pytest.raises(ValueError, match="the scene has no 'space'"):
        html_replay_3d(scene)


# --- The page ---------------------------------------------------------------------------------


def test_the_scene_decides_which_page_is_written(tmp_path):
    scene = make_scene()
    path = save_scene(scene, tmp_path / "page.html")
    assert path.read_text(encoding="utf-8") == html_replay_3d(scene)
    del scene["space"]
    save_scene(scene, path)
    assert path.read_text(encoding="utf-8") == html_replay(scene)


def test_text_cannot_break_out_of_the_page():
    scene = make_scene(NASTY, readouts={NASTY: [NASTY] * FRAMES})
    scene["space"]["bodies"][0]["name"] = NASTY
    page = Page(html_replay_3d(scene))
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.texts["title"][0].strip() == NASTY
    data = re.search(r"^const replay = (.*);$", page.texts["script"][0], re.MULTILINE)
    drawn = {key: scene[key] for key in ("title", "rate", "colours", "readouts", "space")}
    assert json.loads(data[1]) == drawn | {"frames": FRAMES}


def test_the_page_needs_nothing_but_itself():
    text = html_replay_3d(make_scene())
    page = Page(text)
    assert not [tag for tag, attrs in page.tags if "src" in attrs or "href" in attrs]
    policies = [
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies[0].startswith("default-src 'none'")
    # A name, not an address: three.js makes its canvas with it.
    assert set(re.findall(r"https?://[^\"'`\s]+", text)) == {"http://www.w3.org/1999/xhtml"}
    assert len(text.encode()) < 800_000


def test_the_licence_of_three_js_is_in_the_page():
    text = html_replay_3d(make_scene())
    assert "Copyright © 2010-2026 three.js authors" in text
    assert "permission notice shall be included in all copies" in text


# --- In a browser -----------------------------------------------------------------------------


@pytest.fixture
def fly(browser, tmp_path):
    """`fly(scene, address)`: the page of it, opened at `#address`."""
    opened = []

    def run(scene, address):
        path = save_scene(scene, tmp_path / "page.html")
        page = browser.open(f"{path.as_uri()}#{address}", width=900, height=700)
        opened.append(page)
        if "needs WebGL" in page.evaluate("document.body.innerText"):
            pytest.skip("this Chromium has no WebGL")
        return page

    yield run
    for page in opened:
        page.close()


def columns(picture, colour):
    """The columns of the view's middle in which pixels have about a colour's hue."""
    view = picture[150:600].astype(float)
    colour = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)
    view /= np.linalg.norm(view, axis=-1, keepdims=True) + 1
    return np.argwhere(view @ (colour / np.linalg.norm(colour)) > 0.985)[:, 1]


def test_a_browser_flies_it_without_complaint(fly):
    scene = make_scene(NASTY)
    scene["space"]["sights"] = scene["space"]["shots"] = []
    noses = []
    for frame in (0, 4):
        page = fly(scene, frame)
        assert page.evaluate("document.images.length + document.scripts.length") == 2
        noses.append(columns(page.screenshot(), BLUE).max())
        assert page.errors == []
    assert noses[1] > noses[0] + 300, "the blue body flies to the right"


def test_the_address_names_the_frame_and_whom_to_follow(fly):
    page = fly(make_scene(), "3,two")
    label = page.evaluate("document.querySelector('canvas').getAttribute('aria-label')")
    assert label == "step 3, following two"
    entry = "document.querySelector('[title=\"Follow two\"]')"
    assert page.evaluate(f"{entry}.getAttribute('aria-pressed')") == "true"
    assert page.evaluate(f"{entry}.className") == "dead"
    assert page.errors == []


def test_names_do_not_lie_on_each_other(fly):
    scene = make_scene()
    one = scene["space"]["bodies"][0]
    scene["space"]["bodies"][1] |= {name: one[name] for name in "xyz"}
    page = fly(scene, 0)
    names = "[...document.querySelectorAll('#labels span:not([hidden])')]"
    shown = f"{names}.map((name) => name.textContent)"
    assert page.evaluate(shown) == ["one"]
    page.go(page.evaluate("location.href").replace("#0", "#0,two"))
    assert page.evaluate(shown) == ["two"]
