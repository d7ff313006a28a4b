"""The generated sets that ship with the package: 1024 levels to train on, 256 held out.

Drawing the largest takes a minute, so the levels lie in files. They are what `draw_set` draws, and
a digest holds them fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from paxmen.generation import generate_mazes
from paxmen.mazes import Mazes, load_mazes

_FOLDER = Path(__file__).parent / "levels"
TRAINING, HELD_OUT = 1024, 256  # levels
_SUFFIX = "-heldout"


@dataclass(frozen=True)
class Generated:
    """A pair of sets for so many agents, and the options of their environments."""

    num_agents: int
    max_steps: int
    longest_corridor: int
    digests: tuple[str, str]
    """Of the training levels and of those held out."""


_SETS = [
    Generated(
        num_agents=4,
        max_steps=100,
        longest_corridor=12,
        digests=(
            "e1ae7f1d7584417b93b4f1bab3b482c5bd6cb77493216738c5807a2d62df503e",
            "b2ee00c0951ceee41624bee6ccc2d5402c3b6062ced0256968b74a1ca074f3f5",
        ),
    ),
    Generated(
        num_agents=8,
        max_steps=120,
        longest_corridor=12,
        digests=(
            "31cfd2aac5d7a5a21873c62e5132049f95815f2c786f5416eb0ea5c0312d4cfe",
            "e5e1a9136337e66a310868e3eb3626660647914eaae7a5f2174d4b8db230e487",
        ),
    ),
    Generated(
        num_agents=16,
        max_steps=150,
        longest_corridor=16,
        digests=(
            "dcb8e2db10e9ad35bfa6f2eb01e02486ca5b1884585386e02c76271e58248bcd",
            "206b4fa881d4cd134b71b56393c5dfcec28d89351757da4c5607ebf87011881a",
        ),
    ),
]
GENERATED = {
    f"paxmen-generated-{one.num_agents}{suffix}": one for one in _SETS for suffix in ("", _SUFFIX)
}


@cache
def load_set(name: str) -> Mazes:
    """The levels of a name in `GENERATED`, from their file.

    Raises:
        ValueError: the file's levels are not those that the name stands for.
    """
    mazes = load_mazes(_FOLDER / f"{name}.npz")
    digest = GENERATED[name].digests[name.endswith(_SUFFIX)]
    if mazes.digest != digest:
        raise ValueError(f"{name}: the levels' digest is {mazes.digest}, not {digest}")
    return mazes


def draw_set(name: str, count: int | None = None) -> Mazes:
    """Draws the first levels of a name in `GENERATED`, all if no count is given."""
    held_out = name.endswith(_SUFFIX)
    one = GENERATED[name]
    return generate_mazes(
        one.num_agents,
        count or (HELD_OUT if held_out else TRAINING),
        seed=int(held_out),
        corridors=(4, one.longest_corridor),
        name=name,
    )
