"""PettingZoo's own tests, and an episode worked out by hand."""

import copy
import pickle
import warnings

import gymnasium
import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import pettingzoo
import pytest
from flax import struct
from gymnasium.utils.env_checker import data_equivalence
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Dict, Discrete, MultiDiscrete
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test
from pettingzoo.utils import parallel_to_aec

import aerojax
import paxmen
from wrappers import AgentId, AutoReset, EpisodeStatistics, TimeLimit, to_pettingzoo
from wrappers.gymnasium.spaces_and_seeds import gym_space

LIMIT = 5


@struct.dataclass
class RelayState:
    step: jax.Array
    heard: jax.Array
    done: jax.Array


class Relay(MultiAgentEnv):
    """Agent i falls out after step i + 1, and the episode is cut short after step 3.

    Each agent has another kind of action. All see the step and what agent_0 was heard to do;
    once out it may only do 2, which is not the first of its actions.
    """

    def __init__(self):
        super().__init__(num_agents=3)
        seen = Box(0.0, 9.0, (2,))
        self.observation_spaces = {"agent_0": seen, "agent_1": seen}
        self.observation_spaces["agent_2"] = Box(0, 9, (1, 2), jnp.uint8)
        kinds = Discrete(3), MultiDiscrete([2, 4]), Box(1.0, 2.0, (2,))
        self.action_spaces = dict(zip(self.agents, kinds, strict=True))

    def reset(self, key):
        state = RelayState(jnp.int32(0), jnp.int32(9), jnp.bool_(False))
        return self.get_obs(state), state

    def step_env(self, key, state, actions):
        step = state.step + 1
        over = step >= 3
        state = RelayState(step, actions["agent_0"], over)
        rewards = {
            "agent_0": jnp.float32(1.0),
            "agent_1": actions["agent_1"][1].astype(jnp.float32),
            "agent_2": actions["agent_2"].sum(),
        }
        dones = {agent: over | (step > i) for i, agent in enumerate(self.agents)}
        info = {
            "terminated": jnp.zeros(3, bool),
            "rank": jnp.arange(3),
            "deep": {"step": step},
            "pair": jnp.zeros(2),
        }
        return self.get_obs(state), state, rewards, dones | {"__all__": over}, info

    def get_obs(self, state):
        seen = jnp.stack([state.step, state.heard])
        obs = {agent: seen.astype(jnp.float32) for agent in self.agents[:2]}
        return obs | {"agent_2": seen[None].astype(jnp.uint8), "world_state": jnp.ones(4)}

    def get_avail_actions(self, state):
        free = (state.step < 1) | (jnp.arange(3) == 2)
        return {"agent_0": free, "agent_1": jnp.ones(6, bool), "agent_2": jnp.ones(2, bool)}


MOVES = {"agent_0": 1, "agent_1": np.array([1, 3]), "agent_2": np.array([1.5, 2.0])}


@pytest.fixture(scope="module")
def maze():
    return TimeLimit(paxmen.make("paxmen-4"), LIMIT)


@pytest.fixture
def strict_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for harmless in (
            "Agent's (min|max)imum observation",  # is infinite
            "Observation numpy array is all zeros",
            "Action space for each agent probably should be",  # no MultiDiscrete
            "(Agents|Observations) have different",  # sizes, which Relay has on purpose
        ):
            warnings.filterwarnings("ignore", harmless)
        yield


