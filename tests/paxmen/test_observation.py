"""What agents see, drawn by hand, and the order of the world state.

In an agent's window `a` is another agent, whichever it is.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from paxmen import observation

NAMES = ("paxmen-4", "paxmen-5", "paxmen-6")
CONTENTS = {"A": "01", "a": "0o", "b": "01o", "d": "1o"}


@pytest.fixture(scope="module")
def room(draw):
    """The southern room of layout 0 of paxmen-4, drawn from its upper left wall."""
    return draw("paxmen-4", 0, (25, 18), legend=CONTENTS)


@pytest.fixture(scope="module")
def hub(draw):
    return draw("paxmen-4", 0, (18, 18), legend=CONTENTS)


def _picture(text):
    return "\n".join(text.split())


def test_walls_dots_and_other_agents(room):
    obs = room.env.get_obs(
        room.state("""
            ##.##
            #o..#
            #.0.#
            #..1#
            #..o#
            #o..#
            #####
        """)
    )
    assert room.window(obs["agent_0"]) == _picture("""
        ##.##
        #o..#
        #...#
        #..a#
        #..o#
    """)
    assert room.window(obs["agent_1"]) == _picture("""
        o..##
        .a.##
        ...##
        ..o##
        o..##
    """)


def test_the_own_cell_shows_a_dot_but_not_oneself(room):
    obs = room.env.get_obs(
        room.state("""
            ##.##
            #...#
            #.a.#
            #...#
            #...#
            #...#
            #####
        """)
    )
    assert room.window(obs["agent_0"]) == _picture("""
        ##.##
        #...#
        #.o.#
        #...#
        #...#
    """)


def test_a_second_agent_in_the_own_cell_hides_its_dot(room):
    obs = room.env.get_obs(
        room.state("""
            ##.##
            #...#
            #...#
            #.b.#
            #..o#
            #...#
            #####
        """)
    )
    for agent in ("agent_0", "agent_1"):
        assert room.window(obs[agent]) == _picture("""
            #...#
            #...#
            #.a.#
            #..o#
            #...#
        """)


def test_another_agent_hides_a_dot(room):
    obs = room.env.get_obs(
        room.state("""
            ##.##
            #...#
            #0d.#
            #...#
            #...#
            #...#
            #####
        """)
    )
    assert room.window(obs["agent_0"]) == _picture("""
        ###.#
        ##...
        ##.a.
        ##...
        ##...
    """)
    assert room.window(obs["agent_1"]) == _picture("""
        ##.##
        #...#
        #ao.#
        #...#
        #...#
    """)


def test_nobody_sees_further_than_two_cells(room):
    obs = room.env.get_obs(
        room.state("""
            ##.##
            #0.o#
            #...#
            #...#
            #..1#
            #o..#
            #####
        """)
    )
    assert room.window(obs["agent_0"]) == _picture("""
        ###.#
        ###.#
        ##..o
        ##...
        ##...
    """)


def test_from_the_corridor_into_the_room(room):
    obs = room.env.get_obs(
        room.state("""
            ##0##
            #o.o#
            #...#
            #..o#
            #...#
            #...#
            #####
        """)
    )
    assert room.window(obs["agent_0"]) == _picture("""
        ##.##
        ##.##
        ##.##
        #o.o#
        #...#
    """)


def test_the_hub_and_its_doors(hub):
    obs = hub.env.get_obs(
        hub.state("""
            ##.##
            #0.1#
            .....
            #2.3#
            ##.##
        """)
    )
    assert hub.window(obs["agent_0"]) == _picture("""
        ###.#
        ###.#
        ##..a
        .....
        ##a.a
    """)
    assert hub.window(obs["agent_3"]) == _picture("""
        a.a##
        .....
        a..##
        #.###
        #.###
    """)


def test_an_upright_and_a_lying_room_in_one_picture(draw):
    east = draw("paxmen-4", 0, (18, 28), parked=(19, 19), legend=CONTENTS)
    obs = east.env.get_obs(
        east.state("""
            ########
            ##o...o#
            ...0.o.#
            ##.1..o#
            ########
        """)
    )
    assert east.window(obs["agent_0"]) == _picture("""
        #####
        #o...
        ....o
        #.a..
        #####
    """)


def test_the_world_state_drawn(room):
    world = room.env.get_obs(
        room.state("""
            ##.##
            #o..#
            #.1.#
            #...#
            #a..#
            #..o#
            #####
        """)
    )["world_state"]
    # Before the southern room: 9 cells of the hub, 12 + 15 of the northern arm, a corridor of 4.
    start = 9 + 12 + 15 + 4
    expected = np.zeros(101, np.float32)
    expected[0] = 0.1  # the other two, in the hub's first cell
    expected[start : start + 15] = [1, 0, 0, 0, 0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 1]
    np.testing.assert_array_equal(world, expected)


@pytest.mark.parametrize(("name", "size"), list(zip(NAMES, (101, 140, 187), strict=True)))
def test_the_world_states_order(name, size, layout_of):
    """Agents crowded into each cell in turn, with a dot in each room cell but theirs."""
    env = paxmen.make(name)

    @jax.jit
    @jax.vmap
    def world_state(layout_id, positions, dots):
        return env.get_obs(env.make_state(layout_id, positions, dots, 0))["world_state"]

    for layout_id in range(4):
        layout = layout_of(env.num_agents, layout_id)
        cells = np.array(layout.cells)
        dots = np.zeros(env.grid(0).shape, bool)
        dots[tuple(np.concatenate(layout.rooms).T)] = True
        expected = np.tile(dots[tuple(cells.T)].astype(np.float32), (size, 1))
        np.fill_diagonal(expected, 0.1)
        world = world_state(
            np.full(size, layout_id, np.int32),
            np.repeat(cells[:, None], env.num_agents, axis=1).astype(np.int32),
            np.tile(dots, (size, 1, 1)),
        )
        np.testing.assert_array_equal(world, expected)


@pytest.mark.parametrize("name", NAMES)
def test_random_states_are_seen_as_in_plain_python(name, layout_of):
    env, batch = paxmen.make(name), 4 * 128
    rng = np.random.default_rng(0)
    layout_ids = np.arange(batch) % 4
    positions = np.zeros((batch, env.num_agents, 2), np.int32)
    dots = np.zeros((batch, *env.grid(0).shape), bool)
    for i, layout_id in enumerate(layout_ids):
        layout = layout_of(env.num_agents, layout_id)
        # The team within 30 successive cells, so that agents see one another.
        first = rng.integers(len(layout.cells) - 30)
        positions[i] = np.array(layout.cells)[rng.integers(first, first + 30, env.num_agents)]
        for room in layout.rooms:
            for cell in rng.permutation(room)[: rng.integers(16)]:
                dots[(i, *cell)] = True

    @jax.jit
    @jax.vmap
    def look(layout_id, positions, dots):
        state = env.make_state(layout_id, positions, dots, 0)
        return env.get_obs(state), observation.plain_views(env.config, state)

    obs, plain = jax.tree.map(np.asarray, look(layout_ids.astype(np.int32), positions, dots))
    for agent, seen in enumerate(np.moveaxis(plain, 1, 0)):
        np.testing.assert_array_equal(obs[f"agent_{agent}"], seen)
    for i, layout_id in enumerate(layout_ids):
        picture = np.full(dots[i].shape, -1, np.float32)
        picture[tuple(np.transpose(layout_of(env.num_agents, layout_id).cells))] = 0
        picture[dots[i]] = 1
        for agent, (row, col) in enumerate(positions[i]):
            seen = picture.copy()
            seen[tuple(np.delete(positions[i], agent, axis=0).T)] = 0.1
            window = seen[row - 2 : row + 3, col - 2 : col + 3]
            np.testing.assert_array_equal(obs[f"agent_{agent}"][i], window.ravel())


@pytest.mark.parametrize("name", NAMES)
def test_reset_and_step_return_what_get_obs_sees(name):
    env = paxmen.make(name)
    obs, state = env.reset(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, obs, env.get_obs(state))
    actions = {agent: jnp.int32(i % 4) for i, agent in enumerate(env.agents)}
    obs, state, *_ = env.step(jax.random.key(1), state, actions)
    jax.tree.map(np.testing.assert_array_equal, obs, env.get_obs(state))
