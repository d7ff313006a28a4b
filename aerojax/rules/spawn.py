"""How an episode starts."""

from __future__ import annotations

import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from aerojax.aircraft import Fleet
from aerojax.batching import along_batch
from aerojax.config import Config
from aerojax.draws import Draws
from aerojax.rules.arena import place_obstacles
from aerojax.rules.formation import (
    ALTITUDE,
    DISTANCE,
    JITTER_ACROSS,
    JITTER_ALONG,
    JITTER_ALTITUDE,
    formation,
)
from aerojax.rules.step import look, relate_teams
from aerojax.rules.world import world_of
from aerojax.state import Motion, Obstacles, State, World

SPEED = 200.0  # m/s
THROTTLE = 0.6
JITTER_HEADING = math.radians(15.0)


def spawn(config: Config, fleet: Fleet, draws: Draws, world: World | None = None) -> State:
    """The state at an episode's start.

    The teams face each other 5 km apart along an axis at a random angle.

    Args:
        config: the task.
        fleet: the slots' coefficients.
        draws: uniform numbers.
        world: the episode's; None: that of the configuration.
    """
    state = place(config, fleet, draws, world)
    return complete(config, fleet, state, draws)


def place(config: Config, fleet: Fleet, draws: Draws, world: World | None) -> State:
    """The same, but nobody sees anybody, and the objective has not begun."""
    axis = draws.uniform((), -math.pi, math.pi)
    motion = _abreast(config, draws)
    turn = jnp.where(draws.uniform((config.num_aircraft,)) < 0.5, -1.0, 1.0).astype(jnp.float32)
    motion = _turned(config.objective.arrange(config, motion, axis, draws), axis)
    blank = jnp.zeros_like(turn)
    zero = jnp.zeros_like(axis)
    team_a, team_b = (side.stop - side.start for side in config.team_a)

    def nobody(rows: int, columns: int) -> Array:
        return jnp.zeros((rows, columns, *axis.shape), bool)

    state = State(
        motion=motion,
        hp=blank + fleet.max_hp,
        alive=jnp.ones_like(turn, bool),
        hurt=blank,
        target=blank.astype(jnp.int32) - 1,
        seen_a=nobody(team_a, team_b),
        seen_b=nobody(team_b, team_a),
        linked_a=nobody(team_a, team_a),
        linked_b=nobody(team_b, team_b),
        turn=turn,
        obstacles=Obstacles(*[jnp.zeros((0, *axis.shape), jnp.float32)] * 4),
        task=(),
        step=zero.astype(jnp.int32),
        done=zero.astype(bool),
        world=world,
    )
    radius = world_of(config, state).radius
    state = replace(state, obstacles=place_obstacles(draws, config.obstacles, radius, motion))
    if world is None:
        return state
    alive = world.present > 0.5
    return replace(state, alive=alive, hp=jnp.where(alive, state.hp, 0.0))


def complete(config: Config, fleet: Fleet, state: State, draws: Draws) -> State:
    """The state with what follows from where everyone is: detections, links and the task."""
    relation = relate_teams(config, state.motion)
    state = look(config, fleet, state, relation, draws)
    return replace(state, task=config.objective.start(config, state, relation, draws))


def _abreast(config: Config, draws: Draws) -> Motion:
    """Both teams in formation along x, team A flying towards positive x, team B towards it."""
    count = config.num_aircraft
    along, across, above = _formation(config)
    jitter = [
        draws.uniform((count,), -size, size)
        for size in (JITTER_ALONG, JITTER_ACROSS, JITTER_ALTITUDE, JITTER_HEADING)
    ]

    def like(constant: NDArray) -> Array:
        return along_batch(jnp.asarray(constant), 1, jitter[0])

    facing = np.where(np.arange(count) < config.team_a.own.stop, 1.0, -1.0).astype(np.float32)
    level = jnp.zeros_like(jitter[0])
    return Motion(
        x=like(along) + jitter[0],
        y=like(across) + jitter[1],
        z=like(above) + jitter[2],
        vx=SPEED * jnp.cos(jitter[3]) * like(facing),
        vy=SPEED * jnp.sin(jitter[3]) * like(facing),
        vz=level,
        up_x=level,
        up_y=level,
        up_z=level + 1.0,
        ny=level,
        nz=level + 1.0,
        throttle=level + THROTTLE,
    )


def _formation(config: Config) -> tuple[NDArray, NDArray, NDArray]:
    """float32 (N,) each: x, y and z of the slots before any jitter, m.

    Team B's is team A's turned by half a turn, not its mirror image: pilots are not symmetric in
    left and right, and of mixed teams one side would have won 55 % of the games.
    """
    a, b = (formation(side.stop - side.start) for side in (config.team_a.own, config.team_b.own))
    along = np.concatenate([-DISTANCE - a[:, 0], DISTANCE + b[:, 0]])
    across = np.concatenate([a[:, 1], -b[:, 1]])
    return along, across, ALTITUDE + np.concatenate([a[:, 2], b[:, 2]])


def _turned(motion: Motion, angle: Array) -> Motion:
    """The whole scene turned by an angle."""
    cos, sin = jnp.cos(angle)[None], jnp.sin(angle)[None]
    return replace(
        motion,
        x=cos * motion.x - sin * motion.y,
        y=sin * motion.x + cos * motion.y,
        vx=cos * motion.vx - sin * motion.vy,
        vy=sin * motion.vx + cos * motion.vy,
    )
