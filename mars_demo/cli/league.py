"""The commands for teams that play against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from mars_demo.learning.config import DEFAULT_ALGO, check_number
from mars_demo.runs.outputs import check_writable
from mars_demo.tasks.registry import get_task


@dataclass(frozen=True)
class Tournament:
    """Let teams and scripts play each other, on both sides: wins, Elo, and who beats whom."""

    task: Annotated[Positional[str], tyro.conf.arg(metavar="TASK")]
    """A task with opponents, such as aerojax/1_vs_1."""
    players: Annotated[Positional[tuple[str, ...]], tyro.conf.arg(metavar="PLAYER ...")]
    """Two or more: scripts, runs' folders, exported teams' JSON files, shipped teams."""
    games: int = 200
    """Games of each pair, half of them on either side."""
    seed: int = 0
    """Seed of the games."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("tournament")
    """Where to write tournament.json, table.md, wins.png and match.html."""

    def run(self) -> None:
        from mars_demo.evaluation.tournament import closest, film, play, rate, write_tournament
        from wrappers import save_scene

        task = get_task(self.task)
        check_number("games", self.games, 2, 10**6)
        check_number("seed", self.seed, 0, 2**32 - 1)
        check_writable(self.out / "tournament.json")
        results = play(task, self.players, self.games, self.seed)
        print(write_tournament(task, results, self.out))
        if hasattr(task.make(), "scene"):
            names = closest(results, rate(results))
            save_scene(film(task, names, self.seed), self.out / "match.html")


@dataclass(frozen=True)
class Exploit:
    """Train a best response to a frozen team, and report how often it wins."""

    task: Annotated[Positional[str], tyro.conf.arg(metavar="TASK")]
    """A task with opponents, such as aerojax/1_vs_1."""
    player: Annotated[Positional[str], tyro.conf.arg(metavar="PLAYER")]
    """Whom to exploit: a script, a run's folder, an exported team's JSON file, a shipped team."""
    total_steps: int = 4_000_000
    """Environment steps of the best response: its budget."""
    games: int = 1000
    """Games that it then plays."""
    seed: int = 0
    """Seed of the run, and of the games."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("exploit")
    """The run's folder."""
    bar: bool = True
    """Show a progress bar."""

    def run(self) -> None:
        from mars_demo.evaluation.tournament import play, with_rival
        from mars_demo.runs.loop import train_run

        check_number("games", self.games, 2, 10**6)
        task = with_rival(get_task(self.task), self.player)
        config = task.preset(DEFAULT_ALGO).replace(
            opponents=self.player, seed=self.seed, total_steps=self.total_steps
        )
        resume = (self.out / "run.json").exists()
        if not train_run(task, config, self.out, resume, self.bar).finished:
            print("stopped and saved; the same command goes on")
            return
        results = play(task, (str(self.out), self.player), self.games, self.seed + 1)
        won, drawn, lost = results.wins[0, 1], results.draws[0, 1], results.wins[1, 0]
        print(
            f"against {self.player} after {self.total_steps:,} steps: won {won}, drawn {drawn}, "
            f"lost {lost}; {results.decided[0, 1]:.2f} of the decided games"
        )
