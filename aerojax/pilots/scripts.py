"""Scripted pilots. They see what their team sees, as agents do.

A script is `script(config, fleet, state, sides) -> Command` for the slots `sides.own`. Each picks
a place to fly to; `aerojax.pilots.steering` does the rest. A batch axis may follow all others.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from aerojax.aircraft import Fleet
from aerojax.batching import along_batch, per_environment
from aerojax.config import Config, Sides
from aerojax.objectives.escort import ALTITUDE, ASSET_SPEED
from aerojax.objectives.search import Search, offsets
from aerojax.pilots.steering import (
    Picture,
    Place,
    choose,
    look_around,
    one_hot_least,
    patrol,
    steer,
    survive,
    to_altitude,
    to_middle,
)
from aerojax.rules.flight import Command
from aerojax.rules.geometry import across, frame, in_yaw_frame, members
from aerojax.rules.world import world_of
from aerojax.state import State

Script = Callable[[Config, Fleet, State, Sides], Command]

CREEP_RANGE = 450.0  # m, within which a script no longer closes in
TURN_COST = 3.0  # an opponent behind is as dear to the ace as one 7 times as far ahead
CROWD_COST = 1.0  # as is one at twice the distance for each team-mate who wants it too
ASSET_COST = 0.01  # whoever attacks an escorted asset is not to be led away from it
SLOW, FAST = 130.0, 330.0  # m/s between which the ace keeps
TURN_SPEED = 250.0  # m/s below which the ace eases its turns, which would slow it down further


def circle(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Flies in circles at 3000 m, and never looks for anyone."""
    del fleet
    picture = look_around(state, sides)
    level = to_altitude(picture.motion.z, ALTITUDE)
    throttle = jnp.full_like(level, -0.2)
    command = Command(0.25 * picture.turn, level, throttle)
    return survive(config, state, sides, picture, command)


