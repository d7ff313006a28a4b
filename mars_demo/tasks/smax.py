"""SMAX's tasks: battles against a team that follows JaxMARL's heuristic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import wrappers
from mars_demo.learning.task import Task
from mars_demo.tasks.foreign import StripWeakTypes, built_once, suite_preset
from wrappers.wrapper import Observations, Transition

MAPS = (
    "2s3z",
    "3s5z",
    "3s_vs_5z",
    "6h_vs_8z",
    "5m_vs_6m",
    "10m_vs_11m",
    "3s5z_vs_3s6z",
    "27m_vs_30m",
    "smacv2_5_units",
    "smacv2_10_units",
    "smacv2_20_units",
)
_STEPS = 100  # JaxMARL's limit of 100 ends an episode after 101


class Battle(wrappers.Wrapper):
    """Adds to SMAX's `info` how a battle stands, and its world state to `get_obs`.

    `info` gets two entries bool (n,), the same for all n agents: `terminated`, whether a team is
    dead, and `won`, whether only the enemies are. If both teams die in one step, `won` is false.
    """

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        obs, state, rewards, dones, info = self._env.step_env(key, state, actions)
        alive, allies = state.state.unit_alive, self.num_agents
        ours, theirs = jnp.any(alive[:allies]), jnp.any(alive[allies:])
        ends = {"terminated": ~(ours & theirs), "won": ours & ~theirs}
        info = info | {name: jnp.broadcast_to(x, allies) for name, x in ends.items()}
        return obs, state, rewards, dones, info

    def get_obs(self, state: Any) -> Observations:
        """The observations, and the "world_state" (W,)."""
        return self._env.get_obs(state) | {"world_state": self._env.get_world_state(state)}


def _make(name: str) -> MultiAgentEnv:
    from jaxmarl import make
    from jaxmarl.environments.smax import map_name_to_scenario

    env = make(
        "HeuristicEnemySMAX",
        scenario=map_name_to_scenario(name),
        see_enemy_actions=True,
        walls_cause_death=True,
        attack_mode="closest",
    )
    return wrappers.TimeLimit(Battle(StripWeakTypes(env)), _STEPS)


def _won(reward: Array, info: dict[str, Array]) -> Array:
    """1 in the last step of a battle that is won, else 0: float32 ()."""
    return info["won"][0].astype(jnp.float32)


def _task(name: str) -> Task:
    return Task(
        name=f"smax/{name}",
        make=built_once(lambda: _make(name)),
        episode_length=_STEPS,
        score=_won,
        score_name="battles won",
        preset=suite_preset(network="gru"),
    )


TASKS = {f"smax/{name}": _task(name) for name in MAPS}
