"""The figures by which an episode goes: constants, or drawn for each.

Functions on one environment; a batch axis may follow all others.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from aerojax.aircraft import Fleet, build_fleet
from aerojax.batching import along_batch
from aerojax.draws import Draws
from aerojax.rules import flight, gun
from aerojax.rules.arena import COLLISION_RANGE
from aerojax.rules.geometry import members
from aerojax.rules.sensing import CLOSE_RANGE, CONE_COSINE, LINK_RANGE
from aerojax.state import Motion, Noise, State, Wind, World
from aerojax.variation import AIRCRAFT_FIGURES, Figure, Variation, sample

if TYPE_CHECKING:
    from aerojax.config import Config

GUST_TIME = 5.0  # s, in which a gust loses all but 1/e


def world_of(config: Config, state: State) -> World:
    """The figures of a state: drawn ones, or the configuration's, which are constants."""
    if state.world is not None:
        return state.world
    numbers: dict[str, Any] = {  # not arrays: they cost nothing
        "radius": float(config.radius),
        "ceiling": float(config.ceiling),
        "collision_range": COLLISION_RANGE,
        "close_range": CLOSE_RANGE,
        "radar_cosine": CONE_COSINE,
        "gun_cosine": gun.CONE_COSINE,
        "link_range": LINK_RANGE,
    }
    everyone = jnp.ones_like(state.hp)
    fleet = Fleet(*(along_batch(values, 1, state.hp) for values in config.fleet))
    return World(fleet=fleet, present=everyone, wind=None, noise=None, **numbers)


def draw_world(config: Config, variation: Variation, draws: Draws) -> World:
    """The world of one episode."""

    def figure(value: Figure) -> Array:
        return sample(value, draws, ())

    def cosine(degrees: Figure) -> Array:
        if isinstance(degrees, float | int):
            return figure(math.cos(math.radians(degrees)))
        return jnp.cos(figure(degrees) * jnp.float32(math.pi / 180.0))

    return World(
        fleet=_draw_fleet(config, variation, draws),
        present=_draw_present(config, variation, draws),
        radius=figure(config.radius if variation.radius is None else variation.radius),
        ceiling=figure(config.ceiling if variation.ceiling is None else variation.ceiling),
        collision_range=figure(variation.collision_range),
        close_range=figure(variation.close_range),
        radar_cosine=cosine(variation.radar_angle),
        gun_cosine=cosine(variation.gun_angle),
        link_range=figure(variation.link_range),
        wind=_draw_wind(variation, draws),
        noise=_draw_noise(config, variation, draws),
    )


def _draw_fleet(config: Config, variation: Variation, draws: Draws) -> Fleet:
    rosters = ((config.team_a.own, variation.allies), (config.team_b.own, variation.enemies))
    teams = [_draw_team(config, team, classes, draws) for team, classes in rosters]
    fleet = Fleet(*(jnp.concatenate(parts) for parts in zip(*teams, strict=True)))
    by = {
        name: sample(getattr(variation, name), draws, (config.num_aircraft,))
        for name in AIRCRAFT_FIGURES
    }
    wing = by["wing_area"] / by["mass"]
    return Fleet(
        parasite=fleet.parasite * by["cd0"] * wing,
        induced=fleet.induced * by["k"] * by["cl_max"] ** 2 * wing,
        lift=fleet.lift * by["cl_max"] * wing,
        dry_thrust=fleet.dry_thrust * by["thrust"] / by["mass"],
        max_thrust=fleet.max_thrust * by["thrust"] / by["mass"],
        max_load=fleet.max_load * by["max_load"],
        max_hp=fleet.max_hp * by["hit_points"],
        radar_range=fleet.radar_range * by["radar_range"],
        gun_range=fleet.gun_range * by["gun_range"],
        gun_rate=fleet.gun_rate * by["gun_rate"],
    )


def _draw_team(config: Config, team: slice, classes: tuple, draws: Draws) -> list[Array]:
    """The coefficients of a team's slots: those of its own classes, or of some of `classes`."""
    size = team.stop - team.start
    blank = draws.constant((size,), 0.0)
    own = [blank + along_batch(values[team], 1, blank) for values in config.fleet]
    if not classes:
        return own
    drawn = (draws.uniform((size,)) * len(classes)).astype(jnp.int32)
    slots = np.arange(team.start, team.stop)
    agents = along_batch(slots < _first_non_agent(config, team), 1, drawn)
    table = build_fleet(classes)
    for i, mine in enumerate(own):
        for c, value in enumerate(table[i]):
            mine = jnp.where((drawn == c) & agents, value, mine)
        own[i] = mine
    return own


