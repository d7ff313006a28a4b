"""How aircraft fly: a point mass under thrust, drag, lift and gravity, and what steers it.

Everything here works element by element on arrays (N, ...): the aircraft first, then whatever the
caller has batched behind them. A `Fleet`, a `Motion` and a `Command` that meet have one shape.

With V the speed, γ the flight-path angle, ψ the heading from x towards y, n the load factor and
μ the bank, the model is

    dV/dt = (T − D)/m − g sin γ      dγ/dt = g (n cos μ − cos γ)/V      dψ/dt = −g n sin μ/(V cos γ)

written in the velocity's Cartesian components, which need no angles, and in the aircraft's own
`up`, a unit vector across the velocity along which `nz` lifts. Bank is singular on a vertical line;
`up` is not, so that an aircraft can fly over the top.
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

LAPSE_HEIGHT = 42_000.0  # m; the density ratio is (1 − z/this)⁴: ISA within 0.25 % to 10 km
THINNEST = 0.02  # least 1 − z/LAPSE_HEIGHT
SOUND = 170.0  # m/s, times 2 − z/LAPSE_HEIGHT is the speed of sound: ISA within 0.3 % to 10 km

AFTERBURNER = 0.77  # throttle above which it burns
DRY_RAM, WET_RAM = 0.25, 0.14  # what the Mach number's square adds to thrust, without and with it
DRAG_RISE_MACH = 0.85  # where the air's compression begins to add to the parasite drag
DRAG_RISE, DRAG_RISE_WIDTH = 0.9, 0.2  # what it adds in the end, and the Mach number to half of it
STALL_DRAG = 1.1  # what is added to the induced drag at the stall, with the load's fourth power

LOAD_LAG = 0.35  # s, time constant of the load factor behind its command
THROTTLE_LAG = 1.0  # s, time constant of the throttle behind its command
SUBSTEPS = 2

FULL_CLIMB = 0.643  # sine of the flight-path angle that a full vertical command asks for: 40°
CLIMB_TIME = 1.2  # s, time constant with which the flight-path angle follows its command
PULL_SHARE, PUSH_SHARE = 0.7, 0.4  # of the structural limit: what a vertical command may take
DIRECT_PUSH_SHARE = 0.4  # of the structural limit: the load factor at full push, direct control
ROLL_RATE = math.pi  # rad/s, at full roll, direct control

_STANDSTILL = 1e-6  # m²/s², added to the square of the horizontal speed: divisors stay above zero
_NO_LOAD = 1e-6  # g², the least square under a root: its derivative stays finite
_NO_LENGTH = 1e-24  # the least square of a vector that is scaled to one
_NO_UP = 1e-6  # square of the length of an `up` that is no longer across the velocity
_VERTICAL = 1e-2  # m²/s², square of the horizontal speed below which no direction is level
_REVERSED = 1e-6  # 1 + cosine of a turn of the velocity, at least: half a turn has no plane

Vector = tuple[Array, Array, Array]
"""x, y and z."""


class Command(NamedTuple):
    """What each pilot asks for, float32 (N, ...) in [-1, 1] each; a `Guidance` gives the meaning.

    Attributes:
        lateral: turn, positive to the right (`guided`); load factor (`direct`).
        vertical: climb, positive up (`guided`); rate of roll, positive to the right (`direct`).
        throttle: -1 is idle, 0.54 full thrust without afterburner, 1 with it.
    """

    lateral: Array
    vertical: Array
    throttle: Array


class Guidance(NamedTuple):
    """The meaning of commands.

    Attributes:
        load: (fleet, motion, command) -> the load factor's components (ny, nz) to fly, within what
            is available.
        lift: motion -> what its load factor accelerates it by, in x, y and z, m/s².
        attitude: (motion, later, command, h) -> `later`, the motion h seconds after `motion`, with
            its `up`.
    """

    load: Callable[[Fleet, Motion, Command], tuple[Array, Array]]
    lift: Callable[[Motion], Vector]
    attitude: Callable[[Motion, Motion, Command, float], Motion]


def density_ratio(z: Array) -> Array:
    """The air's density at height z (m) over that at sea level."""
    lapse = _lapse(z)
    return (lapse * lapse) * (lapse * lapse)


def mach(z: Array, speed: Array) -> Array:
    """The Mach number of a speed (m/s) at height z (m)."""
    return speed / (SOUND + SOUND * _lapse(z))


def _lapse(z: Array) -> Array:
    return jnp.maximum(1.0 - z * (1.0 / LAPSE_HEIGHT), THINNEST)


def speed(motion: Motion) -> Array:
    """V, m/s; at least 1 mm/s, so that it may divide."""
    return jnp.sqrt(_speed_squared(motion))


def flight_path(motion: Motion) -> Array:
    """sin γ: the sine of the angle between velocity and horizon, positive in a climb."""
    return motion.vz * lax.rsqrt(_speed_squared(motion))


def available_load(fleet: Fleet, motion: Motion) -> Array:
    """The largest load factor that can be flown, g: the structure's limit or the stall's."""
    return load_limit(fleet, motion.z, _speed_squared(motion))


