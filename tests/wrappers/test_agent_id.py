"""Agent ids: one-hot, behind what is seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.spaces import Box, Discrete

from wrappers import AgentId, AutoReset


def test_the_number_follows_what_is_seen(tally, play):
    (obs, *_, info), _ = play(AutoReset(AgentId(tally)), [(1, 2), (2, 0)])
    np.testing.assert_array_equal(obs["agent_0"], [3, 1, 0])
    np.testing.assert_array_equal(obs["agent_1"], [3, 0, 1])
    np.testing.assert_array_equal(info["final_observation"]["agent_1"], [3, 0, 1])


def test_the_space_grows_with_it(tally):
    env = AgentId(tally)
    space = env.observation_space("agent_1")
    np.testing.assert_array_equal(space.low, [0, 0, 0])
    np.testing.assert_array_equal(space.high, [9, 1, 1])
    assert (space.shape, space.dtype) == ((3,), jnp.float32)
    assert env.observation_spaces["agent_0"].shape == (3,)
    obs, state = env.reset(jax.random.key(0))
    assert bool(space.contains(obs["agent_1"]))
    np.testing.assert_array_equal(env.get_obs(state)["agent_0"], [0, 1, 0])


def test_the_dtype_stays(tally):
    seen = dict.fromkeys(tally.agents, jnp.zeros(1, jnp.float16))
    assert AgentId(tally).observe(seen)["agent_1"].dtype == jnp.float16


@pytest.mark.parametrize(
    ("space", "shown"),
    [
        (Box(0.0, 1.0, (5, 5, 3)), "Box (5, 5, 3) float32"),
        (Box(0, 9, (4,), jnp.int32), "Box (4,) int32"),
        (Discrete(4), "Discrete () int32"),
    ],
)
def test_only_vectors_of_numbers_can_be_extended(tally, space, shown):
    tally.observation_spaces["agent_1"] = space
    with pytest.raises(TypeError) as error:
        AgentId(tally)
    assert "agent_1" in str(error.value)
    assert shown.split()[0] in str(error.value)
    assert shown.split(maxsplit=1)[1].rsplit(" ", 1)[0] in str(error.value)
