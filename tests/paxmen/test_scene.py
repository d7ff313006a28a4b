"""What is drawn of an episode, on small situations of paxmen-4's layout 0.

north room   rows  2..6   columns 19..21     south room   rows 26..30  columns 19..21
east room    rows 19..21  columns 30..34     west room    rows 19..21  columns  6..10
"""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from paxmen.scene import episode_scene
from wrappers import check_scene, html_replay, render

HUB = [(19, 19), (19, 21), (21, 19), (21, 21)]


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


def stack(states):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *states)


def state(env, step=0, agents=HUB, dots=((4, 20), (28, 20)), layout_id=0):
    grid = np.zeros((41, 41), bool)
    grid[tuple(np.transpose(dots))] = True
    return env.make_state(layout_id, np.array(agents), grid, step)


def test_a_cell_is_drawn_at_its_column_and_row(env):
    scene = episode_scene(env, stack([state(env)]))
    (frame,) = scene["frames"]
    assert sorted(frame["dot"]) == [[20, 4], [20, 28]]
    assert [frame[f"agent-{i}"] for i in range(4)] == [
        [[19, 19]],
        [[21, 19]],
        [[19, 21]],
        [[21, 21]],
    ]
    assert frame["view-1"] == [[21, 19]]
    # Open cells lie in rows 2..30 and columns 6..34; two walls around them can be seen.
    assert scene["box"] == [3.5, -0.5, 33, 33]
    assert len(scene["still"]["tile"]) == 101
    assert [20, 4] in scene["still"]["tile"]


def test_walls_and_floor_cover_the_maze(env):
    scene = episode_scene(env, stack([state(env)]))
    floor = np.zeros((41, 41), int)
    for shape in scene["background"]:
        if shape["fill"] == "floor":
            width, height = (round(shape[side] - 0.24) for side in ("width", "height"))
            col, row = round(shape["x"] - (width - 1) / 2), round(shape["y"] - (height - 1) / 2)
            floor[row : row + height, col : col + width] += 1
    assert (floor == np.asarray(env.grid(0) == 0)).all()


def test_agents_in_one_cell_stand_apart_but_see_from_its_middle(env):
    agents = [(20, 20), (20, 20), (19, 19), (21, 21)]
    (frame,) = episode_scene(env, stack([state(env, agents=agents)]))["frames"]
    assert (frame["agent-0"], frame["agent-1"]) == ([[19.76, 20]], [[20.24, 20]])
    assert frame["view-0"] == frame["view-1"] == [[20, 20]]
    assert frame["agent-2"] == [[19, 19]]


def test_an_eaten_dot_flashes_and_counts(env):
    before = state(env, 4)
    after = [state(env, 5 + i, dots=[(4, 20)]) for i in range(4)]
    scene = episode_scene(env, stack([before, *after]), [0.9, -0.1, -0.1, -0.1])
    flashes = [[frame.get(f"flash-{age}") for age in range(3)] for frame in scene["frames"]]
    here = [[20, 28]]
    assert flashes == [
        [None] * 3,
        [here, None, None],
        [None, here, None],
        [None, None, here],
        [None] * 3,
    ]
    assert scene["readouts"] == {
        "step": ["4 / 100", "5 / 100", "6 / 100", "7 / 100", "8 / 100"],
        "dots eaten": ["0", "1", "1", "1", "1"],
        "return": ["0.0", "0.9", "0.8", "0.7", "0.6"],
    }


def test_a_respawn_eats_all_that_lay_there(env):
    """Both last dots were eaten, although a new one lies in the place of one of them."""
    last, new = [(4, 20), (28, 20)], [(4, 20), (4, 21), (27, 20)]
    scene = episode_scene(env, stack([state(env, 0, dots=last), state(env, 1, dots=new)]))
    assert sorted(scene["frames"][1]["flash-0"]) == [[20, 4], [20, 28]]
    assert sorted(scene["frames"][1]["dot"]) == [[20, 4], [20, 27], [21, 4]]
    assert scene["readouts"]["dots eaten"] == ["0", "2"]


def test_it_is_a_scene_that_fits_into_json(env):
    scene = episode_scene(env, stack([state(env), state(env, 1)]), jnp.zeros(1), title="A title")
    check_scene(json.loads(json.dumps(scene)))
    assert scene["title"] == "A title"
    assert episode_scene(env, stack([state(env)]))["title"] == "paxmen-4"
    assert "return" not in episode_scene(env, stack([state(env)]))["readouts"]


def test_a_state_is_drawn_in_one_line(env, tmp_path):
    """Agents in four colours, dots, and walls; sides that video encoders like."""
    picture = render(env, state(env), theme="light")
    assert picture.shape[0] % 16 == picture.shape[1] % 16 == 0
    for colour in ("#56b4e9", "#e69f00", "#00b386", "#cc79a7", "#4a3200", "#dfe5f1"):
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (picture == rgb).all(axis=-1).sum() > 20, colour
    svg = render(env, state(env), tmp_path / "state.svg").read_text()
    assert svg.count("#56b4e9") >= 3
    assert len(svg) < 20_000


def test_a_page_of_the_longest_episode_stays_below_100_kb():
    """With every dot in every frame, which is more than an episode has."""
    env = paxmen.make("paxmen-6")
    _, state = env.reset(jax.random.key(0))
    states = jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], 131, axis=0), state)
    states = states.replace(step=np.arange(131))
    assert len(html_replay(episode_scene(env, states, np.zeros(130))).encode()) < 100_000


def test_states_of_two_episodes_are_refused(env):
    with pytest.raises(ValueError, match="state 1 is at step 1, state 2 at step 0"):
        episode_scene(env, stack([state(env, step) for step in (0, 1, 0)]))


def test_rewards_that_do_not_fit_are_refused(env):
    with pytest.raises(ValueError, match=r"2 states need rewards of shape \(1,\), got \(2,\)"):
        episode_scene(env, stack([state(env), state(env, 1)]), np.zeros(2))


def test_where_rooms_draw_on_their_own_the_others_keep_their_dots():
    """The north draws new dots, one of them in the old one's place; the south's stays."""
    env = paxmen.make("paxmen-4", respawn="room")
    before = [(4, 20), (28, 20)]
    after = [(4, 20), (4, 21), (5, 20), (28, 20)]
    scene = episode_scene(env, stack([state(env, 0, dots=before), state(env, 1, dots=after)]))
    assert scene["frames"][1]["flash-0"] == [[20, 4]]
    assert scene["readouts"]["dots eaten"] == ["0", "1"]


def test_a_view_of_another_size():
    env = paxmen.make("paxmen-4", view=9)
    scene = episode_scene(env, stack([state(env)]))
    assert scene["box"] == [1.5, -2.5, 37, 37]
    assert scene["legend"][-1]["label"] == "9×9 view"
    assert {shape["width"] for shape in scene["marks"]["view-0"]["shapes"]} == {9}


def test_sixteen_agents_have_sixteen_colours():
    env = paxmen.make("paxmen-generated-16-heldout")
    _, first = env.reset(jax.random.key(0))
    scene = episode_scene(env, stack([first]))
    check_scene(scene)
    assert len({scene["colours"][f"agent-{i}"]["dark"] for i in range(16)}) == 16