@pytest.fixture
def headless(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


# --- PettingZoo's tests -------------------------------------------------------------------------


def run_its_tests(env):
    parallel_api_test(to_pettingzoo(env), num_cycles=3 * LIMIT)
    parallel_seed_test(lambda: to_pettingzoo(env), num_cycles=LIMIT)
    api_test(parallel_to_aec(to_pettingzoo(env)), num_cycles=3 * LIMIT)


@pytest.mark.usefixtures("strict_warnings")
def test_it_passes_with_a_wrapped_environment(maze):
    run_its_tests(EpisodeStatistics(AgentId(maze)))


@pytest.mark.usefixtures("strict_warnings")
def test_it_passes_with_two_teams_and_continuous_actions():
    env = aerojax.make("1_vs_1", opponents="selfplay", actions="continuous")
    run_its_tests(TimeLimit(env, LIMIT))


@pytest.mark.usefixtures("strict_warnings")
def test_it_passes_with_agents_that_fall_out():
    run_its_tests(Relay())


@pytest.mark.loose_promotion
@pytest.mark.usefixtures("strict_warnings")
def test_it_passes_with_an_environment_of_jaxmarls():
    env = jaxmarl.make("MPE_simple_spread_v3", max_steps=LIMIT)
    run_its_tests(env)
    _, infos = to_pettingzoo(env).reset(seed=0)
    assert infos == {agent: {} for agent in env.agents}  # it tells of no mask


@pytest.mark.usefixtures("strict_warnings", "headless")
def test_it_passes_the_render_test(maze):
    render_test(lambda render_mode: parallel_to_aec(to_pettingzoo(maze, render_mode=render_mode)))


@pytest.mark.usefixtures("strict_warnings")
def test_its_registry_makes_what_is_registered(maze):
    def make_parallel(**options):
        return to_pettingzoo(maze, **options)

    def make_aec(**options):
        return parallel_to_aec(to_pettingzoo(maze, **options))

    pettingzoo.register("parallel", "house/Maze-v0", make_parallel)
    pettingzoo.register("aec", "house/Maze-v0", make_aec)
    try:
        env = pettingzoo.make("parallel", "house/Maze-v0", render_mode="rgb_array")
        assert env.render_mode == "rgb_array"
        assert str(pettingzoo.make("aec", "house/Maze-v0")) == "paxmen-4"
    finally:
        del pettingzoo.parallel_registry["house/Maze-v0"]
        del pettingzoo.aec_registry["house/Maze-v0"]


# --- An episode by hand -------------------------------------------------------------------------


def test_spaces():
    env = to_pettingzoo(Relay())
    assert env.observation_space("agent_2") == gymnasium.spaces.Box(0, 9, (1, 2), np.uint8)
    assert env.action_space("agent_0") == gymnasium.spaces.Discrete(3)
    assert env.action_space("agent_1") == gymnasium.spaces.MultiDiscrete([2, 4])
    assert env.action_space("agent_2") == gymnasium.spaces.Box(1.0, 2.0, (2,))
    assert env.state_space == gymnasium.spaces.Box(-np.inf, np.inf, (4,))
    assert env.metadata == {"name": "Relay", "render_modes": [], "is_parallelizable": True}


def test_agents_fall_out_one_by_one():
    env = to_pettingzoo(Relay())
    obs, infos = env.reset(seed=0)
    everyone = ["agent_0", "agent_1", "agent_2"]
    assert env.agents == everyone
    np.testing.assert_array_equal(obs["agent_2"], [[0, 9]])
    np.testing.assert_array_equal(infos["agent_0"]["action_mask"], [1, 1, 1])
    assert infos["agent_0"]["action_mask"].dtype == np.int8
    assert infos["agent_1"] == infos["agent_2"] == {}

    obs, rewards, terminations, truncations, infos = env.step(MOVES)
    assert list(obs) == list(infos) == everyone
    assert rewards == {"agent_0": 1.0, "agent_1": 3.0, "agent_2": 3.5}
    assert terminations == {"agent_0": True, "agent_1": False, "agent_2": False}
    assert truncations == dict.fromkeys(everyone, False)
    np.testing.assert_array_equal(obs["agent_1"], np.array([1, 1], np.float32))
    assert (infos["agent_1"]["rank"], infos["agent_1"]["deep"]["step"]) == (1, 1)
    assert infos["agent_1"]["pair"].shape == (2,)
    assert env.agents == ["agent_1", "agent_2"]

    # Now agent_0's action is the only one available to it, whatever is passed.
    obs, rewards, terminations, truncations, _ = env.step(MOVES)
    assert list(rewards) == ["agent_1", "agent_2"]
    np.testing.assert_array_equal(obs["agent_1"], [2, 2])
    assert terminations == {"agent_1": True, "agent_2": False}
    assert env.agents == ["agent_2"]

    obs, _, terminations, truncations, _ = env.step({"agent_2": MOVES["agent_2"]})
    assert (terminations, truncations) == ({"agent_2": False}, {"agent_2": True})
    assert obs["agent_2"].dtype == np.uint8
    np.testing.assert_array_equal(env.state(), [1, 1, 1, 1])
    assert env.agents == []


def test_nobody_steps_outside_an_episode(tally):
    env = to_pettingzoo(tally)
    with pytest.raises(RuntimeError, match="call reset first"):
        env.step({})
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 2))
    env.step(dict.fromkeys(env.agents, 2))
    with pytest.raises(RuntimeError, match="call reset first"):
        env.step(dict.fromkeys(tally.agents, 2))
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_a_true_end_terminates(tally):
    env = to_pettingzoo(tally)
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 2))
    _, _, terminations, truncations, infos = env.step({"agent_0": 0, "agent_1": 1})
    assert set(terminations.values()) == {True}
    assert set(truncations.values()) == {False}
    assert infos["agent_0"]["win"]


def test_a_seed_is_a_key(tally):
    def draw(env, seed=None):
        env.reset(seed=seed)
        return float(env._state.draw)

    env, other = to_pettingzoo(tally), to_pettingzoo(tally)
    _, reset_key = jax.random.split(jax.random.key(3))
    episodes = [draw(env, 3), draw(env), draw(env)]
    assert episodes[0] == float(tally.reset(reset_key)[1].draw)
    assert len(set(episodes)) == 3
    assert [draw(other, 3), draw(other), draw(other)] == episodes
    assert draw(to_pettingzoo(tally)) != draw(to_pettingzoo(tally))


