"""What a trainer must know of an environment, and what the tasks have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.learning.config import Config
from mars_demo.learning.networks import Image
from mars_demo.play.hooks import Flight, Moves
from wrappers.wrapper import Observations, Transition, Wrapper


def flat(observation: Array) -> Array:
    """Any observation as a vector of features, float32 (F,)."""
    return observation.reshape(-1).astype(jnp.float32)


def team_return(reward: Array, info: dict[str, Array]) -> Array:
    """The score of tasks that are scored by their return."""
    return reward


@dataclass(frozen=True)
class Task:
    """An environment and what a trainer must know of it."""

    name: str
    make: Callable[[], MultiAgentEnv]
    episode_length: int
    preset: Callable[[str], Config]  # algorithm -> tuned configuration
    score: Callable[[Array, dict[str, Array]], Array] = team_return
    """`score(reward, info)`: what one step adds to the episode's score, float32 ()."""
    score_name: str = "return"  # how people call it
    encode: Callable[[Array], Array] = flat  # one agent's observation -> float32 features
    encode_world: Callable[[Array], Array] = flat  # the world state -> float32 features
    image: Image | None = None
    """The image that `encode`'s features begin with, if there is one: (height, width, channels)."""
    world_image: Image | None = None
    """Likewise that of `encode_world`."""
    script: Callable[[Any, Any], dict[str, Array]] | None = None
    """A full-information script `script(env, state) -> actions`, the bar to reach."""
    script_name: str = "script"
    """How people call the script."""
    script_make: Callable[[], MultiAgentEnv] | None = None
    """The environment that the script plays, where it needs other actions than the agents'."""
    scene: Callable[[Any, Any, np.ndarray, str], dict[str, Any]] | None = None
    """`scene(env, states, rewards, title)`: a recorded episode for `wrappers.save_scene`."""
    sight: Callable[[Any, Any, str, np.ndarray | None, str], dict[str, Any]] | None = None
    """`sight(env, states, agent, rewards, title)`: the same with no more than an agent sees.

    The last mark of the legend's first entry is where the agent is."""
    play: Moves | Flight | None = None
    """How a person plays it, if one can."""


EPS = {"mars": 1.0, "mappo": 0.1, "maspo": 0.5}
"""The trust region of each objective: that of its preset on paxmen-4 (docs/results.md)."""

# Where the field starts from, but for rollouts a quarter as long (docs/suite.md).
_STARTING_POINT = {
    "total_steps": 10_000_000,
    "num_envs": 64,
    "rollout_steps": 32,
    "epochs": 4,
    "minibatches": 4,
    "lr": 1e-3,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "entropy": 0.01,
    "hidden": 128,
}


def suite_preset(**changes: Any) -> Callable[[str], Config]:
    """A preset for an environment that others wrote: the same for all algorithms but for `eps`."""

    def preset(algo: str) -> Config:
        return Config(algo=algo, eps=EPS[algo.split("-")[0]], **_STARTING_POINT | changes)

    return preset


def built_once(build: Callable[[], MultiAgentEnv]) -> Callable[[], MultiAgentEnv]:
    """`build`, run once: JaxMARL's environments are equal to themselves only.

    A second one would compile everything again. The first is built outside any trace, from
    within one too, so that no tracer stays behind in it.
    """

    @functools.cache
    def make() -> MultiAgentEnv:
        with jax.ensure_compile_time_eval():
            return build()

    return make


class Strong(Wrapper):
    """Strips weak types from what an environment returns.

    Where a reset's state has one and a step's has not, or the other way round, as with JaxMARL's
    own environments, everything that takes a state is compiled twice.
    """

    def reset(self, key: Array) -> tuple[Observations, Any]:
        return _strong(self._env.reset(key))

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        return _strong(self._env.step_env(key, state, actions))


def _strong(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, x.dtype), tree)
