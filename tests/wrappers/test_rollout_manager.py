"""The rollout manager: one reward for a team, and an episode's first observation is seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.spaces import Discrete
from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper

import aerojax
from wrappers import RolloutManager, WorldState

pytestmark = pytest.mark.loose_promotion

KEY = jax.random.key(0)


def shared(tally, **changes):
    """The game with a reward that the team shares, its teams told, and some `dones` replaced."""

    class Shared(type(tally)):
        teams = changes.get("teams", {"adders": ["agent_0", "agent_1"]})

        def step_env(self, key, state, actions):
            obs, state, rewards, dones, info = super().step_env(key, state, actions)
            rewards = dict.fromkeys(rewards, sum(rewards.values()))
            return obs, state, rewards, dones | changes.get("dones", {}), info

        def get_avail_actions(self, state):
            return dict.fromkeys(self.agents, jnp.arange(3) <= 2 - state.total)

    return Shared()


def step(manager, first, second):
    _, state = manager.batch_reset(KEY)
    actions = {"agent_0": jnp.array(first), "agent_1": jnp.array(second)}
    return manager.batch_step(KEY, state, actions)


def test_a_shared_reward_counts_once(tally):
    _, _, rewards, *_ = step(RolloutManager(shared(tally), 2), [1, 2], [2, 0])
    np.testing.assert_array_equal(rewards["__all__"], [3, 2])
    _, _, theirs, *_ = step(CTRolloutManager(shared(tally), 2), [1, 2], [2, 0])
    np.testing.assert_array_equal(theirs["__all__"], [6, 4])


def test_rewards_of_one_each_are_summed(tally):
    _, _, rewards, *_ = step(RolloutManager(tally, 2), [1, 2], [2, 0])
    np.testing.assert_array_equal(rewards["__all__"], [3, 2])


def over(tally):
    """The game in which every step ends the episode, seen from 7 upwards."""

    class Over(type(tally)):
        def step_env(self, key, state, actions):
            obs, state, rewards, dones, info = super().step_env(key, state, actions)
            return obs, state, rewards, dict.fromkeys(dones, jnp.bool_(True)), info

        def get_obs(self, state):
            return dict.fromkeys(self.agents, state.total[None] + 7.0)

    return Over()


def test_the_first_observation_after_a_reset_is_seen(tally):
    obs, *_ = step(RolloutManager(over(tally), 2), [1, 2], [2, 0])
    np.testing.assert_array_equal(obs["agent_1"], [[7, 0, 1], [7, 0, 1]])
    theirs, *_ = step(CTRolloutManager(over(tally), 2), [1, 2], [2, 0])
    np.testing.assert_array_equal(theirs["agent_1"], np.zeros((2, 3)))


def test_an_agent_that_left_sees_zeros(tally):
    gone = {"agent_0": jnp.bool_(True)}
    obs, *_ = step(RolloutManager(shared(tally, dones=gone), 2), [1, 2], [2, 0])
    np.testing.assert_array_equal(obs["agent_0"], np.zeros((2, 3)))
    np.testing.assert_array_equal(obs["agent_1"], [[3, 0, 1], [2, 0, 1]])


def test_the_environment_is_asked_for_its_world_state_and_actions(tally):
    manager = RolloutManager(WorldState(shared(tally)), 2)
    obs, state, *_ = step(manager, [1, 1], [1, 0])
    np.testing.assert_array_equal(obs["__all__"], [[2, 2], [1, 1]])
    masks = manager.get_valid_actions(state)
    np.testing.assert_array_equal(masks["agent_0"], [[1, 0, 0], [1, 1, 0]])


def test_a_smaller_choice_is_padded_at_its_end(tally):
    class Unlike(type(tally)):
        def __init__(self):
            super().__init__()
            self.action_spaces = {"agent_0": Discrete(3), "agent_1": Discrete(2)}

        def get_avail_actions(self, state):
            return {agent: jnp.ones(self.action_space(agent).n, bool) for agent in self.agents}

    manager = RolloutManager(Unlike(), 2)
    masks = manager.get_valid_actions(manager.batch_reset(KEY)[1])
    np.testing.assert_array_equal(masks["agent_0"], [[1, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(masks["agent_1"], [[1, 1, 0], [1, 1, 0]])


def test_without_masks_every_action_is_available(tally):
    class Unmasked(type(tally)):
        def get_avail_actions(self, state):
            raise NotImplementedError

    manager = RolloutManager(Unmasked(), 2)
    _, state = manager.batch_reset(KEY)
    np.testing.assert_array_equal(manager.get_valid_actions(state)["agent_1"], np.ones((2, 3)))


def test_agents_of_two_teams_share_no_reward(tally):
    rivals = shared(tally, teams={"red": ["agent_0"], "blue": ["agent_1"]})
    with pytest.raises(ValueError, match="of 2 teams, red, blue"):
        RolloutManager(rivals, 2)
    _, _, rewards, *_ = step(RolloutManager(rivals, 2, training_agents=["agent_1"]), [1, 2], [2, 0])
    np.testing.assert_array_equal(rewards["__all__"], [3, 2])


def test_it_goes_around_the_log_wrapper():
    manager = RolloutManager(LogWrapper(aerojax.make("identical_2_vs_2")), 2)
    shapes = jax.eval_shape(manager.batch_reset, KEY)
    assert shapes[0]["__all__"].shape == (2, manager.world_state_size())
    masks = jax.eval_shape(manager.get_valid_actions, shapes[1].env_state)
    assert masks["ally_1"].shape == (2, 45)
