"""The pages that play an episode, as people see them: on a phone and on a desk, dark and light."""

from functools import cache

import jax
import numpy as np
import pytest

import aerojax
import paxmen
from tests.browser import DESKTOP, PHONE, changed, colours
from wrappers import save_scene

STEPS = 40
CONTROLS = ["#play", "#back", "#next", "#scrubber", "#speed"]


@cache
def maze():
    """Four agents that walk from the hub into the corridors."""
    env = paxmen.make("paxmen-4")
    dots = np.zeros((41, 41), bool)
    dots[4, 19:22] = dots[28, 19:22] = True
    steps = np.arange(STEPS)
    ways = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    agents = 20 + (steps // 4)[:, None, None] * ways
    place = jax.vmap(lambda agents, step: env.make_state(0, agents, dots, step))
    return env.scene(jax.jit(place)(agents, steps))


@cache
def sky():
    """Two against two that fly straight on."""
    env = aerojax.make("identical_2_vs_2")
    _, state = env.reset(jax.random.key(0))
    states = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], STEPS, axis=0), state)
    flown = 0.5 * np.arange(STEPS, dtype=np.float32)[:, None]  # s
    motion = states.motion
    motion = motion.replace(x=motion.x + flown * motion.vx, y=motion.y + flown * motion.vy)
    return env.scene(states.replace(motion=motion, step=np.arange(STEPS)))


def middle(picture):
    """What is drawn, without the words and controls that may lie on it."""
    height, width = picture.shape[:2]
    return picture[height // 5 : 3 * height // 5, : 3 * width // 4]


REPLAYS = pytest.mark.parametrize(("scene", "canvas"), [(maze, "#board"), (sky, "#view canvas")])


def skip_without_webgl(page):
    if "needs WebGL" in page.evaluate("document.body.innerText"):
        pytest.skip("this Chromium has no WebGL")


@REPLAYS
def test_a_replay_is_seen_and_scrubbed(browser, tmp_path, scene, canvas):
    path = save_scene(scene(), tmp_path / "replay.html")
    page = browser.open(path)
    skip_without_webgl(page)
    for width in (PHONE, DESKTOP):
        page.resize(width)
        themes = []
        for theme in ("light", "dark"):
            page.prefer(theme)
            shots = []
            for at in (0.1, 0.9):
                page.click("#scrubber", at=at)
                shots.append(middle(page.screenshot(canvas)))
            reached = int(page.evaluate("document.querySelector('#scrubber').value"))
            assert reached == pytest.approx(0.9 * (STEPS - 1), abs=2)
            assert colours(shots[0]) >= 4, "it is blank"
            assert changed(*shots) > 0.002, "the scrubber moves nothing"
            themes.append(shots[1])
        assert changed(*themes) > 0.5, "the theme changes nothing"
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for control in CONTROLS:
            left, top, right, bottom = page.evaluate(
                f"(r => [r.left, r.top, r.right, r.bottom])"
                f"(document.querySelector('{control}').getBoundingClientRect())"
            )
            height = page.evaluate("innerHeight")
            assert 0 <= left < right <= width, control
            assert 0 <= top < bottom <= height, control
            assert bottom - top >= 32, "fingers need room"
    assert page.errors == []
    page.close()


@REPLAYS
def test_a_replay_is_seen_in_a_frame_that_had_no_size(browser, tmp_path, scene, canvas):
    """As that of a notebook, or behind a tab."""
    replay = save_scene(scene(), tmp_path / "replay.html")
    expected = browser.open(f"{replay.as_uri()}#0", width=800, height=600)
    skip_without_webgl(expected)
    outer = tmp_path / "outer.html"
    outer.write_text(
        "<style>body { margin: 0 } iframe { width: 800px; height: 600px; border: 0 }</style>"
        f'<iframe src="{replay.name}#0" style="display: none"></iframe>'
    )
    page = browser.open(outer, width=800, height=600)
    page.evaluate("document.querySelector('iframe').style.display = 'block'")
    page.settle()
    assert changed(expected.screenshot(), page.screenshot()) < 0.001
    assert page.errors == []
    for opened in (expected, page):
        opened.close()
