"""Statistics over tasks and seeds, after Agarwal et al. (2021), by their package rliable.

Scores are normalised per task by bounds that all algorithms share. Intervals are 95 % percentile
bootstrap intervals, stratified by task and drawn with a fixed seed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import trim_mean

from mars_demo.experiments.results import Cell
from mars_demo.extras import require

RESAMPLES = 2000  # bootstrap samples
TAUS = np.linspace(0.0, 1.0, 51)
"""Normalised scores at which performance profiles are read."""

Scores = dict[str, np.ndarray]
"""For each algorithm, normalised scores, float64 (seeds, tasks)."""


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval: three floats, or three arrays of one shape."""

    value: Any
    low: Any
    high: Any


@dataclass(frozen=True)
class Curve:
    """Learning curves on one task."""

    steps: tuple[int, ...]
    """Environment steps of each evaluation."""
    means: dict[str, Estimate]
    """For each algorithm the mean score over seeds, float64 (evaluations,)."""


class UnsoundError(ValueError):
    """Results for which the statistics would be wrong; the message says why."""


def check_sound(cells: Sequence[Cell], partial: bool = False) -> None:
    """Checks that every algorithm has the same seeds, and the same budget on each task.

    Args:
        cells: the results.
        partial: accept missing cells if some task is complete; see `complete_tasks`.

    Raises:
        UnsoundError: it has not, or there are fewer than two seeds.
    """
    if not cells:
        raise UnsoundError("there are no results")
    algos, seeds = _distinct(cells, "algo"), _distinct(cells, "seed")
    if len(seeds) < 2:
        raise UnsoundError(
            f"there is one seed ({seeds[0]}): its interval would be of width 0; valid: 2 or more"
        )
    there = {(cell.task, cell.algo, cell.seed) for cell in cells}
    if len(there) < len(cells):
        raise UnsoundError("a task, algorithm and seed is there more than once")
    for task in _distinct(cells, "task"):
        budgets = {cell.algo: cell.budget for cell in cells if cell.task == task}
        if len({cell.budget for cell in cells if cell.task == task}) > 1:
            raise UnsoundError(f"{task} was trained with unequal budgets: {budgets}")
    every = itertools.product(_distinct(cells, "task"), algos, seeds)
    missing = [f"{cell[0]} {cell[1]} seed {cell[2]}" for cell in every if cell not in there]
    if missing and not partial:
        raise UnsoundError(f"{len(missing)} cells are missing: {'; '.join(missing)}")
    if missing and not complete_tasks(cells):
        raise UnsoundError(f"no task is complete; missing: {'; '.join(missing)}")


def complete_tasks(cells: Sequence[Cell]) -> list[str]:
    """The tasks that have every algorithm and seed."""
    whole = len(_distinct(cells, "algo")) * len(_distinct(cells, "seed"))
    tasks = _distinct(cells, "task")
    return [task for task in tasks if sum(cell.task == task for cell in cells) == whole]


def normalised(
    cells: Sequence[Cell],
    bounds: Mapping[str, tuple[float, float]],
    score: Callable[[Cell], float],
) -> Scores:
    """Normalised scores of the complete tasks: 0 at the lower bound and 1 at the upper one.

    Args:
        cells: the results.
        bounds: lower and upper bound of each task.
        score: the score of a cell.

    Returns:
        For each algorithm, float64 (seeds, tasks).

    Raises:
        UnsoundError: a task has no bounds.
    """
    tasks = complete_tasks(cells)
    if without := [task for task in tasks if task not in bounds]:
        raise UnsoundError(f"tasks without bounds: {', '.join(without)}")
    found = {(cell.task, cell.algo, cell.seed): score(cell) for cell in cells}

    def scaled(task: str, algo: str, seed: int) -> float:
        low, high = bounds[task]
        return (found[task, algo, seed] - low) / (high - low)

    return {
        algo: np.array(
            [[scaled(task, algo, seed) for task in tasks] for seed in _distinct(cells, "seed")]
        )
        for algo in _distinct(cells, "algo")
    }


def aggregates(scores: Scores) -> dict[str, dict[str, Estimate]]:
    """For each algorithm its median, interquartile mean (IQM), mean and optimality gap.

    Args:
        scores: for each algorithm, normalised scores, float64 (seeds, tasks).

    Raises:
        ImportError: rliable is not installed.
    """
    metrics = require("rliable.metrics", extra="report")

    names = {
        "median": metrics.aggregate_median,
        "IQM": metrics.aggregate_iqm,
        "mean": metrics.aggregate_mean,
        "optimality gap": metrics.aggregate_optimality_gap,
    }
    found = _estimate(scores, lambda x: np.array([measure(x) for measure in names.values()]))
    return {
        algo: {
            name: Estimate(*(float(part[i]) for part in (of.value, of.low, of.high)))
            for i, name in enumerate(names)
        }
        for algo, of in found.items()
    }


