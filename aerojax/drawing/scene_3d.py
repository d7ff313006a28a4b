"""An episode in three dimensions: metres, degrees, frames (`wrappers/viewing/scene_3d.py`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aerojax.drawing.scene_2d import SIGHT_ANGLE, team_of, team_sizes
from aerojax.objectives.search import cell_side
from aerojax.rules.gun import CONE_COSINE
from aerojax.rules.step import TIME_STEP

if TYPE_CHECKING:
    from aerojax.env import AeroJAX


AIRFRAMES = {
    "fighter": "swept",
    "heavy": "broad",
    "scout": "straight",
    "interceptor": "dart",
    "ace": "canard",
    "asset": "airliner",
}
"""What each class looks like; one's own look like fighters."""
GUN_ANGLE = round(math.degrees(math.acos(CONE_COSINE)))


def episode_space(
    env: AeroJAX, states: Any, points: list[NDArray], cells: list[NDArray]
) -> dict[str, Any]:
    """The `space` of an episode's scene.

    Args:
        env: the environment that was played.
        states: a State of NumPy arrays with a leading axis (T + 1,).
        points: for each state (P, 3), m: the task's points.
        cells: for each state (K, 2), m: the cells that are still to be searched.
    """
    allies, _ = team_sizes(env)
    slots = np.arange(len(env.slot_names))
    obstacles = states.obstacles
    fired = states.target[:, :, None] == slots  # (T + 1, N, N)
    seen = np.zeros_like(fired)
    seen[:, :allies, allies:] = states.seen_a
    seen[:, allies:, :allies] = states.seen_b
    seen &= states.alive[:, :, None] & states.alive[:, None, :]
    cylinders = [obstacles.x[0], obstacles.y[0], obstacles.radius[0], obstacles.height[0]]
    return {
        "radius": float(env.config.radius),
        "ceiling": float(env.config.ceiling),
        "bodies": _bodies(env, states),
        "shots": _intervals(fired),
        "sights": _intervals(seen),
        "obstacles": _whole(np.stack(cylinders, axis=-1)),
        "points": [_whole(now) for now in points],
        "point_radius": float(env.task_radius),
        "cells": _cell_intervals(cells),
        "cell_side": cell_side(env.config.radius),
        "time_step": TIME_STEP,
    }


def _bodies(env: AeroJAX, states: Any) -> list[dict[str, Any]]:
    motion = states.motion
    flat = np.hypot(motion.vx, motion.vy)
    columns = {
        "x": motion.x,
        "y": motion.y,
        "z": motion.z,
        "yaw": np.degrees(np.arctan2(motion.vy, motion.vx)),
        "pitch": np.degrees(np.arctan2(motion.vz, flat)),
        "bank": np.degrees(_bank(motion)),
    }
    health = np.clip(states.hp / env.fleet.max_hp, 0, 1)
    died = [np.flatnonzero(~column) for column in states.alive.T]
    return [
        {
            "name": name,
            "kind": env.slot_classes[slot],
            "shape": AIRFRAMES.get(env.slot_classes[slot], "swept"),
            "colour": f"team-{team_of(env, slot)}",
            "sight": [round(float(env.fleet.radar_range[slot])), SIGHT_ANGLE],
            "died": int(died[slot][0]) if len(died[slot]) else None,
            "health": health[:, slot].astype(float).round(2).tolist(),
            **_reach(env, slot),
            **{key: _whole(column[:, slot]) for key, column in columns.items()},
        }
        for slot, name in enumerate(env.slot_names)
    ]


def _reach(env: AeroJAX, slot: int) -> dict[str, list[float]]:
    """Where the slot's gun reaches, if it has one."""
    reach = float(env.fleet.gun_range[slot]) * env.config.objective.guns
    return {"reach": [round(reach), GUN_ANGLE]} if reach else {}


def _bank(motion: Any) -> NDArray:
    """Right wing down, rad: of `up` against the horizon, and of the load factor against `up`.

    An aircraft that pushes stays upright.
    """
    right = motion.up_x * motion.vy - motion.up_y * motion.vx
    upright = motion.up_z * np.sqrt(motion.vx**2 + motion.vy**2 + motion.vz**2)
    return np.arctan2(right, upright) + np.arctan2(motion.ny, np.abs(motion.nz))


def _whole(numbers: NDArray) -> list:
    """Metres and degrees need no decimals on a screen."""
    return np.round(numbers).astype(int).tolist()


def _intervals(holds: NDArray) -> list[list[int]]:
    """bool (T + 1, N, N) -> [i, j, first, last] of each run of frames in which it holds."""
    padded = np.pad(holds, ((1, 1), (0, 0), (0, 0))).astype(np.int8)
    changes = np.diff(padded, axis=0).transpose(1, 2, 0)
    starts, ends = np.argwhere(changes == 1), np.argwhere(changes == -1)
    return [
        [i, j, first, last - 1]
        for (i, j, first), (*_, last) in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _cell_intervals(cells: list[NDArray]) -> list[list[int]]:
    """[x, y, 0, last] of each cell: what is searched stays so."""
    last: dict[tuple[int, ...], int] = {}
    for time, now in enumerate(cells):
        last |= dict.fromkeys(map(tuple, _whole(now)), time)
    return [[*cell, 0, time] for cell, time in last.items()]
