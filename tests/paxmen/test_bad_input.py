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