def improvements(scores: Scores) -> dict[tuple[str, str], Estimate]:
    """For each pair of algorithms, the probability that a run of the first beats one of the second.

    Both runs are of the same task; the probability is averaged over tasks, and a tie counts half
    (Agarwal et al., 2021).

    Args:
        scores: for each algorithm, normalised scores, float64 (seeds, tasks).

    Raises:
        ImportError: rliable is not installed.
    """

    # rliable.metrics uses SciPy's Mann-Whitney test, which takes minutes for seven algorithms.
    def beats(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.array([np.mean(x[:, None] > y) + 0.5 * np.mean(x[:, None] == y)])

    pairs = {f"{a},{b}": (scores[a], scores[b]) for a, b in itertools.permutations(scores, 2)}
    found = _estimate(pairs, beats)
    return {
        (pair.split(",")[0], pair.split(",")[1]): Estimate(
            *(float(part[0]) for part in (of.value, of.low, of.high))
        )
        for pair, of in found.items()
    }


def profiles(scores: Scores) -> dict[str, Estimate]:
    """Performance profiles: the share of runs whose score is above each of `TAUS`, (51,).

    Args:
        scores: for each algorithm, normalised scores, float64 (seeds, tasks).

    Raises:
        ImportError: rliable is not installed.
    """
    return _estimate(scores, lambda x: np.mean(x[..., None] > TAUS, axis=(0, 1)))


def sample_efficiency(
    cells: Sequence[Cell], bounds: Mapping[str, tuple[float, float]]
) -> tuple[np.ndarray, dict[str, Estimate]]:
    """The interquartile mean (IQM) of the normalised scores at each evaluation.

    Returns:
        The shares of the budget at which the evaluations were made, float64 (evaluations,), and for
        each algorithm the IQM, arrays of the same shape.

    Raises:
        UnsoundError: cells have different numbers of evaluations, or a task has no bounds.
        ImportError: rliable is not installed.
    """
    scores = _at_each_evaluation(cells, bounds)
    count = next(iter(scores.values())).shape[-1]
    # Equal to rliable.metrics.aggregate_iqm of each evaluation, in one call.
    iqm = _estimate(scores, lambda x: trim_mean(x.reshape(-1, count), 0.25, axis=0))
    return (1.0 + np.arange(count)) / count, iqm


def learning_curves(cells: Sequence[Cell]) -> dict[str, Curve]:
    """The mean score over seeds at each evaluation, for each complete task.

    Raises:
        UnsoundError: cells have different numbers of evaluations.
        ImportError: rliable is not installed.
    """
    tasks = complete_tasks(cells)
    scores = _at_each_evaluation(cells, dict.fromkeys(tasks, (0.0, 1.0)))
    means = _estimate(scores, lambda x: np.mean(x, axis=0).ravel())
    steps = {cell.task: cell.steps for cell in cells}

    def of(task: int, mean: Estimate) -> Estimate:
        parts = (mean.value, mean.low, mean.high)
        return Estimate(*(part.reshape(len(tasks), -1)[task] for part in parts))

    return {
        task: Curve(steps[task], {algo: of(i, mean) for algo, mean in means.items()})
        for i, task in enumerate(tasks)
    }


def _at_each_evaluation(
    cells: Sequence[Cell], bounds: Mapping[str, tuple[float, float]]
) -> dict[str, np.ndarray]:
    """For each algorithm, normalised scores, float64 (seeds, tasks, evaluations)."""
    counts = {len(cell.scores) for cell in cells}
    if len(counts) > 1:
        raise UnsoundError(f"cells have unequal numbers of evaluations: {sorted(counts)}")
    at_each = [
        normalised(cells, bounds, lambda cell, i=i: cell.scores[i]) for i in range(counts.pop())
    ]
    return {algo: np.stack([at[algo] for at in at_each], axis=-1) for algo in at_each[0]}


def _estimate(scores: Mapping[str, Any], measure: Callable[..., np.ndarray]) -> dict[str, Estimate]:
    """Values (m,) and bootstrap intervals of `measure(scores)`, for each name in `scores`."""
    library = require("rliable.library", extra="report")

    before = np.random.get_state()  # noqa: NPY002 - rliable 1.2 draws from NumPy's global generator
    try:
        np.random.seed(0)  # noqa: NPY002
        values, intervals = library.get_interval_estimates(dict(scores), measure, reps=RESAMPLES)
    finally:
        np.random.set_state(before)  # noqa: NPY002
    return {name: Estimate(values[name], *intervals[name]) for name in scores}


def _distinct(cells: Sequence[Cell], field: str) -> list[Any]:
    """The distinct values of a field, in the order of their first appearance."""
    return list(dict.fromkeys(getattr(cell, field) for cell in cells))
