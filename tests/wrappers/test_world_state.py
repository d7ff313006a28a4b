"""World states: an environment's own, or all observations end to end."""

import jax
import numpy as np
import pytest

import paxmen
from wrappers import AgentId, AutoReset, WorldState


def test_observations_end_to_end(tally, play):
    env = AutoReset(WorldState(AgentId(tally)))
    (obs, *_, info), _ = play(env, [(1, 2), (2, 0)])
    np.testing.assert_array_equal(obs["world_state"], [3, 1, 0, 3, 0, 1])
    np.testing.assert_array_equal(info["final_observation"]["world_state"], [3, 1, 0, 3, 0, 1])
    assert env.world_state_size() == 6


def test_an_environments_own_is_kept():
    bare = paxmen.make("paxmen-4")
    env = WorldState(bare)
    obs, state = env.reset(jax.random.key(0))
    np.testing.assert_array_equal(obs["world_state"], bare.get_obs(state)["world_state"])
    assert env.world_state_size() == bare.world_state_size()


@pytest.mark.parametrize("wrapper", [AgentId, WorldState])
def test_what_agents_see_stays(tally, wrapper):
    obs, state = wrapper(tally).reset(jax.random.key(0))
    np.testing.assert_array_equal(obs["agent_0"][:1], tally.get_obs(state)["agent_0"])
