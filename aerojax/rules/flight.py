"""How aircraft fly: a point mass under thrust, drag, lift and gravity, and what steers it.

Everything here works element by element on arrays (N, ...): the aircraft first, then whatever the
caller has batched behind them. A `Fleet`, a `Motion` and a `Command` that meet have one shape.

With V the speed, γ the flight-path angle, ψ the heading from x towards y, n = |(ny, nz)| and
μ = atan2(ny, nz) the bank, the model is

    dV/dt = (T − D)/m − g sin γ      dγ/dt = g (n cos μ − cos γ)/V      dψ/dt = −g n sin μ/(V cos γ)

written in the velocity's Cartesian components, which need no angles. Only a velocity that is
exactly vertical has no lift, since the lift vector would have no direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from aerojax.aircraft import GRAVITY, Fleet
from aerojax.state import Motion

DENSITY_HEIGHT = 9500.0  # m in which the air's density falls by a factor e: ISA within 2 % to 9 km
SPEED_OF_SOUND = 320.0  # m/s, the same at every height
DRAG_RISE_MACH = 0.85  # where drag begins to exceed the parabola
DRAG_RISE = 25.0  # growth of the parasite drag with the square of the Mach number beyond that

LOAD_LAG = 0.35  # s, time constant of the load factor behind its command
THROTTLE_LAG = 1.0  # s, time constant of the throttle behind its command
SUBSTEPS = 2

FULL_CLIMB = 0.643  # sine of the flight-path angle that a full vertical command asks for: 40°
CLIMB_TIME = 1.2  # s, time constant with which the flight-path angle follows its command
PULL_SHARE, PUSH_SHARE = 0.7, 0.4  # of the structural limit: what a vertical command may take
DIRECT_PUSH_SHARE = 0.4  # of the structural limit: the load factor at full push, direct control

_STANDSTILL = 1e-6  # m²/s², added to the square of the horizontal speed: divisors stay above zero
_NO_LOAD = 1e-6  # g², the least square under a root: its derivative stays finite


class Command(NamedTuple):
    """What each pilot asks for, float32 (N, ...) in [-1, 1] each; a `Guidance` gives the meaning.

    Attributes:
        lateral: turn, positive to the right (`guided`); load factor (`direct`).
        vertical: climb, positive up (`guided`); bank, positive to the right (`direct`).
        throttle: -1 is idle, 1 is full thrust.
    """

    lateral: Array
    vertical: Array
    throttle: Array


Guidance = Callable[[Fleet, Motion, Command], tuple[Array, Array]]
"""(fleet, motion, command) -> the load factor's components (ny, nz) to fly, within what is
available."""


def density_ratio(z: Array) -> Array:
    """The air's density at height z (m) over that at sea level."""
    return jnp.exp(z * (-1.0 / DENSITY_HEIGHT))


def speed(motion: Motion) -> Array:
    """V, m/s; at least 1 mm/s, so that it may divide."""
    return jnp.sqrt(_speed_squared(motion))


def flight_path(motion: Motion) -> Array:
    """sin γ: the sine of the angle between velocity and horizon, positive in a climb."""
    return motion.vz * lax.rsqrt(_speed_squared(motion))


def available_load(fleet: Fleet, motion: Motion) -> Array:
    """The largest load factor that can be flown, g: the structure's limit or the stall's."""
    return load_limit(fleet, density_ratio(motion.z), _speed_squared(motion))


def load_limit(fleet: Fleet, density: Array, speed_squared: Array) -> Array:
    """The same, g, from the density ratio and V² in m²/s²."""
    return jnp.minimum(fleet.lift * density * speed_squared, fleet.max_load)


def thrust(fleet: Fleet, density: Array, throttle: Array) -> Array:
    """Thrust over mass, m/s². Args: density ratio; throttle from 0 to 1."""
    return density * throttle * fleet.thrust


def drag(fleet: Fleet, density: Array, speed: Array, load_squared: Array) -> Array:
    """Drag over mass, m/s². Args: density ratio; V in m/s, above 0; n² in g²."""
    pressure = density * speed * speed
    beyond = jnp.maximum(speed * (1.0 / SPEED_OF_SOUND) - DRAG_RISE_MACH, 0.0)
    parasite = pressure * fleet.parasite * (1.0 + DRAG_RISE * beyond * beyond)
    return parasite + load_squared / pressure * fleet.induced


def guided(fleet: Fleet, motion: Motion, command: Command) -> tuple[Array, Array]:
    """Stabilised control: `lateral` commands the turn, `vertical` the flight-path angle.

    The vertical channel is served first, and the turn gets what the wing has left. With no
    command the aircraft flies straight and level.
    """
    speed_squared = _speed_squared(motion)
    inverse = lax.rsqrt(speed_squared)
    available = load_limit(fleet, density_ratio(motion.z), speed_squared)
    sin_climb = motion.vz * inverse
    cos_climb = jnp.sqrt(_horizontal_squared(motion)) * inverse
    gain = speed_squared * inverse * (1.0 / (CLIMB_TIME * GRAVITY))
    nz = cos_climb + gain * (FULL_CLIMB * command.vertical - sin_climb)
    nz = jnp.clip(nz, -PUSH_SHARE * fleet.max_load, PULL_SHARE * fleet.max_load)
    nz = jnp.clip(nz, -available, available)
    ny = command.lateral * jnp.sqrt(fleet.max_load * fleet.max_load - 1.0)
    left = jnp.sqrt(jnp.maximum(available * available - nz * nz, _NO_LOAD))
    return jnp.clip(ny, -left, left), nz


