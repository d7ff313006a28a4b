"""The rules on boards drawn by hand, and against a slow second version in plain Python.

The drawn boards show two rooms of layout 0 of paxmen-4 (N12 S4 E8 W8): the southern one, whose
upper left wall is (25, 18), and the hub, drawn from (18, 18). Four agents that eat nothing
earn -0.1 together.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen

NAMES = ("paxmen-4", "paxmen-5", "paxmen-6")
NORTH, EAST, WEST = (4, 20), (20, 32), (20, 8)  # the middles of the other rooms
CONTENTS = {"A": "01", "B": "012", "C": "0123", "a": "0o", "b": "01o", "c": "012o", "d": "1o"}


@pytest.fixture(scope="module")
def room(draw):
    """The southern room; a dot in another keeps the dots from coming anew."""
    return draw("paxmen-4", 0, (25, 18), dots_elsewhere=(NORTH,), legend=CONTENTS)


@pytest.fixture(scope="module")
def last_room(draw):
    """The southern room, with no dot in any other."""
    return draw("paxmen-4", 0, (25, 18), legend=CONTENTS)


@pytest.fixture(scope="module")
def hub(draw):
    return draw("paxmen-4", 0, (18, 18), dots_elsewhere=(NORTH,), legend=CONTENTS)


# --- Moves ----------------------------------------------------------------------------------------


def test_each_action_moves_one_cell(hub):
    before = """
        ##.##
        #0.1#
        .....
        #2.3#
        ##.##
    """
    after = """
        ##.##
        #.01#
        .2...
        #.3.#
        ##.##
    """
    assert hub.play(before, ">^^<", after) == pytest.approx(-0.1)


def test_agents_leave_the_hub_on_all_sides(hub):
    before = """
        ##.##
        #.0.#
        .3.2.
        #.1.#
        ##.##
    """
    after = """
        ##0##
        #...#
        3...2
        #...#
        ##1##
    """
    assert hub.play(before, "^v><", after) == pytest.approx(-0.1)


def test_walls_stop_and_cost_what_a_move_costs(room):
    board = """
        ##.##
        #0.1#
        #...#
        #...#
        #...#
        #2.3#
        #####
    """
    assert room.play(board, "^^vv", board) == pytest.approx(-0.1)
    assert room.play(board, "<><>", board) == pytest.approx(-0.1)


def test_agents_swap_and_share_cells(room):
    before = """
        ##2##
        #...#
        #01.#
        #...#
        #..3#
        #...#
        #####
    """
    swapped = """
        ##2##
        #...#
        #10.#
        #...#
        #.3.#
        #...#
        #####
    """
    assert room.play(before, "><e<", swapped) == pytest.approx(-0.1)
    shared = """
        ##.##
        #.2.#
        #.A.#
        #...#
        #...#
        #..3#
        #####
    """
    assert room.play(before, ">evv", shared) == pytest.approx(-0.1)


def test_agents_in_one_cell_part_again(room):
    before = """
        ##.##
        #...#
        #.C.#
        #...#
        #...#
        #...#
        #####
    """
    after = """
        ##.##
        #.0.#
        #3.2#
        #.1.#
        #...#
        #...#
        #####
    """
    assert room.play(before, "^v><", after) == pytest.approx(-0.1)


# --- Eating ---------------------------------------------------------------------------------------


def test_an_eater_earns_one_and_pays_nothing(room):
    before = """
        ##.##
        #...#
        #.ao#
        #...#
        #...#
        #...#
        #####
    """
    after = """
        ##.##
        #...#
        #.0o#
        #...#
        #...#
        #...#
        #####
    """
    assert room.play(before, "e", after) == pytest.approx(1 - 3 * 0.025)


def test_nobody_eats_by_walking_or_from_the_next_cell(room):
    before = """
        ##.##
        #...#
        #ao.#
        #.1.#
        #...#
        #...#
        #####
    """
    after = """
        ##.##
        #...#
        #oa.#
        #.1.#
        #...#
        #...#
        #####
    """
    assert room.play(before, ">e", after) == pytest.approx(-0.1)


def test_two_agents_share_a_dot(room):
    before = """
        ##.##
        #...#
        #...#
        #.b.#
        #...#
        #..o#
        #####
    """
    after = """
        ##.##
        #...#
        #...#
        #.A.#
        #...#
        #..o#
        #####
    """
    assert room.play(before, "ee", after) == pytest.approx(2 * 0.5 - 2 * 0.025)


def test_three_agents_share_a_dot(room):
    before = """
        ##.##
        #...#
        #...#
        #...#
        #...#
        #c.3#
        #####
    """
    after = """
        ##.##
        #...#
        #...#
        #...#
        #...#
        #B3.#
        #####
    """
    assert room.play(before, "eee<", after) == pytest.approx(1 - 0.025)


def test_who_walks_in_in_this_step_does_not_share(room):
    before = """
        ##.##
        #...#
        #0d.#
        #...#
        #...#
        #...#
        #####
    """
    after = """
        ##.##
        #...#
        #.A.#
        #...#
        #...#
        #...#
        #####
    """
    assert room.play(before, ">e", after) == pytest.approx(1 - 3 * 0.025)


def test_two_dots_in_one_step(room):
    before = """
        ##.##
        #a..#
        #...#
        #..o#
        #...#
        #..d#
        #####
    """
    after = """
        ##.##
        #0..#
        #...#
        #..o#
        #...#
        #..1#
        #####
    """
    assert room.play(before, "ee", after) == pytest.approx(2 - 2 * 0.025)


def test_info_tells_each_agents_share(room):
    before = """
        ##.##
        #...#
        #...#
        #.b.#
        #2..#
        #...#
        #####
    """
    *_, info = room.env.step_env(jax.random.key(0), room.state(before), room.actions("eee"))
    np.testing.assert_array_equal(info["dots_eaten"], [0.5, 0.5, 0, 0])
    assert not info["respawned"].any()
    assert not info["terminated"].any()
    assert not info["truncated"].any()


@pytest.mark.parametrize(
    "action",
    [
        jnp.int32(-1),
        jnp.int32(5),
        jnp.int32(6),
        jnp.int32(2**31 - 1),
        jnp.int32(-(2**31)),
        jnp.uint8(255),
        jnp.uint32(2**32 - 1),
        jnp.int8(-128),
        -1,
        2**32,
        2**32 + 4,
        np.int64(-(2**63)),
    ],
    ids=repr,
)
def test_other_actions_do_nothing_and_pay(room, action):
    board = """
        ##.##
        #...#
        #.a.#
        #...#
        #...#
        #...#
        #####
    """
    actions = room.actions("") | {"agent_0": action}
    _, state, rewards, _, _ = room.env.step_env(jax.random.key(0), room.state(board), actions)
    assert room.picture(state, board) == "\n".join(board.split())
    assert float(rewards["agent_3"]) == pytest.approx(-0.1)


@pytest.mark.parametrize("dtype", [jnp.int8, jnp.uint8, jnp.int16, jnp.uint32], ids=str)
def test_any_integer_type_and_shape_one_will_do(hub, dtype):
    before = """
        ##.##
        #0.1#
        .....
        #2.3#
        ##.##
    """
    state = hub.state(before)
    actions = hub.actions("v><^")
    recast = {agent: action.astype(dtype)[None] for agent, action in actions.items()}
    usual, same = (hub.env.step_env(jax.random.key(0), state, a) for a in (actions, recast))
    jax.tree.map(np.testing.assert_array_equal, usual, same)


# --- New dots -------------------------------------------------------------------------------------

LAST_DOT = """
    ##.##
    #...#
    #.a.#
    #...#
    #...#
    #...#
    #####
