"""Everything that decides what an environment is, as one frozen dataclass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, get_args

import numpy as np

from paxmen.layouts import Maze, build_maze
from paxmen.mazes import Mazes

Respawn = Literal["all", "room", "never"]
MOST_AGENTS = 64
MAX_STEPS = 100  # of mazes that have no length of their own
_VIEWS = (3, 5, 7, 9, 11)


class Options(TypedDict, total=False):
    """What `paxmen.make` takes next to a name, by keyword; `paxmen.PaxMen` has the meanings."""

    num_agents: int
    mazes: Mazes
    max_steps: int
    view: int
    dots_per_room: int
    penalty: float
    shared_reward: bool
    respawn: Respawn


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options of an environment, as `paxmen.PaxMen` describes them.

    Raises:
        ValueError: an option that cannot be, in one line with what can.
    """

    num_agents: int
    mazes: Mazes
    max_steps: int
    view: int = 5
    dots_per_room: int = 3
    penalty: float = 0.025
    shared_reward: bool = True
    respawn: Respawn = "all"

    def __post_init__(self) -> None:
        if not isinstance(self.mazes, Mazes):
            raise ValueError(
                f"mazes must be a paxmen.Mazes, got {self.mazes!r}; generate_mazes, parse_mazes "
                "and load_mazes make them"
            )
        check_integer("num_agents", self.num_agents, 1, MOST_AGENTS)
        check_integer("max_steps", self.max_steps, 1, 2**31 - 2)
        _check_one_of("view", self.view, _VIEWS)
        _check_one_of("shared_reward", self.shared_reward, (True, False))
        _check_one_of("respawn", self.respawn, get_args(Respawn))
        number = isinstance(self.penalty, (int, float)) and not isinstance(self.penalty, bool)
        if not number or not (self.penalty >= 0 and math.isfinite(self.penalty)):
            raise ValueError(f"penalty must be a number of at least 0, got {self.penalty!r}")
        self._check_room()

    def _check_room(self) -> None:
        """Every level holds so many agents and dots."""
        smallest_hub = int(self.mazes.hub_cells.argmin())
        places = int(self.mazes.hub_cells[smallest_hub])
        if self.num_agents > places:
            raise ValueError(
                f"num_agents must be at most {places}, the hub cells of maze {smallest_hub}, got "
                f"{self.num_agents}"
            )
        sizes = self.mazes.room_sizes
        check_integer("dots_per_room", self.dots_per_room, 1, int(sizes[sizes > 0].min()))

    @property
    def maze(self) -> Maze:
        """The tables of the mazes, built at the first call."""
        return build_maze(self.mazes, self.view)


def check_integer(name: str, value: Any, lowest: int, highest: int) -> None:
    """Raises ValueError unless a value is a whole number in a range."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not lowest <= value <= highest:
        raise ValueError(f"{name} must be a whole number from {lowest} to {highest}, got {value!r}")


def _check_one_of(name: str, value: Any, valid: tuple[Any, ...]) -> None:
    # Equal is not enough: 1 == True.
    if not any(type(value) is type(one) and value == one for one in valid):
        raise ValueError(f"unknown {name} {value!r}; valid: {', '.join(map(str, valid))}")
