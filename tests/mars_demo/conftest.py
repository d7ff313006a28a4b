"""A toy environment that the trainer's tests share: small, with known answers."""

import dataclasses
import functools
from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import struct
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete, MultiDiscrete

from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer

NUM_SIGNS = 3


@struct.dataclass
class ToyState:
    signs: jax.Array  # int32 (agents,), what each agent was shown
    step: jax.Array
    done: jax.Array


class Toy(MultiAgentEnv):
    """Each agent is shown a sign and is right when it names it. The team earns the share right.

    With `hide`, the sign is shown in the first step of an episode only, so that later steps need
    memory. Episodes are 4 steps; with `terminal` their end counts as a termination. With `mortal`,
    the second agent dies after two steps: it sees nothing and can do but one thing.

    With `actions` "multi" an agent names its sign and the next one at once, and is right by halves;
    with "box" it points at a place in [-1, 1], the signs being at -0.5, 0 and 0.5, and is right by
    how near it is. Then nobody tells which actions are available.
    """

    def __init__(
        self,
        hide: bool = False,
        terminal: bool = False,
        mortal: bool = False,
        reward_scale: float = 1.0,
        actions: str = "one",
    ):
        super().__init__(num_agents=2)
        self.hide, self.terminal, self.mortal = hide, terminal, mortal
        self.reward_scale, self.actions = reward_scale, actions
        self.options = hide, terminal, mortal, reward_scale, actions
        self.observation_spaces = {a: Box(0, 1, (NUM_SIGNS,), jnp.float32) for a in self.agents}
        spaces = {
            "one": Discrete(NUM_SIGNS),
            "multi": MultiDiscrete([NUM_SIGNS, NUM_SIGNS]),
            "box": Box(-1.0, 1.0, (1,), jnp.float32),
        }
        self.action_spaces = dict.fromkeys(self.agents, spaces[actions])

    def __eq__(self, other):
        return type(self) is type(other) and self.options == other.options

    def __hash__(self):
        return hash(self.options)

    @partial(jax.jit, static_argnums=0)
    def reset(self, key):
        signs = jax.random.randint(key, (2,), 0, NUM_SIGNS, dtype=jnp.int32)
        state = ToyState(signs, jnp.int32(0), jnp.bool_(False))
        return self.get_obs(state), state

    def step_env(self, key, state, actions):
        chosen = jnp.stack([actions[a] for a in self.agents])
        if self.actions == "multi":
            following = jnp.stack([state.signs, (state.signs + 1) % NUM_SIGNS], axis=-1)
            right = jnp.mean(chosen == following, axis=-1)
        elif self.actions == "box":
            right = 1.0 - jnp.abs(chosen[:, 0] - 0.5 * (state.signs.astype(jnp.float32) - 1.0))
        else:
            right = (chosen == state.signs).astype(jnp.float32)
        done = state.step >= 3
        state = ToyState(state.signs, state.step + 1, done)
        dones = dict.fromkeys([*self.agents, "__all__"], done)
        info = {"right": right, "terminated": done & self.terminal}
        reward = self.reward_scale * jnp.mean(right)
        return self.get_obs(state), state, dict.fromkeys(self.agents, reward), dones, info

    def get_obs(self, state):
        shown = jax.nn.one_hot(state.signs, NUM_SIGNS, dtype=jnp.float32)
        if self.hide:
            shown = jnp.where(state.step == 0, shown, 0.0)
        shown = jnp.where(self.alive(state)[:, None], shown, 0.0)
        return dict(zip(self.agents, shown, strict=True))

    def alive(self, state):
        return jnp.array([True, True]) & ~(self.mortal & (jnp.arange(2) == 1) & (state.step >= 2))

    def get_avail_actions(self, state):
        if self.actions != "one":
            raise NotImplementedError
        available = self.alive(state)[:, None] | (jnp.arange(NUM_SIGNS) == 0)[None]
        return dict(zip(self.agents, available, strict=True))


class Duel(Toy):
    """Two teams of one agent: what one is right, the other is wrong. The mean reward is zero."""

    @property
    def teams(self):
        return {"left": ["agent_0"], "right": ["agent_1"]}

    def step_env(self, key, state, actions):
        obs, state, _, dones, info = super().step_env(key, state, actions)
        lead = info["right"][0] - info["right"][1]
        return obs, state, {"agent_0": lead, "agent_1": -lead}, dones, info


class RockPaperScissors(MultiAgentEnv):
    """One throw: each sign beats the one before it."""

    def __init__(self):
        super().__init__(num_agents=2)
        self.teams = {"left": ["agent_0"], "right": ["agent_1"]}
        self.observation_spaces = dict.fromkeys(self.agents, Box(0, 1, (1,), jnp.float32))
        self.action_spaces = dict.fromkeys(self.agents, Discrete(3))

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def reset(self, key):
        return self.get_obs(()), ToyState(jnp.zeros(2, jnp.int32), jnp.int32(0), jnp.bool_(False))

    def step_env(self, key, state, actions):
        lead = (actions["agent_0"] - actions["agent_1"] + 1) % 3 - 1
        reward = lead.astype(jnp.float32)
        state = ToyState(state.signs, state.step + 1, jnp.bool_(True))
        rewards = {"agent_0": reward, "agent_1": -reward}
        dones = dict.fromkeys([*self.agents, "__all__"], jnp.bool_(True))
        return self.get_obs(state), state, rewards, dones, {"terminated": jnp.bool_(True)}

    def get_obs(self, state):
        return dict.fromkeys(self.agents, jnp.ones(1, jnp.float32))


@functools.cache
def make_rps_task() -> Task:
    return Task(
        name="rock-paper-scissors",
        make=RockPaperScissors,
        episode_length=1,
        preset=lambda algo: RPS_CONFIG.replace(algo=algo),
    )


@functools.cache
def make_duel_task() -> Task:
    return dataclasses.replace(
        make_toy_task(), name="duel", make=Duel, score=lambda reward, info: info["right"][0]
    )


@functools.cache
def make_toy_task(**options) -> Task:
    return Task(
        name="toy",
        make=lambda: Toy(**options),
        episode_length=4,
        score=lambda reward, info: jnp.sum(info["right"]),
        score_name="right answers",
        encode=lambda observation: observation,
        encode_world=lambda world: world,
        preset=lambda algo: TOY_CONFIG.replace(algo=algo),
    )


TOY_CONFIG = Config(
    total_steps=16 * 8 * 40,
    num_envs=16,
    rollout_steps=8,
    epochs=2,
    minibatches=2,
    lr=1e-2,
    hidden=16,
    gamma=0.9,
    gae_lambda=0.9,
    entropy=0.0,
    agent_id=False,
    stagger=False,
)


RPS_CONFIG = TOY_CONFIG.replace(total_steps=10**6, num_envs=64, rollout_steps=4)


@functools.cache
def make_trainer(config: Config, **options) -> Trainer:
    return Trainer(make_toy_task(**options), config)


@pytest.fixture
def toy_task():
    """`toy_task(hide=..., terminal=...)` makes a task of the toy environment."""
    return make_toy_task


@pytest.fixture
def toy_trainer():
    """`toy_trainer(config, hide=...)`: a trainer, compiled once for all tests that ask for it."""
    return make_trainer


@pytest.fixture
def toy_config() -> Config:
    return TOY_CONFIG