def load_limit(fleet: Fleet, z: Array, speed_squared: Array) -> Array:
    """The same, g, from the height in m and V² in m²/s²."""
    return jnp.minimum(fleet.lift * (density_ratio(z) * speed_squared), fleet.max_load)


def thrust(fleet: Fleet, z: Array, speed: Array, throttle: Array) -> Array:
    """Thrust over mass, m/s². Args: height in m; V in m/s; throttle from 0 to 1."""
    lapse, number = _lapse(z), mach(z, speed)
    dry = jnp.minimum(throttle * (1.0 / AFTERBURNER), 1.0)
    wet = jnp.maximum((throttle - AFTERBURNER) * (1.0 / (1.0 - AFTERBURNER)), 0.0)
    ram = number * number
    without = (dry - wet) * fleet.dry_thrust * (lapse * lapse + DRY_RAM * ram)
    return lapse * lapse * (without + wet * fleet.max_thrust * (lapse + WET_RAM * ram))


def drag(fleet: Fleet, z: Array, speed: Array, load_squared: Array) -> Array:
    """Drag over mass, m/s². Args: height in m; V in m/s, above 0; n² in g²."""
    beyond = jnp.maximum(mach(z, speed) - DRAG_RISE_MACH, 0.0)
    beyond = beyond * beyond
    rise = 1.0 + DRAG_RISE * beyond / (beyond + DRAG_RISE_WIDTH**2)
    pressure = density_ratio(z) * (speed * speed)
    stall = fleet.lift * pressure  # g
    share = load_squared / jnp.maximum(stall * stall, _NO_LOAD)  # of the most lift, squared
    share = jnp.minimum(share, 1.0)
    induced = fleet.induced * share * (1.0 + STALL_DRAG * share * share)
    return pressure * (fleet.parasite * rise + induced)


def level(motion: Motion) -> Motion:
    """The motion with wings level: `up` is what is across the velocity of the vertical.

    On a vertical line, where no direction is level, `up` stays what it is.
    """
    horizontal_squared, per_speed = _horizontal_squared(motion), lax.rsqrt(_speed_squared(motion))
    per_horizontal = lax.rsqrt(horizontal_squared)
    defined = horizontal_squared > _VERTICAL
    back = motion.vz * per_speed * per_horizontal  # the lift vector leans back in a climb
    return replace(
        motion,
        up_x=jnp.where(defined, -back * motion.vx, motion.up_x),
        up_y=jnp.where(defined, -back * motion.vy, motion.up_y),
        up_z=jnp.where(defined, horizontal_squared * per_horizontal * per_speed, motion.up_z),
    )


def upright(motion: Motion) -> Motion:
    """The motion with `up` across its velocity again, after that has been given another turn."""
    up, ahead = (motion.up_x, motion.up_y, motion.up_z), _direction(motion)
    return _with_up(motion, _sum(1.0, up, -_dot(up, ahead), ahead))


def _level_off(motion: Motion, later: Motion, command: Command, h: float) -> Motion:
    del motion, command, h
    return level(later)


def _roll(motion: Motion, later: Motion, command: Command, h: float) -> Motion:
    """`up` is turned as little as the velocity's turn asks for, and then about the velocity."""
    before, after = _direction(motion), _direction(later)
    up = (motion.up_x, motion.up_y, motion.up_z)
    share = _dot(up, after) / jnp.maximum(1.0 + _dot(before, after), _REVERSED)
    up = _sum(1.0, up, -share, _sum(1.0, before, 1.0, after))
    known = _dot(up, up) > _NO_UP
    up = (
        jnp.where(known, up[0], after[2]),  # after a start from rest along `up`: any across
        jnp.where(known, up[1], 0.0),
        jnp.where(known, up[2], -after[0]),
    )
    angle = ROLL_RATE * h * command.vertical
    return _with_up(later, _sum(jnp.cos(angle), up, jnp.sin(angle), _cross(after, up)))


def _with_up(motion: Motion, up: Vector) -> Motion:
    """The motion with `up` in the direction given."""
    scale = lax.rsqrt(jnp.maximum(_dot(up, up), _NO_LENGTH))
    return replace(motion, up_x=scale * up[0], up_y=scale * up[1], up_z=scale * up[2])


def _guided_load(fleet: Fleet, motion: Motion, command: Command) -> tuple[Array, Array]:
    speed_squared = _speed_squared(motion)
    inverse = lax.rsqrt(speed_squared)
    available = load_limit(fleet, motion.z, speed_squared)
    cos_climb = jnp.sqrt(_horizontal_squared(motion)) * inverse
    climb = FULL_CLIMB * command.vertical * (speed_squared * inverse) - motion.vz  # to gain, m/s
    nz = cos_climb + climb * (1.0 / (CLIMB_TIME * GRAVITY))
    nz = jnp.clip(nz, -PUSH_SHARE * fleet.max_load, PULL_SHARE * fleet.max_load)
    nz = jnp.clip(nz, -available, available)
    ny = command.lateral * jnp.sqrt(fleet.max_load * fleet.max_load - 1.0)
    left = jnp.sqrt(jnp.maximum(available * available - nz * nz, _NO_LOAD))
    return jnp.clip(ny, -left, left), nz


