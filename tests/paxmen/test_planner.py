"""The full-information player: its first action on small situations, and what it eats.

Layout 0 of paxmen-4, on which the situations lie (N12 S4 E8 W8, hub rows and columns 19 to 21):

    north room   rows  2..6   columns 19..21     south room   rows 26..30  columns 19..21
    east room    rows 19..21  columns 30..34     west room    rows 19..21  columns  6..10
"""

from itertools import pairwise, permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from paxmen.planner import _share_out, plan

UP, DOWN, RIGHT, LEFT, EAT = range(5)
MIDDLES = [(4, 20), (28, 20), (20, 32), (20, 8)]  # north, south, east, west


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


@pytest.fixture(scope="module")
def planner(env):
    return jax.jit(lambda state: plan(env, state))


@pytest.fixture(scope="module")
def act(env, planner):
    """The team's actions on layout 0, given the agents' positions and the dots'."""

    def actions(agents, dots):
        grid = np.zeros((41, 41), bool)
        grid[tuple(np.transpose(dots))] = True
        chosen = planner(env.make_state(0, np.array(agents), grid))
        return [int(chosen[agent]) for agent in env.agents]

    return actions


def test_each_agent_leaves_the_hub_for_the_arm_before_it(act):
    assert act([(19, 20), (21, 20), (20, 21), (20, 19)], MIDDLES) == [UP, DOWN, RIGHT, LEFT]
    assert act([(20, 19), (20, 21), (21, 20), (19, 20)], MIDDLES) == [LEFT, RIGHT, DOWN, UP]


def test_the_one_nearest_to_the_longest_arm_takes_it(act):
    # The south is 4 away and the north 12: agent 0, a row further north, goes north although
    # agent 1 is as near to every other room.
    assert act([(19, 20), (20, 20), (20, 30), (20, 10)], MIDDLES)[:2] == [UP, DOWN]
    assert act([(20, 20), (19, 20), (20, 30), (20, 10)], MIDDLES)[:2] == [DOWN, UP]


def test_an_agent_on_its_dot_eats(act):
    assert act(MIDDLES, MIDDLES) == [EAT] * 4


def test_dots_are_eaten_in_the_shortest_order(act):
    others = [(4, 20), (28, 20), (20, 8)]
    # ......      columns 29..34, one row:
    # ...D..A.D   left first is 1 + 3 moves, right first 2 + 3.
    assert act([*MIDDLES], [*others, (20, 31), (20, 34)])[2] == LEFT
    # The two on the left side are 2 and 1 + 1 away, the one on the right 1: right first.
    assert act([*MIDDLES], [*others, (20, 30), (20, 31), (20, 33)])[2] == RIGHT


def test_an_agent_whose_room_is_empty_waits_beside_its_middle(act):
    rest = [(4, 20), (28, 20), (20, 8)]
    waiting = [(4, 20), (28, 20), (20, 31), (20, 8)]
    assert act(waiting, rest)[2] == EAT, "which costs what every idle action costs"
    assert act(MIDDLES, rest)[2] == LEFT


def test_agents_in_one_cell_part(act):
    assert sorted(act([(20, 20)] * 4, MIDDLES)) == [UP, DOWN, RIGHT, LEFT]


def _moves(env, layout_id, start):
    """Moves from a place to every other, by breadth-first search over the grid."""
    grid = np.asarray(env.grid(layout_id))
    moves, edge = {start: 0}, [start]
    for row, col in edge:
        for place in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            if grid[place] == 0 and place not in moves:
                moves[place] = moves[row, col] + 1
                edge.append(place)
    return moves


@pytest.fixture(scope="module")
def play():
    """Plays an episode; returns the first state, dots eaten (T,) and respawned (T,)."""

    def episode(env, key):
        _, first = env.reset(key)

        def step(state, key):
            _, state, _, _, info = env.step_env(key, state, plan(env, state))
            return state, (jnp.sum(info["dots_eaten"]), jnp.any(info["respawned"]))

        return first, jax.lax.scan(step, first, jax.random.split(key, env.max_steps))[1]

    batched = jax.jit(jax.vmap(episode, in_axes=(None, 0)), static_argnums=0)
    return lambda env, episodes: batched(env, jax.random.split(jax.random.key(7), episodes))


@pytest.fixture(scope="module")
def played(env, play):
    return play(env, 256)


def test_what_a_team_eats(play, played):
    dots = np.sum(played[1][0], axis=1)
    assert dots.mean() >= 100
    assert dots.min() >= 85
    dots = np.sum(play(paxmen.make("paxmen-6"), 64)[1][0], axis=1)
    assert dots.mean() >= 190


def test_the_first_round_is_as_short_as_one_room_an_agent_allows(env, played):
    """Steps to the first respawn, beside a plain search over all assignments and orders."""
    states, (_, respawned) = played
    for index in range(20):
        state = jax.tree.map(lambda x, index=index: x[index], states)
        assert np.argmax(respawned[index]) + 1 == _fewest_steps(env, state)


