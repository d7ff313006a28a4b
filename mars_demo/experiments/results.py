"""Reads the results of a sweep: one cell for each task, algorithm and seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from mars_demo.experiments.evaluations import is_complete, read_absolute, read_evaluations
from mars_demo.experiments.plan import Job, Plan, read_plan
from mars_demo.runs.metrics import read_metrics


@dataclass(frozen=True)
class Cell:
    """A finished run, evaluated at evenly spaced steps and once more at its best."""

    task: str
    algo: str
    seed: int
    budget: int
    """Environment steps of the whole run."""
    steps: tuple[int, ...]
    """Environment steps of each evaluation, ascending; the last is the end of the run."""
    scores: tuple[float, ...]
    """Mean score of each evaluation, over 32 episodes."""
    absolute: float
    """Mean score of the best parameters among these, over ten times as many episodes."""
    kl: float
    """Mean over the run's updates of the KL divergence from the policy that collected the rollout.

    NaN if the run's metrics are missing.
    """


def unfinished(plan: Plan, folder: Path) -> list[Job]:
    """The runs that are not finished yet."""
    return [
        job
        for name, job in plan.jobs.items()
        if not is_complete(folder / name, job.task, job.config)
    ]


def read_cells(sweep: Path) -> tuple[list[Cell], list[str]]:
    """The results of a sweep: its finished cells, and the names of those that are missing.

    Raises:
        RunError: the folder holds no sweep, or results are damaged.
    """
    plan = read_plan(sweep)
    missing = [job.name for job in unfinished(plan, sweep)]
    finished = [job for name, job in plan.jobs.items() if name not in set(missing)]
    return [_read_cell(job, sweep / job.name) for job in finished], missing


def _read_cell(job: Job, folder: Path) -> Cell:
    lines, absolute = read_evaluations(folder), read_absolute(folder)
    steps = [line["kl"] for line in read_metrics(folder) if line.get("kl") is not None]
    assert absolute is not None  # it is complete
    return Cell(
        task=job.task,
        algo=job.config.algo,
        seed=job.config.seed,
        budget=job.steps,
        steps=tuple(line.step for line in lines),
        scores=tuple(line.score for line in lines),
        absolute=absolute.score,
        kl=fmean(steps) if steps else math.nan,
    )
