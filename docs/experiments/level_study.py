"""Teams on levels that they never saw: trained on 1024 generated mazes, played on 256 others.

Run it: `python docs/experiments/level_study.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.cli.parsing import run_program
from mars_demo.evaluation.charts import COLOURS, save_figure, score_limits
from mars_demo.evaluation.curves import curve
from mars_demo.evaluation.episodes import (
    Policy,
    evaluate,
    on_task,
    reference_scores,
    trained_run,
)
from mars_demo.evaluation.statistics import mean_and_interval
from mars_demo.experiments.training import train_all
from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.runs.description import checkout_commit, versions
from mars_demo.runs.outputs import check_writable, markdown_table
from mars_demo.tasks.registry import get_task
from paxmen.layouts import NUM_ACTIONS
from wrappers.atomic import write_atomically

ALGO = "mars"
SEEDS = {
    "paxmen-generated-4": (1, 2, 3),
    "paxmen-generated-8": (1, 2, 3),
    "paxmen-generated-16": (1,),
}
EPISODES = 512
SETS = {"training levels": "", "held-out levels": "-heldout"}

Scores = dict[str, list[float]]
"""By policy: a mean of each seed, or one of a policy that is not trained."""


@dataclass(frozen=True)
class Constant:
    """Every agent takes the same action, always."""

    agents: tuple[str, ...]

    def __call__(
        self, action: Array, memory: Any, obs: dict[str, Array], state: Any, key: Array
    ) -> tuple[Any, dict[str, Array]]:
        return memory, dict.fromkeys(self.agents, action)


def study_levels(out: Path) -> str:
    """Trains on the training levels, plays on both sets. Writes scores.json, table.md, curves.png.

    Runs that are there already are not run again.

    Returns:
        The table.
    """
    for name in SEEDS:
        train_all(name, _runs(out, name), name)
    scores = {
        name: {levels: _scores(out, name, get_task(name + end)) for levels, end in SETS.items()}
        for name in SEEDS
    }
    about = {"commit": checkout_commit(Path(__file__).parents[2]), "versions": versions()}
    written = json.dumps(about | {"episodes": EPISODES, "scores": scores}, indent=1)
    write_atomically(out / "scores.json", written.encode())
    draw(out, scores)
    table = make_table(scores)
    write_atomically(out / "table.md", (table + "\n").encode())
    return table


def _runs(out: Path, name: str) -> dict[Path, Config]:
    preset = get_task(name).preset(ALGO)
    return {out / name / f"seed_{seed}": preset.replace(seed=seed) for seed in SEEDS[name]}


def _scores(out: Path, name: str, task: Task) -> Scores:
    floors = {
        policy: [float(np.mean(played.score))]
        for policy, played in reference_scores(task, EPISODES).items()
    }
    teams = [on_task(trained_run(folder), task) for folder in _runs(out, name)]
    played = [evaluate(task, team.policy(), jax.random.key(0), EPISODES) for team in teams]
    best = {"best constant action": [best_constant(task, EPISODES)]}
    return floors | best | {ALGO: [float(np.mean(each.score)) for each in played]}


def best_constant(task: Task, episodes: int) -> float:
    """The mean score of the action that scores most where all agents take it at every step."""
    act = Constant(tuple(task.make().agents))
    played = [
        evaluate(task, Policy(act, jnp.int32(action)), jax.random.key(0), episodes)
        for action in range(NUM_ACTIONS)
    ]
    return max(float(np.mean(each.score)) for each in played)


def make_table(scores: Mapping[str, Mapping[str, Scores]]) -> str:
    """A row for each set: the floors, the teams, and what they reach of the planner."""
    rows = []
    for name, sets in scores.items():
        for levels, row in sets.items():
            floors = [f"{row[policy][0]:.1f}" for policy in ("random", "best constant action")]
            mean, half = mean_and_interval(np.array(row[ALGO]))
            planner = row["planner"][0]
            team = f"{mean:.1f} ± {half:.1f}", f"{mean / planner:.0%}"
            rows.append((name, levels, *floors, f"{planner:.1f}", *team, str(len(row[ALGO]))))
    head = ("task", "levels", "random", "best constant action", "planner", "team", "of the planner")
    return markdown_table((*head, "seeds"), rows)


def draw(out: Path, scores: Mapping[str, Mapping[str, Scores]]) -> None:
    """The learning curves, one panel a task, with what the teams reach on either set."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(scores), 3.6), layout="constrained")
    for axes, (name, sets) in zip(
        figure.subplots(1, len(scores), squeeze=False).flat, scores.items(), strict=True
    ):
        shown = [0.0]
        for folder in _runs(out, name):
            steps, values = curve(folder)
            shown += values.tolist()
            axes.plot(steps / 1e6, values, color=COLOURS[0], linewidth=1.2)
        for colour, (levels, row) in zip(COLOURS[1:], sets.items(), strict=False):
            for value in row[ALGO]:
                axes.axhline(value, color=colour, linestyle="--", linewidth=1, label=levels)
        axes.set_title(name, fontsize=10)
        axes.set_ylabel(get_task(name).score_name)
        axes.set_ylim(score_limits(shown))
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.supxlabel("environment steps (millions)", fontsize=10)
    save_figure(figure, out / "curves.png", dpi=130)


@dataclass(frozen=True)
class LevelStudy:
    """Train on generated mazes, play on others. Runs that are there already are not run again."""

    out: Path = Path("studies/levels")
    """The folder for the runs, the table and the curves."""

    def run(self) -> None:
        check_writable(self.out / "table.md")
        print(study_levels(self.out))


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(LevelStudy, words)


if __name__ == "__main__":
    main()
