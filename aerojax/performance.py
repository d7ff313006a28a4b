"""What a class of aircraft can do at a height: the figures by which aircraft are compared.

All follow from the forces of `aerojax.rules.flight`, at full throttle unless another is given.
Speeds are in m/s, heights in metres, turn rates in rad/s; arrays are float64 and as exact as
flight's float32.
"""

from __future__ import annotations

import csv
import math
from importlib.resources import files

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from aerojax.aircraft import GRAVITY, AircraftClass, build_fleet
from aerojax.rules import flight

Values = NDArray[np.float64]

SPEED_STEP = 0.25  # m/s
SPEEDS = np.arange(30.0, 800.0, SPEED_STEP)
"""m/s: among these the slowest and the fastest level flight are sought."""
STAGES = {"dry": flight.AFTERBURNER, "wet": 1.0}
"""Throttle, 0 to 1, of the most thrust without afterburner and with it."""


def specific_excess_power(
    aircraft: AircraftClass,
    altitude: float,
    speeds: Values,
    load: float = 1.0,
    throttle: float = 1.0,
) -> Values:
    """V (T − D)/(m g), m/s, at each of `speeds` under a load factor in g.

    What thrust leaves over drag, as energy height gained a second: in steady flight, the rate of
    climb. NaN where the wing stalls or the structure breaks.
    """
    forces = _Forces(aircraft, altitude, speeds)
    power = speeds * (forces.thrust(throttle) - forces.drag(load)) / GRAVITY
    return np.where(forces.available_load >= load, power, np.nan)


def instantaneous_turn_rate(aircraft: AircraftClass, altitude: float, speeds: Values) -> Values:
    """The fastest level turn at each of `speeds`, rad/s, whatever speed it costs; 0: none."""
    return _turn_rate(_Forces(aircraft, altitude, speeds).available_load, speeds)


def sustained_turn_rate(
    aircraft: AircraftClass, altitude: float, speeds: Values, throttle: float = 1.0
) -> Values:
    """The fastest level turn at each of `speeds`, rad/s, that thrust keeps up; 0: none."""
    forces = _Forces(aircraft, altitude, speeds)
    thrust, low, high = forces.thrust(throttle), np.zeros_like(speeds), forces.available_load
    for _ in range(24):  # halvings, to the last bit of float32
        middle = (low + high) / 2.0
        kept = forces.drag(middle) <= thrust
        low, high = np.where(kept, middle, low), np.where(kept, high, middle)
    return _turn_rate(low, speeds)


def level_speeds(aircraft: AircraftClass, altitude: float) -> tuple[float, float]:
    """The slowest and the fastest level flight, m/s to 0.25 m/s; NaN where there is none."""
    power = specific_excess_power(aircraft, altitude, SPEEDS)
    held = SPEEDS[np.nan_to_num(power, nan=-1.0) >= 0.0]
    return (float(held[0]), float(held[-1])) if held.size else (math.nan, math.nan)


def f16() -> dict[str, Values]:
    """What JSBSim's F-16 can do, one entry a height and speed; see docs/aerojax.md.

    `altitude` in m, `speed` in m/s, and for each of `STAGES` the `acceleration` of level flight in
    m/s² and the `sustained` turn in °/s, such as `sustained_wet`; `instantaneous`: the fastest
    turn in °/s.
    """
    with (files("aerojax") / "f16.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def curves(aircraft: AircraftClass, altitude: float) -> dict[str, Values]:
    """What a figure of one class shows, by name, in SI units.

    `speed` is the abscissa of `sustained`, `instantaneous` and `power`, which begin and end a step
    outside level flight, and of `sustained_dry` and `power_dry`, without afterburner; `altitude` is
    the ordinate of `slowest` and `fastest`.

    Raises:
        ValueError: the class cannot fly level at this altitude.
    """
    slowest, fastest = level_speeds(aircraft, altitude)
    if math.isnan(slowest):
        raise ValueError(f"{aircraft.name!r} cannot fly level at an altitude of {altitude} m")
    speeds = np.arange(slowest - SPEED_STEP, fastest + 1.5 * SPEED_STEP, SPEED_STEP)
    dry = STAGES["dry"]
    altitudes = np.arange(0.0, 10001.0, 250.0)
    edges = np.array([level_speeds(aircraft, height) for height in altitudes])
    return {
        "speed": speeds,
        "sustained": sustained_turn_rate(aircraft, altitude, speeds),
        "instantaneous": instantaneous_turn_rate(aircraft, altitude, speeds),
        "power": specific_excess_power(aircraft, altitude, speeds),
        "sustained_dry": sustained_turn_rate(aircraft, altitude, speeds, dry),
        "power_dry": specific_excess_power(aircraft, altitude, speeds, throttle=dry),
        "altitude": altitudes,
        "slowest": edges[:, 0],
        "fastest": edges[:, 1],
    }


class _Forces:
    """Thrust and drag over mass, m/s², of one class at each of `speeds`, as flight has them."""

    def __init__(self, aircraft: AircraftClass, altitude: float, speeds: Values) -> None:
        self._fleet = build_fleet([aircraft])
        self._speeds = jnp.asarray(speeds, jnp.float32)
        self._z = jnp.full_like(self._speeds, altitude)

    def thrust(self, throttle: float) -> Values:
        position = jnp.full_like(self._speeds, throttle)
        thrust = flight.thrust(self._fleet, self._z, self._speeds, position)
        return np.asarray(thrust, np.float64)

    def drag(self, load: float | Values) -> Values:
        load_squared = jnp.broadcast_to(jnp.asarray(load, jnp.float32), self._speeds.shape) ** 2
        drag = flight.drag(self._fleet, self._z, self._speeds, load_squared)
        return np.asarray(drag, np.float64)

    @property
    def available_load(self) -> Values:
        load = flight.load_limit(self._fleet, self._z, self._speeds * self._speeds)
        return np.asarray(load, np.float64)


def _turn_rate(load: Values, speeds: Values) -> Values:
    """g √(n² − 1)/V of a level turn; 0 where n is below 1."""
    return GRAVITY * np.sqrt(np.maximum(load**2 - 1.0, 0.0)) / speeds
