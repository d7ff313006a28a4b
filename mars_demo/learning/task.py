"""What a trainer must know of an environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.learning.config import Config
from mars_demo.learning.networks import Image
from wrappers.conventions import teams_of
from wrappers.opponents import Policies, Script


def flat(observation: Array) -> Array:
    """Any observation as a vector of features, float32 (F,)."""
    return observation.reshape(-1).astype(jnp.float32)


def team_return(reward: Array, info: dict[str, Array]) -> Array:
    """The score of tasks that are scored by their return."""
    return reward


def _nobody(env: MultiAgentEnv, team: str) -> dict[str, Script | Policies]:
    """The pilots of a task whose teams no script plays."""
    del env, team
    return {}


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
    both_make: Callable[[], MultiAgentEnv] | None = None
    """The same game with the opponents as agents, too, where `make` has a script play them."""
    pilots: Callable[[MultiAgentEnv, str], dict[str, Script | Policies]] = _nobody
    """`pilots(env, team)`: who can play a team of `both_make`'s environment, by their names."""


def check_one_team(name: str, env: MultiAgentEnv) -> None:
    """Raises ValueError if the agents are of several teams: the mean of their rewards is nobody's.

    An environment that does not say its teams is one (`wrappers.conventions.teams_of`).
    """
    teams = teams_of(env)
    if len(teams) > 1:
        raise ValueError(
            f"{name}: its agents are of {len(teams)} teams, {', '.join(teams)}, which share no "
            "reward; to train, give --opponents self, and each team learns from its own"
        )


def make_both(task: Task) -> MultiAgentEnv:
    """The task's environment with all teams as agents; ValueError if there is but one."""
    env = task.make() if task.both_make is None else task.both_make()
    if len(teams_of(env)) == 1:
        raise ValueError(f"{task.name} has no opponents; leave out --opponents")
    return env
