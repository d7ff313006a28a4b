"""What may differ from episode to episode: the world's figures, and who flies in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from jax import Array

from aerojax.aircraft import AircraftClass, is_number
from aerojax.draws import Draws
from aerojax.rules.arena import COLLISION_RANGE
from aerojax.rules.sensing import CLOSE_RANGE, LINK_RANGE

if TYPE_CHECKING:
    from aerojax.config import Config


@dataclass(frozen=True)
class LogUniform:
    """A number whose logarithm is uniform.

    Attributes:
        low: the least value, above 0.
        high: the largest.
    """

    low: float
    high: float

    def sample(self, draws: Draws, shape: tuple[int, ...]) -> Array:
        """float32 of that shape."""
        logarithm = draws.uniform(shape, math.log(self.low), math.log(self.high))
        return jnp.clip(jnp.exp(logarithm), self.low, self.high)


@dataclass(frozen=True)
class Normal:
    """A normally distributed number, clipped.

    Attributes:
        mean: of the distribution before it is clipped.
        deviation: its standard deviation.
        low: the least value; what is drawn below becomes this.
        high: the largest.
    """

    mean: float
    deviation: float
    low: float
    high: float

    def sample(self, draws: Draws, shape: tuple[int, ...]) -> Array:
        """float32 of that shape."""
        return jnp.clip(self.mean + self.deviation * draws.normal(shape), self.low, self.high)


Figure = float | tuple[float, float] | LogUniform | Normal
"""A number; a pair (low, high): uniform between them; or a distribution."""


@dataclass(frozen=True)
class Variation:
    """How the world of each episode is drawn. What is left out is as without a variation.

    Any of the figures is a number, a pair `(low, high)`, `LogUniform` or `Normal`. Those of the
    aircraft are multiples of their class's figure, drawn for each slot on its own.

    Raises:
        ValueError: a figure that is none of these, out of its bounds or upside down; the message
            names it and says what is valid.
    """

    allies: tuple[str | AircraftClass, ...] = ()
    """The classes of which one is drawn for each ally; none: the configuration's."""
    enemies: tuple[str | AircraftClass, ...] = ()
    """The same for each enemy."""
    num_allies: tuple[int, int] | None = None
    """The least and the largest number of allies that fly, the first slots; None: all."""
    num_enemies: tuple[int, int] | None = None
    """The same of the enemies."""
    mass: Figure = 1.0
    wing_area: Figure = 1.0
    cd0: Figure = 1.0
    k: Figure = 1.0
    cl_max: Figure = 1.0
    thrust: Figure = 1.0
    """Of both stages."""
    max_load: Figure = 1.0
    hit_points: Figure = 1.0
    radar_range: Figure = 1.0
    gun_range: Figure = 1.0
    gun_rate: Figure = 1.0
    radius: Figure | None = None
    """The arena's radius, m; None: the configuration's."""
    ceiling: Figure | None = None
    """The arena's height, m; None: the configuration's."""
    collision_range: Figure = COLLISION_RANGE
    """m"""
    close_range: Figure = CLOSE_RANGE
    """m, within which sensors look in every direction."""
    radar_angle: Figure = 60.0
    """Degrees off the nose, to which sensors look beyond."""
    gun_angle: Figure = 30.0
    """Degrees off the nose, to which guns reach."""
    link_range: Figure = LINK_RANGE
    """m"""
    wind: Figure | None = None
    """Speed of the wind, m/s, from anywhere; None: none."""
    gusts: Figure | None = None
    """Deviation of each component of the gusts, m/s; None: none."""
    noise: Figure | None = None
    """Deviation of the errors along each axis of where opponents are measured, m; None: none."""
    observed: Literal["nothing", "own"] = "nothing"
    """What agents see of the world: "own" shows each the figures of its own aircraft."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # equal variations make equal environments
                object.__setattr__(self, field.name, tuple(value))
        for name in ("allies", "enemies"):
            if isinstance(given := getattr(self, name), str):
                raise ValueError(f"variation.{name} must be several classes, such as ({given!r},)")
        for name in ("num_allies", "num_enemies"):
            if getattr(self, name) is not None:
                _check_number_of_aircraft(name, getattr(self, name))
        for name, (low, high) in _BOUNDS.items():
            if getattr(self, name) is not None or name not in _OPTIONAL:
                _check_figure(name, getattr(self, name), low, high)
        if self.observed not in ("nothing", "own"):
            raise ValueError(f"unknown observed {self.observed!r}; valid: nothing, own")

    @property
    def rosters(self) -> bool:
        """Whether the classes of some slots are drawn."""
        return bool(self.allies or self.enemies)


AIRCRAFT_FIGURES = (
    "mass",
    "wing_area",
    "cd0",
    "k",
    "cl_max",
    "thrust",
    "max_load",
    "hit_points",
    "radar_range",
    "gun_range",
    "gun_rate",
)
"""The figures of `Variation` that are multiples of a class's."""

