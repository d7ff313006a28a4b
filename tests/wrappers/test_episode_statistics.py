"""Statistics of episodes, worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from wrappers import AutoReset, EpisodeStatistics

# 1 + 2, then 2 + 0: won at 5 after two steps. Then 2 + 2 and 2 + 2: overshot at 8.
MOVES = [(1, 2), (2, 0), (2, 2), (2, 2), (0, 1)]


def told(seen, name):
    return np.array([step[4][name] for step in seen])


def test_totals_of_the_last_episode(tally, play):
    seen = play(AutoReset(EpisodeStatistics(tally)), MOVES)
    ended = [False, True, False, True, False]
    np.testing.assert_array_equal(told(seen, "returned_episode"), np.transpose([ended, ended]))
    returns = [[0, 0], [3, 2], [3, 2], [4, 4], [4, 4]]
    np.testing.assert_array_equal(told(seen, "returned_episode_returns"), returns)
    np.testing.assert_array_equal(told(seen, "returned_episode_lengths")[:, 0], [0, 2, 2, 2, 2])
    wins = [False, True, True, False, False]
    np.testing.assert_array_equal(told(seen, "returned_episode_success")[:, 1], wins)


def test_a_flag_says_that_none_has_ended(tally, play):
    seen = play(AutoReset(EpisodeStatistics(tally)), MOVES)
    flags = told(seen, "any_episode_returned")
    np.testing.assert_array_equal(flags[:, 0], [False, True, True, True, True])


def test_success_may_be_a_function(tally, play):
    def generous(rewards, info):
        return rewards["agent_0"] > 1

    seen = play(AutoReset(EpisodeStatistics(tally, success=generous)), MOVES)
    np.testing.assert_array_equal(
        told(seen, "returned_episode_success")[:, 0], [False, True, True, True, True]
    )


def test_no_success_is_made_up(tally, play):
    class Silent(type(tally)):
        def step_env(self, key, state, actions):
            obs, state, rewards, dones, _ = super().step_env(key, state, actions)
            return obs, state, rewards, dones, {}

    (*_, info), *_ = play(AutoReset(EpisodeStatistics(Silent())), MOVES[:1])
    assert "returned_episode_success" not in info
    assert "returned_episode_returns" in info


def test_plain_step_keeps_statistics_across_episodes(tally, play):
    seen = play(EpisodeStatistics(tally), MOVES)
    np.testing.assert_array_equal(told(seen, "returned_episode_returns")[-1], [4, 4])
    assert int(seen[-1][1].step) == 1


def test_shapes_and_dtypes(tally):
    env = EpisodeStatistics(tally)
    _, state = env.reset(jax.random.key(0))
    actions = dict.fromkeys(env.agents, jnp.int32(1))
    _, after, _, _, info = jax.eval_shape(env.step, jax.random.key(0), state, actions)
    described = {name: (x.shape, str(x.dtype)) for name, x in info.items()}
    assert described == {
        "win": ((), "bool"),
        "returned_episode": ((2,), "bool"),
        "returned_episode_returns": ((2,), "float32"),
        "returned_episode_lengths": ((2,), "int32"),
        "returned_episode_success": ((2,), "bool"),
        "any_episode_returned": ((2,), "bool"),
    }
    assert jax.tree.map(lambda x: x.shape, after) == jax.tree.map(jnp.shape, state)
