"""What the environment refuses, before it is traced, and how it says so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from paxmen.env import PaxMen

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


def test_an_unknown_name_lists_the_nearest_first():
    with pytest.raises(ValueError, match=r"'paxmen-7'.*paxmen-\d, paxmen-\d, paxmen-\d"):
        paxmen.make("paxmen-7")
    with pytest.raises(ValueError, match=r"valid: paxmen-5, "):
        paxmen.make("paxman5")


@pytest.mark.parametrize("count", [3, 7, 0, -4, "4", 4.5, None])
def test_an_unknown_number_of_agents(count):
    with pytest.raises(ValueError, match=rf"{count!r} agents; valid: 4, 5, 6"):
        PaxMen(count)


@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a: a.pop("agent_2"), ValueError, "no action for agent_2.*agent_0, agent_1"),
        (lambda a: a.update(agent_4=0), ValueError, "unknown agents agent_4.*agent_0, agent_1"),
        (lambda a: a.update(agent_1=jnp.zeros(2, int)), ValueError, r"agent_1 .*\(2,\)"),
        (lambda a: a.update(agent_1=jnp.zeros((1, 1), int)), ValueError, r"agent_1 .*\(1, 1\)"),
        (lambda a: a.update(agent_3=jnp.float32(1)), TypeError, "agent_3 .*float32"),
        (lambda a: a.update(agent_3=1.0), TypeError, "agent_3 .*float64"),
        (lambda a: a.update(agent_0=True), TypeError, "agent_0 .*bool"),
    ],
)
def test_bad_actions(env, change, error, message, jitted):
    _, state = env.reset(KEY)
    actions = {agent: jnp.int32(0) for agent in env.agents}
    change(actions)
    for method in (env.step, env.step_env):
        play = jax.jit(method) if jitted else method
        if jitted:  # what `jit` makes of a Python number is an array
            message = message.replace("float64", "float32")
        with pytest.raises(error, match=message):
            play(KEY, state, actions)


def test_actions_that_are_no_mapping(env):
    _, state = env.reset(KEY)
    with pytest.raises(TypeError, match="map agent names to integers, got list"):
        env.step(KEY, state, [0, 0, 0, 0])


HUB, NO_DOTS = np.full((4, 2), 20), np.zeros((41, 41), bool)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout_id": 4}, r"layout_id .*0\.\.3.* 4"),
        ({"layout_id": -1}, r"layout_id .*0\.\.3.* -1"),
        ({"agent_positions": np.full((4, 2), 3)}, "agent_0 .*row 3, column 3"),
        ({"agent_positions": np.full((4, 2), -20)}, "agent_0 .*row -20"),
        ({"agent_positions": HUB[:3]}, r"agent_positions .*\(4, 2\).*\(3, 2\)"),
        ({"dots_on_grid": ~NO_DOTS}, "row 0, column 0"),
        ({"dots_on_grid": NO_DOTS[1:]}, r"dots_on_grid .*\(41, 41\).*\(40, 41\)"),
        ({"step": np.zeros(2, int)}, r"step .*\(2,\)"),
        ({"step": -1}, r"step .*0\.\.100.* -1"),
        ({"step": 101}, r"step .*0\.\.100.* 101"),
    ],
)
def test_states_that_cannot_be(env, change, message):
    good = {"layout_id": 0, "agent_positions": HUB, "dots_on_grid": NO_DOTS, "step": 0}
    env.make_state(**good)
    with pytest.raises(ValueError, match=message):
        env.make_state(**good | change)


def test_a_dot_in_the_hub_cannot_be(env):
    dots = NO_DOTS.copy()
    dots[20, 20] = True
    with pytest.raises(ValueError, match="outside the rooms: row 20, column 20"):
        env.make_state(0, HUB, dots)


@pytest.mark.parametrize(
    "change",
    [{"layout_id": 1.0}, {"layout_id": True}, {"step": 2.5}, {"agent_positions": HUB + 0.5}],
    ids=str,
)
def test_contents_that_are_no_integers(env, change):
    good = {"layout_id": 0, "agent_positions": HUB, "dots_on_grid": NO_DOTS, "step": 0}
    with pytest.raises(TypeError, match=f"{next(iter(change))} must be of integers, got dtype"):
        env.make_state(**good | change)


@pytest.mark.parametrize("layout_id", [7, 4, -1])
def test_a_grid_that_there_is_not(env, layout_id):
    with pytest.raises(ValueError, match=rf"layout_id must be in 0\.\.3, got {layout_id}"):
        env.grid(layout_id)
    with pytest.raises(ValueError, match=rf"layout_id must be in 0\.\.3, got {layout_id}"):
        env.grid(jnp.int32(layout_id))


def test_a_grid_of_what_is_no_layout(env):
    with pytest.raises(TypeError, match="layout_id must be of integers, got dtype float"):
        env.grid(1.0)
    with pytest.raises(ValueError, match=r"layout_id must have shape \(\), got \(2,\)"):
        env.grid(jnp.zeros(2, int))


def test_what_is_known_is_refused_where_the_rest_is_traced(env):
    def make(positions):
        return env.make_state(7, positions, NO_DOTS)

    with pytest.raises(ValueError, match=r"layout_id must be in 0\.\.3, got 7"):
        jax.jit(make)(HUB)
    with pytest.raises(ValueError, match="a dot lies outside the rooms: row 0, column 0"):
        jax.jit(lambda positions: env.make_state(0, positions, ~NO_DOTS))(HUB)


def test_what_impossible_contents_mean_where_they_are_traced(env):
    """Layout 3's first cell is the hub's corner, row and column 19; its northern room is 6..10."""
    grids = jax.jit(jax.vmap(env.grid))(jnp.array([-1, 7]))
    np.testing.assert_array_equal(grids, [env.grid(0), env.grid(3)])
    positions = np.array([(20, 20), (3, 3), (-21, 20), (20, 61)])  # fine, a wall, outside twice
    dots = NO_DOTS.copy()
    dots[6, 20] = dots[20, 20] = True  # in a room, and in the hub
    states = jax.jit(env.make_state)(9, positions, dots, 500)
    assert env.agent_positions(states).tolist() == [[20, 20], [19, 19], [19, 19], [19, 19]]
    assert np.argwhere(env.dots_on_grid(states)).tolist() == [[6, 20]]
    assert (int(states.layout_id), int(states.step), bool(states.done)) == (3, 100, True)
    before = jax.jit(env.make_state)(-5, positions, dots, -3)
    assert (int(before.layout_id), int(before.step), bool(before.done)) == (0, 0, False)
