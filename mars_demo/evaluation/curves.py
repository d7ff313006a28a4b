"""Learning curves of runs, and a table that compares groups of runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mars_demo.evaluation.charts import colours_of, label_of, save_figure, score_limits
from mars_demo.evaluation.episodes import evaluate_run, reference_scores
from mars_demo.evaluation.statistics import mean_and_interval, median_and_interval, steps_to
from mars_demo.learning.task import Task
from mars_demo.runs.folder import RunError, read_run
from mars_demo.runs.metrics import read_metrics
from mars_demo.runs.outputs import check_writable, markdown_table
from wrappers.atomic import write_atomically


def curve(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """A run's learning curve.

    Returns:
        Environment steps and mean scores, float64 (lines,) each: one entry for each line of metrics
        in which an episode ended.

    Raises:
        RunError: no episode has ended, or the metrics are damaged.
    """
    lines = read_metrics(folder)
    points = [(line["step"], line["score"]) for line in lines if line.get("score") is not None]
    if not points:
        raise RunError(f"{folder} holds no finished episode yet")
    steps, scores = np.array(points, np.float64).T
    return steps, scores


def draw_curves(
    groups: Mapping[str, Sequence[Path]], bars: Mapping[str, float], score_name: str, path: Path
) -> None:
    """Draws a learning curve for each group of runs, as a PNG.

    Args:
        groups: run folders by label; several are drawn as their mean with its 95 % interval.
        bars: scores of other policies by label, drawn as horizontal lines.
        score_name: the label of the vertical axis.
        path: the PNG to write.

    Raises:
        RunError: a run has no finished episode, or damaged metrics.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    shown = list(bars.values())
    for label, colour in colours_of(groups).items():
        curves = [curve(folder) for folder in groups[label]]
        steps = min((steps for steps, _ in curves), key=len)
        scores = np.stack([np.interp(steps, *c) for c in curves])
        middle, half = np.array([mean_and_interval(column) for column in scores.T]).T
        shown += middle.tolist()
        marker = "o" if len(steps) == 1 else ""  # a line through one point is invisible
        look: dict[str, Any] = {"color": colour, "linewidth": 1.8, "marker": marker}
        # A folder's name is not to be parsed as a formula.
        name = label_of(label).replace("$", r"\$")
        # In front of the axis and not clipped, so that a line of zeros is visible.
        axes.plot(steps / 1e6, middle, label=name, zorder=3, clip_on=False, **look)
        if len(curves) > 1:
            axes.fill_between(
                steps / 1e6, middle - half, middle + half, color=colour, alpha=0.18, linewidth=0
            )
    for label, value in bars.items():
        axes.axhline(value, color="#555555", linestyle="--", linewidth=1)
        axes.annotate(
            f"{label} {value:.1f}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            horizontalalignment="right",
            color="#555555",
            fontsize=9,
        )
    axes.set_xlabel("environment steps (millions)")
    axes.set_ylabel(score_name)
    axes.set_xlim(left=0)
    axes.set_ylim(score_limits(shown))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    figure.legend(loc="outside right upper", frameon=False)
    save_figure(figure, path, dpi=150)


def draw_run(folder: Path) -> Path | None:
    """Draws a run's learning curve into its folder.

    Returns:
        The path of the PNG, or None if no episode has ended yet.

    Raises:
        RunError: the folder holds no run.
    """
    task, config = read_run(folder)
    try:
        curve(folder)
    except RunError:
        return None
    label = f"{task.name}, {config.algo}, seed {config.seed}"
    draw_curves({label: [folder]}, {}, task.score_name, folder / "curve.png")
    return folder / "curve.png"


def compare(folders: Sequence[Path], out: Path, threshold: float, episodes: int) -> str:
    """Evaluates groups of runs and writes curves.png, scores.json and table.md.

    Args:
        folders: each is one group: a run's folder, or a folder of run folders.
        out: the folder to write into.
        threshold: also report the environment steps until the training score first reaches this.
        episodes: episodes to evaluate each run over, with actions sampled.

    Returns:
        The table, as Markdown.

    Raises:
        RunError: a folder holds no run, or the groups' tasks or budgets differ.
        OSError: the files cannot be written; raised before any episode is played.
    """
    groups = dict(zip(_labels(folders), map(_runs_in, folders), strict=True))
    task = _common_task(groups)
    check_writable(out / "table.md")
    out.mkdir(parents=True, exist_ok=True)
    scores: dict[str, list[dict[str, Any]]] = {}
    for label, runs in groups.items():
        scores[label] = [_score(run, threshold, episodes) for run in runs]
    table = _table(scores, task, threshold)
    write_atomically(out / "scores.json", json.dumps(scores, indent=1).encode())
    write_atomically(out / "table.md", (table + "\n").encode())
    bars = {name: float(np.mean(s.score)) for name, s in reference_scores(task, episodes).items()}
    draw_curves(groups, bars, task.score_name, out / "curves.png")
    return table


def _score(run: Path, threshold: float, episodes: int) -> dict[str, Any]:
    _, config = read_run(run)
    result = evaluate_run(run, episodes, seed=0, greedy=False)
    reached = steps_to(*curve(run), threshold)
    return {
        "seed": config.seed,
        "score": float(np.mean(result.score)),
        "steps_to_threshold": reached if np.isfinite(reached) else None,
        "total_steps": config.total_steps,
    }


def _labels(folders: Sequence[Path]) -> list[str]:
    """The folders' names, with as many parent folders as make them distinct."""
    whole = [folder.resolve().parts for folder in folders]
    if len(set(whole)) < len(whole):
        raise RunError(f"a folder is named twice: {', '.join(map(str, folders))}")
    depth = 1
    while len({parts[-depth:] for parts in whole}) < len(whole):
        depth += 1
    return ["/".join(parts[-depth:]) for parts in whole]


def _runs_in(folder: Path) -> list[Path]:
    if (folder / "run.json").exists():
        return [folder]
    runs = sorted(path.parent for path in folder.glob("*/run.json"))
    if not runs:
        raise RunError(f"{folder} holds neither a sweep nor runs")
    return runs


def _common_task(groups: Mapping[str, Sequence[Path]]) -> Task:
    kinds = {}
    for runs in groups.values():
        for run in runs:
            task, config = read_run(run)
            kinds.setdefault((task.name, config.total_steps), (task, run))
    if len(kinds) > 1:
        named = "; ".join(f"{run}: {t} for {n:,} steps" for (t, n), (_, run) in kinds.items())
        raise RunError(f"runs of different tasks or budgets cannot be compared: {named}")
    return next(iter(kinds.values()))[0]


def _table(scores: Mapping[str, list[dict[str, Any]]], task: Task, threshold: float) -> str:
    reaching = f"seeds that reached {threshold:g}", f"steps to {threshold:g}, median"
    rows = []
    for label, runs in scores.items():
        mean, half = mean_and_interval(np.array([run["score"] for run in runs]))
        score = f"{mean:.1f} ± {half:.1f}" if len(runs) > 1 else f"{mean:.1f}"
        steps = [run["steps_to_threshold"] for run in runs]
        reached = sum(step is not None for step in steps)
        values = median_and_interval(np.array([np.inf if s is None else s for s in steps]))
        median, low, high = (f"{v / 1e6:.2f} M" if np.isfinite(v) else "never" for v in values)
        share = f"{reached} of {len(runs)}"
        rows.append((label, str(len(runs)), score, share, f"{median} ({low} to {high})"))
    return markdown_table(("group", "seeds", task.score_name, *reaching), rows)