"""


def test_after_the_last_dot_every_room_draws_three(last_room, layout_of):
    env = last_room.env
    _, state, rewards, dones, info = env.step_env(
        jax.random.key(0), last_room.state(LAST_DOT, step=7), last_room.actions("e")
    )
    dots = np.asarray(env.dots_on_grid(state))
    rooms = layout_of(4, 0).rooms
    assert [sum(dots[cell] for cell in room) for room in rooms] == [3, 3, 3, 3]
    assert dots.sum() == 12
    assert info["respawned"].all()
    assert float(rewards["agent_0"]) == pytest.approx(1 - 3 * 0.025)
    assert not dones["__all__"]
    assert (int(state.layout_id), int(state.step)) == (0, 8)
    np.testing.assert_array_equal(
        env.agent_positions(state), [(27, 20), (19, 19), (19, 19), (19, 19)]
    )


def test_new_dots_are_uniform_and_may_lie_under_an_agent(last_room):
    keys = jax.random.split(jax.random.key(1), 4096)
    state, actions = last_room.state(LAST_DOT), last_room.actions("e")

    @jax.jit
    @jax.vmap
    def room_after(key):
        after = last_room.env.step_env(key, state, actions)[1]
        return last_room.env.dots_on_grid(after)[26:31, 19:22]

    often = np.asarray(room_after(keys)).sum(axis=0)
    # Every cell holds a dot in a fifth of the draws: 819 of 4096, standard deviation 26.
    np.testing.assert_allclose(often, np.full((5, 3), 819.2), atol=5 * 26)


def test_one_dot_anywhere_keeps_the_rooms_as_they_are(room):
    _, state, _, _, info = room.env.step_env(
        jax.random.key(0), room.state(LAST_DOT), room.actions("e")
    )
    assert np.argwhere(np.asarray(room.env.dots_on_grid(state))).tolist() == [list(NORTH)]
    assert not info["respawned"].any()


# --- All counts and layouts, against plain Python -------------------------------------------------


def _plain_step(cells, positions, dots, actions):
    """The rules in dictionaries and loops: new positions, dots left, own rewards."""
    moves = {0: (-1, 0), 1: (1, 0), 2: (0, 1), 3: (0, -1)}
    after = []
    for (row, col), action in zip(positions, actions, strict=True):
        down, right = moves.get(action, (0, 0))
        target = row + down, col + right
        after.append(target if target in cells else (row, col))
    eaters = {dot: [] for dot in dots}
    for agent, (place, action) in enumerate(zip(after, actions, strict=True)):
        if action == 4 and place in eaters:
            eaters[place].append(agent)
    own = [-0.025] * len(positions)
    for at_dot in eaters.values():
        for agent in at_dot:
            own[agent] = 1 / len(at_dot)
    return after, {dot for dot, at_dot in eaters.items() if not at_dot}, own


@pytest.mark.parametrize("name", NAMES)
def test_random_states_step_as_in_plain_python(name, layout_of):
    env, batch = paxmen.make(name), 256
    rng = np.random.default_rng(0)
    layout_ids = np.arange(batch) % 4
    layouts = [layout_of(env.num_agents, layout_id) for layout_id in layout_ids]
    positions, dots = [], []
    actions = rng.choice([-1, 0, 1, 2, 3, 4, 4, 4, 4, 4, 5], (batch, env.num_agents))
    for index, layout in enumerate(layouts):
        # Few cells, so that agents meet: one room, its dots more often, and one cell anywhere.
        room, elsewhere = (layout.rooms[i] for i in rng.integers(env.num_agents, size=2))
        chosen = [room[i] for i in rng.choice(15, 3, replace=False)]
        places = [*chosen * 5, *room, layout.cells[rng.integers(len(layout.cells))]]
        positions.append([places[i] for i in rng.integers(len(places), size=env.num_agents)])
        dots.append({*chosen, elsewhere[0]} if index % 3 else {chosen[0]})
    on_grid = np.zeros((batch, *env.grid(0).shape), bool)
    for index, cells in enumerate(dots):
        on_grid[(index, *np.transpose(list(cells)))] = True

    @jax.jit
    @jax.vmap
    def play(layout_id, positions, dots, actions):
        state = env.make_state(layout_id, positions, dots, 0)
        actions = {agent: actions[i] for i, agent in enumerate(env.agents)}
        _, after, rewards, dones, info = env.step_env(jax.random.key(0), state, actions)
        return env.agent_positions(after), env.dots_on_grid(after), rewards, dones, info

    after, left, rewards, dones, info = jax.tree.map(
        np.asarray,
        play(
            layout_ids.astype(np.int32),
            np.array(positions, np.int32),
            on_grid,
            actions.astype(np.int32),
        ),
    )
    shared = 0
    for i in range(batch):
        places, remaining, own = _plain_step(
            set(layouts[i].cells), positions[i], dots[i], actions[i].tolist()
        )
        shared += any(0 < reward < 1 for reward in own)
        assert after[i].tolist() == [list(place) for place in places]
        assert info["respawned"][i].all() == (not remaining)
        if remaining:
            assert {tuple(cell) for cell in np.argwhere(left[i]).tolist()} == remaining
        for agent in env.agents:
            assert rewards[agent][i] == pytest.approx(sum(own), abs=1e-6)
        np.testing.assert_allclose(info["dots_eaten"][i], np.maximum(own, 0), rtol=1e-6)
    assert shared > 10, "the states must let agents share dots"
    assert 10 < info["respawned"].all(axis=1).sum() < batch / 2
    assert not dones["__all__"].any()