def _first_non_agent(config: Config, team: slice) -> int:
    """The slot behind a team's last that a roster names; an escorted asset stays what it is."""
    return config.num_allies if team.start == 0 else team.stop


def _draw_present(config: Config, variation: Variation, draws: Draws) -> Array:
    parts = []
    for team, number in (
        (config.team_a.own, variation.num_allies),
        (config.team_b.own, variation.num_enemies),
    ):
        present = draws.constant((team.stop - team.start,), 1.0)
        if number is not None:
            least, largest = number
            more = (draws.uniform(()) * (largest - least + 1)).astype(jnp.int32)
            slots = np.arange(team.start, team.stop)
            rank = np.where(slots < _first_non_agent(config, team), slots - team.start, 0)
            flies = along_batch(rank.astype(np.int32), 1, present) < least + more[None]
            present = jnp.where(flies, present, 0.0)
        parts.append(present)
    return jnp.concatenate(parts)


def _draw_wind(variation: Variation, draws: Draws) -> Wind | None:
    if variation.wind is None and variation.gusts is None:
        return None
    speed = sample(variation.wind or 0.0, draws, ())
    direction = draws.uniform((), -math.pi, math.pi)
    gusts = sample(variation.gusts or 0.0, draws, ())
    return Wind(
        x=speed * jnp.cos(direction),
        y=speed * jnp.sin(direction),
        gusts=gusts,
        gust_x=gusts * draws.normal(()),
        gust_y=gusts * draws.normal(()),
    )


def _draw_noise(config: Config, variation: Variation, draws: Draws) -> Noise | None:
    if variation.noise is None:
        return None
    deviation = sample(variation.noise, draws, ())
    blank = draws.constant((config.num_aircraft,), 0.0)
    return _measured_again(Noise(deviation, blank, blank, blank), draws)


def _measured_again(noise: Noise, draws: Draws) -> Noise:
    shape = noise.x.shape[:1]
    x, y, z = (noise.deviation[None] * draws.normal(shape) for _ in range(3))
    return replace(noise, x=x, y=y, z=z)


def later(world: World | None, draws: Draws, dt: float) -> World | None:
    """The world `dt` seconds later: other gusts, and other errors of what is measured.

    A gust keeps the share a = exp(-dt / 5 s) of itself and gets a normal number with the deviation
    gusts * sqrt(1 - a^2) on top, so that its deviation stays what it is.
    """
    if world is None:
        return None
    wind, noise = world.wind, world.noise
    if wind is not None:
        kept = math.exp(-dt / GUST_TIME)
        fresh = wind.gusts * math.sqrt(1.0 - kept**2)
        wind = replace(
            wind,
            gust_x=kept * wind.gust_x + fresh * draws.normal(()),
            gust_y=kept * wind.gust_y + fresh * draws.normal(()),
        )
    if noise is not None:
        noise = _measured_again(noise, draws)
    return replace(world, wind=wind, noise=noise)


def in_gust(motion: Motion, before: World | None, now: World | None) -> Motion:
    """The motion through the air once a gust has changed; that over the ground stays."""
    if before is None or now is None or before.wind is None or now.wind is None:
        return motion
    return flight.upright(
        replace(
            motion,
            vx=motion.vx - (now.wind.gust_x - before.wind.gust_x)[None],
            vy=motion.vy - (now.wind.gust_y - before.wind.gust_y)[None],
        )
    )


def carried(motion: Motion, world: World | None, dt: float) -> Motion:
    """The motion after the wind has carried all for `dt` seconds."""
    if world is None or world.wind is None:
        return motion
    wind = world.wind
    return replace(
        motion,
        x=motion.x + dt * (wind.x + wind.gust_x)[None],
        y=motion.y + dt * (wind.y + wind.gust_y)[None],
    )


def measured(state: State, slots: slice) -> Motion:
    """The motion of some slots as their opponents measure it."""
    motion = members(state.motion, slots)
    if state.world is None or state.world.noise is None:
        return motion
    noise = state.world.noise
    return replace(
        motion,
        x=motion.x + noise.x[slots],
        y=motion.y + noise.y[slots],
        z=motion.z + noise.z[slots],
    )
