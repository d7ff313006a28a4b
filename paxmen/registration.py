"""The environments by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from paxmen.layouts import SIZES

if TYPE_CHECKING:
    from paxmen.env import PaxMen

_AGENTS = {f"paxmen-{num_agents}": num_agents for num_agents in SIZES}


def list_envs() -> list[str]:
    """The names that `make` takes."""
    return list(_AGENTS)


def make(name: str) -> PaxMen:
    """Makes the environment of that name.

    Args:
        name: one of `list_envs()`.

    Raises:
        ValueError: no environment has that name.
    """
    if name not in list_envs():
        raise ValueError(f"unknown environment {name!r}; valid: {', '.join(_nearest_first(name))}")
    from paxmen.env import PaxMen

    return PaxMen(_AGENTS[name])


def _nearest_first(name: object) -> list[str]:
    def distance(valid: str) -> float:
        return -difflib.SequenceMatcher(None, str(name), valid).ratio()

    return sorted(_AGENTS, key=distance)
