"""The environments by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from paxmen.classic import SIZES, classic_mazes
from paxmen.config import Options
from paxmen.generated import GENERATED, load_set

if TYPE_CHECKING:
    from typing import Unpack

    from paxmen.env import PaxMen

_CLASSIC = {f"paxmen-{num_agents}": num_agents for num_agents in SIZES}
_NAMES = [*_CLASSIC, *GENERATED]


def list_envs() -> list[str]:
    """The names that `make` takes."""
    return list(_NAMES)


def make(name: str, **options: Unpack[Options]) -> PaxMen:
    """Makes the environment of that name.

        >>> paxmen.make("paxmen-4", view=7, respawn="room")

    Args:
        name: one of `list_envs()`.
        **options: arguments of `PaxMen` that differ from those of the name.

    Raises:
        TypeError: `PaxMen` has no such argument.
        ValueError: no environment has that name, or an option cannot be.
    """
    if name not in _NAMES:
        valid = ", ".join(nearest_first(name, _NAMES))
        raise ValueError(f"unknown environment {name!r}; valid: {valid}")
    for option in options:
        if option not in Options.__annotations__:
            valid = ", ".join(nearest_first(option, Options.__annotations__))
            raise TypeError(f"unknown option {option!r}; valid: {valid}")
    from paxmen.env import PaxMen

    return PaxMen(**_usual(name) | options)


def _usual(name: str) -> Options:
    if name in _CLASSIC:
        num_agents = _CLASSIC[name]
        return {
            "num_agents": num_agents,
            "mazes": classic_mazes(num_agents),
            "max_steps": SIZES[num_agents].max_steps,
        }
    one = GENERATED[name]
    return {
        "num_agents": one.num_agents,
        "mazes": load_set(name),
        "max_steps": one.max_steps,
    }


def nearest_first(value: object, valid: Iterable[str]) -> list[str]:
    """The valid names, the likeliest misspelling of `value` first."""

    def distance(name: str) -> float:
        return -difflib.SequenceMatcher(None, str(value), name).ratio()

    return sorted(valid, key=distance)
