"""What makes one task: two rosters, an objective and the rules that may vary."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from typing import Any, Literal, NamedTuple, TypedDict, get_args, get_origin, get_type_hints

from aerojax.aircraft import CLASSES, AircraftClass, Fleet, build_fleet, is_number
from aerojax.objectives.base import Objective
from aerojax.objectives.combat import Combat
from aerojax.rules.formation import top
from aerojax.variation import Variation, bounds, check_variation

Actions = Literal["discrete", "continuous"]
Control = Literal["guided", "direct"]
Opponents = Literal["circle", "pursuit", "ace", "evader", "hider", "waypoint", "selfplay"]
MAX_TEAM = 200  # more would not find room where teams start
MARGIN = 300.0  # m between where aircraft start and the bounds


class Sides(NamedTuple):
    """Which slots are a team's own and which are its opponents'."""

    own: slice
    foe: slice


@dataclass(frozen=True)
class Config:
    """A task of AeroJAX. Equal configurations make equal environments.

    Raises:
        ValueError: an impossible value; the message names it and lists what is valid.
    """

    allies: tuple[str | AircraftClass, ...]
    """The agents' aircraft: names of `aerojax.CLASSES`, or classes of one's own."""
    enemies: tuple[str | AircraftClass, ...] = ()
    """The opponents' aircraft."""
    objective: Objective = field(default_factory=Combat)
    """What the teams are there for."""
    opponents: Opponents = "pursuit"
    """The script that flies the enemies, or "selfplay": they are agents too."""
    actions: Actions = "discrete"
    """"discrete": 45 commands; "continuous": three numbers in [-1, 1]."""
    control: Control = "guided"
    """"guided": turn, climb and throttle; "direct": load factor, rate of roll and throttle."""
    obstacles: int = 0
    """How many cylinders stand in the arena."""
    stochastic_sensors: bool = False
    """Whether distant aircraft are sometimes missed."""
    stochastic_guns: bool = False
    """Whether guns hit by chance, with the same mean damage."""
    link_dropout: float = 0.0
    """Probability that a pair of team-mates does not exchange tracks in a step."""
    radius: float = 8000.0
    """The arena's radius, m."""
    ceiling: float = 10_000.0
    """The arena's height, m."""
    max_steps: int = 200
    """Steps of 0.5 s until the episode is cut off."""
    variation: Variation | None = None
    """How the world of each episode is drawn; None: all episodes have the same."""
    name: str = "custom"
    """What the environment is called."""

    def __post_init__(self) -> None:
        for team in ("allies", "enemies"):
            given = getattr(self, team)
            if isinstance(given, str):
                raise ValueError(f"{team} must be several aircraft, such as ({given!r},)")
            object.__setattr__(self, team, tuple(map(_aircraft_class, given)))
        if isinstance(self.variation, Variation):
            drawn = {
                team: tuple(map(_aircraft_class, getattr(self.variation, team)))
                for team in ("allies", "enemies")
            }
            object.__setattr__(self, "variation", replace(self.variation, **drawn))
        _check(self)

    @cached_property
    def classes(self) -> tuple[AircraftClass, ...]:
        """The class of each slot."""
        return (*self._team_a, *self.enemies)  # pyright: ignore[reportReturnType]

    @cached_property
    def _team_a(self) -> tuple[str | AircraftClass, ...]:
        return (*self.allies, *map(_aircraft_class, self.objective.convoy))

    @property
    def num_allies(self) -> int:
        """Agents of team A; an escorted asset is not one."""
        return len(self.allies)

    @property
    def num_enemies(self) -> int:
        """Aircraft of team B."""
        return len(self.enemies)

    @property
    def num_agents(self) -> int:
        """Agents of both teams."""
        return self.num_allies + (self.num_enemies if self.selfplay else 0)

    @property
    def num_aircraft(self) -> int:
        """N, slots in all."""
        return len(self._team_a) + len(self.enemies)

    @property
    def agent_slots(self) -> tuple[slice, ...]:
        """The slots of the agents: the allies', and in self-play the enemies'."""
        allies = slice(0, self.num_allies)
        return (allies, self.team_b.own) if self.selfplay else (allies,)

    @property
    def selfplay(self) -> bool:
        """Whether both teams are agents."""
        return self.opponents == "selfplay"

    @property
    def team_a(self) -> Sides:
        """Team A's own slots, and its opponents'."""
        border = len(self._team_a)
        return Sides(slice(0, border), slice(border, self.num_aircraft))

    @property
    def team_b(self) -> Sides:
        """Team B's own slots, and its opponents'."""
        return Sides(*reversed(self.team_a))

    @cached_property
    def fleet(self) -> Fleet:
        """The slots' coefficients, NumPy float32 (N,) each."""
        return build_fleet(self.classes)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The distinct classes, in the order in which they appear."""
        return tuple(dict.fromkeys(c.name for c in self.classes))


class Changes(TypedDict, total=False):
    """The fields of `Config`, as `aerojax.make` takes them."""

    allies: tuple[str | AircraftClass, ...]
    enemies: tuple[str | AircraftClass, ...]
    objective: Objective
    opponents: Opponents
    actions: Actions
    control: Control
    obstacles: int
    stochastic_sensors: bool
    stochastic_guns: bool
    link_dropout: float
    radius: float
    ceiling: float
    max_steps: int
    variation: Variation | None
    name: str


def nearest_first(value: object, valid: Iterable[str]) -> list[str]:
    """The valid names, the likeliest misspelling of `value` first."""

    def distance(name: str) -> float:
        return -difflib.SequenceMatcher(None, str(value), name).ratio()

    return sorted(valid, key=distance)


def _aircraft_class(given: str | AircraftClass) -> AircraftClass:
    if isinstance(given, AircraftClass):
        return given
    if given not in list(CLASSES):
        raise ValueError(
            f"unknown aircraft class {given!r}; valid: {', '.join(nearest_first(given, CLASSES))}, "
            "or an AircraftClass of your own"
        )
    return CLASSES[given]


def _check_kind(name: str, value: object, kind: Any) -> None:
    """Raises ValueError for a value that is not of its annotation."""
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    if choices and value not in choices:
        raise ValueError(
            f"unknown {name} {value!r}; valid: {', '.join(nearest_first(value, choices))}"
        )
    valid, holds = _KINDS.get(kind, ("", lambda _: True))
    if not holds(value):
        raise ValueError(f"{name} must be {valid}, got {value!r}")


_KINDS: dict[Any, tuple[str, Callable[[object], bool]]] = {
    bool: ("True or False", lambda value: isinstance(value, bool)),
    int: ("an integer", lambda value: is_number(value) and isinstance(value, Integral)),
    float: ("a finite number", is_number),
    str: ("a text", lambda value: isinstance(value, str)),
    Objective: ("an aerojax Objective", lambda value: isinstance(value, Objective)),
    Variation | None: (
        "an aerojax Variation or None",
        lambda value: value is None or isinstance(value, Variation),
    ),
}


def _check(config: Config) -> None:
    for name, kind in get_type_hints(Config).items():
        _check_kind(name, getattr(config, name), kind)
    drawn = config.variation or Variation()
    classes: set[Any] = {*config.classes, *drawn.allies, *drawn.enemies}
    for name in sorted({aircraft.name for aircraft in classes}):
        if len({aircraft for aircraft in classes if aircraft.name == name}) > 1:
            raise ValueError(f"two different aircraft classes are called {name!r}: rename one")
    sizes = {"allies": (1, config.num_allies), "enemies": (0, config.num_enemies)}
    for team, (least, size) in sizes.items():
        if not least <= size <= MAX_TEAM:
            raise ValueError(f"{team} must be {least} to {MAX_TEAM} aircraft, got {size}")
    if config.objective.needs_enemies and not config.num_enemies:
        raise ValueError(f"the objective {type(config.objective).__name__} needs enemies, got none")
    if config.num_enemies and not config.objective.takes_enemies:
        raise ValueError(
            f"the objective {type(config.objective).__name__} takes no enemies, "
            f"got {config.num_enemies}"
        )
    if config.selfplay and not config.num_enemies:
        raise ValueError("opponents 'selfplay' need enemies, got none")
    if config.opponents == "hider" and not config.obstacles:
        raise ValueError("opponents 'hider' need obstacles to hide behind, got 0")
    if config.opponents == "waypoint" and not config.objective.num_points:
        raise ValueError("opponents 'waypoint' need an objective with points to fly to")
    if not 0 <= config.obstacles <= 16:
        raise ValueError(f"obstacles must be 0 to 16, got {config.obstacles}")
    if not 0.0 <= config.link_dropout <= 1.0:
        raise ValueError(f"link_dropout must lie in [0, 1], got {config.link_dropout}")
    if not config.radius >= 6000.0:
        raise ValueError(f"radius must be at least 6000 m, got {config.radius}")
    if not config.ceiling >= 5000.0:
        raise ValueError(f"ceiling must be at least 5000 m, got {config.ceiling}")
    if config.variation is not None:
        check_variation(config, config.variation)
    _check_room(config)
    if config.max_steps < 1:
        raise ValueError(f"max_steps must be at least 1, got {config.max_steps}")


def _check_room(config: Config) -> None:
    teams = f"{config.num_allies} against {config.num_enemies} aircraft"
    reach, (radius, ceiling) = config.objective.reach(config), _least_room(config)
    if reach + MARGIN > radius:
        raise ValueError(
            f"{teams} start up to {reach:.0f} m from the middle, for which the radius of "
            f"{radius} m is too small"
        )
    height = max(top(config.num_allies), top(config.num_enemies))
    if height + MARGIN > ceiling:
        raise ValueError(
            f"{teams} start up to {height:.0f} m high, for which the ceiling of "
            f"{ceiling} m is too low"
        )


def _least_room(config: Config) -> tuple[float, float]:
    """The least radius and ceiling that an episode may have, m."""
    drawn = config.variation or Variation()
    radius = config.radius if drawn.radius is None else bounds(drawn.radius)[0]
    ceiling = config.ceiling if drawn.ceiling is None else bounds(drawn.ceiling)[0]
    return radius, ceiling
