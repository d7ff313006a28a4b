"""AeroJAX's benchmark, learned: random policy, script and trained teams on every scenario.

Run it: `python docs/experiments/scenario_study.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mars_demo.cli.parsing import run_program
from mars_demo.evaluation.charts import COLOURS, save_figure, score_limits
from mars_demo.evaluation.curves import curve
from mars_demo.evaluation.episodes import evaluate_run, reference_scores
from mars_demo.evaluation.statistics import mean_and_interval
from mars_demo.experiments.training import train_all
from mars_demo.learning.config import Config
from mars_demo.runs.outputs import check_writable, markdown_table
from mars_demo.tasks.registry import MIXED_SCENARIOS, SCENARIOS, get_task
from wrappers.atomic import write_atomically

ALGO = "mars"
SEEDS = tuple(range(4))
EPISODES = 512
SHARING = {"shared": "one policy", "class": "one policy per class"}

Scores = dict[str, list[float]]
"""By policy: an entry for each seed, or one of a policy that is not trained."""


def study_scenarios(out: Path) -> str:
    """Trains MARS on every scenario with four seeds, and again per class where classes are mixed.

    Runs that are there already are not run again. Writes scores.json, table.md and curves.png.

    Args:
        out: where to write.

    Returns:
        The table.
    """
    for name in SCENARIOS:
        train_all(name, _runs(out, name), name)
    scores = {name: _scores(out, name) for name in SCENARIOS}
    write_atomically(out / "scores.json", json.dumps(scores, indent=1).encode())
    _draw(out, scores)
    table = _table(scores)
    write_atomically(out / "table.md", (table + "\n").encode())
    return table


def _groups(out: Path, name: str) -> dict[str, Path]:
    """A scenario's folders of runs, by how policies are shared."""
    ways = SHARING if name in MIXED_SCENARIOS else ["shared"]
    return {way: out / name.replace("/", "-") / way for way in ways}


def _runs(out: Path, name: str) -> dict[Path, Config]:
    preset = get_task(name).preset(ALGO)
    return {
        folder / f"seed_{seed}": preset.replace(seed=seed, policies=way)
        for way, folder in _groups(out, name).items()
        for seed in SEEDS
    }


def _scores(out: Path, name: str) -> Scores:
    task = get_task(name)
    scores = {
        policy: [float(np.mean(played.score))]
        for policy, played in reference_scores(task, EPISODES).items()
    }
    for way, folder in _groups(out, name).items():
        runs = [evaluate_run(folder / f"seed_{s}", EPISODES, 0, greedy=False) for s in SEEDS]
        scores[way] = [float(np.mean(run.score)) for run in runs]
    return scores


def _table(scores: Mapping[str, Scores]) -> str:
    rows = []
    for name, row in scores.items():
        task = get_task(name)
        cells = [_cell(row[policy]) for policy in ("random", task.script_name, "shared")]
        cells.append(_cell(row["class"]) if "class" in row else "")
        rows.append((name, task.score_name, *cells))
    return markdown_table(("scenario", "score", "random", "script", *SHARING.values()), rows)


def _cell(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return "{:.2f} ± {:.2f}".format(*mean_and_interval(np.array(values)))


def _draw(out: Path, scores: Mapping[str, Scores]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.4), layout="constrained")
    *panels, last = figure.subplots(2, 4).flat
    for axes, (name, row) in zip(panels, scores.items(), strict=False):
        task = get_task(name)
        bars = row[task.script_name][0], row["random"][0]
        shown = list(bars)
        for colour, (way, folder) in zip(COLOURS, _groups(out, name).items(), strict=False):
            curves = [curve(folder / f"seed_{seed}") for seed in SEEDS]
            steps = min((steps for steps, _ in curves), key=len)
            values = np.stack([np.interp(steps, *points) for points in curves])
            middle, half = np.array([mean_and_interval(column) for column in values.T]).T
            shown += middle.tolist()
            axes.plot(steps / 1e6, middle, color=colour, linewidth=1.6, label=SHARING[way])
            axes.fill_between(
                steps / 1e6, middle - half, middle + half, color=colour, alpha=0.18, linewidth=0
            )
        axes.axhline(bars[0], color="#555555", linestyle="--", label="script")
        axes.axhline(bars[1], color="#999999", linestyle=":", label="random")
        axes.set_title(name.removeprefix("aerojax/"), fontsize=10)
        axes.set_ylabel(task.score_name)
        axes.set_ylim(score_limits(shown))
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    last.axis("off")
    handles = {
        label: line
        for axes in panels
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    last.legend(handles.values(), handles.keys(), loc="center", frameon=False)
    figure.supxlabel("environment steps (millions)", fontsize=10)
    save_figure(figure, out / "curves.png", dpi=130)


@dataclass(frozen=True)
class ScenarioStudy:
    """Train MARS on AeroJAX's benchmark. Runs that are there already are not run again."""

    out: Path = Path("studies/scenarios")
    """The folder for the runs, the table and the curves."""

    def run(self) -> None:
        check_writable(self.out / "table.md")
        print(study_scenarios(self.out))


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(ScenarioStudy, words)


if __name__ == "__main__":
    main()
