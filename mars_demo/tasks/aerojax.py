"""AeroJAX's tasks: one for each scenario, scored by its objective's own measure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import aerojax
from aerojax.aircraft import GRAVITY
from aerojax.pilots.scripts import usable_scripts
from aerojax.scenarios import get_config
from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.tasks.paxmen import EPS
from wrappers import Policies, Script

FIGURE_ALTITUDE = 3000.0  # m

# Chosen for MARS by a few runs on three scenarios (docs/results.md); the trust regions of the
# other objectives are those of their presets on paxmen-4.
_AEROJAX_PRESET = {
    "total_steps": 4_000_000,
    "rollout_steps": 32,
    "epochs": 4,
    "lr": 2e-3,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "entropy": 0.003,
}
_AEROJAX_SLOW = {
    "waypoint_5": {"total_steps": 8_000_000, "minibatches": 16},
    "hide_and_seek_4_vs_2": {"total_steps": 8_000_000},
}
_AEROJAX_SCORES = {"win": "games won", "hits": "points reached", "found": "share found"}


def _aerojax_preset(name: str, algo: str) -> Config:
    eps = EPS[algo.split("-")[0]]
    return Config(algo=algo, eps=eps, **_AEROJAX_PRESET | _AEROJAX_SLOW.get(name, {}))  # pyright: ignore[reportArgumentType]


def _aerojax_task(name: str) -> Task:
    config = get_config(name)
    entry = config.objective.score

    def script(env: Any, state: Any) -> dict[str, Array]:
        return env.script_actions(state, config.objective.script)

    return Task(
        name=f"aerojax/{name}",
        make=lambda: aerojax.make(name),
        episode_length=config.max_steps,
        score=lambda reward, info: info[entry][0].astype(jnp.float32),
        score_name=_AEROJAX_SCORES[entry],
        preset=partial(_aerojax_preset, name),
        script=script,
        script_name=f"{config.objective.script} script",
        script_make=lambda: aerojax.make(name, actions="continuous"),
        both_make=partial(aerojax.make, name, opponents="selfplay") if config.num_enemies else None,
        pilots=_pilots,
    )


@dataclass(frozen=True)
class _Pilot:
    """A script as one that plays a team."""

    env: Any
    script: str
    enemies: bool

    def __call__(self, state: Any) -> dict[str, Array]:
        return self.env.script_actions(state, self.script, self.enemies)


def _pilots(env: Any, team: str) -> dict[str, Script | Policies]:
    sides = env.config.team_b if team == "enemies" else env.config.team_a
    scripts = usable_scripts(env.config, sides)
    if isinstance(env.config.objective, aerojax.Combat):
        scripts = [name for name in scripts if name != "evader"]  # which fights nobody
    return {name: Script(_Pilot(env, name, team == "enemies")) for name in scripts}


TASKS = {f"aerojax/{name}": _aerojax_task(name) for name in aerojax.list_scenarios()}
SCENARIOS = [f"aerojax/{name}" for name in aerojax.BENCHMARK]
"""The tasks of AeroJAX's benchmark, easy to hard."""
MIXED_SCENARIOS = [name for name in SCENARIOS if len(get_config(name[8:]).class_names) > 1]
"""The tasks among them whose aircraft are of several classes."""


def make_selfplay(name: str) -> MultiAgentEnv:
    """An AeroJAX scenario in which agents fly both teams, with continuous actions."""
    return aerojax.make(name, opponents="selfplay", actions="continuous")


def aircraft_curves() -> dict[str, Any]:
    """The performance curves of each aircraft class at 3 km, by the name of the class."""
    from aerojax.performance import curves

    return {name: curves(aircraft, FIGURE_ALTITUDE) for name, aircraft in aerojax.CLASSES.items()}


def aircraft_reference() -> dict[str, np.ndarray]:
    """Points of the F-16 at 3 km, by the names of the curves: (points,), in m/s and rad/s."""
    from aerojax.performance import f16

    table = f16()
    at = table["altitude"] == FIGURE_ALTITUDE
    speed = table["speed"][at]
    points = {"speed": speed, "instantaneous": np.radians(table["instantaneous"][at])}
    for stage, suffix in (("wet", ""), ("dry", "_dry")):
        points[f"sustained{suffix}"] = np.radians(table[f"sustained_{stage}"][at])
        points[f"power{suffix}"] = speed * table[f"acceleration_{stage}"][at] / GRAVITY
    return points