_OPTIONAL = ("radius", "ceiling", "wind", "gusts", "noise")

_BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(AIRCRAFT_FIGURES, (0.01, 100.0)),
    "radius": (6000.0, math.inf),
    "ceiling": (5000.0, math.inf),
    "collision_range": (0.0, math.inf),
    "close_range": (0.0, math.inf),
    "radar_angle": (1.0, 180.0),
    "gun_angle": (1.0, 180.0),
    "link_range": (0.0, math.inf),
    "wind": (0.0, 50.0),
    "gusts": (0.0, 20.0),
    "noise": (0.0, math.inf),
}


def sample(figure: Figure, draws: Draws, shape: tuple[int, ...]) -> Array:
    """A figure of each environment, float32 of that shape."""
    if isinstance(figure, LogUniform | Normal):
        return figure.sample(draws, shape)
    if isinstance(figure, tuple):
        return draws.uniform(shape, *figure)
    return draws.constant(shape, figure)


def bounds(figure: Figure) -> tuple[float, float]:
    """The least and the largest value."""
    if isinstance(figure, LogUniform | Normal):
        return figure.low, figure.high
    return figure if isinstance(figure, tuple) else (figure, figure)


def check_variation(config: Config, variation: Variation) -> None:
    """Raises ValueError for a variation that does not fit its configuration."""
    for team, slots in (("allies", config.num_allies), ("enemies", config.num_enemies)):
        names = [getattr(drawn, "name", drawn) for drawn in getattr(variation, team)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"variation.{team} has {', '.join(twice)} twice; name each class once")
        if names and not slots:
            raise ValueError(f"variation.{team} needs {team}, got none")
        number = getattr(variation, f"num_{team}")
        if number is not None and number[1] > slots:
            raise ValueError(
                f"variation.num_{team} must be at most the {slots} slots of the {team}, "
                f"got {number}"
            )
    classes = (*config.classes, *variation.allies, *variation.enemies)
    least = min(aircraft.max_load for aircraft in classes if isinstance(aircraft, AircraftClass))
    if bounds(variation.max_load)[0] * least <= 1.0:
        raise ValueError(
            f"variation.max_load must leave every aircraft more than 1 g, got "
            f"{variation.max_load!r} of {least} g"
        )


def _check_figure(name: str, value: object, low: float, high: float) -> None:
    pair = value if isinstance(value, tuple) else (value, value)
    numbers: tuple[object, ...] = pair
    if isinstance(value, LogUniform | Normal):
        numbers = tuple(getattr(value, field.name) for field in fields(value))
        pair = (value.low, value.high)
    if len(pair) != 2 or not all(map(is_number, numbers)):
        raise ValueError(
            f"variation.{name} must be a number, a pair (low, high), LogUniform or Normal, "
            f"of finite numbers, got {value!r}"
        )
    least, largest = map(float, pair)  # pyright: ignore[reportArgumentType]
    if least > largest:
        raise ValueError(f"variation.{name} must have low before high, got {value!r}")
    if not low <= least <= largest <= high:
        raise ValueError(f"variation.{name} must lie in [{low}, {high}], got {value!r}")
    if isinstance(value, LogUniform) and least <= 0.0:
        raise ValueError(f"variation.{name} must be above 0 for LogUniform, got {value!r}")
    if isinstance(value, Normal) and value.deviation < 0.0:
        raise ValueError(f"variation.{name} must have a deviation of 0 or above, got {value!r}")


def _check_number_of_aircraft(name: str, value: object) -> None:
    if not (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(n, Integral) and not isinstance(n, bool) for n in value)
    ):
        raise ValueError(f"variation.{name} must be a pair of integers, got {value!r}")
    if not 1 <= value[0] <= value[1]:
        raise ValueError(
            f"variation.{name} must be a pair (least, largest) from 1 on, for a team with nobody "
            f"in it plays nothing, got {value!r}"
        )
