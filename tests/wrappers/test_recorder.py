"""Records of episodes: whole, the chosen ones, from the reset to the last state."""

import jax
import numpy as np
import pytest

import aerojax
import paxmen
from wrappers import AutoReset, EpisodeStatistics, Recorder, TimeLimit, check_scene

KEY = jax.random.key(0)
# Three episodes: totals 3, 5; 4, 8; 2, 4, 6. Then one more begins.
MOVES = [(1, 2), (2, 0), (2, 2), (2, 2), (1, 1), (1, 1), (1, 1), (0, 1)]


def totals(recording):
    return list(recording[0].total)


def test_the_last_episode_is_kept_whole(tally, play):
    env = AutoReset(Recorder(EpisodeStatistics(tally), max_steps=4))
    seen = play(env, MOVES)
    kept = [env.recording(step[1]) for step in seen]
    assert kept[0] is None
    assert [totals(k) for k in kept[1:]] == [
        *[[0, 3, 5]] * 2,
        *[[0, 4, 8]] * 3,
        *[[0, 2, 4, 6]] * 2,
    ]
    states, rewards = kept[-1]
    np.testing.assert_array_equal(rewards, [[1, 1]] * 3)
    np.testing.assert_array_equal(states.done, [False, False, False, True])
    assert len(set(states.draw.tolist())) == 1


def test_a_state_of_a_wrapper_around_it_will_do(tally, play):
    env = AutoReset(EpisodeStatistics(Recorder(tally, max_steps=4)))
    assert totals(env.recording(play(env, MOVES)[-1][1])) == [0, 2, 4, 6]


def test_only_chosen_episodes_are_kept(tally, play):
    env = AutoReset(Recorder(tally, max_steps=4, choose=lambda episode: episode == 1))
    kept = [env.recording(step[1]) for step in play(env, MOVES)]
    assert kept[:3] == [None] * 3
    assert [totals(k) for k in kept[3:]] == [[0, 4, 8]] * 5


def test_the_end_of_a_long_episode_is_cut(tally, play):
    env = Recorder(tally, max_steps=2)
    seen = play(env, [(1, 1), (1, 1), (1, 1)])
    states, rewards = env.recording(seen[-1][1])
    assert list(states.total) == [0, 2, 4]
    assert rewards.shape == (2, 2)
    assert [int(step[1].step) for step in seen[:2]] == [1, 2]
    _, longer, *_ = env.step_env(KEY, seen[1][1], dict.fromkeys(env.agents, 0))
    assert int(longer.step) == 3


@pytest.mark.parametrize(
    "bare",
    [paxmen.make("paxmen-4"), aerojax.make("identical_2_vs_2")],
    ids=lambda env: env.name,
)
def test_the_viewers_draw_a_record(bare):
    env = AutoReset(Recorder(TimeLimit(bare, 2), max_steps=2))
    _, state = env.reset(jax.random.key(0))
    actions = dict.fromkeys(env.agents, 4)
    for _ in range(2):
        _, state, *_ = env.step(jax.random.key(1), state, actions)
    states, rewards = env.recording(state)
    scene = env.scene(states, rewards.mean(axis=1), title="two steps")
    check_scene(scene)
    assert scene["title"] == "two steps"
    assert len(scene["frames"]) == 3


@pytest.mark.parametrize("steps", [0, 1.5, None])
def test_a_tape_has_a_length(tally, steps):
    with pytest.raises(ValueError, match="max_steps"):
        Recorder(tally, max_steps=steps)
