"""A pool of resets: those who are done start from it, and nobody else is touched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wrappers import AutoReset, EpisodeStatistics, PooledAutoReset, TimeLimit

KEY = jax.random.key(0)
BATCH, POOL = 4, 3


@pytest.fixture
def pooled(tally):
    return PooledAutoReset(EpisodeStatistics(tally), BATCH, POOL)


def move(first, second):
    return {"agent_0": jnp.array(first, jnp.int32), "agent_1": jnp.array(second, jnp.int32)}


def test_only_those_who_are_done_start_anew(pooled):
    _, state = pooled.reset(KEY)
    before = state.env_state.env_state.draw
    _, state, *_ = pooled.step(KEY, state, move([2, 1, 2, 0], [2, 1, 1, 0]))
    obs, state, rewards, dones, info = pooled.step(KEY, state, move([2, 1, 2, 0], [2, 1, 0, 1]))
    tally = state.env_state.env_state
    np.testing.assert_array_equal(dones["__all__"], [True, False, True, False])
    np.testing.assert_array_equal(tally.total, [0, 4, 0, 1])
    np.testing.assert_array_equal(obs["agent_0"][:, 0], [0, 4, 0, 1])
    np.testing.assert_array_equal(info["final_observation"]["agent_0"][:, 0], [8, 4, 5, 1])
    np.testing.assert_array_equal(info["terminated"], [True, False, True, False])
    np.testing.assert_array_equal(rewards["agent_1"], [2, 1, 0, 1])
    np.testing.assert_array_equal(info["returned_episode_returns"][:, 0], [4, 0, 4, 0])
    np.testing.assert_array_equal(tally.draw[jnp.array([1, 3])], before[jnp.array([1, 3])])
    pool = set(np.asarray(state.pool[1].env_state.draw).tolist())
    assert {float(tally.draw[0]), float(tally.draw[2])} <= pool


def test_statistics_outlive_a_reset(pooled):
    """Of each environment its own, in the steps after its episode's end."""
    _, state = pooled.reset(KEY)
    for moves in ([2, 1, 2, 0], [2, 1, 2, 0]), ([2, 1, 1, 0], [2, 1, 0, 1]), ([1] * 4, [0] * 4):
        _, state, _, _, info = pooled.step(KEY, state, move(*moves))
    np.testing.assert_array_equal(info["returned_episode"][:, 0], [False, True, False, False])
    returns = [[4, 4], [3, 2], [3, 2], [0, 0]]
    np.testing.assert_array_equal(info["returned_episode_returns"], returns)
    np.testing.assert_array_equal(info["any_episode_returned"][:, 1], [True, True, True, False])
    np.testing.assert_array_equal(state.env_state.running.length, [1, 0, 1, 3])


def test_each_environment_steps_and_starts_by_chance_of_its_own(tally):
    class Rolling(type(tally)):
        def step_env(self, key, state, actions):
            *rest, info = super().step_env(key, state, actions)
            return *rest, info | {"roll": jax.random.uniform(key)}

    pooled = PooledAutoReset(Rolling(), 16, POOL)
    _, state = pooled.reset(KEY)
    assert len(np.unique(state.env_state.draw)) == 16
    assert len(np.unique(state.pool[1].draw)) == POOL
    assert not np.intersect1d(state.env_state.draw, state.pool[1].draw).size
    still = dict.fromkeys(tally.agents, jnp.zeros(16, jnp.int32))
    *_, info = pooled.step(KEY, state, still)
    assert len(np.unique(info["roll"])) == 16


def test_every_state_of_the_pool_is_drawn(tally):
    pooled = PooledAutoReset(TimeLimit(tally, 1), 64, POOL)
    _, state = pooled.reset(KEY)
    nothing = dict.fromkeys(tally.agents, jnp.zeros(64, jnp.int32))
    _, state, *_ = pooled.step(KEY, state, nothing)
    drawn, pool = state.env_state.env_state.draw, state.pool[1].env_state.draw
    assert set(np.asarray(drawn).tolist()) == set(np.asarray(pool).tolist())


def test_a_refreshed_pool_is_another(pooled):
    _, state = pooled.reset(KEY)
    fresh = pooled.refresh(jax.random.key(7), state)
    jax.tree.map(np.testing.assert_array_equal, fresh.env_state, state.env_state)
    draws = [np.asarray(s.pool[1].env_state.draw) for s in (state, fresh)]
    assert draws[0].shape == draws[1].shape == (POOL,)
    assert not np.intersect1d(*draws).size


def test_it_tells_what_auto_reset_tells(tally, pooled):
    _, states = pooled.reset(KEY)
    alone = AutoReset(EpisodeStatistics(tally))
    one = jax.tree.map(lambda x: x[0], states.env_state)
    actions = dict.fromkeys(tally.agents, jnp.int32(1))
    expected = jax.eval_shape(alone.step, KEY, one, actions)
    many = dict.fromkeys(tally.agents, jnp.ones(BATCH, jnp.int32))
    obs, state, *rest = jax.eval_shape(pooled.step, KEY, states, many)
    shapes = jax.tree.map(lambda x: (BATCH, *x.shape), expected)
    assert jax.tree.map(lambda x: x.shape, (obs, state.env_state, *rest)) == shapes


@pytest.mark.parametrize("sizes", [(0, 2), (2, -1), (2, 2.5), (True, 2)])
def test_sizes_are_positive_integers(tally, sizes):
    with pytest.raises(ValueError, match=r"(num_envs|pool_size) is .*; valid: a positive integer"):
        PooledAutoReset(tally, *sizes)
