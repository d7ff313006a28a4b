"""What one agent sees, on layout 0 of paxmen-4: its window, and nothing else.

north room   rows  2..6   columns 19..21     the corridor to it, column 20, rows 7..18
"""

import jax
import numpy as np
import pytest

import paxmen
from paxmen.agent_scene import agent_scene
from wrappers import check_scene, render_frames

# Agent 0 stands in the north room, with agent 2 beside it.
AGENTS = [(5, 20), (20, 20), (5, 21), (21, 21)]
NEAR, BENEATH, FAR = (3, 19), (5, 20), (2, 19)  # dots; the last is three rows away


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


def states(env, dots=(NEAR, BENEATH, FAR), agents=AGENTS):
    grid = np.zeros((41, 41), bool)
    grid[tuple(np.transpose(dots))] = True
    return jax.tree.map(lambda x: np.asarray(x)[None], env.make_state(0, np.array(agents), grid))


def test_it_holds_the_window_and_nothing_else(env):
    scene = agent_scene(env, states(env), "agent_0")
    check_scene(scene)
    (frame,) = scene["frames"]
    assert sorted(frame["dot"]) == [[19, 3], [20, 5]]  # also the one beneath, not the far one
    assert frame["mate"] == [[21, 5]]
    assert frame["agent-0"] == [[20, 5]]
    # Rows 3..7, columns 18..22: the room is 19..21, its last row 6, and the corridor is 20.
    floor = [[col, row] for row in range(3, 7) for col in (19, 20, 21)] + [[20, 7]]
    assert sorted(frame["floor"]) == sorted(floor)
    window = [[col, row] for row in range(3, 8) for col in range(18, 23)]
    assert sorted(frame["brick"] + frame["floor"]) == sorted(window)


def test_nobody_is_named_but_oneself(env):
    scene = agent_scene(env, states(env), "agent_2")
    assert scene["frames"][0]["mate"] == [[20, 5]]
    names = {name for frame in scene["frames"] for name in frame}
    assert names <= {"brick", "floor", "view-2", "mate", "agent-2", "dot"}
    assert not scene["still"]
    (background,) = scene["background"]
    assert background["fill"] == "dark"


def picture(scene):
    return next(render_frames(scene, board=256))


def test_what_is_outside_the_window_leaves_no_trace_in_the_picture(env):
    elsewhere = states(env, (NEAR, BENEATH, (28, 20)), [(5, 20), (19, 19), (5, 21), (20, 8)])
    one, other = (agent_scene(env, s, "agent_0") for s in (states(env), elsewhere))
    np.testing.assert_array_equal(picture(one), picture(other))
    whole = [picture(env.scene(s)) for s in (states(env), elsewhere)]
    assert not np.array_equal(*whole)
    # What changes within it is seen.
    nearer = agent_scene(env, states(env, (NEAR, FAR)), "agent_0")
    assert not np.array_equal(picture(nearer), picture(one))


def test_outside_the_window_all_is_dark(env):
    scene = agent_scene(env, states(env), "agent_0")
    del scene["frames"][0]["agent-0"], scene["frames"][0]["view-0"]  # what shines around
    del scene["frames"][0]["mate"], scene["frames"][0]["dot"]
    left, top, width, height = scene["box"]
    image = picture(scene | {"legend": [], "readouts": {}, "title": ""})
    dark = (image == (0x0A, 0x0F, 0x1F)).all(axis=-1)
    rows, columns = np.nonzero(dark)
    scale = (columns.max() + 1 - columns.min()) / width
    lit = ~dark[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    rows, columns = (places / scale for places in np.nonzero(lit))
    assert columns.min() + left >= 17.3
    assert columns.max() + left <= 22.7
    assert rows.min() + top >= 2.3
    assert rows.max() + top <= 7.7
    assert lit.sum() > 0.9 * 25 * scale**2
    assert height > 20


def test_an_unknown_agent(env):
    with pytest.raises(ValueError, match="unknown agent 'agent_9'; valid: agent_0, agent_1"):
        agent_scene(env, states(env), "agent_9")


def test_a_window_of_another_size():
    env = paxmen.make("paxmen-4", view=7)
    (frame,) = agent_scene(env, states(env), "agent_0")["frames"]
    window = [[col, row] for row in range(2, 9) for col in range(17, 24)]
    assert sorted(frame["brick"] + frame["floor"]) == sorted(window)
    assert sorted(frame["dot"]) == [[19, 2], [19, 3], [20, 5]]  # three rows away is near now
