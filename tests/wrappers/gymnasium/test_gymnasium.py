"""Gymnasium's own checker, and its own vector environment as the measure of ours."""

import copy
import pickle
import warnings
from functools import partial

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box, MultiDiscrete
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.utils import RunningMeanStd
from gymnasium.wrappers.vector import NormalizeObservation, NormalizeReward
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics
from packaging.version import Version

import aerojax
import paxmen
from wrappers import AutoReset, EpisodeStatistics, TimeLimit, to_gymnasium

LIMIT = 3


@pytest.fixture(scope="module")
def maze():
    return TimeLimit(paxmen.make("paxmen-4"), LIMIT)


@pytest.fixture
def limited(tally):
    """Ends by the rules at a total of 5, or is cut short after three steps."""
    return TimeLimit(tally, LIMIT)


@pytest.fixture
def strict_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*A Box observation space (min|max)imum value is")
        yield


@pytest.fixture
def registered(maze):
    name = "house/Maze-v0"
    make = partial(to_gymnasium, maze)
    gymnasium.register(name, entry_point=make, vector_entry_point=make)
    yield name
    del gymnasium.registry[name]


# --- One environment ----------------------------------------------------------------------------


@pytest.mark.usefixtures("strict_warnings")
def test_it_passes_the_check(registered, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = gymnasium.make(registered, render_mode="rgb_array")
    assert env.metadata["render_fps"] == 8
    check_env(env.unwrapped)


@pytest.mark.usefixtures("strict_warnings")
def test_it_passes_the_check_with_continuous_actions():
    env = TimeLimit(aerojax.make("1_vs_1", actions="continuous"), LIMIT)
    check_env(to_gymnasium(env), skip_render_check=True)


def test_spaces(maze):
    env = to_gymnasium(maze)
    assert env.observation_space == Box(-1.0, 1.0, (100,))
    assert env.action_space == MultiDiscrete([5] * 4)
    several = to_gymnasium(maze, num_envs=2)
    assert several.single_observation_space == env.observation_space
    assert several.single_action_space == env.action_space
    assert several.observation_space == Box(-1.0, 1.0, (2, 100))
    assert several.action_space == Box(0, 4, (2, 4), np.int64)


def test_an_episode(limited):
    env = to_gymnasium(limited)
    obs, info = env.reset(seed=0)
    np.testing.assert_array_equal(obs, np.zeros(2, np.float32))
    assert list(info) == ["action_mask"]
    np.testing.assert_array_equal(info["action_mask"], np.ones(6, np.int8))
    obs, reward, terminated, truncated, info = env.step([1, 2])
    np.testing.assert_array_equal(obs, [3, 3])
    assert (reward, terminated, truncated, info["win"]) == (1.5, False, False, False)
    obs, reward, terminated, truncated, info = env.step([0, 2])
    np.testing.assert_array_equal(obs, [5, 5])
    assert (reward, terminated, truncated, info["win"]) == (1.0, True, False, True)
    with pytest.raises(RuntimeError, match="call reset first"):
        env.step([0, 0])


def test_a_time_limit_truncates(limited):
    env = RecordEpisodeStatistics(to_gymnasium(limited))
    env.reset(seed=0)
    for moves in ([1, 0], [0, 0], [0, 2]):
        *_, terminated, truncated, info = env.step(np.array(moves))
    assert (terminated, truncated) == (False, True)
    assert (info["episode"]["r"], info["episode"]["l"]) == (1.5, 3)


def test_pictures_of_several(maze):
    env = to_gymnasium(maze, num_envs=2, render_mode="rgb_array")
    env.reset(seed=0)
    first, second = env.render()
    assert (first.ndim, first.dtype) == (3, np.uint8)
    assert (first != second).any()


# --- Many ---------------------------------------------------------------------------------------


def test_many_are_as_gymnasiums_own(limited):
    single = partial(to_gymnasium, limited)
    ours = to_gymnasium(limited, num_envs=2)
    measure = SyncVectorEnv([single] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    assert ours.metadata["autoreset_mode"] is measure.metadata["autoreset_mode"]
    assert data_equivalence(ours.reset(seed=7), measure.reset(seed=7), exact=True)
    measure.action_space.seed(0)
    done = []
    still = [np.zeros((2, 2), int)] * LIMIT  # both reach the time limit
    for actions in [*still, *(measure.action_space.sample() for _ in range(9))]:
        step = ours.step(actions)
        assert data_equivalence(step, measure.step(actions), exact=True)
        np.testing.assert_array_equal(
            ours._states.env_state.draw, [env._state.env_state.draw for env in measure.envs]
        )
        done.append(step[2] | step[3])
    assert {*np.sum(done, axis=1).tolist()} == {0, 1, 2}  # nobody, one of them, and both


def test_what_a_reset_hides(limited):
    env = to_gymnasium(limited, num_envs=2)
    env.reset(seed=0)
    _, _, _, _, infos = env.step(np.array([[2, 2], [0, 1]]))
    assert "final_obs" not in infos
    obs, rewards, terminated, truncated, infos = env.step(np.array([[1, 0], [0, 1]]))
    np.testing.assert_array_equal(obs, [[0, 0], [2, 2]])
    np.testing.assert_array_equal(rewards, [0.5, 0.5])
    np.testing.assert_array_equal(terminated, [True, False])
    np.testing.assert_array_equal(truncated, [False, False])
    np.testing.assert_array_equal(infos["final_obs"][0], [5, 5])
    assert infos["final_obs"][1] is None
    np.testing.assert_array_equal(infos["_final_obs"], [True, False])
    np.testing.assert_array_equal(infos["final_info"]["win"], [True, False])
    np.testing.assert_array_equal(infos["final_info"]["_win"], [True, False])
    np.testing.assert_array_equal(infos["_win"], [False, True])


def episodes_of_three(env, steps=6):
    """What `env` returns in each step of two episodes: three steps, each with a reward of −0.1."""
    env.reset(seed=0)
    still = np.zeros(env.action_space.shape, int)
    return [env.step(still) for _ in range(steps)]


def test_statistics_of_many_are_those_of_whole_episodes(maze):
    steps = episodes_of_three(to_gymnasium(EpisodeStatistics(maze), num_envs=2))
    np.testing.assert_allclose([rewards for _, rewards, *_ in steps], np.full((6, 2), -0.1), 1e-6)
    assert ["final_info" in infos for *_, infos in steps] == [False, False, True] * 2
    for last in (steps[2][-1]["final_info"], steps[5][-1]["final_info"]):
        np.testing.assert_allclose(last["returned_episode_returns"], np.full((2, 4), -0.3), 1e-6)
        np.testing.assert_array_equal(last["returned_episode_lengths"], np.full((2, 4), 3))


SAME_STEP_IS_RIGHT = Version(gymnasium.__version__) >= Version("1.4")  # as docs/clients.md says


def test_gymnasiums_own_statistics_of_many(maze):
    env = RecordVectorStatistics(to_gymnasium(maze, num_envs=2))
    episodes_of_three(env)
    later = (-0.3, 3) if SAME_STEP_IS_RIGHT else (-0.2, 2)
    np.testing.assert_allclose(env.return_queue, [-0.3, -0.3, later[0], later[0]], 1e-6)
    assert list(env.length_queue) == [3, 3, later[1], later[1]]


def test_gymnasiums_own_scale_of_rewards_of_many(maze):
    env = NormalizeReward(to_gymnasium(maze, num_envs=2), gamma=0.5)
    episodes_of_three(env)
    right = RunningMeanStd(shape=())
    for discounted in [-0.1, -0.15, -0.175] * 2:
        right.update(np.full(2, discounted))
    assert np.isclose(env.return_rms.var, right.var, 1e-4) == SAME_STEP_IS_RIGHT


def test_gymnasiums_scale_of_observations_refuses_many(maze):
    with pytest.raises((AssertionError, ValueError)):
        NormalizeObservation(to_gymnasium(maze, num_envs=2))


def test_our_statistics_outlive_the_episode(tally):
    env = to_gymnasium(EpisodeStatistics(tally), num_envs=1)
    env.reset(seed=0)
    for moves in ([2, 2], [1, 0], [0, 0]):
        *_, infos = env.step(np.array([moves]))
    np.testing.assert_array_equal(infos["returned_episode_lengths"], [[2, 2]])


def test_seeds_of_many(tally):
    def draws(seed):
        env = to_gymnasium(tally, num_envs=3)
        env.reset(seed=seed)
        return np.asarray(env._states.draw).tolist()

    assert draws(5) == draws([5, 6, 7])
    assert draws([5, None, 7])[::2] == draws(5)[::2]
    assert len({*draws(5), *draws(None)}) == 6


@pytest.mark.usefixtures("strict_warnings")
def test_its_registry_makes_many(registered):
    env = gymnasium.make_vec(registered, num_envs=2)
    assert type(env) is type(to_gymnasium(paxmen.make("paxmen-4"), num_envs=2))
    slow = gymnasium.make_vec(
        registered, num_envs=2, vectorization_mode="sync", vector_kwargs={"copy": False}
    )
    np.testing.assert_array_equal(env.reset(seed=3)[0], slow.reset(seed=3)[0])


def test_processes(maze):
    """Spawned, as a fork of a process that runs JAX can hang."""
    single = partial(to_gymnasium, maze)
    processes = AsyncVectorEnv([single] * 2, context="spawn")
    try:
        within = SyncVectorEnv([single] * 2)
        assert data_equivalence(processes.reset(seed=3), within.reset(seed=3), exact=True)
        actions = np.arange(8).reshape(2, 4) % 5
        assert data_equivalence(processes.step(actions), within.step(actions), exact=True)
    finally:
        processes.close()


# --- Several instances --------------------------------------------------------------------------


def test_a_second_instance_compiles_nothing_again(traced_tally):
    make, traces = traced_tally

    def play(num_envs, actions):
        env = to_gymnasium(make(), num_envs=num_envs)
        env.reset()
        env.step(actions)
        return len(traces)

    assert 0 < play(None, [0, 0]) == play(None, [0, 0])
    assert play(2, np.zeros((2, 2), int)) == play(2, np.zeros((2, 2), int))


@pytest.mark.parametrize("num_envs", [None, 2])
def test_it_pickles_and_copies_in_the_middle_of_an_episode(limited, num_envs):
    env = to_gymnasium(limited, num_envs=num_envs)
    env.reset(seed=1)
    actions = np.ones(env.action_space.shape, int)
    env.step(actions)
    twins = pickle.loads(pickle.dumps(env)), copy.deepcopy(env)
    after = env.step(actions)
    for twin in twins:
        assert data_equivalence(twin.step(actions), after, exact=True)


# --- What is refused ----------------------------------------------------------------------------


def test_wrong_arguments(tally, maze):
    for num_envs in (0, True, 2.0):
        with pytest.raises(ValueError, match=r"num_envs is .*; valid: a positive integer"):
            to_gymnasium(tally, num_envs=num_envs)
    with pytest.raises(ValueError, match="valid for several: None, 'rgb_array'"):
        to_gymnasium(maze, num_envs=2, render_mode="human")
    with pytest.raises(ValueError, match="Tally has no `scene`"):
        to_gymnasium(tally, render_mode="rgb_array")
    with pytest.raises(ValueError, match="AutoReset changes `step`"):
        to_gymnasium(AutoReset(tally), num_envs=2)


def test_wrong_calls(tally):
    env, many = to_gymnasium(tally), to_gymnasium(tally, num_envs=2)
    with pytest.raises(RuntimeError, match="call reset first"):
        many.step(np.zeros((2, 2), int))
    env.reset()
    with pytest.raises(ValueError, match=r"shape \(3,\), not \(2,\): those of agent_0, agent_1"):
        env.step([0, 0, 0])
    with pytest.raises(TypeError, match="the action is float64, not int32"):
        env.step([0.0, 0.0])
    with pytest.raises(ValueError, match="there are 3 seeds for 2 environments"):
        many.reset(seed=[1, 2, 3])
    with pytest.raises(ValueError, match="no reset_mask"):
        many.reset(options={"reset_mask": np.array([True, False])})


# --- Training -----------------------------------------------------------------------------------


def test_a_step_of_reinforce_learns_what_pays(tally):
    """Adding more pays more: from a uniform policy, one step up the gradient prefers to add 2."""
    env = to_gymnasium(tally, num_envs=16)
    env.action_space.seed(0)
    seen, _ = env.reset(seed=0)
    obs, chosen, paid = [], [], []
    for _ in range(8):
        actions = env.action_space.sample()
        obs.append(seen)
        seen, rewards, *_ = env.step(actions)
        chosen.append(actions)
        paid.append(rewards)

    def objective(weights):
        logits = jnp.einsum("teo,oam->team", jnp.stack(obs) / 9, weights["obs"])
        logits = logits + weights["bias"][None, None]
        log_probs = jax.nn.log_softmax(logits)
        taken = jnp.take_along_axis(log_probs, jnp.stack(chosen)[..., None], axis=-1).sum((2, 3))
        paid_more = jnp.asarray(np.array(paid) - np.mean(paid), jnp.float32)
        return jnp.mean(paid_more * taken)

    weights = jax.grad(objective)({"obs": jnp.zeros((2, 2, 3)), "bias": jnp.zeros((2, 3))})
    for bias in weights["bias"]:
        assert bias[2] > bias[1] > bias[0]
