"""Collecting: who decided what, in which state, and what it earned, with every answer known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete

from mars_demo.learning.distributions import Categorical
from mars_demo.learning.rollout import Viewer, collect, stagger, start
from mars_demo.learning.task import flat
from wrappers import AutoReset

E, T = 2, 9


class Clock(MultiAgentEnv):
    """Shows the step. Episodes are four steps; the second agent is done after two.

    It may act on all the same, as far as its mask says, and earns three where the first earns one.
    An episode comes to a true end where the first agent's last action is 1, else to a time limit.
    """

    def __init__(self):
        super().__init__(num_agents=2)
        self.observation_spaces = dict.fromkeys(self.agents, Box(0, 9, (1,), jnp.float32))
        self.action_spaces = dict.fromkeys(self.agents, Discrete(3))

    def reset(self, key):
        state = jnp.int32(0)
        return self.get_obs(state), state

    def step_env(self, key, state, actions):
        state = state + 1
        done = state >= 4
        dones = {"agent_0": done, "agent_1": state >= 2, "__all__": done}
        rewards = {"agent_0": jnp.float32(1.0), "agent_1": jnp.float32(3.0)}
        info = {"worth": state, "terminated": done & (actions["agent_0"] == 1)}
        return self.get_obs(state), state, rewards, dones, info

    def get_obs(self, state):
        return dict.fromkeys(self.agents, state[None].astype(jnp.float32))

    def get_avail_actions(self, state):
        return dict.fromkeys(self.agents, jnp.array([True, True, False]))


@pytest.fixture(scope="module")
def collected():
    """Where `T` steps of `E` environments end, and the transitions."""
    env = AutoReset(Clock())
    view = Viewer(env, Categorical(3), flat, flat, agent_id=True)

    def act(memory, seen, first):  # remembers when the episode began
        memory = jnp.where(first[:, None, None], 0.0, memory) + 1.0
        return memory, jnp.log(jnp.broadcast_to(jnp.array([0.25, 0.75, 0.0]), (E, 2, 3)))

    def score(reward, info):
        return info["worth"].astype(jnp.float32)

    @jax.jit
    def run(key):
        progress = start(env, view, jnp.full((E, 2, 1), 7.0), key)
        return collect(env, view, score, act, progress, key, T)

    return jax.device_get(run(jax.random.key(0)))


STEP = np.array([0, 1, 2, 3, 0, 1, 2, 3, 0])  # of the episode, before each of the T steps


def alike(column):
    """For all environments what is known of one."""
    return np.broadcast_to(np.asarray(column)[:, None], (T, E))


def test_what_was_seen_before_each_step(collected):
    _, rollout = collected
    expected = np.zeros((T, E, 2, 3), np.float32)
    expected[..., 0] = STEP[:, None, None]
    expected[..., 1:] = np.eye(2)  # who it is
    np.testing.assert_array_equal(rollout.view.features, expected)
    np.testing.assert_array_equal(rollout.view.world_state[..., 0], alike(STEP))
    np.testing.assert_array_equal(rollout.first, alike(STEP == 0))


def test_what_was_seen_after_it_and_before_a_reset(collected):
    _, rollout = collected
    np.testing.assert_array_equal(rollout.next_world_state[..., 1], alike(STEP + 1))
    np.testing.assert_array_equal(rollout.done, alike(STEP == 3))
    np.testing.assert_array_equal(rollout.terminated, rollout.done & (rollout.action[..., 0] == 1))
    assert 0 < rollout.terminated.sum() < rollout.done.sum()  # of both kinds there are some


def test_an_agent_that_is_done_decides_no_more_until_the_next_episode(collected):
    progress, rollout = collected
    np.testing.assert_array_equal(rollout.view.decides[..., 0], True)
    np.testing.assert_array_equal(rollout.view.decides[..., 1], alike(STEP < 2))
    assert not progress.gone.any()  # one step into the third episode


def test_totals_of_episodes(collected):
    progress, rollout = collected
    np.testing.assert_array_equal(rollout.reward, 2.0)  # the mean of one and three
    np.testing.assert_array_equal(rollout.episode.reward, alike(2.0 * (STEP + 1)))
    np.testing.assert_array_equal(rollout.episode.score, alike(np.array([1, 3, 6, 10])[STEP]))
    np.testing.assert_array_equal(rollout.episode.length, alike(STEP + 1))
    np.testing.assert_array_equal(progress.episode.length, 1)
    np.testing.assert_array_equal(progress.memory, 1.0)


def test_the_policy_that_acted(collected):
    _, rollout = collected
    assert rollout.action.shape == (T, E, 2)
    assert set(np.unique(rollout.action)) == {0, 1}  # 36 draws, none of what is masked
    expected = np.log([0.25, 0.75])[rollout.action]
    np.testing.assert_allclose(rollout.log_prob, expected, rtol=1e-6)


def test_staggered_environments_are_seen_where_they_stand():
    env = AutoReset(Clock())
    view = Viewer(env, Categorical(3), flat, flat, agent_id=False)

    @jax.jit
    def run(key):
        progress = start(env, view, jnp.zeros((64, 2, 0)), key)
        return stagger(env, view, progress, key, 3)  # shorter than an episode, so that none ends

    progress = jax.device_get(run(jax.random.key(0)))
    assert set(np.unique(progress.env_state)) == {0, 1, 2}
    np.testing.assert_array_equal(progress.view.world_state[:, 0], progress.env_state)
    np.testing.assert_array_equal(progress.view.features[:, 1, 0], progress.env_state)
    assert progress.first.all()


def test_the_critic_sees_all_observations_if_asked():
    obs = {"agent_0": jnp.array([1.0]), "agent_1": jnp.array([2.0])}
    encodings = (lambda x: 10 * x, lambda x: -x)  # of an observation, of the world state
    worlds = [
        Viewer(Clock(), Categorical(3), *encodings, agent_id=True, critic_observations=asked).world
        for asked in (False, True)
    ]
    state = {"world_state": jnp.array([7.0, 8.0])}
    assert [world(obs | state).tolist() for world in worlds] == [[-7, -8], [-7, -8, 10, 20]]
    assert [world(obs).tolist() for world in worlds] == [[-1, -2]] * 2, "they are the world state"
