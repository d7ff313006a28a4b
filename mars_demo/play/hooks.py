"""The controls with which a person plays each family of tasks, and scenes of an agent's view."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import aerojax
import paxmen
from aerojax.aircraft import GRAVITY
from aerojax.pilots.scripts import usable_scripts
from aerojax.rules.step import TIME_STEP
from aerojax.scenarios import get_config


class Moves(NamedTuple):
    """Controls of a game on a grid: the action of each key."""

    up: int
    down: int
    right: int
    left: int
    act: int
    wait: int
    act_name: str  # a word for `act`


class Flight(NamedTuple):
    """Controls of a flight in real time: actions float32 (3,) in [-1, 1], turn, climb, throttle.

    The environment's scene has a `space`, in which each agent's body has the agent's name.
    """

    make: Callable[[str | None], MultiAgentEnv]
    """`make(opponents)`: the environment with these actions; None leaves the usual opponents."""
    opponents: tuple[str, ...]
    """The names of scripts that can be the opponents; empty if the task has no opponents."""
    instruments: Callable[[Any, Any, str], dict[str, str]]
    """`instruments(env, state, agent)`: the readings that the pilot sees, label -> text."""
    step_seconds: float
    """The duration of a step in seconds."""


def controls_of(task: str) -> Moves | Flight | None:
    """The controls of the task of that name; None if a person cannot play it."""
    family, _, name = task.rpartition("/")
    if family == "aerojax":
        return _flight(name)
    if task in paxmen.list_envs():
        return Moves(up=0, down=1, right=2, left=3, act=4, wait=5, act_name="eat")
    return None


def agent_scene(
    env: Any, states: Any, agent: str, rewards: np.ndarray, title: str
) -> dict[str, Any] | None:
    """A scene of what one agent sees in an episode of T steps.

    Args:
        env: the environment.
        states: leaves (T + 1, ...).
        agent: the agent's name.
        rewards: float (T,).
        title: the scene's title.

    Returns:
        The scene, or None if the environment has no such view.
    """
    if not isinstance(env, paxmen.PaxMen):
        return None
    from paxmen.agent_scene import agent_scene

    return agent_scene(env, states, agent, rewards, title=title)


PAGE_TASKS = ("paxmen-4", "paxmen-5", "paxmen-6")
"""The tasks whose rules mars_demo/play/maze_game.js has, too."""


def maze_levels(env: Any) -> list[dict[str, Any]]:
    """The levels of a task of `PAGE_TASKS` as maze_game.js takes them, with what to draw of each.

    `cells` are rows and columns in the order of the world state, `hub` how many of them the hub
    has, `rooms` the first cell of each room.
    """
    maze = env.maze
    levels = []
    for level in range(maze.num_layouts):
        cells = maze.positions[level]
        no_dots = np.zeros((maze.grid_side, maze.grid_side), bool)
        state = env.make_state(level, cells[: env.num_agents], no_dots)
        scene = env.scene(jax.tree.map(lambda leaf: leaf[None], state))
        levels.append(
            {
                "cells": cells.tolist(),
                "hub": int(np.ravel(maze.hub_cells)[0]),
                "rooms": maze.room_start[:, level].tolist(),
                "picture": {key: scene[key] for key in ("box", "background", "still")},
            }
        )
    return levels


@cache
def _flight(name: str) -> Flight:
    config = get_config(name)

    def make(opponents: str | None) -> MultiAgentEnv:
        changes: dict[str, Any] = {} if opponents is None else {"opponents": opponents}
        return aerojax.make(name, actions="continuous", **changes)

    return Flight(
        make=make,
        opponents=tuple(usable_scripts(config, config.team_b)) if config.num_enemies else (),
        instruments=_instruments,
        step_seconds=TIME_STEP,
    )


def _instruments(env: Any, state: Any, agent: str) -> dict[str, str]:
    slot, border = env.slot_names.index(agent), env.config.team_a.own.stop
    motion = state.motion
    load = np.hypot(motion.ny[slot], motion.nz[slot])
    speed = np.linalg.norm([motion.vx[slot], motion.vy[slot], motion.vz[slot]])
    energy = motion.z[slot] + speed**2 / (2 * GRAVITY)
    facts = {
        "time left": f"{(env.max_steps - state.step) * TIME_STEP:.0f} s",
        "load": f"{load:.1f} g",
        "thrust": f"{100 * motion.throttle[slot]:.0f} %",
        "energy": f"{energy:,.0f} m",
        "in the air": f"{state.alive[:border].sum()} : {state.alive[border:].sum()}",
    }
    if not env.config.num_enemies:
        facts["in the air"] = f"{state.alive.sum()}"
    return facts