def _direct_load(fleet: Fleet, motion: Motion, command: Command) -> tuple[Array, Array]:
    share = jnp.where(command.lateral >= 0.0, 1.0, DIRECT_PUSH_SHARE)
    available = available_load(fleet, motion)
    load = jnp.clip(command.lateral * share * fleet.max_load, -available, available)
    return jnp.zeros_like(load), load


def _level_lift(motion: Motion) -> Vector:
    """As if `up` were level: it takes fewer numbers to compute."""
    horizontal_squared = _horizontal_squared(motion)
    per_horizontal = lax.rsqrt(horizontal_squared)
    right = GRAVITY * motion.ny * per_horizontal
    up = GRAVITY * motion.nz * per_horizontal * lax.rsqrt(_speed_squared(motion))
    back = up * motion.vz  # the lift vector leans back in a climb
    return (
        right * motion.vy - back * motion.vx,
        -right * motion.vx - back * motion.vy,
        up * horizontal_squared,
    )


def _lift(motion: Motion) -> Vector:
    up = (motion.up_x, motion.up_y, motion.up_z)
    right = _cross(_direction(motion), up)
    return _sum(GRAVITY * motion.ny, right, GRAVITY * motion.nz, up)


guided = Guidance(_guided_load, _level_lift, _level_off)
"""Stabilised control: `lateral` commands the turn, `vertical` the flight-path angle.

The vertical channel is served first, and the turn gets what the wing has left. With no command the
aircraft flies straight and level. `up` is that of level wings, so (ny, nz) has the bank."""

direct = Guidance(_direct_load, _lift, _roll)
"""Direct control: `lateral` commands the load factor along `up`, `vertical` the rate of roll.

Full pull is the structural limit and full push 0.4 of it, both within what is available. Full roll
is half a turn a second, at once. Nothing levels the wings."""


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
    middle = _advance(motion, motion, _acceleration(fleet, motion, guidance.lift), h / 2.0)
    middle = guidance.attitude(motion, middle, command, h / 2.0)
    ny, nz = guidance.load(fleet, middle, command)
    throttle = 0.5 * command.throttle + 0.5

    def lagged(position: Motion, load: float, power: float) -> Motion:
        return replace(
            position,
            ny=ny + load * (motion.ny - ny),
            nz=nz + load * (motion.nz - nz),
            throttle=throttle + power * (motion.throttle - throttle),
        )

    middle = _limited(
        fleet, lagged(middle, _mean_decay(h / LOAD_LAG), _mean_decay(h / THROTTLE_LAG))
    )
    end = lagged(motion, math.exp(-h / LOAD_LAG), math.exp(-h / THROTTLE_LAG))
    end = _advance(end, middle, _acceleration(fleet, middle, guidance.lift), h)
    return _limited(fleet, guidance.attitude(motion, end, command, h))


def _mean_decay(time: float) -> float:
    """The mean of exp(-t) from 0 to `time`."""
    return -math.expm1(-time) / time


def _advance(motion: Motion, moving: Motion, a: Vector, h: float) -> Motion:
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


def _acceleration(fleet: Fleet, motion: Motion, lift: Callable[[Motion], Vector]) -> Vector:
    """dv/dt in x, y and z, m/s²."""
    speed_squared = _speed_squared(motion)
    speed = speed_squared * lax.rsqrt(speed_squared)
    push = thrust(fleet, motion.z, speed, motion.throttle)
    load_squared = motion.ny * motion.ny + motion.nz * motion.nz
    excess = push - drag(fleet, motion.z, speed, load_squared)
    along = excess / speed  # XLA computes a quotient once for all that need it, but not a product
    x, y, z = lift(motion)
    return along * motion.vx + x, along * motion.vy + y, along * motion.vz + (z - GRAVITY)


def _limited(fleet: Fleet, motion: Motion) -> Motion:
    """The motion with its load factor shortened to what is available."""
    load_squared = motion.ny * motion.ny + motion.nz * motion.nz
    load = jnp.sqrt(jnp.maximum(load_squared, _NO_LOAD))
    kept = jnp.minimum(available_load(fleet, motion), load)
    return replace(motion, ny=motion.ny * kept / load, nz=motion.nz * kept / load)


def _direction(motion: Motion) -> Vector:
    per_speed = lax.rsqrt(_speed_squared(motion))
    return motion.vx * per_speed, motion.vy * per_speed, motion.vz * per_speed


def _dot(a: Vector, b: Vector) -> Array:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _sum(p: Array | float, a: Vector, q: Array | float, b: Vector) -> Vector:
    """p a + q b."""
    return p * a[0] + q * b[0], p * a[1] + q * b[1], p * a[2] + q * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _horizontal_squared(motion: Motion) -> Array:
    return motion.vx * motion.vx + motion.vy * motion.vy + _STANDSTILL


def _speed_squared(motion: Motion) -> Array:
    return _horizontal_squared(motion) + motion.vz * motion.vz
