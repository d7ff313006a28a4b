"""Every ordered pair of wrappers: refused when made, or right in every number.

What is right is worked out in plain Python, step by step, from the bare environment alone.
"""

import itertools
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import checkify
from jaxmarl.environments.spaces import Box

from tests.wrappers.conftest import Tally
from wrappers import (
    AgentId,
    AutoReset,
    Checked,
    EpisodeStatistics,
    Layer,
    MavaView,
    PooledAutoReset,
    Recorder,
    RolloutManager,
    TimeLimit,
    WorldState,
    Wrapper,
    wrap,
)

LIMIT, POOL = 3, 2
KEYS = jax.random.split(jax.random.key(5), 12)
# Some episodes are won at 5, some overshoot, and the last run into the limit.
MOVES = [(1, 2), (1, 0), (2, 2), (1, 2), (2, 2), (0, 1), *[(0, 0)] * 3, *[(1, 1)] * 3]


class Dice(Tally):
    """The game with a die of 0 or 1 that counts for the first agent; each sees something else."""

    def __init__(self):
        super().__init__()
        self.observation_spaces = dict.fromkeys(self.agents, Box(0.0, 20.0, (2,)))

    @partial(jax.jit, static_argnums=0)
    def step_env(self, key, state, actions):
        roll = jax.random.randint(key, (), 0, 2)
        return super().step_env(key, state, actions | {"agent_0": actions["agent_0"] + roll})

    def get_obs(self, state):
        total = state.total.astype(jnp.float32)
        return {
            agent: jnp.stack([total + 10.0 * i, state.draw]) for i, agent in enumerate(self.agents)
        }


WRAPPERS = {
    "AgentId": AgentId,
    "WorldState": WorldState,
    "TimeLimit": lambda env: TimeLimit(env, LIMIT),
    "EpisodeStatistics": EpisodeStatistics,
    "Recorder": lambda env: Recorder(env, len(MOVES)),
    "AutoReset": AutoReset,
    "PooledAutoReset": lambda env: PooledAutoReset(env, 1, POOL),
    "MavaView": MavaView,
    "Checked": Checked,
    "RolloutManager": lambda env: RolloutManager(env, 1),
}
VIEWS, EPISODES = ("AgentId", "WorldState"), ("EpisodeStatistics", "Recorder")
INSIDE = {  # the wrapper, and what may be in it
    "AgentId": (*VIEWS, "TimeLimit", *EPISODES),
    "WorldState": (*VIEWS, "TimeLimit", *EPISODES),
    "TimeLimit": (*VIEWS, "TimeLimit"),
    "EpisodeStatistics": (*VIEWS, "TimeLimit", "Recorder"),
    "Recorder": (*VIEWS, "TimeLimit", "EpisodeStatistics"),
    "AutoReset": (*VIEWS, "TimeLimit", *EPISODES),
    "PooledAutoReset": (*VIEWS, "TimeLimit", *EPISODES),
    "MavaView": (*VIEWS, "TimeLimit", *EPISODES),
    "Checked": (*VIEWS, "TimeLimit", *EPISODES, "AutoReset", "MavaView"),
    "RolloutManager": (*VIEWS, "TimeLimit", *EPISODES, "AutoReset"),
}
PAIRS = list(itertools.product(WRAPPERS, WRAPPERS))
ALLOWED = [pair for pair in PAIRS if pair[1] in INSIDE[pair[0]]]
REFUSED = [pair for pair in PAIRS if pair[1] not in INSIDE[pair[0]]]


# --- What is right: the bare environment's steps, and plain Python -------------------------------


class Step(NamedTuple):
    """What a step handed out, but for the state."""

    obs: dict[str, Any]
    rewards: dict[str, Any]
    dones: dict[str, Any]
    info: dict[str, Any]


