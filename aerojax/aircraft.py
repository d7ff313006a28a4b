"""The classes of aircraft and the coefficients that flight, sensors and guns need of each.

The `fighter` does within 10 % what a model of the F-16 does; the others are of no real type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

GRAVITY = 9.80665  # m/s²
SEA_LEVEL_DENSITY = 1.225  # kg/m³

RADAR_RANGE = 6000.0  # m, of a class whose `radar_scale` is 1
GUN_RANGE = 2500.0  # m, of a class whose `gun_range_scale` is 1
GUN_RATE = 0.25  # hit points a second, of a class whose `damage_scale` is 1


def is_number(value: object) -> bool:
    """Whether it is finite and real; True and False are no numbers."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


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
        dry_thrust: full thrust without afterburner, at rest at sea level, N.
        max_thrust: the same with it; as much where there is none.
        max_load: the largest load factor that the structure bears, in g; above 1.
        hit_points: the damage that kills.
        radar_scale: detection range as a multiple of `RADAR_RANGE`.
        gun_range_scale: gun range as a multiple of `GUN_RANGE`; 0 is no gun.
        damage_scale: damage a second as a multiple of `GUN_RATE`.

    Raises:
        ValueError: a figure is no finite number or outside its range, or `max_thrust` below
            `dry_thrust`.
    """

    name: str
    mass: float
    wing_area: float
    cd0: float
    k: float
    cl_max: float
    dry_thrust: float
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
        if self.max_thrust < self.dry_thrust:
            raise ValueError(
                f"max_thrust of the aircraft class {self.name!r} must be at least its dry_thrust "
                f"{self.dry_thrust!r}, got {self.max_thrust!r}"
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
    "dry_thrust": _POSITIVE,
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
            mass=9358.0,
            wing_area=27.87,
            cd0=0.0305,
            k=0.133,
            cl_max=1.64,
            dry_thrust=76.5e3,
            max_thrust=127e3,
            max_load=9.0,
            hit_points=1.0,
        ),
        AircraftClass(
            "heavy",
            mass=14000.0,
            wing_area=42.0,
            cd0=0.0345,
            k=0.122,
            cl_max=1.52,
            dry_thrust=102e3,
            max_thrust=166e3,
            max_load=6.5,
            hit_points=2.0,
        ),
        AircraftClass(
            "scout",
            mass=8500.0,
            wing_area=27.87,
            cd0=0.0285,
            k=0.133,
            cl_max=1.64,
            dry_thrust=68e3,
            max_thrust=108e3,
            max_load=8.0,
            hit_points=0.6,
            radar_scale=1.6,
            gun_range_scale=1.3,
            damage_scale=0.8,
        ),
        AircraftClass(
            "interceptor",
            mass=8800.0,
            wing_area=24.0,
            cd0=0.026,
            k=0.155,
            cl_max=1.52,
            dry_thrust=82e3,
            max_thrust=136e3,
            max_load=9.0,
            hit_points=0.8,
        ),
        AircraftClass(
            "ace",
            mass=9000.0,
            wing_area=30.0,
            cd0=0.0285,
            k=0.122,
            cl_max=1.76,
            dry_thrust=84e3,
            max_thrust=142e3,
            max_load=10.0,
            hit_points=2.0,
            radar_scale=1.2,
            damage_scale=1.2,
        ),
        AircraftClass(
            "asset",
            mass=60000.0,
            wing_area=220.0,
            cd0=0.03,
            k=0.05,
            cl_max=1.30,
            dry_thrust=180e3,
            max_thrust=180e3,
            max_load=2.5,
            hit_points=2.5,
            gun_range_scale=0.0,
            damage_scale=0.0,
        ),
    )
}
"""The classes by name; docs/aerojax.md has a table of what they can do."""


class Fleet(NamedTuple):
    """The coefficients of N aircraft, one entry an aircraft. Every field is float32 (N,).

    They are NumPy arrays where they are constants, and JAX arrays where they are drawn.

    With density ratio σ and speed V, an aircraft stalls at the load factor lift·σV². At the share x
    of that its drag over mass is (parasite + induced·x²)·σV², where it is neither fast nor near its
    stall. `aerojax.rules.flight` has the whole.
    """

    parasite: Any  # 1/m
    induced: Any  # 1/m
    lift: Any  # s²/m²
    dry_thrust: Any  # m/s²
    max_thrust: Any  # m/s²
    max_load: Any  # g
    max_hp: Any  # hit points
    radar_range: Any  # m
    gun_range: Any  # m; 0: no gun
    gun_rate: Any  # hit points a second


def build_fleet(classes: Sequence[AircraftClass]) -> Fleet:
    """The coefficients of one aircraft of each of `classes`, in their order."""

    def figures(field: str) -> np.ndarray:
        return np.array([getattr(aircraft, field) for aircraft in classes], np.float64)

    force_scale = SEA_LEVEL_DENSITY * figures("wing_area") / (2.0 * figures("mass"))  # 1/m
    fleet = Fleet(
        parasite=figures("cd0") * force_scale,
        induced=figures("k") * figures("cl_max") ** 2 * force_scale,
        lift=figures("cl_max") * force_scale / GRAVITY,
        dry_thrust=figures("dry_thrust") / figures("mass"),
        max_thrust=figures("max_thrust") / figures("mass"),
        max_load=figures("max_load"),
        max_hp=figures("hit_points"),
        radar_range=figures("radar_scale") * RADAR_RANGE,
        gun_range=figures("gun_range_scale") * GUN_RANGE,
        gun_rate=figures("damage_scale") * GUN_RATE,
    )
    return Fleet(*(values.astype(np.float32) for values in fleet))