def test_pictures(maze):
    env = to_pettingzoo(TimeLimit(maze, 2), render_mode="rgb_array")
    assert env.metadata["render_modes"] == ["human", "rgb_array"]
    assert env.metadata["render_fps"] == 8
    env.reset(seed=0)
    before = env.render()
    assert (before.ndim, before.shape[2], before.dtype) == (3, 3, np.uint8)
    env.step(dict.fromkeys(env.agents, 4))
    assert (env.render() != before).any()  # the time in the picture, at least


# --- Several instances --------------------------------------------------------------------------


def test_a_second_instance_compiles_nothing_again(traced_tally):
    make, traces = traced_tally

    def play():
        env = to_pettingzoo(make())
        env.reset()
        env.step(dict.fromkeys(env.agents, 0))
        return len(traces)

    assert 0 < play() == play()


def test_it_pickles_and_copies_in_the_middle_of_an_episode(maze):
    env = to_pettingzoo(maze)
    env.reset(seed=1)
    still = dict.fromkeys(env.agents, 4)
    env.step(still)
    twins = pickle.loads(pickle.dumps(env)), copy.deepcopy(env)
    after = env.step(still)
    for twin in twins:
        assert data_equivalence(twin.step(still), after, exact=True)


@pytest.mark.usefixtures("x64")
def test_under_x64(tally):
    env = to_pettingzoo(tally)
    obs, _ = env.reset(seed=0)
    obs, *_ = env.step(dict.fromkeys(env.agents, 1))
    assert obs["agent_0"].dtype == np.float32
    np.testing.assert_array_equal(obs["agent_0"], [2.0])


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"agent_1": None}, ValueError, "no action of agent_1; there are those of .'agent_0', "),
        ({"agent_9": 1}, ValueError, "action of 'agent_9'; valid: agent_0, agent_1, agent_2"),
        ({"agent_0": [1]}, ValueError, r"action of agent_0 has shape \(1,\), not \(\)"),
        ({"agent_1": 1}, ValueError, r"action of agent_1 has shape \(\), not \(2,\)"),
        ({"agent_0": 1.0}, TypeError, "action of agent_0 is float64, not int32"),
    ],
)
def test_wrong_actions(change, error, message):
    env = to_pettingzoo(Relay())
    env.reset()
    actions = {agent: move for agent, move in (MOVES | change).items() if move is not None}
    with pytest.raises(error, match=message):
        env.step(actions)


def test_wrong_seeds(tally):
    for seed in (-1, 2**32, 0.5):
        with pytest.raises(ValueError, match=r"seed is .*; valid: an integer in 0..2\*\*32 - 1"):
            to_pettingzoo(tally).reset(seed=seed)


def test_wrong_modes(tally, maze):
    with pytest.raises(ValueError, match="Tally has no `scene`"):
        to_pettingzoo(tally, render_mode="rgb_array")
    with pytest.raises(ValueError, match="'ansi'; valid: None, 'human', 'rgb_array'"):
        to_pettingzoo(maze, render_mode="ansi")


def test_wrong_environments(tally):
    with pytest.raises(ValueError, match="AutoReset changes `step`"):
        to_pettingzoo(AutoReset(tally))
    with pytest.raises(TypeError, match="valid: Box, Discrete, MultiDiscrete"):
        gym_space(Dict({"x": Discrete(3)}))


def test_no_world_state(tally):
    env = to_pettingzoo(tally)
    env.reset()
    assert not hasattr(env, "state_space")
    with pytest.raises(NotImplementedError, match=r"Tally .* wrappers\.WorldState"):
        env.state()


# --- Training -----------------------------------------------------------------------------------


def test_a_step_of_reinforce_learns_what_pays(tally):
    """Adding more pays more: from a uniform policy, one step up the gradient prefers to add 2."""
    env, rng = to_pettingzoo(tally), np.random.default_rng(0)
    seen, chosen, paid = [], [], []
    env.reset(seed=0)
    for _ in range(60):
        actions = {agent: rng.integers(3) for agent in env.agents}
        obs, rewards, *_ = env.step(actions)
        for agent, reward in rewards.items():
            seen.append([1.0, obs[agent][0] / 9])
            chosen.append(actions[agent])
            paid.append(reward)
        if not env.agents:
            env.reset()

    def objective(weights):
        log_probs = jax.nn.log_softmax(jnp.asarray(seen) @ weights)
        taken = jnp.take_along_axis(log_probs, jnp.asarray(chosen)[:, None], axis=1)[:, 0]
        advantage = jnp.asarray(paid) - jnp.asarray(paid).mean()
        return jnp.mean(advantage * taken)

    weights = jax.grad(objective)(jnp.zeros((2, 3)))
    probabilities = jax.nn.softmax(jnp.array([1.0, 0.0]) @ weights)
    assert probabilities[2] > probabilities[1] > probabilities[0]