class Expected:
    """Counts what a stack of wrappers should say of the bare environment's steps.

    `stack` names the wrappers from the outermost, `limit` is that of a `TimeLimit` among them.
    """

    def __init__(self, env, stack, limit):
        self.env, self.stack, self.limit = env, stack, limit
        self.resets = bool({"AutoReset", "PooledAutoReset"} & set(stack))
        self.last: Any = None  # of the last episode that ended: returns, length, success, record

    def start(self, state):
        self.states, self.rewards = [state], []

    def see(self, obs):
        """What the stack shows for the bare environment's observations."""
        obs = {name: np.asarray(x) for name, x in obs.items()}
        agents = self.env.agents
        ids = dict(zip(agents, np.eye(len(agents)), strict=True))
        for name in reversed(self.stack):
            if name == "AgentId":
                obs |= {agent: np.append(obs[agent], ids[agent]) for agent in agents}
            elif name in ("WorldState", "MavaView") and "world_state" not in obs:
                obs["world_state"] = np.concatenate([obs[agent].ravel() for agent in agents])
            elif name == "RolloutManager":
                whole = obs.get("world_state", np.concatenate([obs[agent] for agent in agents]))
                obs = {agent: np.append(obs[agent], ids[agent]) for agent in agents}
                obs["__all__"] = whole
        return obs

    def check(self, step, bare):
        """Compares a step with that of the bare environment; whether it ended the episode."""
        obs, state, rewards, dones, info = bare
        self.states.append(state)
        self.rewards.append(np.array([rewards[agent] for agent in self.env.agents]))
        over = self.limit is not None and len(self.rewards) >= self.limit
        done = bool(dones["__all__"]) or over
        terminated = bool(np.any(info.get("terminated", dones["__all__"] and not over)))
        for agent, reward in rewards.items():
            close(step.rewards[agent], reward)
        for agent, end in dones.items():
            assert bool(step.dones[agent]) == (bool(end) or over)
        if self.resets or "TimeLimit" in self.stack:
            assert np.all(step.info["terminated"] == terminated)
            assert np.all(step.info["truncated"] == (done and not terminated))
        if self.resets and "RolloutManager" not in self.stack:
            close(step.info["final_observation"], self.see(obs))
        if done:
            returns = np.sum(self.rewards, axis=0)
            record = jax.tree.map(lambda *x: np.stack(x), *self.states), np.stack(self.rewards)
            self.last = returns, len(self.rewards), info.get("win"), record
        if "EpisodeStatistics" in self.stack:
            self.check_statistics(step.info, done)
            assert ("returned_episode_success" in step.info) == ("win" in info)
        return done

    def check_statistics(self, info, done):
        assert np.all(info["returned_episode"] == done)
        assert np.all(info["any_episode_returned"] == (self.last is not None))
        returns, length, win, _ = self.last or (0.0, 0, None, None)
        close(info["returned_episode_returns"], np.broadcast_to(returns, self.env.num_agents))
        assert np.all(info["returned_episode_lengths"] == length)
        if win is not None:
            assert np.all(info["returned_episode_success"] == win)


def close(given, expected):
    assert jax.tree.structure(given) == jax.tree.structure(expected)
    compare = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    jax.tree.map(compare, given, expected)


# --- Every pair, on a game -----------------------------------------------------------------------


class Driven:
    """A stack, one environment of it, whatever its methods are called."""

    def __init__(self, stack, bare):
        env = bare
        for name in reversed(stack):
            env = WRAPPERS[name](env)
        self.env, self.bare, self.stack = env, bare, stack
        self.pooled, self.managed = stack[0] == "PooledAutoReset", stack[0] == "RolloutManager"
        self.mava, self.recorded = "MavaView" in stack, "Recorder" in stack
        self._step = jax.jit(checkify.checkify(env.step)) if stack[0] == "Checked" else None

    def reset(self, key):
        """Starts the episode; what it shows, and the bare environment's state."""
        if self._step is not None:
            _, (obs, self.state) = checkify.checkify(self.env.reset)(key)
        else:
            obs, self.state = (self.env.batch_reset if self.managed else self.env.reset)(key)
        return self._one(dict(obs)), self.bare_state()

    def step(self, key, actions):
        """One step, and the key with which it should step the bare environment."""
        if self._step is not None:
            error, out = self._step(key, self.state, actions)
            error.throw()
        elif self.pooled or self.managed:
            step = self.env.batch_step if self.managed else self.env.step
            out = step(key, self.state, {agent: action[None] for agent, action in actions.items()})
        else:
            out = self.env.step(key, self.state, actions)
        obs, self.state, *rest = out
        if self.managed:
            key = jax.random.split(key, 1)[0]
        if not self.mava:
            key = jax.random.split(key)[0]
        if self.pooled:
            key = jax.random.split(key, 1)[0]
        return Step(*self._one((dict(obs), *rest))), key

    def restart(self, key):
        """The bare state from which the next episode should start."""
        if self.mava:  # which leaves resets to Mava
            return self.reset(key)[1]
        if self.pooled:
            pool, state = self.env.env.env_state(self.state.pool[1]), self.bare_state()
            assert state.draw in pool.draw
            return self.bare.reset(key)[1].replace(draw=state.draw)
        key = jax.random.split(key, 1)[0] if self.managed else key
        return self.bare.reset(jax.random.split(key)[1])[1]

    def bare_state(self):
        if self.pooled:
            return self._one(self.env.env.env_state(self.state.env_state))
        env = self.env._env if self.managed else self.env
        return self._one(env.env_state(self.state))

    def recording(self):
        state = self._one(self.state.env_state) if self.pooled else self._one(self.state)
        return (self.env.env if self.pooled else self.env).recording(state)

    def _one(self, tree):
        return jax.tree.map(lambda x: x[0], tree) if self.pooled or self.managed else tree


@pytest.mark.loose_promotion  # JaxMARL's rollout manager needs it
@pytest.mark.parametrize(("outer", "inner"), ALLOWED)
def test_what_is_allowed_is_right(outer, inner):
    stack, bare = (outer, inner), Dice()
    driven = Driven(stack, bare)
    expected = Expected(bare, stack, LIMIT if "TimeLimit" in stack else None)
    obs, state = driven.reset(jax.random.key(0))
    expected.start(state)
    ends = 0
    for key, move in zip(KEYS, MOVES, strict=True):
        close(obs, expected.see(bare.get_obs(state)))
        actions = dict(zip(bare.agents, jnp.int32(move), strict=True))
        step, step_key = driven.step(key, actions)
        transition = bare.step_env(step_key, state, actions)
        obs, state = step.obs, transition[1]
        if not expected.check(step, transition):
            continue
        if driven.recorded:
            close(driven.recording(), expected.last[3])
        state = driven.restart(key)
        if driven.mava:
            obs, expected.last = driven.env.get_obs(driven.state), None
        expected.start(state)
        ends += 1
    assert ends > 2


