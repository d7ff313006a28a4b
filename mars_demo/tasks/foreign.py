"""What tasks share whose environments are other packages': the preset, and two corrections."""

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

# Common settings of the field, except that rollouts are a quarter as long (docs/suite.md).
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
    """A preset for another package's environment. Only `eps` depends on the algorithm.

    Args:
        changes: fields of `Config` that differ from the usual starting point.

    Returns:
        `preset(algo) -> Config`.
    """

    def preset(algo: str) -> Config:
        return Config(algo=algo, eps=EPS[algo.split("-")[0]], **_STARTING_POINT | changes)

    return preset


def built_once(build: Callable[[], MultiAgentEnv]) -> Callable[[], MultiAgentEnv]:
    """A function that calls `build` once and then returns the same environment.

    JaxMARL's environments compare equal only to themselves, so a second one would compile
    everything again. The first call may come from inside a trace. `build` is evaluated eagerly even
    then, so that the environment holds no tracer.
    """

    @functools.cache
    def make() -> MultiAgentEnv:
        with jax.ensure_compile_time_eval():
            return build()

    return make


class StripWeakTypes(Wrapper):
    """Strips weak types from what an environment returns; shapes and dtypes stay the same.

    In JaxMARL's own environments some arrays of a state are weakly typed after a reset and not
    after a step, or the other way round. Every function of a state would then be compiled twice.
    """

    def reset(self, key: Array) -> tuple[Observations, Any]:
        return _strip_weak_types(self._env.reset(key))

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        return _strip_weak_types(self._env.step_env(key, state, actions))


def _strip_weak_types(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, x.dtype), tree)
