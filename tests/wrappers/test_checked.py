"""Checks: silent about what is right, and plain about what is not."""

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import checkify
from jax.experimental.checkify import JaxRuntimeError
from jaxmarl.environments.spaces import Box

import paxmen
from wrappers import AutoReset, Checked

KEY = jax.random.key(0)


def errors_of(env, first, second):
    """What the checks say of one step."""
    _, (_, state) = checkify.checkify(env.reset)(KEY)
    actions = {"agent_0": jnp.asarray(first), "agent_1": jnp.asarray(second)}
    error, _ = checkify.checkify(env.step_env)(KEY, state, actions)
    return error


def breaking(tally, **changes):
    """The game, with some entries of a step's `obs` or `rewards` replaced."""

    class Broken(type(tally)):
        def step_env(self, key, state, actions):
            obs, state, rewards, dones, info = super().step_env(key, state, actions)
            return (
                obs | changes.get("obs", {}),
                state,
                rewards | changes.get("rewards", {}),
                dones,
                info,
            )

    return Checked(Broken())


def test_a_sound_step_is_silent(tally):
    assert errors_of(Checked(tally), 1, 2).get() is None


@pytest.mark.parametrize("action", [-1, 3])
def test_an_action_outside_its_space(tally, action):
    error = errors_of(Checked(tally), 0, action)
    expected = f"Tally.step_env: the action of agent_1 is outside its space: {action}"
    assert error.get().startswith(expected)
    with pytest.raises(JaxRuntimeError, match="agent_1"):
        error.throw()


def test_an_observation_outside_its_space(tally):
    error = errors_of(breaking(tally, obs={"agent_0": jnp.array([10.0])}), 1, 1)
    assert "Broken.step_env: the observation of agent_0 is outside" in error.get()


def test_the_first_and_the_last_observation_of_an_episode_are_checked(tally):
    class Wide(type(tally)):
        def __init__(self, resets):
            super().__init__()
            self.resets = resets

        def reset(self, key):
            obs, state = super().reset(key)
            return {agent: x + 10.0 * self.resets for agent, x in obs.items()}, state

        def step_env(self, key, state, actions):
            obs, *rest = super().step_env(key, state, actions)
            return {agent: x + 10.0 * (not self.resets) for agent, x in obs.items()}, *rest

    error, _ = checkify.checkify(Checked(Wide(resets=True)).reset)(KEY)
    assert "Wide.reset: the observation of agent_0 is outside" in error.get()
    env = Checked(AutoReset(Wide(resets=False)))
    _, (_, state) = checkify.checkify(env.reset)(KEY)
    state = state.replace(total=jnp.int32(4))
    actions = dict.fromkeys(tally.agents, jnp.int32(1))
    error, (obs, *_) = checkify.checkify(env.step)(KEY, state, actions)
    assert bool(env.observation_space("agent_0").contains(obs["agent_0"]))  # that of the reset
    assert "Wide.step: the observation of agent_0 is outside" in error.get()


def test_what_is_not_finite(tally):
    error = errors_of(breaking(tally, rewards={"agent_1": jnp.float32(jnp.nan)}), 1, 1)
    assert "the reward of agent_1 is not finite" in error.get()
    tally.observation_spaces = dict.fromkeys(tally.agents, Box(-jnp.inf, jnp.inf, (1,)))
    error = errors_of(breaking(tally, obs={"world_state": jnp.array([jnp.inf])}), 1, 1)
    assert "the world state is not finite" in error.get()


def test_a_wrong_shape_is_an_error_of_tracing(tally):
    with pytest.raises(ValueError, match=r"observation of agent_1 has shape \(2,\), not \(1,\)"):
        errors_of(breaking(tally, obs={"agent_1": jnp.zeros(2)}), 1, 1)
    with pytest.raises(ValueError, match=r"reward of agent_0 has shape \(1,\), not \(\)"):
        errors_of(breaking(tally, rewards={"agent_0": jnp.zeros(1)}), 1, 1)


def test_under_vmap_one_bad_environment_is_enough():
    env = Checked(AutoReset(paxmen.make("paxmen-4")))
    keys = jax.random.split(KEY, 3)
    error, (_, state) = jax.jit(checkify.checkify(jax.vmap(env.reset)))(keys)
    assert error.get() is None
    step = jax.jit(checkify.checkify(jax.vmap(env.step)))
    actions = {agent: jnp.zeros(3, jnp.int32) for agent in env.agents}
    assert step(keys, state, actions)[0].get() is None
    bad = actions | {"agent_3": jnp.array([0, 7, 0], jnp.int32)}
    assert "paxmen-4.step: the action of agent_3" in step(keys, state, bad)[0].get()