@pytest.mark.loose_promotion
@pytest.mark.parametrize(("outer", "inner"), REFUSED)
def test_what_is_not_allowed_is_refused(outer, inner):
    inside = WRAPPERS[inner](Dice())
    with pytest.raises((TypeError, ValueError)) as error:
        WRAPPERS[outer](inside)
    assert outer in str(error.value)
    assert inner in str(error.value)


def test_the_order_holds_at_any_depth():
    """As in AutoReset(TimeLimit(EpisodeStatistics(env), 5)), whose win rate was 1.000."""
    with pytest.raises(ValueError, match="EpisodeStatistics goes around TimeLimit, not inside"):
        TimeLimit(AgentId(WorldState(EpisodeStatistics(Tally()))), 5)
    with pytest.raises(ValueError, match="Recorder goes around TimeLimit, not inside"):
        TimeLimit(Recorder(AgentId(Tally()), 5), 5)
    with pytest.raises(ValueError, match="Recorder is inside already"):
        Recorder(EpisodeStatistics(Recorder(Tally(), 5)), 5)


def test_ones_own_wrapper_says_where_it_stands():
    class Own(Wrapper):
        pass

    class Ending(Wrapper):
        layer = Layer.ENDS

    assert Own(EpisodeStatistics(Own(Tally()))).num_agents == 2
    with pytest.raises(ValueError, match="AutoReset goes around Own, not inside"):
        Own(AutoReset(Tally()))
    with pytest.raises(ValueError, match="EpisodeStatistics goes around Ending, not inside"):
        Ending(Own(EpisodeStatistics(Tally())))


class Lottery(Tally):
    """Every step wins with probability 0.1, and a win ends the episode."""

    @partial(jax.jit, static_argnums=0)
    def step_env(self, key, state, actions):
        obs, state, rewards, dones, _ = super().step_env(key, state, actions)
        won = jax.random.bernoulli(key, 0.1)
        return obs, state, rewards, dict.fromkeys(dones, won), {"win": won}


def test_the_rate_of_success_is_that_of_all_episodes():
    """Of at most five steps, each of which wins with probability 0.1: 1 - 0.9 ** 5 = 0.410."""
    env = wrap(Lottery(), time_limit=5, statistics=True)
    _, states = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), 100))
    still = dict.fromkeys(env.agents, jnp.zeros(100, jnp.int32))

    def step(states, key):
        _, states, _, _, info = jax.vmap(env.step)(jax.random.split(key, 100), states, still)
        return states, [info[f"returned_episode{name}"][:, 0] for name in ("", "_success")]

    _, (ended, won) = jax.lax.scan(step, states, jax.random.split(jax.random.key(1), 500))
    assert np.sum(ended) > 10_000
    assert abs(np.mean(won, where=ended) - 0.410) < 0.015


# --- The usual ones, composed ---------------------------------------------------------------------


def won_by_the_first(rewards, info):
    return rewards["agent_0"] > 1


def test_wrap_puts_each_in_its_place():
    bare = Tally()
    assert wrap(bare) == AutoReset(bare)
    assert wrap(bare, auto_reset=False) == Wrapper(bare)
    assert wrap(bare, agent_id=True, auto_reset=False) == AgentId(bare)
    assert wrap(bare, statistics=True) == AutoReset(EpisodeStatistics(bare))
    everything = wrap(
        bare,
        agent_id=True,
        world_state=True,
        time_limit=3,
        statistics=won_by_the_first,
        record=4,
        checked=True,
    )
    limited = TimeLimit(WorldState(AgentId(bare)), 3)
    counted = EpisodeStatistics(limited, success=won_by_the_first)
    assert everything == Checked(AutoReset(Recorder(counted, 4)))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"time_limit": 0}, ValueError, "max_steps is 0; valid: a positive integer"),
        ({"record": -1}, ValueError, "max_steps is -1; valid: a positive integer"),
        ({"statistics": "win"}, TypeError, "success is 'win'; valid: a function, or None"),
    ],
)
def test_wrap_refuses_what_the_wrappers_refuse(options, error, text):
    with pytest.raises(error, match=text):
        wrap(Tally(), **options)


def test_wrap_takes_environments_that_are_in_wrappers():
    bare = Tally()
    assert wrap(TimeLimit(bare, 3), statistics=True) == wrap(bare, time_limit=3, statistics=True)
    with pytest.raises(ValueError, match="AutoReset goes around TimeLimit"):
        wrap(AutoReset(bare), time_limit=3)
    name: Any = "paxmen-4"
    for auto_reset in (True, False):
        with pytest.raises(TypeError, match="wraps JaxMARL environments, not 'paxmen-4'"):
            wrap(name, auto_reset=auto_reset)
