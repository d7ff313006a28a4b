"""A game so small that what wrappers make of it can be worked out by hand."""

import threading
from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import struct
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete


@struct.dataclass
class TallyState:
    total: jax.Array
    draw: jax.Array
    step: jax.Array
    done: jax.Array


class Tally(MultiAgentEnv):
    """Two agents add 0, 1 or 2 each to a total; the episode ends at 5 or more, won at just 5.

    Each sees the total, and its reward is what it added. `draw` tells episodes apart.
    """

    def __init__(self):
        super().__init__(num_agents=2)
        self.observation_spaces = dict.fromkeys(self.agents, Box(0.0, 9.0, (1,)))
        self.action_spaces = dict.fromkeys(self.agents, Discrete(3))

    @property
    def agent_classes(self):
        return {"adder": self.agents}

    @partial(jax.jit, static_argnums=0)
    def reset(self, key):
        draw = jax.random.uniform(key)
        state = TallyState(jnp.int32(0), draw, jnp.int32(0), jnp.bool_(False))
        return self.get_obs(state), state

    @partial(jax.jit, static_argnums=0)
    def step_env(self, key, state, actions):
        total = state.total + actions["agent_0"] + actions["agent_1"]
        done = total >= 5
        state = TallyState(total, state.draw, state.step + 1, done)
        rewards = {agent: actions[agent].astype(jnp.float32) for agent in self.agents}
        dones = dict.fromkeys([*self.agents, "__all__"], done)
        return self.get_obs(state), state, rewards, dones, {"win": total == 5}

    def get_obs(self, state):
        return dict.fromkeys(self.agents, state.total[None].astype(jnp.float32))

    def get_avail_actions(self, state):
        return dict.fromkeys(self.agents, jnp.ones(3, bool))

    def __eq__(self, other):
        return type(other) is type(self)

    def __hash__(self):
        return hash(type(self))


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture
def traced_tally():
    """`(Traced, traces)`: a Tally, and a list that grows each time its observations are traced."""
    traces = []

    class Traced(Tally):
        def get_obs(self, state):
            traces.append(state)
            return super().get_obs(state)

    return Traced, traces


@pytest.fixture
def play():
    """`play(env, moves)`: what each step of an episode returned, for moves `(agent_0, agent_1)`."""

    def run(env, moves):
        _, state = env.reset(jax.random.key(99))
        seen = []
        for i, (first, second) in enumerate(moves):
            actions = {"agent_0": jnp.int32(first), "agent_1": jnp.int32(second)}
            seen.append(env.step(jax.random.key(i), state, actions))
            state = seen[-1][1]
        return seen

    return run


@pytest.fixture
def gate():
    """An event that another thread waits for; it comes about at the test's end at the latest."""
    event = threading.Event()
    yield event
    event.set()
