"""What each aircraft sees, and what there is. A batch axis may follow all others."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from aerojax import flight, sensing
from aerojax.aircraft import GRAVITY, Fleet
from aerojax.config import Config, Sides
from aerojax.geometry import Frame, across, frame, in_yaw_frame, relate
from aerojax.state import Motion, State

OWN_FEATURES = 16
OTHER_FEATURES = 12
OBSTACLE_FEATURES = 4
WORLD_FEATURES = 9  # per aircraft


def size(config: Config) -> int:
    """F, the length of one agent's observation."""
    return (
        OWN_FEATURES
        + OTHER_FEATURES * config.num_aircraft
        + _num_class_features(config)
        + config.objective.num_features(config)
        + OBSTACLE_FEATURES * config.obstacles
    )


def world_size(config: Config) -> int:
    """W, the length of the world state."""
    aircraft = WORLD_FEATURES * config.num_aircraft
    return aircraft + 1 + config.objective.num_world_features(config) + 4 * config.obstacles


def observe(config: Config, fleet: Fleet, state: State, sides: Sides, agents: int) -> Array:
    """float32 (F, agents): one column for each of the first `agents` of a team.

    Everything is zero for the dead, and so is everything about those who are not seen.
    """
    rows = slice(sides.own.start, sides.own.start + agents)
    motion = jax.tree.map(lambda x: x[rows], state.motion)
    axes = frame(motion)
    blocks = [
        _own(config, fleet, state, rows, motion, axes),
        _others(fleet, state, sides, agents, motion, axes),
        _classes(config, rows, motion),
        config.objective.features(config, state, motion),
        _obstacles(state, motion, axes),
    ]
    alive = state.alive[rows]
    return jnp.where(alive[None], jnp.concatenate(blocks), 0.0)


def world_state(config: Config, state: State) -> Array:
    """float32 (W,): every aircraft in the arena's frame, the time and the task."""
    motion, alive = state.motion, state.alive
    blocks = [
        jnp.ones_like(motion.x),
        motion.x / config.radius,
        motion.y / config.radius,
        motion.z / 5000.0,
        motion.vx / 300.0,
        motion.vy / 300.0,
        motion.vz / 300.0,
        state.hp,
        motion.throttle,
    ]
    aircraft = jnp.concatenate([jnp.where(alive, block, 0.0) for block in blocks])
    time = _time_left(config, state)[None]
    obstacles = state.obstacles
    still = [
        obstacles.x / config.radius,
        obstacles.y / config.radius,
        obstacles.radius / 1000.0,
        obstacles.height / 5000.0,
    ]
    task = config.objective.world_features(config, state)
    return jnp.concatenate([aircraft, time, task, *still])


def _time_left(config: Config, state: State) -> Array:
    return 1.0 - state.step.astype(jnp.float32) / config.max_steps


def _own(
    config: Config, fleet: Fleet, state: State, rows: slice, motion: Motion, axes: Frame
) -> Array:
    """float32 (16, n)."""
    mine = jax.tree.map(lambda x: x[rows], fleet)
    load = flight.available_load(mine, motion)
    to_middle = in_yaw_frame(axes, -motion.x[:, None], -motion.y[:, None])
    distance = jnp.sqrt(motion.x**2 + motion.y**2 + 1e-6)
    outward = (motion.x * motion.vx + motion.y * motion.vy) / distance
    ones = jnp.ones_like(motion.x)
    return jnp.stack(
        [
            ones,
            state.hp[rows] / mine.max_hp,
            axes.speed / 300.0,
            axes.nose_z,
            motion.z / 5000.0,
            motion.ny / mine.max_load,
            motion.nz / mine.max_load,
            motion.throttle,
            jnp.minimum(load / mine.max_load, 2.0),
            (motion.z + axes.speed**2 * (0.5 / GRAVITY)) / 1e4,
            to_middle[0][:, 0] / config.radius,
            to_middle[1][:, 0] / config.radius,
            distance / config.radius,
            outward / 300.0,
            2.0 * state.hurt[rows],
            ones * _time_left(config, state)[None],
        ]
    )