def _fewest_steps(env, state):
    """The last agent's steps, of the best way to share out the rooms and order their dots."""
    layout = int(state.layout_id)
    dots = [tuple(place) for place in np.argwhere(np.asarray(env.dots_on_grid(state))).tolist()]
    room_of = {
        place: room
        for room, (start, size) in enumerate(
            zip(env.maze.room_start[:, layout], env.maze.room_cells[:, layout], strict=True)
        )
        for place in map(tuple, env.maze.positions[layout, start : start + size].tolist())
    }
    rooms = [[dot for dot in dots if room_of[dot] == room] for room in range(len(state.dots))]
    rooms += [[]] * (env.num_agents - len(rooms))  # for agents that have none
    moves = {dot: _moves(env, layout, dot) for dot in dots}

    def tour(start, order):
        return sum(moves[dot][before] + 1 for before, dot in pairwise([start, *order]))

    cost = [
        [min(tour(tuple(place), order) for order in permutations(room)) for room in rooms]
        for place in env.agent_positions(state).tolist()
    ]
    assignments = permutations(range(len(rooms)), env.num_agents)
    return min(max(cost[i][room] for i, room in enumerate(rooms)) for rooms in assignments)


def test_a_batch_is_planned_like_one_state_at_a_time(env, planner, played):
    states = jax.tree.map(lambda x: x[:8], played[0])
    batched = jax.jit(jax.vmap(lambda state: plan(env, state)))(states)
    for index in range(8):
        alone = planner(jax.tree.map(lambda x, index=index: x[index], states))
        assert list(alone) == env.agents
        for agent, action in alone.items():
            assert (action.shape, action.dtype) == ((), jnp.int32)
            assert action == batched[agent][index]


# --- Any set of mazes -----------------------------------------------------------------------------

# A room with two doors, rooms beside one another, a loop.
DRAWN = """
    ##############
    #ooo..##..ooo#
    #ooo#.000.ooo#
    #ooo#.000#####
    #.###.###oooo#
    #........oooo#
    #######......#
    ##############
"""

UPSIDE_DOWN = "\n".join(reversed(DRAWN.splitlines()))  # where the first door is the far one


def _rounds(env, count, steps):
    """First states, and for each the steps to the last of their dots."""

    @jax.jit
    @jax.vmap
    def play(key):
        _, first = env.reset(key)

        def step(state, key):
            _, state, _, _, _ = env.step_env(key, state, plan(env, state))
            return state, jnp.all(state.dots == 0)

        return first, jax.lax.scan(step, first, jax.random.split(key, steps))[1]

    first, empty = play(jax.random.split(jax.random.key(5), count))
    assert empty.any(axis=1).all(), "all dots are eaten"
    return first, np.argmax(empty, axis=1) + 1


@pytest.mark.parametrize(
    ("num_agents", "mazes"),
    [
        (5, paxmen.generate_mazes(5, 4, 0, arms=3)),  # some agents have no room
        (4, paxmen.parse_mazes([DRAWN, UPSIDE_DOWN])),
    ],
    ids=["more agents than rooms", "drawn"],
)
def test_the_first_round_is_as_short_on_any_mazes(num_agents, mazes):
    env = paxmen.PaxMen(num_agents, mazes=mazes, respawn="never", dots_per_room=2)
    states, steps = _rounds(env, 12, 60)
    for index in range(12):
        state = jax.tree.map(lambda x, index=index: x[index], states)
        assert steps[index] == _fewest_steps(env, state)


def test_more_rooms_than_agents_are_all_visited():
    mazes = paxmen.generate_mazes(2, 4, 3, arms=5)
    _rounds(paxmen.PaxMen(2, mazes=mazes, respawn="never", dots_per_room=9), 4, 400)


def test_rooms_are_shared_out_as_a_search_over_all_does():
    rng = np.random.default_rng(0)
    share = jax.jit(_share_out)
    for agents, rooms in [(4, 4), (3, 5), (5, 3)] * 40:
        steps = (rng.integers(0, 12, (agents, rooms)) ** 2).astype(np.int32)
        has_dots = rng.random(rooms) < 0.7

        def rank(chosen, steps=steps, has_dots=has_dots, rooms=rooms):
            taken = [steps[i, room] for i, room in enumerate(chosen) if room < rooms]
            left_out = sum(has_dots[room] for room in range(rooms) if room not in chosen)
            return left_out, max(taken), sum(taken)

        places = range(max(agents, rooms))
        best = min(rank(chosen) for chosen in permutations(places, agents))
        chosen = share(steps, has_dots).tolist()
        assert len(set(chosen)) == agents
        assert rank(chosen) == best
