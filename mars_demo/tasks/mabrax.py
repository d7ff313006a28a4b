"""JaxMARL's MABrax tasks: robots of brax whose joints are divided among agents.

Brax comes with the extra `suite`; it is imported when the first of these environments is made.
JaxMARL 0.2 calls MABrax deprecated, as brax itself is; with brax 0.14 it works. It has two faults:

- Shorter observations and actions are padded with zeros to those of the largest agent ("max").
  JaxMARL puts a one-hot id in front of an observation, and then overwrites most of it. The trainer
  therefore appends an id of its own.
- JaxMARL's lists of observed entries were made for longer observations than brax has for humanoid
  (indices up to 375 of 244 entries) and halfcheetah (up to 17 of 17). JAX reads the last entry for
  an index beyond the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import wrappers
from mars_demo.extras import require
from mars_demo.learning.task import Task
from mars_demo.tasks.foreign import StripWeakTypes, built_once, suite_preset
from wrappers.wrapper import Transition

ROBOTS = ("hopper_3x1", "halfcheetah_6x1", "walker2d_2x3", "ant_4x2", "humanoid_9|8")
_STEPS = 1000


class Fall(wrappers.Wrapper):
    """Distinguishes a fall from brax's time limit by `info["terminated"]`.

    That is bool (n,), the same for all n agents, and the only entry of `info`. Rewards are those of
    the agents, float32 () each, without JaxMARL's further entries.
    """

    max_steps = _STEPS

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        obs, state, rewards, dones, info = self._env.step_env(key, state, actions)
        fallen = dones["__all__"] & (info["truncation"] == 0)
        ends = {"terminated": jnp.broadcast_to(fallen, self.num_agents)}
        return obs, state, {agent: rewards[agent] for agent in self.agents}, dones, ends


def _make(name: str) -> MultiAgentEnv:
    require("brax", extra="suite")
    from jaxmarl import make

    with _without_warnings():
        env = make(name, homogenisation_method="max", episode_length=_STEPS, auto_reset=False)
    return Fall(StripWeakTypes(env))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppresses warnings about brax's own robots, on the screen and in MuJoCo's log file."""
    mujoco = require("mujoco", extra="suite")
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JaxMARL's and brax's: they are no longer maintained
            yield
    finally:
        mujoco.set_mju_user_warning(before)


def _task(name: str) -> Task:
    return Task(
        name=f"mabrax/{name}",
        make=built_once(lambda: _make(name)),
        episode_length=_STEPS,
        preset=suite_preset(value_norm=True),
    )


TASKS = {f"mabrax/{name}": _task(name) for name in ROBOTS}