def _others(
    fleet: Fleet, state: State, sides: Sides, agents: int, motion: Motion, axes: Frame
) -> Array:
    """float32 (12 N, n): feature by feature, the team's slots first, then the opponents'."""

    def team_first(x: Array) -> Array:
        return jnp.concatenate([x[sides.own], x[sides.foe]])

    everyone = jax.tree.map(team_first, state.motion)
    health = team_first(state.hp / fleet.max_hp)
    known = _known(state, sides, agents).astype(jnp.float32)
    relation = relate(everyone, motion)  # (N, n), from the other to oneself
    forward, right = _seen_from(axes, -relation.x, -relation.y)
    vx, vy, vz = (
        -across(getattr(everyone, axis), getattr(motion, axis)) for axis in ("vx", "vy", "vz")
    )
    v_forward, v_right = _seen_from(axes, vx, vy)
    per = known / relation.range
    blocks = [
        known,
        forward * per,
        right * per,
        -relation.z * per,
        relation.range * known / 8000.0,
        known * (1000.0 / (relation.range + 1000.0)),
        v_forward * known / 300.0,
        v_right * known / 300.0,
        vz * known / 300.0,
        relation.facing * known,
        relation.nose * known,
        health[:, None] * known,
    ]
    return jnp.concatenate(blocks)


def _seen_from(axes: Frame, x: Array, y: Array) -> tuple[Array, Array]:
    """Forward and right components, (N, n), of vectors from each column."""
    ahead_x, ahead_y = axes.ahead_x[None], axes.ahead_y[None]
    return x * ahead_x + y * ahead_y, x * ahead_y - y * ahead_x


def _known(state: State, sides: Sides, agents: int) -> Array:
    """bool (N, n): which of the others, the team first, each agent has a track of."""
    first = sides.own.start == 0
    seen, link = (state.seen_a, state.linked_a) if first else (state.seen_b, state.linked_b)
    mates, foes = state.alive[sides.own], state.alive[sides.foe]
    count = mates.shape[0]
    other = ~np.eye(count, agents, dtype=bool).reshape(count, agents, *(1,) * (mates.ndim - 1))
    of_mates = link[:agents].swapaxes(0, 1) & mates[:, None] & other
    of_foes = sensing.tracks(seen, link[:agents]).swapaxes(0, 1) & foes[:, None]
    return jnp.concatenate([of_mates, of_foes])


def _num_class_features(config: Config) -> int:
    return len(config.class_names) if _mixed(config) else 0


def _mixed(config: Config) -> bool:
    """Whether the agents of a team are of more than one class."""
    a = config.num_allies
    teams = [config.classes[:a]] + ([config.enemies] if config.selfplay else [])
    return any(len(set(team)) > 1 for team in teams)


def _classes(config: Config, rows: slice, motion: Motion) -> Array:
    """float32 (C, n): one-hot, where a team's agents are not all alike."""
    if not _mixed(config):
        return jnp.zeros((0, *motion.x.shape), jnp.float32)
    names = [aircraft.name for aircraft in config.classes[rows]]
    table = np.array([[name == mine for mine in names] for name in config.class_names], np.float32)
    table = table.reshape(*table.shape, *(1,) * (motion.x.ndim - 1))
    return jnp.broadcast_to(table, (len(table), *motion.x.shape))


def _obstacles(state: State, motion: Motion, axes: Frame) -> Array:
    """float32 (4 K, n), feature by feature."""
    obstacles = state.obstacles
    x, y = -across(obstacles.x, motion.x), -across(obstacles.y, motion.y)
    forward, right = _seen_from(axes, x, y)
    distance = jnp.sqrt(x**2 + y**2 + 1e-6)
    return jnp.concatenate(
        [
            forward / distance,
            right / distance,
            (distance - obstacles.radius[:, None]) / 8000.0,
            across(motion.z, obstacles.height).swapaxes(0, 1) / 5000.0,
        ]
    )
