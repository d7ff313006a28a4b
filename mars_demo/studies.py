"""The experiments behind docs/results.md: what is run, and how its runs become tables."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from mars_demo.processes import train_all
from mars_demo.run import RunError, read_metrics
from mars_demo.tasks import get_task

ALGORITHMS = ("mars", "mappo", "maspo")

# Every objective gets this same budget: all of the grid screened on one seed, the best
# FINALISTS again on two more, at the length of the comparison. Seeds of 1000 and above are for
# choosing, seeds below for reporting.
GRID = {
    "lr": (2e-3, 4e-3),
    "eps": (0.1, 0.2, 0.5, 1.0),
    "epochs": (2, 4),
}
SCREENING_STEPS, SCREENING_SEEDS = 1_500_000, (1000,)
FINAL_STEPS, FINAL_SEEDS = 3_000_000, (1001, 1002)
FINALISTS = 3

COMPARISON_STEPS, COMPARISON_SEEDS = 3_000_000, tuple(range(10))
EQUAL_EPS = 0.2

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
    "lr decay": {"lr_decay": True},
    "all the usual": {
        "entropy": 0.01,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "lr": 1e-3,
        "lr_decay": True,
        "epochs": 4,
        "eps": 0.2,
        "num_envs": 64,
        "rollout_steps": 128,
        "encode": False,
        "stagger": False,
    },
}
KNOB_STEPS, KNOB_SEEDS = 3_000_000, (0, 1, 2)


def grid_points() -> dict[str, dict[str, float]]:
    """Every point of the tuning grid by a name that can be a folder's."""
    points = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    return {"_".join(f"{k}={v}" for k, v in point.items()): point for point in points}


def area(folder: Path, steps: int) -> float:
    """Mean score over a run's first `steps` environment steps: early and high both count."""
    scores = [m["score"] for m in read_metrics(folder) if m["score"] is not None]
    if not scores:
        raise RunError(f"{folder} has no finished episode within {steps} steps")
    return float(np.mean(scores))


def tune(task: str, folder: Path, algorithms: tuple[str, ...] = ALGORITHMS) -> str:
    """Screens the grid for each algorithm, runs the finalists longer, and returns the table."""
    base = get_task(task).preset(algorithms[0])
    lines = ["| algorithm | lr | eps | epochs | screening | final |", "|---|---|---|---|---|---|"]
    for algo in algorithms:
        screened = _scores(
            task,
            base,
            folder / "screening" / algo,
            algo,
            grid_points(),
            SCREENING_STEPS,
            SCREENING_SEEDS,
        )
        best = sorted(screened, key=screened.__getitem__, reverse=True)[:FINALISTS]
        finals = _scores(
            task,
            base,
            folder / "final" / algo,
            algo,
            {name: grid_points()[name] for name in best},
            FINAL_STEPS,
            FINAL_SEEDS,
        )
        for name in sorted(finals, key=finals.__getitem__, reverse=True):
            values = " | ".join(str(v) for v in grid_points()[name].values())
            lines.append(f"| {algo} | {values} | {screened[name]:.1f} | {finals[name]:.1f} |")
    return "\n".join(lines)


def _scores(task, base, folder, algo, points, steps, seeds):
    """Mean area of each point over its seeds, after training what is missing."""
    runs = {
        folder / name / f"seed_{seed}": base.replace(
            algo=algo, seed=seed, total_steps=steps, **point
        )
        for name, point in points.items()
        for seed in seeds
    }
    train_all(task, runs, f"{folder.parent.name} {algo}")
    return {
        name: float(np.mean([area(folder / name / f"seed_{seed}", steps) for seed in seeds]))
        for name in points
    }
