"""The wrappers' ground: they stack, they are equal when made alike, and they pickle."""

import copy
import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import paxmen
from wrappers import (
    AgentId,
    AutoReset,
    EpisodeStatistics,
    PooledAutoReset,
    Recorder,
    TimeLimit,
    WorldState,
    Wrapper,
)

KEY = jax.random.key(0)
LIMIT = 3


def stack(env):
    """Every wrapper at once."""
    recorder = Recorder(WorldState(AgentId(TimeLimit(env, LIMIT))), max_steps=LIMIT)
    return AutoReset(EpisodeStatistics(recorder))


@pytest.fixture(scope="module")
def bare():
    return paxmen.make("paxmen-4")


@pytest.fixture(scope="module")
def env(bare):
    return stack(bare)


def still(env):
    return dict.fromkeys(env.agents, jnp.int32(4))


def test_a_wrapped_environment_is_a_jaxmarl_environment(env, bare):
    assert isinstance(env, MultiAgentEnv)
    assert (env.name, env.agents, env.num_agents) == (bare.name, bare.agents, 4)
    assert env.agent_classes == bare.agent_classes
    assert env.action_space("agent_0") is bare.action_space("agent_0")
    assert env.maze is bare.maze
    assert env.max_steps == LIMIT
    assert env.unwrapped is bare


def test_an_unknown_attribute_is_an_error_of_the_environment(env):
    with pytest.raises(AttributeError, match=r"PaxMen.*nothing_such"):
        _ = env.nothing_such


def test_views_of_a_state_reach_through_all_wrappers(env, bare):
    obs, state = env.reset(KEY)
    inner = env.env_state(state)
    assert bare.agent_positions(inner).shape == (4, 2)
    jax.tree.map(np.testing.assert_array_equal, env.get_obs(state), obs)
    jax.tree.map(
        np.testing.assert_array_equal,
        env.get_avail_actions(state),
        bare.get_avail_actions(inner),
    )


def test_the_wrappers_change_no_rule(env, bare):
    obs, state = env.reset(KEY)
    bare_obs, bare_state = bare.reset(KEY)
    key = jax.random.key(1)
    obs, state, rewards, dones, _ = env.step(key, state, still(env))
    step_key, _ = jax.random.split(key)
    bare_obs, bare_state, bare_rewards, bare_dones, _ = bare.step_env(
        step_key, bare_state, still(bare)
    )
    np.testing.assert_array_equal(obs["agent_2"][:25], bare_obs["agent_2"])
    jax.tree.map(np.testing.assert_array_equal, env.env_state(state), bare_state)
    jax.tree.map(np.testing.assert_array_equal, (rewards, dones), (bare_rewards, bare_dones))


def test_made_alike_they_are_equal(env, bare):
    assert env == stack(paxmen.make("paxmen-4"))
    assert hash(env) == hash(stack(paxmen.make("paxmen-4")))
    assert env != stack(paxmen.make("paxmen-5"))
    assert TimeLimit(bare, 3) != TimeLimit(bare, 4)
    assert AgentId(bare) != Wrapper(bare)
    assert PooledAutoReset(bare, 2, 3) == PooledAutoReset(bare, 2, 3)
    assert PooledAutoReset(bare, 2, 3) != PooledAutoReset(bare, 2, 4)


def test_a_second_instance_compiles_nothing_again(env):
    @chex.assert_max_traces(n=1)
    def reset(env, key):
        return env.reset(key)

    jitted = jax.jit(reset, static_argnums=0)
    jitted(env, KEY)
    jitted(stack(paxmen.make("paxmen-4")), KEY)


def test_they_pickle_and_copy(env):
    for twin in (pickle.loads(pickle.dumps(env)), copy.copy(env), copy.deepcopy(env)):
        assert twin == env
        assert hash(twin) == hash(env)
        assert twin.agents == env.agents


def test_they_show_what_they_are(bare):
    text = "AgentId(TimeLimit(PaxMen(num_agents=4), max_steps=3))"
    assert repr(AgentId(TimeLimit(bare, 3))) == text


def test_only_environments_can_be_wrapped():
    with pytest.raises(TypeError, match="AgentId wraps JaxMARL environments, not 'paxmen-4'"):
        AgentId("paxmen-4")


def test_raw_keys_are_keys(env):
    typed = env.reset(KEY)
    raw = env.reset(jax.random.key_data(KEY))
    jax.tree.map(np.testing.assert_array_equal, raw, typed)


def test_what_ones_own_wrapper_shows_is_not_looked_up_again(bare):
    """`get_obs` need not know what `step_env` does to observations, as noise, even in PaxMen."""

    class Brighter(Wrapper):
        def step_env(self, key, state, actions):
            obs, *rest = super().step_env(key, state, actions)
            return {agent: seen + 0.5 for agent, seen in obs.items()}, *rest

    _, state = bare.reset(KEY)
    plain = bare.step(KEY, state, still(bare))[0]["agent_0"]
    for env in (Brighter(bare), AutoReset(Brighter(bare)), AutoReset(TimeLimit(Brighter(bare), 9))):
        _, state = env.reset(KEY)
        obs = env.step(KEY, state, still(env))[0]
        np.testing.assert_array_equal(obs["agent_0"], plain + 0.5)


def test_observations_that_can_be_looked_up_are_not_carried(bare, env):
    assert bare.pure_observations
    assert env.pure_observations
    assert not AutoReset(Wrapper(bare)).pure_observations


def test_step_without_auto_reset_resets_too(bare):
    env = TimeLimit(bare, 1)
    _, state = env.reset(KEY)
    obs, after, _, dones, _ = env.step(jax.random.key(5), state, still(env))
    assert dones["__all__"]
    fresh_obs, fresh = env.reset(jax.random.split(jax.random.key(5))[1])
    jax.tree.map(np.testing.assert_array_equal, (obs, after), (fresh_obs, fresh))
    given_obs, given, *_ = env.step(jax.random.key(5), state, still(env), state)
    jax.tree.map(np.testing.assert_array_equal, (given_obs, given), (env.get_obs(state), state))
