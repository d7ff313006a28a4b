"""Tunes each algorithm with the same budget, one hyperparameter after another.

Each value of a hyperparameter is tried together with the best values of those before it, and the
value with the highest return is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from mars_demo.experiments.plan import Job
from mars_demo.experiments.settings import Settings, changes_for
from mars_demo.learning.config import Config
from mars_demo.runs.metrics import read_metrics
from mars_demo.runs.outputs import markdown_table
from mars_demo.runs.reading import NONSENSE, RunError, in_one_line
from wrappers.atomic import write_atomically

EPS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
FACTORS = (0.5, 2.0)
"""Multiples of the preset's learning rate and of its epochs."""
TRIALS = len(EPS) + 2 * len(FACTORS)
"""The number of trials of each task and algorithm."""

Measure = Callable[[Settings, str], Mapping[str, float]]
"""`measure(settings, label)`: the return of each `TASK/ALGO`, trained with these settings."""


@dataclass(frozen=True)
class Trial:
    """Changes to a preset that were tried, and the mean return with them."""

    changes: dict[str, Any]
    mean_return: float


def tune(presets: Mapping[str, Config], measure: Measure) -> dict[str, list[Trial]]:
    """Tries `TRIALS` settings for each task and algorithm.

    Args:
        presets: the configurations to start from, by `TASK/ALGO`.
        measure: trains and returns the returns.

    Returns:
        The trials of each `TASK/ALGO`, the best first; equal ones in the order of their trials.
    """
    trials: dict[str, list[Trial]] = {name: [] for name in presets}

    def attempt(label: str, changes: dict[str, dict[str, Any]]) -> None:
        returns = measure(changes, label)
        for name, of in changes.items():
            trials[name].append(Trial(of, returns[name]))

    for eps in EPS:
        attempt(f"eps={eps:g}", {name: {"eps": eps} for name in presets})
    for knob in ("lr", "epochs"):
        best = {name: best_first(of)[0].changes for name, of in trials.items()}
        for factor in FACTORS:
            changes = {
                name: best[name] | {knob: _scaled(getattr(preset, knob), factor)}
                for name, preset in presets.items()
            }
            attempt(f"{knob}x{factor:g}", changes)
    return {name: best_first(of) for name, of in trials.items()}


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """Trials by descending return; equal ones in the order of their trials."""
    return sorted(trials, key=lambda trial: -trial.mean_return)


def late_returns(jobs: Mapping[str, Job], folder: Path) -> dict[str, float]:
    """The mean return of the episodes that ended in the second half of training, by `TASK/ALGO`.

    The score is not used, because it is 0 with all settings if games are hardly ever won. The best
    evaluation is not used, because a team that collapses after it must not be chosen.

    Args:
        jobs: the finished runs, by the names of their folders; all have equal weight.
        folder: the folder of these folders.

    Raises:
        RunError: no episode ended in the second half of a run, or its metrics are damaged.
    """
    found: dict[str, list[float]] = {}
    for name, job in jobs.items():
        found.setdefault(f"{job.task}/{job.config.algo}", []).append(_late_return(folder / name))
    return {name: fmean(of) for name, of in found.items()}


def _late_return(run: Path) -> float:
    lines = read_metrics(run)
    ended = [line for line in lines[len(lines) // 2 :] if line.get("episodes")]
    if not ended:
        raise RunError(f"{run}: no episode ended in its second half; give it more --total-steps")
    try:
        return fmean([line["return"] for line in ended], [line["episodes"] for line in ended])
    except NONSENSE as error:
        raise RunError(f"{run}: its metrics are damaged: {in_one_line(error)}") from None


def write_tuning(
    trials: Mapping[str, Sequence[Trial]], out: Path, given: Sequence[Settings] = ()
) -> Path:
    """Writes the table of all trials, and the best as settings for whole environments.

    Args:
        trials: the trials of each `TASK/ALGO`, the best first.
        out: the folder to write into.
        given: settings that all trials had; the best changes are added to them.

    Returns:
        The path of `settings.json`, for `mars-demo sweep --settings`.
    """
    rows, best = [], {}
    for name, of in trials.items():
        task, _, algo = name.rpartition("/")
        family = task.partition("/")[0]
        best[f"{family}/*/{algo}"] = changes_for(given, task, algo) | of[0].changes
        for trial in of:
            changes = ", ".join(f"{knob} {value:g}" for knob, value in trial.changes.items())
            rows.append((task, algo, changes, f"{trial.mean_return:.3f}"))
    table = markdown_table(("task", "algorithm", "changes", "return"), rows)
    write_atomically(out / "tuning.md", (table + "\n").encode())
    write_atomically(out / "settings.json", json.dumps(best, indent=1).encode())
    return out / "settings.json"


def _scaled(value: float, factor: float) -> float:
    """A value times a factor; an int stays an int of at least 1."""
    return max(1, round(value * factor)) if isinstance(value, int) else value * factor
