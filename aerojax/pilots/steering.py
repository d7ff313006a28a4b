"""How a scripted pilot looks around, flies to a place and stays alive on the way.

A batch axis may follow all others.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from aerojax.batching import along_batch, per_environment
from aerojax.config import Config, Sides
from aerojax.rules import sensing
from aerojax.rules.flight import FULL_CLIMB, Command
from aerojax.rules.geometry import Frame, Relation, across, frame, in_yaw_frame, members, relate
from aerojax.rules.world import measured, world_of
from aerojax.state import Motion, State

TURN_GAIN = 2.5  # lateral command for the sine of the bearing
PATROL_RADIUS = 3000.0  # m from the middle at which those without contact circle
PATROL_ALTITUDE = 3000.0  # m


class Picture(NamedTuple):
    """What a team knows of its opponents, from each of its own."""

    motion: Motion  # own, (n,)
    frame: Frame  # own, (n,)
    foes: Motion  # (m,)
    relation: Relation  # (n, m)
    forward: Array  # float32 (n, m), m, in the yaw frame
    right: Array
    known: Array  # bool (n, m)
    link: Array  # bool (n, n), of the team
    turn: Array  # float32 (n,)


class Place(NamedTuple):
    """Where each of a team wants to go from where it is, float32 (n,) each, m, in its yaw frame."""

    forward: Array
    right: Array
    up: Array


def look_around(state: State, sides: Sides) -> Picture:
    """The team's picture: own detections and those of the team-mates to whom a link leads."""
    first = sides.own.start == 0
    seen, link = (state.seen_a, state.linked_a) if first else (state.seen_b, state.linked_b)
    own, foes = members(state.motion, sides.own), measured(state, sides.foe)
    relation, axes = relate(own, foes), frame(own)
    forward, right = in_yaw_frame(axes, relation.x, relation.y)
    alive = state.alive[sides.own][:, None] & state.alive[sides.foe][None, :]
    known = alive & sensing.tracks(seen, link)
    return Picture(own, axes, foes, relation, forward, right, known, link, state.turn[sides.own])


def one_hot_least(cost: Array) -> Array:
    """bool (n, m): the least of each row, the first of equals; nothing where all are infinite."""
    least = jnp.argmin(cost, axis=1).astype(jnp.int32)[:, None]
    columns = along_batch(jnp.arange(cost.shape[1], dtype=jnp.int32)[None], 2, cost)
    return (columns == least) & jnp.isfinite(cost)


def steer(place: Place) -> Command:
    """Full throttle towards a place."""
    ground = jnp.sqrt(place.forward**2 + place.right**2 + 1e-9)
    sine = place.right / ground
    behind = jnp.where(place.right >= 0.0, 1.0, -1.0)
    lateral = jnp.where(place.forward < 0.0, behind, jnp.clip(TURN_GAIN * sine, -1.0, 1.0))
    elevation = place.up / jnp.sqrt(ground**2 + place.up**2)
    vertical = jnp.clip(elevation / FULL_CLIMB, -1.0, 1.0)
    return Command(lateral, vertical, jnp.ones_like(lateral))


def patrol(picture: Picture) -> Command:
    """Circles the arena's middle, 3 km from it and at 3000 m."""
    forward, right = to_middle(picture)
    distance = jnp.sqrt(forward**2 + right**2 + 1e-6)
    inward = jnp.clip((distance - PATROL_RADIUS) / 2000.0, -1.0, 1.0)
    command = steer(
        Place(
            inward * forward - picture.turn * right,
            inward * right + picture.turn * forward,
            jnp.zeros_like(forward),
        )
    )
    return command._replace(vertical=to_altitude(picture.motion.z, PATROL_ALTITUDE))


def to_altitude(z: Array, altitude: float) -> Array:
    """The vertical command that returns to an altitude (m)."""
    return jnp.clip((altitude - z) / 1000.0, -1.0, 1.0)


def choose(condition: Array, yes: Command, no: Command) -> Command:
    return Command(*(jnp.where(condition, a, b) for a, b in zip(yes, no, strict=True)))


def survive(
    config: Config, state: State, sides: Sides, picture: Picture, command: Command
) -> Command:
    """The command, unless the ground, the ceiling, the edge or a collision is near."""
    motion, world = picture.motion, world_of(config, state)
    radius, ceiling = (per_environment(x, motion.z) for x in (world.radius, world.ceiling))
    soon = motion.z + 4.0 * motion.vz
    vertical = jnp.where(soon < 600.0, 1.0, command.vertical)
    vertical = jnp.where(soon > ceiling - 800.0, -1.0, vertical)

    from_middle = jnp.sqrt(motion.x**2 + motion.y**2 + 1e-6)
    outward = (motion.x * motion.vx + motion.y * motion.vy) / from_middle
    forward, right = to_middle(picture)
    home = steer(Place(forward, right, jnp.zeros_like(forward)))
    leaving = from_middle + 6.0 * outward > 0.93 * radius
    lateral = jnp.where(leaving, home.lateral, command.lateral)

    if config.obstacles:
        lateral = _around_obstacles(state, picture, lateral)
    lateral = jnp.where(_collides(state, sides, picture), 1.0, lateral)
    return Command(lateral, vertical, command.throttle)


def _collides(state: State, sides: Sides, picture: Picture) -> Array:
    """bool (n,): someone within 900 m ahead comes closer by more than 120 m/s."""

    def closing(relation: Relation, others: Motion) -> Array:
        own = picture.motion
        drift = (
            relation.x * across(own.vx, others.vx)
            + relation.y * across(own.vy, others.vy)
            + relation.z * across(own.vz, others.vz)
        )
        fast = -drift > 120.0 * relation.range
        return fast & (relation.range < 900.0) & (relation.nose > 0.7)

    mates = members(state.motion, sides.own)
    flying = state.alive[sides.own][None, :]
    with_mates = jnp.any(closing(relate(picture.motion, mates), mates) & flying, axis=1)
    with_foes = jnp.any(closing(picture.relation, picture.foes) & picture.known, axis=1)
    return with_mates | with_foes


def _around_obstacles(state: State, picture: Picture, lateral: Array) -> Array:
    """Turns away from a cylinder that lies within 10 s ahead."""
    obstacles, motion = state.obstacles, picture.motion
    x, y = obstacles.x[None] - motion.x[:, None], obstacles.y[None] - motion.y[:, None]
    forward, right = in_yaw_frame(picture.frame, x, y)
    ground_speed = picture.frame.ground_speed[:, None]
    reach = obstacles.radius[None] + 10.0 * ground_speed
    margin = obstacles.radius[None] + 250.0
    low = (motion.z + 3.0 * motion.vz)[:, None] < obstacles.height[None] + 150.0
    ahead = (forward > 0.0) & (x**2 + y**2 < reach**2) & (jnp.abs(right) < margin) & low
    first = one_hot_least(jnp.where(ahead, forward, jnp.inf))
    side = jnp.sum(jnp.where(first, right, 0.0), axis=1)
    return jnp.where(jnp.any(ahead, axis=1), jnp.where(side >= 0.0, -1.0, 1.0), lateral)


def to_middle(picture: Picture) -> tuple[Array, Array]:
    """Forward and right components of the way to the arena's middle, m."""
    motion = picture.motion
    forward, right = in_yaw_frame(picture.frame, -motion.x[:, None], -motion.y[:, None])
    return forward[:, 0], right[:, 0]