def pursuit(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Flies at the nearest known opponent."""
    del fleet
    picture = look_around(state, sides)
    cost = jnp.where(picture.known, _preference(config, sides, picture.relation.range), jnp.inf)
    chosen = one_hot_least(cost)
    place, distance = _place_of(picture, chosen)
    command = choose(jnp.any(picture.known, axis=1), steer(place), patrol(picture))
    creeping = jnp.any(picture.known, axis=1) & (distance < CREEP_RANGE)
    throttle = jnp.where(creeping, -1.0, command.throttle)
    return survive(config, state, sides, picture, command._replace(throttle=throttle))


def ace(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Leads its target, shares targets out, breaks away from threats and minds its speed."""
    del fleet
    picture = look_around(state, sides)
    relation, known = picture.relation, picture.known
    flying = known & state.alive[sides.own][:, None]
    cost = _preference(config, sides, relation.range) * (1.0 + TURN_COST * (1.0 - relation.nose))
    first = one_hot_least(jnp.where(flying, cost, jnp.inf)).astype(jnp.float32)
    told = jnp.where(picture.link[:, :, None], first[None], 0.0)  # what linked mates want
    mates_there = jnp.sum(told, axis=1) - first
    cost = cost * (1.0 + CROWD_COST * mates_there)
    chosen = one_hot_least(jnp.where(known, cost, jnp.inf))
    place, distance = _place_of(picture, chosen)
    time = jnp.clip(distance / 450.0, 0.0, 3.0) * 0.6
    drift = _velocity_of(picture, chosen)
    lead = Place(*(p + time * d for p, d in zip(place, drift, strict=True)))
    command = choose(jnp.any(known, axis=1), steer(lead), patrol(picture))

    threat = known & (relation.facing > 0.85) & (relation.range < 2500.0) & (relation.nose < 0.3)
    worst = one_hot_least(jnp.where(threat, relation.range, jnp.inf))
    side = jnp.sum(jnp.where(worst, picture.right, 0.0), axis=1)
    breaks = Command(
        jnp.where(side >= 0.0, 1.0, -1.0), jnp.full_like(side, -0.15), jnp.ones_like(side)
    )
    command = choose(jnp.any(threat, axis=1), breaks, command)

    slow, fast = picture.frame.speed < SLOW, picture.frame.speed > FAST
    creeping = jnp.any(known, axis=1) & (distance < CREEP_RANGE)
    ease = jnp.clip((picture.frame.speed / TURN_SPEED) ** 2, 0.2, 1.0)
    command = Command(
        jnp.clip(command.lateral, -ease, ease),
        jnp.where(slow, jnp.minimum(command.vertical, 0.0), command.vertical),
        jnp.where(creeping, -1.0, jnp.where(fast, 0.2, command.throttle)),
    )
    return survive(config, state, sides, picture, command)


def evader(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Flies away from known pursuers and from the arena's edge."""
    del fleet
    picture = look_around(state, sides)
    return survive(config, state, sides, picture, steer(_away(config, state, picture)))


def hider(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Puts the nearest obstacle between itself and its nearest pursuer; flees the close ones."""
    del fleet
    picture, obstacles = look_around(state, sides), state.obstacles
    known, distance = picture.known, picture.relation.range
    hunter = one_hot_least(jnp.where(known, distance, jnp.inf))
    hunter_x = jnp.sum(jnp.where(hunter, picture.foes.x[None], 0.0), axis=1)[:, None]
    hunter_y = jnp.sum(jnp.where(hunter, picture.foes.y[None], 0.0), axis=1)[:, None]
    dx, dy = obstacles.x[None] - hunter_x, obstacles.y[None] - hunter_y
    beyond = (obstacles.radius[None] + 500.0) / jnp.sqrt(dx**2 + dy**2 + 1e-6)
    x = obstacles.x[None] + dx * beyond - picture.motion.x[:, None]
    y = obstacles.y[None] + dy * beyond - picture.motion.y[:, None]
    forward, right = in_yaw_frame(picture.frame, x, y)
    low = obstacles.height[None] - 600.0
    nearest = one_hot_least(x**2 + y**2 + jnp.where(low < 900.0, 1e9, 0.0))
    up = jnp.clip(low, 900.0, 3000.0) - picture.motion.z[:, None]
    shelter = Place(
        *(jnp.sum(jnp.where(nearest, part, 0.0), axis=1) for part in (forward, right, up))
    )
    hunted = jnp.any(known & (distance < 2000.0), axis=1)
    command = choose(hunted, steer(_away(config, state, picture)), steer(shelter))
    return survive(config, state, sides, picture, command)


def waypoint(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Flies to the nearest point; the nearer team-mate has the right of way."""
    del fleet
    picture = look_around(state, sides)
    points = config.objective.points(config, state.task)
    offsets = [
        -across(point, place).swapaxes(0, 1)
        for point, place in zip(
            points, (picture.motion.x, picture.motion.y, picture.motion.z), strict=True
        )
    ]
    forward, right = in_yaw_frame(picture.frame, offsets[0], offsets[1])
    distance = jnp.sqrt(sum(offset**2 for offset in offsets))
    # A turn costs about as much as 1500 m of way for half a circle.
    cost = distance * (1.3 - 0.3 * forward / jnp.maximum(distance, 1.0))
    alive = state.alive[sides.own][:, None]
    crew = getattr(config.objective, "crew", 1)
    chosen = one_hot_least(_shared_out(jnp.where(alive, cost, jnp.inf), crew))
    place = Place(
        *(jnp.sum(jnp.where(chosen, part, 0.0), axis=1) for part in (forward, right, offsets[2]))
    )
    return survive(config, state, sides, picture, steer(place))


def search(config: Config, fleet: Fleet, state: State, sides: Sides) -> Command:
    """Flies to the nearest unseen cell that no team-mate is nearer to."""
    del fleet
    picture = look_around(state, sides)
    motion = picture.motion
    dx, dy = (offset.swapaxes(0, 1) for offset in offsets(config, state, motion))
    forward, right = in_yaw_frame(picture.frame, dx, dy)
    distance = jnp.sqrt(dx**2 + dy**2 + 1e-6)
    cost = distance * (1.6 - 0.6 * forward / distance)
    alive = state.alive[sides.own][:, None]
    nearest = cost <= jnp.min(jnp.where(alive, cost, jnp.inf), axis=0)[None]
    unseen = ~state.task[None]
    cost = jnp.where(unseen, jnp.where(nearest, cost, cost + 6000.0), jnp.inf)
    chosen = one_hot_least(cost)
    up = ALTITUDE - motion.z
    place = Place(
        jnp.sum(jnp.where(chosen, forward, 0.0), axis=1),
        jnp.sum(jnp.where(chosen, right, 0.0), axis=1),
        jnp.clip(up, -300.0, 300.0),
    )
    return survive(config, state, sides, picture, steer(place))


def transport(config: Config, fleet: Fleet, state: State) -> Command:
    """Flies the escorted asset to its destination, at 150 m/s and 3000 m."""
    del fleet
    asset = slice(config.num_allies, config.num_allies + 1)
    motion = members(state.motion, asset)
    axes = frame(motion)
    x, y = state.task.x[None] - motion.x, state.task.y[None] - motion.y
    forward, right = in_yaw_frame(axes, x[:, None], y[:, None])
    command = steer(Place(forward[:, 0], right[:, 0], jnp.zeros_like(motion.z)))
    return Command(
        command.lateral,
        to_altitude(motion.z, ALTITUDE),
        jnp.clip(0.1 * (ASSET_SPEED - axes.speed), -1.0, 1.0),
    )


def usable_scripts(config: Config, sides: Sides) -> list[str]:
    """The scripts that can fly a team in this task."""
    needs = {
        "circle": True,
        "pursuit": sides.foe.stop > sides.foe.start,
        "ace": sides.foe.stop > sides.foe.start,
        "evader": sides.foe.stop > sides.foe.start,
        "hider": sides.foe.stop > sides.foe.start and config.obstacles > 0,
        "waypoint": config.objective.num_points > 0,
        "search": isinstance(config.objective, Search),
    }
    return [name for name, met in needs.items() if met]


SCRIPTS: dict[str, Script] = {
    "circle": circle,
    "pursuit": pursuit,
    "ace": ace,
    "evader": evader,
    "hider": hider,
    "waypoint": waypoint,
    "search": search,
}
"""The scripted pilots by name, weakest first among those that fight."""


def _preference(config: Config, sides: Sides, distance: Array) -> Array:
    """float32 (n, m): distances, in which an escorted asset is nearer than all others."""
    if not config.objective.convoy or sides.own.start == 0:
        return distance
    columns = jnp.arange(distance.shape[1], dtype=jnp.int32)
    asset = along_batch((columns >= config.num_allies)[None], 2, distance)
    return jnp.where(asset, ASSET_COST * distance, distance)


def _place_of(picture: Picture, chosen: Array) -> tuple[Place, Array]:
    """Where the chosen opponents are, and how far."""

    def of_chosen(values: Array) -> Array:
        return jnp.sum(jnp.where(chosen, values, 0.0), axis=1)

    place = Place(
        of_chosen(picture.forward), of_chosen(picture.right), of_chosen(picture.relation.z)
    )
    return place, of_chosen(picture.relation.range)


def _velocity_of(picture: Picture, chosen: Array) -> tuple[Array, Array, Array]:
    """The chosen opponents' velocities relative to one's own, in the yaw frame, m/s."""
    own, foes = picture.motion, picture.foes

    def of_chosen(values: Array) -> Array:
        return jnp.sum(jnp.where(chosen, values, 0.0), axis=1)

    forward, right = in_yaw_frame(picture.frame, across(own.vx, foes.vx), across(own.vy, foes.vy))
    return of_chosen(forward), of_chosen(right), of_chosen(across(own.vz, foes.vz))


def _shared_out(cost: Array, crew: int) -> Array:
    """The costs (n, m), raised where `crew` team-mates or more are cheaper at the same place."""
    cheaper = jnp.sum(cost[None] < cost[:, None], axis=1)
    return jnp.where(cheaper >= crew, cost + 4000.0, cost)


def _away(config: Config, state: State, picture: Picture) -> Place:
    """Away from known pursuers, the nearer the more, and from the edge."""
    weight = jnp.where(picture.known, 1.0 / (picture.relation.range + 200.0) ** 2, 0.0)
    weight = weight / picture.relation.range
    motion = picture.motion
    from_middle = jnp.sqrt(motion.x**2 + motion.y**2 + 1e-6)
    radius = per_environment(world_of(config, state).radius, from_middle)
    gap = jnp.maximum(radius - from_middle, 0.0)
    inward = 1.0 / (gap + 200.0) ** 2 / from_middle
    middle_forward, middle_right = to_middle(picture)
    return Place(
        inward * middle_forward - jnp.sum(weight * picture.forward, axis=1),
        inward * middle_right - jnp.sum(weight * picture.right, axis=1),
        jnp.zeros_like(motion.z),
    )