def direct(fleet: Fleet, motion: Motion, command: Command) -> tuple[Array, Array]:
    """Direct control: `lateral` commands the load factor, `vertical` the bank, ±180° at full.

    Full pull is the structural limit and full push 0.4 of it, both within what is available.
    """
    share = jnp.where(command.lateral >= 0.0, 1.0, DIRECT_PUSH_SHARE)
    available = available_load(fleet, motion)
    load = jnp.clip(command.lateral * share * fleet.max_load, -available, available)
    bank = math.pi * command.vertical
    return load * jnp.sin(bank), load * jnp.cos(bank)


def fly(
    fleet: Fleet, motion: Motion, command: Command, guidance: Guidance, dt: float = 0.5
) -> Motion:
    """The motion `dt` seconds later, with the command held and the guidance asked each substep.

    Smooth but for the limits, and free of NaN in value and derivative, at a standstill too. The
    load factor that comes back is within the one available where it comes back.
    """

    def substep(_, motion: Motion) -> Motion:
        return _substep(fleet, motion, command, guidance, dt / SUBSTEPS)

    # A loop runs as fast as the same unrolled, and compiles in two thirds of the time.
    return lax.fori_loop(0, SUBSTEPS, substep, motion)


def _substep(
    fleet: Fleet, motion: Motion, command: Command, guidance: Guidance, h: float
) -> Motion:
    """The explicit midpoint rule, with the lags solved exactly.

    The guidance is asked in the middle of the substep: asked at its start, it would come late by
    half a substep, and that would be most of the error. The second stage flies the lags' means.
    """
    middle = _advance(motion, motion, _acceleration(fleet, motion), h / 2.0)
    ny, nz = guidance(fleet, middle, command)
    throttle = 0.5 * command.throttle + 0.5

    def lagged(position: Motion, load: float, power: float) -> Motion:
        return replace(
            position,
            ny=ny + load * (motion.ny - ny),
            nz=nz + load * (motion.nz - nz),
            throttle=throttle + power * (motion.throttle - throttle),
        )

    middle = lagged(middle, _mean_decay(h / LOAD_LAG), _mean_decay(h / THROTTLE_LAG))
    end = lagged(motion, math.exp(-h / LOAD_LAG), math.exp(-h / THROTTLE_LAG))
    end = _advance(end, middle, _acceleration(fleet, middle), h)
    ny, nz = _limited(end, available_load(fleet, end))
    return replace(end, ny=ny, nz=nz)


def _mean_decay(time: float) -> float:
    """The mean of exp(-t) from 0 to `time`."""
    return -math.expm1(-time) / time


def _advance(motion: Motion, moving: Motion, a: tuple[Array, Array, Array], h: float) -> Motion:
    """`motion` after h seconds at the velocity of `moving` and the acceleration `a`, m/s²."""
    return replace(
        motion,
        x=motion.x + h * moving.vx,
        y=motion.y + h * moving.vy,
        z=motion.z + h * moving.vz,
        vx=motion.vx + h * a[0],
        vy=motion.vy + h * a[1],
        vz=motion.vz + h * a[2],
    )


def _acceleration(fleet: Fleet, motion: Motion) -> tuple[Array, Array, Array]:
    """dv/dt in x, y and z, m/s²."""
    horizontal_squared = _horizontal_squared(motion)
    speed_squared = _speed_squared(motion)
    density = density_ratio(motion.z)
    ny, nz = _limited(motion, load_limit(fleet, density, speed_squared))
    per_horizontal, per_speed = lax.rsqrt(horizontal_squared), lax.rsqrt(speed_squared)

    excess = thrust(fleet, density, motion.throttle) - drag(
        fleet, density, speed_squared * per_speed, ny * ny + nz * nz
    )
    along = excess * per_speed
    right = GRAVITY * ny * per_horizontal
    up = GRAVITY * nz * per_horizontal * per_speed
    back = along - up * motion.vz  # the lift vector leans back in a climb
    return (
        back * motion.vx + right * motion.vy,
        back * motion.vy - right * motion.vx,
        along * motion.vz + up * horizontal_squared - GRAVITY,
    )


def _limited(motion: Motion, available: Array) -> tuple[Array, Array]:
    """The load factor's components, shortened to what is available."""
    load_squared = motion.ny * motion.ny + motion.nz * motion.nz
    share = jnp.minimum(available * lax.rsqrt(jnp.maximum(load_squared, _NO_LOAD)), 1.0)
    return motion.ny * share, motion.nz * share


def _horizontal_squared(motion: Motion) -> Array:
    return motion.vx * motion.vx + motion.vy * motion.vy + _STANDSTILL


def _speed_squared(motion: Motion) -> Array:
    return _horizontal_squared(motion) + motion.vz * motion.vz
