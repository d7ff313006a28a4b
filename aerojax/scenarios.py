"""The tasks by name, each with a sentence."""

from __future__ import annotations

from typing import NamedTuple

from aerojax.config import Config, nearest_first
from aerojax.objectives.escort import Escort
from aerojax.objectives.pursuit import Pursuit
from aerojax.objectives.search import Search
from aerojax.objectives.waypoint import Waypoint

SMALL_RADIUS = 6000.0  # m, of the arena where there is more to find than to fight


class Scenario(NamedTuple):
    """A task that has a name."""

    sentence: str
    config: Config


def _combat(allies: int, enemies: int) -> Config:
    return Config(("fighter",) * allies, ("fighter",) * enemies)


_SPECIAL = ("fighter", "heavy", "scout", "interceptor", "ace")

# The benchmark's seven come first, easy to hard.
SCENARIOS: dict[str, Scenario] = {
    "waypoint_5": Scenario(
        "Five fighters reach as many of three points in the air as they can.",
        Config(("fighter",) * 5, objective=Waypoint(), radius=SMALL_RADIUS),
    ),
    "pursuit_3_vs_1": Scenario(
        "Three fighters catch one that flees.",
        Config(("fighter",) * 3, ("fighter",), objective=Pursuit(), opponents="evader"),
    ),
    "identical_5_vs_5": Scenario(
        "Five fighters against five that fly at the nearest.", _combat(5, 5)
    ),
    "special_5_vs_5": Scenario(
        "One of each armed class against the same, flown by the strongest script.",
        Config(_SPECIAL, _SPECIAL, opponents="ace"),
    ),
    "search_4": Scenario(
        "Four fighters look at the whole arena from low altitude.",
        Config(("fighter",) * 4, objective=Search(), radius=SMALL_RADIUS),
    ),
    "escort_4_vs_3": Scenario(
        "Two fighters, an interceptor and a scout bring an unarmed aircraft past three fighters.",
        Config(
            ("fighter", "fighter", "interceptor", "scout"), ("fighter",) * 3, objective=Escort()
        ),
    ),
    "hide_and_seek_4_vs_2": Scenario(
        "Four fighters catch two that hide behind six obstacles.",
        Config(
            ("fighter",) * 4,
            ("fighter",) * 2,
            objective=Pursuit(),
            opponents="hider",
            obstacles=6,
        ),
    ),
    "identical_2_vs_2": Scenario("Two fighters against two.", _combat(2, 2)),
    "identical_10_vs_10": Scenario("Ten fighters against ten.", _combat(10, 10)),
    "identical_20_vs_20": Scenario("Twenty fighters against twenty.", _combat(20, 20)),
    "identical_5_vs_7": Scenario("Five fighters against seven.", _combat(5, 7)),
    "rendezvous_4": Scenario(
        "Four fighters reach points of which each needs two of them at once.",
        Config(("fighter",) * 4, objective=Waypoint(crew=2), radius=SMALL_RADIUS),
    ),
    "waypoint_5_vs_5": Scenario(
        "Two teams of five race for the same points.",
        Config(
            ("fighter",) * 5,
            ("fighter",) * 5,
            objective=Waypoint(),
            opponents="waypoint",
            radius=SMALL_RADIUS,
        ),
    ),
    "pursuit_3_vs_1_fast": Scenario(
        "Three fighters catch an interceptor, which is faster than they are.",
        Config(("fighter",) * 3, ("interceptor",), objective=Pursuit(), opponents="evader"),
    ),
    "1_vs_1": Scenario("One fighter against one.", _combat(1, 1)),
}

BENCHMARK = tuple(SCENARIOS)[:7]
"""The names of the benchmark's scenarios, easy to hard."""


def list_scenarios() -> dict[str, str]:
    """The names that `make` takes, the benchmark's seven first, and a sentence on each."""
    return {name: scenario.sentence for name, scenario in SCENARIOS.items()}


def list_envs() -> list[str]:
    """The names that `make` takes, the benchmark's seven first."""
    return list(SCENARIOS)


def get_config(name: str) -> Config:
    """The configuration of a named scenario.

    Raises:
        ValueError: no scenario has that name.
    """
    if name not in list(SCENARIOS):
        raise ValueError(
            f"unknown scenario {name!r}; valid: {', '.join(nearest_first(name, SCENARIOS))}"
        )
    return SCENARIOS[name].config
