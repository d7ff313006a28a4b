"""How docs/results.md chose its presets, and what each knob of them does.

Both train many configurations of one task and algorithm; a sweep has one of each.

Run one: `python docs/experiments/objective_study.py tune`, or `knobs`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from tyro.conf import Positional

from mars_demo.cli.parsing import run_program
from mars_demo.evaluation.curves import compare, curve
from mars_demo.experiments.training import train_all
from mars_demo.learning.config import DEFAULT_TASK, Config
from mars_demo.runs.outputs import check_writable, markdown_table
from mars_demo.tasks.registry import get_task
from wrappers.atomic import write_atomically

ALGORITHMS = ("mars", "mappo", "maspo")

# Every objective gets this same budget: all of the grid screened on one seed by the mean score of
# the run (early and high both count), the best FINALISTS again on two more seeds at the length of
# the comparison, by the mean score of the last fifth (a team that breaks through and then
# collapses must not be chosen). Seeds of 1000 and above are for choosing, below for reporting.
GRID = {
    "lr": (2e-3, 4e-3),
    "eps": (0.1, 0.2, 0.5, 1.0),
    "epochs": (2, 4),
}
SCREENING_STEPS, SCREENING_SEEDS = 1_500_000, (1000,)
FINAL_STEPS, FINAL_SEEDS = 3_000_000, (1001, 1002)
FINALISTS = 3

THRESHOLD = 50.0
EPISODES = 256

# One knob at a time, from the preset back to what is usual elsewhere.
KNOBS = {
    "preset": {},
    "entropy 0.01": {"entropy": 0.01},
    "gamma 0.99": {"gamma": 0.99},
    "gae_lambda 0.95": {"gae_lambda": 0.95},
    "raw observations": {"encode": False},
    "no agent id": {"agent_id": False},
    "episodes in step": {"stagger": False},
    "rollouts of 128": {"rollout_steps": 128},
    "lr 1e-3, decaying": {"lr": 1e-3, "lr_decay": True},
    "eps 0.2": {"eps": 0.2},
    "2 epochs": {"epochs": 2},
    "all the usual": {
        "entropy": 0.01,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "lr": 1e-3,
        "lr_decay": True,
        "eps": 0.2,
        "num_envs": 64,
        "rollout_steps": 128,
        "encode": False,
        "stagger": False,
    },
}
KNOB_STEPS, KNOB_SEEDS = 2_000_000, (0, 1)


def grid_points() -> dict[str, dict[str, float]]:
    """Every point of the tuning grid by a name that can be a folder's."""
    points = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    return {"_".join(f"{k}={v}" for k, v in point.items()): point for point in points}


def tune(task: str, out: Path) -> str:
    """Screens the grid for each algorithm, runs the finalists longer, and returns the table."""
    points = grid_points()
    rows = []
    for algo in ALGORITHMS:
        base = get_task(task).preset(algo)
        screening = out / "screening" / algo
        screened = _scores(task, base, screening, points, SCREENING_STEPS, SCREENING_SEEDS, 1.0)
        best = sorted(points, key=screened.__getitem__, reverse=True)
        finalists = {name: points[name] for name in best[:FINALISTS]}
        folder = out / "final" / algo
        final = _scores(task, base, folder, finalists, FINAL_STEPS, FINAL_SEEDS, 0.2)
        for name in sorted(
            points, key=lambda n: (final.get(n, -np.inf), screened[n]), reverse=True
        ):
            values = [f"{value:g}" for value in points[name].values()]
            last = f"{final[name]:.1f}" if name in final else ""
            rows.append((algo, *values, f"{screened[name]:.1f}", last))
    table = markdown_table(("algorithm", *GRID, "screening", "final"), rows)
    write_atomically(out / "tuning.md", (table + "\n").encode())
    return table


def isolate_knobs(task: str, out: Path) -> str:
    """Trains MARS with one knob at a time turned from its preset, and returns the table."""
    preset = get_task(task).preset("mars").replace(total_steps=KNOB_STEPS)
    groups = {out / name: preset.replace(**changes) for name, changes in KNOBS.items()}
    train_all(task, _seeds_first(groups, KNOB_SEEDS), "knobs")
    return compare(list(groups), out, THRESHOLD, EPISODES)


STUDIES = {"tune": tune, "knobs": isolate_knobs}


def _seeds_first(groups: dict[Path, Config], seeds: tuple[int, ...]) -> dict[Path, Config]:
    """A run for each group and seed, in an order that gives every group its first seeds first."""
    return {
        folder / f"seed_{seed}": config.replace(seed=seed)
        for seed in seeds
        for folder, config in groups.items()
    }


def _scores(
    task: str,
    base: Config,
    folder: Path,
    points: dict[str, dict[str, float]],
    steps: int,
    seeds: tuple[int, ...],
    last: float,
) -> dict[str, float]:
    """Each point's mean score over the `last` part of its runs, after training what is missing."""
    groups = {
        folder / name: base.replace(total_steps=steps, **point) for name, point in points.items()
    }
    train_all(task, _seeds_first(groups, seeds), f"{folder.parent.name} {base.algo}")

    def ending(run: Path) -> float:
        done, scores = curve(run)
        return float(np.mean(scores[done >= (1.0 - last) * done[-1]]))

    return {
        name: float(np.mean([ending(folder / name / f"seed_{seed}") for seed in seeds]))
        for name in points
    }


@dataclass(frozen=True)
class ObjectiveStudy:
    """Run an experiment of docs/results.md. Runs that are there already are not run again."""

    name: Positional[Literal["tune", "knobs"]]
    """`tune` chooses presets, `knobs` turns one knob at a time."""
    task: str = DEFAULT_TASK
    """The task's name."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """The folder for everything [studies/TASK/NAME]."""

    def run(self) -> None:
        out = self.out or Path("studies") / get_task(self.task).name / self.name
        check_writable(out / "table.md")
        print(STUDIES[self.name](self.task, out))


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(ObjectiveStudy, words)


if __name__ == "__main__":
    main()
