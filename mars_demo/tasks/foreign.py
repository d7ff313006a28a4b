"""What tasks in environments that others wrote have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.learning.config import Config
from mars_demo.tasks.paxmen import EPS
from wrappers.wrapper import Observations, Transition, Wrapper

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


class StripWeakTypes(Wrapper):
    """Strips weak types from what an environment returns.

    Where a reset's state has one and a step's has not, or the other way round, as with JaxMARL's
    own environments, everything that takes a state is compiled twice.
    """

    def reset(self, key: Array) -> tuple[Observations, Any]:
        return _strip_weak_types(self._env.reset(key))

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        return _strip_weak_types(self._env.step_env(key, state, actions))


def _strip_weak_types(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, x.dtype), tree)
