"""Scripts against scripts: is each rung of AeroJAX's ladder above the one below?

Run it: `python docs/experiments/ladder.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.cli.parsing import run_program
from mars_demo.learning.rollout import Env
from mars_demo.runs.outputs import check_writable, markdown_table
from mars_demo.tasks.registry import make_selfplay
from wrappers.atomic import write_atomically

GAMES = 2000
SCENARIOS = ("identical_5_vs_5", "special_5_vs_5", "identical_2_vs_2", "1_vs_1")
PAIRS = (
    ("pursuit", "circle"),
    ("ace", "pursuit"),
    ("circle", "circle"),
    ("pursuit", "pursuit"),
    ("ace", "ace"),
    ("ace", "circle"),
)


class Games(NamedTuple):
    """How games between two scripts ended."""

    won: int  # by the first
    lost: int
    drawn: int

    @property
    def share(self) -> float:
        """The first script's share of the decided games; NaN if none was."""
        return self.won / (self.won + self.lost) if self.won + self.lost else float("nan")

    @property
    def sigmas(self) -> float:
        """How many standard deviations of fair coins the wins lie from half the decided games."""
        decided = self.won + self.lost
        return (self.won - self.lost) / np.sqrt(decided) if decided else 0.0


def play_scripts(env: Env, first: str, second: str, games: int, seed: int = 0) -> Games:
    """Lets two scripts play whole games of a self-play environment.

    Args:
        env: an AeroJAX environment with `opponents="selfplay"` and continuous actions.
        first: the script that flies the allies.
        second: the script that flies the enemies.
        games: how many.
        seed: of the starts.
    """
    won, lost = _play(env, first, second, jax.random.split(jax.random.key(seed), games))
    wins, losses = int(np.sum(won)), int(np.sum(lost))
    return Games(wins, losses, games - wins - losses)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _play(env: Any, first: str, second: str, keys: Array) -> tuple[Array, Array]:
    def game(key: Array) -> tuple[Array, Array]:
        reset_key, steps_key = jax.random.split(key)
        _, state = env.reset(reset_key)

        def step(carry: tuple[Any, Array], key: Array) -> tuple[Any, tuple[Array, Array]]:
            state, over = carry
            actions = env.script_actions(state, first) | env.script_actions(state, second, True)
            _, state, _, dones, info = env.step_env(key, state, actions)
            ends = info["win"][0] & ~over, info["lose"][0] & ~over
            return (state, over | dones["__all__"]), ends

        keys = jax.random.split(steps_key, env.max_steps)
        _, (won, lost) = jax.lax.scan(step, (state, jnp.bool_(False)), keys)
        return jnp.any(won), jnp.any(lost)

    return jax.vmap(game)(keys)


def play_ladder(out: Path) -> str:
    """Plays every pair on every scenario, writes ladder.md and returns the table."""
    head = ("scenario", "scripts", "won", "lost", "drawn", "share of decided games")
    rows = [row for name in SCENARIOS for row in _rows(name, make_selfplay(name), PAIRS)]
    table = markdown_table(head, rows)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "ladder.md", (table + "\n").encode())
    return table


def _rows(name: str, env: Env, pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    rows = []
    for first, second in pairs:
        games = play_scripts(env, first, second, GAMES)
        share = f"{games.share:.2f}"
        if first == second:
            share += f" ({games.sigmas:+.1f} σ)"
        rows.append([f"`{name}`", f"{first} against {second}", *map(str, games), share])
    return rows


@dataclass(frozen=True)
class Ladder:
    """Let AeroJAX's scripts play against each other, as docs/aerojax.md shows it."""

    out: Path = Path("studies/ladder")
    """The folder for ladder.md."""

    def run(self) -> None:
        check_writable(self.out / "ladder.md")
        print(play_ladder(self.out))


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(Ladder, words)


if __name__ == "__main__":
    main()
