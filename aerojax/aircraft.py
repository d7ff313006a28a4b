"""The classes of aircraft and the coefficients that flight, sensors and guns need of each.

The figures are representative; they are of no real type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np

GRAVITY = 9.80665  # m/s²
SEA_LEVEL_DENSITY = 1.225  # kg/m³

RADAR_RANGE = 6000.0  # m, of a class whose `radar_scale` is 1
GUN_RANGE = 2500.0  # m, of a class whose `gun_range_scale` is 1
GUN_RATE = 0.25  # hit points a second, of a class whose `damage_scale` is 1


@dataclass(frozen=True)
class AircraftClass:
    """What tells one class of aircraft from another, in SI units.

    Attributes:
        name: the class's name, as scenarios and observations use it.
        mass: mass, kg; it does not change in flight.
        wing_area: reference area of lift and drag, m².
        cd0: drag coefficient without lift and below the drag rise.
        k: induced drag factor; the drag coefficient grows by k times the lift coefficient squared.
        cl_max: lift coefficient at which the wing stalls.
        max_thrust: thrust at full throttle at sea level, N.
        max_load: the largest load factor that the structure bears, in g; above 1.
        hit_points: the damage that kills.
        radar_scale: detection range as a multiple of `RADAR_RANGE`.
        gun_range_scale: gun range as a multiple of `GUN_RANGE`; 0 is no gun.
        damage_scale: damage a second as a multiple of `GUN_RATE`.

    Raises:
        ValueError: a figure is no finite number or outside its range.
    """

    name: str
    mass: float
    wing_area: float
    cd0: float
    k: float
    cl_max: float
    max_thrust: float
    max_load: float
    hit_points: float
    radar_scale: float = 1.0
    gun_range_scale: float = 1.0
    damage_scale: float = 1.0

    def __post_init__(self) -> None:
        for field, (requirement, holds) in _REQUIREMENTS.items():
            value = getattr(self, field)
            if not isinstance(value, Real) or not math.isfinite(value) or not holds(float(value)):
                raise ValueError(
                    f"{field} of the aircraft class {self.name!r} must be {requirement}, "
                    f"got {value!r}"
                )


_POSITIVE = ("a finite number above 0", lambda value: value > 0.0)
_NOT_NEGATIVE = ("a finite number, 0 or above", lambda value: value >= 0.0)
_ABOVE_ONE = ("a finite number above 1", lambda value: value > 1.0)

_REQUIREMENTS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "mass": _POSITIVE,
    "wing_area": _POSITIVE,
    "cd0": _POSITIVE,
    "k": _POSITIVE,
    "cl_max": _POSITIVE,
    "max_thrust": _POSITIVE,
    "max_load": _ABOVE_ONE,  # at 1 it could fly level but never turn
    "hit_points": _POSITIVE,
    "radar_scale": _POSITIVE,
    "gun_range_scale": _NOT_NEGATIVE,
    "damage_scale": _NOT_NEGATIVE,
}


CLASSES: dict[str, AircraftClass] = {
    aircraft.name: aircraft
    for aircraft in (
        AircraftClass(
            "fighter",
            mass=9300.0,
            wing_area=27.87,
            cd0=0.030,
            k=0.12,
            cl_max=1.40,
            max_thrust=79e3,
            max_load=7.0,
            hit_points=1.0,
        ),
        AircraftClass(
            "heavy",
            mass=14000.0,
            wing_area=42.0,
            cd0=0.034,
            k=0.11,
            cl_max=1.30,
            max_thrust=105e3,
            max_load=5.0,
            hit_points=2.0,
        ),
        AircraftClass(
            "scout",
            mass=8500.0,
            wing_area=27.87,
            cd0=0.028,
            k=0.12,
            cl_max=1.40,
            max_thrust=70e3,
            max_load=6.0,
            hit_points=0.6,
            radar_scale=1.6,
            gun_range_scale=1.3,
            damage_scale=0.8,
        ),
        AircraftClass(
            "interceptor",
            mass=8800.0,
            wing_area=24.0,
            cd0=0.024,
            k=0.14,
            cl_max=1.30,
            max_thrust=105e3,
            max_load=7.5,
            hit_points=0.8,
        ),
        AircraftClass(
            "ace",
            mass=9000.0,
            wing_area=30.0,
            cd0=0.028,
            k=0.11,
            cl_max=1.50,
            max_thrust=95e3,
            max_load=9.0,
            hit_points=2.0,
            radar_scale=1.2,
            damage_scale=1.2,
        ),
        AircraftClass(
            "asset",
            mass=60000.0,
            wing_area=220.0,
            cd0=0.030,
            k=0.05,
            cl_max=1.30,
            max_thrust=180e3,
            max_load=2.5,
            hit_points=3.0,
            gun_range_scale=0.0,
            damage_scale=0.0,
        ),
    )
}
"""The classes by name; docs/aerojax.md has a table of what they can do."""


class Fleet(NamedTuple):
    """The coefficients of N aircraft, one entry an aircraft. Every field is float32 (N,).

    With density ratio σ, speed V, load factor n and throttle t, an aircraft's drag over mass is
    parasite·σV² (below the drag rise) + induced·n²/(σV²), its thrust over mass is thrust·t·σ, and
    it stalls at the load factor lift·σV².
    """

    parasite: np.ndarray  # 1/m
    induced: np.ndarray  # m³/s⁴
    lift: np.ndarray  # s²/m²
    thrust: np.ndarray  # m/s²
    max_load: np.ndarray  # g
    max_hp: np.ndarray  # hit points
    radar_range: np.ndarray  # m
    gun_range: np.ndarray  # m; 0: no gun
    gun_rate: np.ndarray  # hit points a second


def build_fleet(classes: Sequence[AircraftClass]) -> Fleet:
    """The coefficients of one aircraft of each of `classes`, in their order."""

    def figures(field: str) -> np.ndarray:
        return np.array([getattr(aircraft, field) for aircraft in classes], np.float64)

    force_scale = SEA_LEVEL_DENSITY * figures("wing_area") / (2.0 * figures("mass"))  # 1/m
    fleet = Fleet(
        parasite=figures("cd0") * force_scale,
        induced=figures("k") * GRAVITY**2 / force_scale,
        lift=figures("cl_max") * force_scale / GRAVITY,
        thrust=figures("max_thrust") / figures("mass"),
        max_load=figures("max_load"),
        max_hp=figures("hit_points"),
        radar_range=figures("radar_scale") * RADAR_RANGE,
        gun_range=figures("gun_range_scale") * GUN_RANGE,
        gun_rate=figures("damage_scale") * GUN_RATE,
    )
    return Fleet(*(values.astype(np.float32) for values in fleet))
