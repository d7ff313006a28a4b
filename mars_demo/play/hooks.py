"""What a task says of how a person plays it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxmarl.environments.multi_agent_env import MultiAgentEnv


class Moves(NamedTuple):
    """Played key by key, on a map: the actions behind the keys."""

    up: int
    down: int
    right: int
    left: int
    act: int
    wait: int
    act_name: str  # what `act` does, in a word


class Flight(NamedTuple):
    """Flown in real time by three numbers in [-1, 1], turn, climb and throttle.

    The task's scene has a `space`, in which the agents' bodies have their names.
    """

    make: Callable[[str | None], MultiAgentEnv]
    """`make(opponents)`: the environment with these commands, against a script or the usual one."""
    opponents: tuple[str, ...]
    """The scripts that may be the opponents; none where there are none."""
    instruments: Callable[[Any, Any, str], dict[str, str]]
    """`instruments(env, state, agent)`: what an agent reads off, label -> text."""
    step_seconds: float
    """How long a step is for who flies."""
