"""PaxMen's tasks: the classic mazes and the generated ones, scored by the dots eaten."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
from jax import Array

import paxmen
from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from paxmen.generated import GENERATED
from paxmen.planner import plan


def one_hot_cells(observation: Array) -> Array:
    """One-hot encoding of an agent's observation.

    Args:
        observation: float32 (cells,).

    Returns:
        float32 (3 * cells,): a channel each for wall, dot and agent.
    """
    channels = [observation < 0, observation == 1, (observation > 0) & (observation < 1)]
    return jnp.concatenate(channels).astype(jnp.float32)


def one_hot_world(world_state: Array) -> Array:
    """One-hot encoding of the world state.

    Args:
        world_state: float32 (cells,).

    Returns:
        float32 (2 * cells,): a channel each for dot and agent.
    """
    channels = [world_state == 1, (world_state > 0) & (world_state < 1)]
    return jnp.concatenate(channels).astype(jnp.float32)


# Chosen with the same budget for each objective (docs/results.md). An ablation takes the preset of
# the objective that it varies.
_PAXMEN_PRESETS = {
    "mars": {"lr": 2e-3, "eps": 1.0, "epochs": 4},
    "mappo": {"lr": 4e-3, "eps": 0.1, "epochs": 2},
    "maspo": {"lr": 2e-3, "eps": 0.5, "epochs": 4},
}
EPS = {algo: float(preset["eps"]) for algo, preset in _PAXMEN_PRESETS.items()}
"""The trust region of each objective, for tasks that were not tuned themselves."""


# Chosen for MARS by a few runs on paxmen-5 and -6 (docs/results.md), for the others not tuned.
_PAXMEN_HARD = {
    "total_steps": 6_000_000,
    "policies": "agent",
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "lr_decay": True,
}
# Not tuned. The way out of a corridor looks like the way in: without memory one turns back half of
# the time. The world state numbers the cells level by level: only observations say where they lie.
_PAXMEN_GENERATED = _PAXMEN_HARD | {
    "network": "gru",
    "critic_observations": True,
    "entropy": 0.01,
}
_PAXMEN_SIZES = {
    "paxmen-4": {},
    "paxmen-5": _PAXMEN_HARD | {"entropy": 0.01},
    "paxmen-6": _PAXMEN_HARD | {"entropy": 0.005},
}


# Repeated here, because making an environment to read its length reads all of its levels.
_LENGTHS = {"paxmen-4": 100, "paxmen-5": 115, "paxmen-6": 130} | {
    name: one.max_steps for name, one in GENERATED.items()
}


def _paxmen_preset(name: str, algo: str) -> Config:
    changes = _PAXMEN_PRESETS[algo.split("-")[0]] | _PAXMEN_SIZES.get(name, _PAXMEN_GENERATED)
    return Config(algo=algo).replace(**changes)


def _paxmen_task(name: str) -> Task:
    return Task(
        name=name,
        make=lambda: paxmen.make(name),
        episode_length=_LENGTHS[name],
        score=lambda reward, info: jnp.sum(info["dots_eaten"]),
        score_name="dots an episode",
        encode=one_hot_cells,
        encode_world=one_hot_world,
        preset=partial(_paxmen_preset, name),
        script=plan,
        script_name="planner",
    )


TASKS = {name: _paxmen_task(name) for name in paxmen.list_envs()}
"""By short names; `mars_demo.tasks.registry.get_task` also takes "paxmen/paxmen-4"."""
CLASSIC = tuple(_PAXMEN_SIZES)
"""The tasks of the suite, with four mazes each."""
