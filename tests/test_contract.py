"""What every environment of the packages keeps: JaxMARL's contract, and fixed shapes and dtypes.

A new environment is one more row of `ENVIRONMENTS`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments import spaces
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import paxmen

ENVIRONMENTS = [(paxmen.make, name) for name in paxmen.list_envs()]
KEY = jax.random.key(0)


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=lambda row: row[1])
def named(request):
    make, name = request.param
    return make(name), name


@pytest.fixture(scope="module")
def env(named):
    return named[0]


@pytest.fixture(scope="module")
def started(env):
    return env.reset(KEY)


@pytest.fixture(scope="module")
def actions(env):
    return {
        agent: env.action_space(agent).sample(jax.random.key(i))
        for i, agent in enumerate(env.agents)
    }


@pytest.fixture(scope="module")
def transition(env, started, actions):
    return env.step(KEY, started[1], actions)


def _shapes(tree):
    """The pytree with each array's shape and dtype; weakly typed arrays would compile anew."""
    return jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), tree)


def test_it_is_a_jaxmarl_environment(named):
    env, name = named
    assert isinstance(env, MultiAgentEnv)
    assert env.name == name
    assert env.agents == [f"agent_{i}" for i in range(env.num_agents)]


def test_agent_classes_partition_the_agents(env):
    listed = [agent for members in env.agent_classes.values() for agent in members]
    assert sorted(listed) == sorted(env.agents)


def test_spaces_are_jaxmarls_and_hold_what_is_seen(env, started, transition):
    for agent in env.agents:
        space = env.observation_space(agent)
        assert type(space) is spaces.Box
        assert type(env.action_space(agent)) in (spaces.Discrete, spaces.MultiDiscrete, spaces.Box)
        for obs in (started[0][agent], transition[0][agent]):
            assert obs.shape == space.shape
            assert obs.dtype == space.dtype == jnp.float32
            assert bool(np.all((space.low <= obs) & (obs <= space.high)))


def test_observations_have_every_agent_and_the_world_state(env, started):
    obs, _ = started
    assert set(obs) == {*env.agents, "world_state"}
    assert obs["world_state"].shape == (env.world_state_size(),)
    assert obs["world_state"].dtype == jnp.float32


def test_shapes_and_dtypes_stay_what_they_are(env, started, transition, actions):
    obs, state, _, _, _ = transition
    assert _shapes((obs, state)) == _shapes(started)
    assert _shapes(env.get_obs(state)) == _shapes(started[0])
    unreset = env.step_env(KEY, state, actions)
    assert _shapes(unreset) == _shapes(transition)
    assert _shapes(env.step(KEY, state, actions, started[1])) == _shapes(transition)


def test_nothing_is_wider_than_32_bits_or_weakly_typed(started, transition):
    for leaf in jax.tree.leaves((started, transition)):
        assert leaf.dtype.itemsize <= 4
        assert not leaf.weak_type


def test_rewards_and_dones(env, transition):
    _, state, rewards, dones, _ = transition
    assert set(rewards) == set(env.agents)
    assert set(dones) == {*env.agents, "__all__"}
    for reward in rewards.values():
        assert (reward.shape, reward.dtype) == ((), jnp.float32)
    for done in [*dones.values(), state.done]:
        assert (done.shape, done.dtype) == ((), jnp.bool_)
    assert (state.step.shape, state.step.dtype) == ((), jnp.int32)
    assert int(state.step) == 1


def test_info_tells_how_an_episode_ended(transition):
    info = transition[4]
    assert {"terminated", "truncated"} <= set(info)
    assert info["terminated"].dtype == info["truncated"].dtype == jnp.bool_


def test_available_actions(env, started):
    available = env.get_avail_actions(started[1])
    assert set(available) == set(env.agents)
    for agent, mask in available.items():
        space = env.action_space(agent)
        if isinstance(space, spaces.Discrete):
            assert (mask.shape, mask.dtype) == ((space.n,), jnp.bool_)
            assert mask.any()


def test_one_key_one_episode(env, started, transition, actions):
    again = env.reset(KEY)
    jax.tree.map(np.testing.assert_array_equal, again, started)
    jax.tree.map(np.testing.assert_array_equal, env.step(KEY, again[1], actions), transition)


def test_a_batch_has_one_more_axis(env, started, transition, actions):
    keys = jax.random.split(KEY, 2)
    obs, states = jax.vmap(env.reset)(keys)
    both = jax.tree.map(lambda x: jnp.stack([x, x]), actions)
    batch = jax.vmap(env.step)(keys, states, both)
    for many, one in (((obs, states), started), (batch, transition)):
        assert _shapes(jax.tree.map(lambda x: x[0], many)) == _shapes(one)
