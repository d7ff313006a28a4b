"""JaxMARL's own wrappers drive the environments as they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper

import paxmen

pytestmark = pytest.mark.loose_promotion

BATCH = 3
KEYS = jax.random.split(jax.random.key(0), BATCH)


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


def test_the_rollout_manager(env):
    manager = CTRolloutManager(env, batch_size=BATCH)
    obs, state = manager.batch_reset(jax.random.key(0))
    # Its own preprocessing appends a one-hot agent number to what an agent sees.
    for i, agent in enumerate(env.agents):
        assert obs[agent].shape == (BATCH, 25 + 4)
        np.testing.assert_array_equal(obs[agent][:, 25:], np.tile(np.eye(4)[i], (BATCH, 1)))
    for step in range(3):
        actions = {agent: manager.batch_sample(jax.random.key(step), agent) for agent in env.agents}
        obs, state, rewards, dones, info = manager.batch_step(jax.random.key(step), state, actions)
    np.testing.assert_array_equal(state.step, [3] * BATCH)
    assert rewards["agent_0"].shape == dones["__all__"].shape == (BATCH,)
    np.testing.assert_allclose(rewards["__all__"], 4 * rewards["agent_0"], rtol=1e-6)
    assert info["truncated"].shape == (BATCH, 4)
    available = manager.get_valid_actions(state)
    assert available["agent_0"].shape == (BATCH, 5)


def test_the_log_wrapper(env):
    wrapped = LogWrapper(env)
    _, state = jax.vmap(wrapped.reset)(KEYS)
    moved = state.env_state.replace(step=jnp.array([97, 98, 0], jnp.int32))
    state = state.replace(env_state=moved)
    walk = {agent: jnp.zeros(BATCH, jnp.int32) for agent in env.agents}
    step = jax.jit(jax.vmap(wrapped.step))
    for _ in range(2):
        _, state, rewards, dones, info = step(KEYS, state, walk)
    np.testing.assert_allclose(rewards["agent_0"], [-0.1] * BATCH, rtol=1e-6)
    np.testing.assert_array_equal(dones["__all__"], [False, True, False])
    np.testing.assert_array_equal(state.env_state.step, [99, 0, 2])
    np.testing.assert_array_equal(info["returned_episode"], [[False] * 4, [True] * 4, [False] * 4])
    np.testing.assert_allclose(info["returned_episode_returns"][1], [-0.2] * 4, rtol=1e-6)
    np.testing.assert_array_equal(info["returned_episode_lengths"][1], [2] * 4)


def test_actions_of_shape_one(env):
    _, states = jax.vmap(env.reset)(KEYS)
    flat = {agent: jnp.full((BATCH,), i) for i, agent in enumerate(env.agents)}
    shaped = {agent: action[:, None] for agent, action in flat.items()}
    step = jax.vmap(env.step)
    jax.tree.map(
        np.testing.assert_array_equal, step(KEYS, states, flat), step(KEYS, states, shaped)
    )
