"""What every environment of the packages keeps: JaxMARL's contract, and fixed shapes and dtypes.

A new environment is one more row of `ENVIRONMENTS`. Most tests look at shapes and dtypes only, for
which nothing need be compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments import spaces
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import aerojax
import paxmen
from wrappers import AutoReset, EpisodeStatistics, find_problems


class Row(NamedTuple):
    """How an environment is made, and the agents that it should have."""

    make: Callable[..., MultiAgentEnv]
    name: str
    agents: list[str]
    options: dict[str, Any]

    def __str__(self) -> str:
        return " ".join([self.name, *(str(value).split("(")[0] for value in self.options.values())])


def _numbered(team, count):
    return [f"{team}_{i}" for i in range(count)]


def _maze(name, **options):
    agents = int(name.removesuffix("-heldout").rpartition("-")[2])
    return Row(paxmen.make, name, _numbered("agent", agents), options)


def _aircraft(name, allies, enemies=0, **options):
    agents = _numbered("ally", allies) + _numbered("enemy", enemies)
    return Row(aerojax.make, name, agents, options)


CHANCE = {"stochastic_sensors": True, "stochastic_guns": True, "link_dropout": 0.1}
WORLDS = aerojax.Variation(num_allies=(1, 2), mass=(0.9, 1.1), wind=(0.0, 20.0), noise=50.0)
ENVIRONMENTS = [
    *(_maze(name) for name in ("paxmen-4", "paxmen-5", "paxmen-6", "paxmen-generated-8-heldout")),
    _maze("paxmen-generated-4", view=7, dots_per_room=2, shared_reward=False, respawn="room"),
    _aircraft("1_vs_1", 1, 1, opponents="selfplay", actions="continuous", control="direct"),
    _aircraft("waypoint_5", 5),
    _aircraft("hide_and_seek_4_vs_2", 4),
    _aircraft("escort_4_vs_3", 4, 3, opponents="selfplay", **CHANCE),
    _aircraft("search_4", 4, actions="continuous"),
    _aircraft("identical_2_vs_2", 2, variation=WORLDS),
]
# The public conformance test finds nothing in any of them; playing takes seconds each.
ALWAYS_EXAMINED = ("paxmen-4", "1_vs_1")
EXAMINED = [
    pytest.param(row, id=str(row), marks=() if row.name in ALWAYS_EXAMINED else pytest.mark.slow)
    for row in ENVIRONMENTS
]
KEY = jax.random.key(0)


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=str)
def row(request):
    return request.param


@pytest.fixture(scope="module")
def env(row):
    return row.make(row.name, **row.options)


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


def _traced(function, *args):
    return _shapes(jax.eval_shape(function, *args))


def test_it_is_a_jaxmarl_environment(env, row):
    assert isinstance(env, MultiAgentEnv)
    assert env.name.removesuffix("*") == row.name
    assert env.agents == row.agents
    assert env.num_agents == len(row.agents)


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
    assert _traced(env.get_obs, state) == _shapes(started[0])
    assert _traced(env.step_env, KEY, state, actions) == _shapes(transition)
    assert _traced(env.step, KEY, state, actions, started[1]) == _shapes(transition)


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
    states, both = jax.tree.map(lambda x: jnp.stack([x, x]), (started[1], actions))
    wider = jax.tree.map(lambda x: (2, *x.shape), (started, transition))
    batches = (
        jax.eval_shape(jax.vmap(env.reset), keys),
        jax.eval_shape(jax.vmap(env.step), keys, states, both),
    )
    assert jax.tree.map(lambda x: x.shape, batches) == wider


@pytest.mark.parametrize("examined", EXAMINED)
def test_the_conformance_test_finds_no_problems(examined):
    assert find_problems(examined.make(examined.name, **examined.options)) == []


@pytest.mark.slow
@pytest.mark.parametrize("examined", EXAMINED)
def test_nor_does_it_in_wrappers(examined):
    env = examined.make(examined.name, **examined.options)
    assert find_problems(AutoReset(EpisodeStatistics(env))) == []
