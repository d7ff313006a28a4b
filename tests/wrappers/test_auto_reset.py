"""AutoReset: what the reset would hide, and nothing else changed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from wrappers import AutoReset


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


@pytest.fixture(scope="module")
def last_step(env):
    """The step that ends an episode, with and without the wrapper, from the same state."""
    _obs, state = env.reset(jax.random.key(0))
    state = state.replace(step=jnp.int32(env.max_steps - 1))
    actions = {agent: jnp.int32(4) for agent in env.agents}
    key = jax.random.key(1)
    wrapped = AutoReset(env).step(key, state, actions)
    bare = env.step_env(jax.random.split(key)[0], state, actions)
    return wrapped, bare


def test_the_final_observation_is_that_before_the_reset(last_step):
    (obs, state, _, dones, info), (final_obs, *_) = last_step
    assert dones["__all__"]
    assert int(state.step) == 0
    jax.tree.map(np.testing.assert_array_equal, info["final_observation"], final_obs)
    assert any(np.any(obs[a] != final_obs[a]) for a in obs)


def test_rewards_and_dones_belong_to_the_step(last_step):
    (_, _, rewards, dones, _), (_, _, bare_rewards, bare_dones, _) = last_step
    jax.tree.map(np.testing.assert_array_equal, rewards, bare_rewards)
    jax.tree.map(np.testing.assert_array_equal, dones, bare_dones)


def test_a_time_limit_is_a_truncation(last_step):
    info = last_step[0][4]
    assert (bool(info["terminated"]), bool(info["truncated"])) == (False, True)
    assert info["truncated"].shape == ()


def test_in_mid_episode_nothing_is_reset(env):
    wrapped = AutoReset(env)
    obs, state = wrapped.reset(jax.random.key(0))
    actions = {agent: jnp.int32(4) for agent in env.agents}
    obs, state, _, _, info = wrapped.step(jax.random.key(1), state, actions)
    assert int(state.step) == 1
    jax.tree.map(np.testing.assert_array_equal, info["final_observation"], obs)
    assert not info["terminated"]
    assert not info["truncated"]
