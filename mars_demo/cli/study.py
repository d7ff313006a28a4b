"""Commands that measure, compare and draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional

from mars_demo.cli.parsing import check_named
from mars_demo.learning.config import DEFAULT_ALGO, DEFAULT_TASK, check_number
from mars_demo.runs.outputs import check_picture, check_writable
from mars_demo.tasks.registry import get_task


@dataclass(frozen=True)
class Bench:
    """Measure environment steps a second, compile time and memory traffic, beside JaxMARL's own."""

    num_envs: int = 4096
    """Environments stepped side by side."""
    steps: int = 100
    """Steps of each environment in one timed call."""
    repeats: int = 5
    """Timed calls of each, interleaved; the best counts."""
    train: bool = False
    """Measure the trainer instead, on the work of JaxMARL's MAPPO-RNN script."""
    checkout: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """With --train: a folder with JaxMARL's repository, to measure its script beside ours."""

    def run(self) -> None:
        if self.train:
            self._run_training()
            return
        if self.checkout is not None:
            raise ValueError("--checkout goes with --train")
        from mars_demo.experiments.bench import bench
        from mars_demo.tasks.registry import bench_environments

        print(bench(bench_environments(), self.num_envs, self.steps, self.repeats))

    def _run_training(self) -> None:
        if (self.num_envs, self.steps) != (Bench.num_envs, Bench.steps):
            raise ValueError("--train measures a fixed work; drop --num-envs and --steps")
        from mars_demo.experiments.train_bench import bench_training
        from mars_demo.tasks.registry import spread_task

        print(bench_training(spread_task(), self.checkout, self.repeats))


@dataclass(frozen=True)
class Figure:
    """Draw a figure of the documentation anew."""

    name: Positional[Literal["objectives", "aircraft"]]
    """`objectives` shows values and gradients, drift and collapse; `aircraft` what classes can."""
    path: Positional[Path]
    """The PNG to write."""

    def run(self) -> None:
        check_picture(self.path)
        if self.name == "aircraft":
            from docs.experiments.aircraft_figure import draw_aircraft
            from mars_demo.tasks.registry import aircraft_curves

            draw_aircraft(aircraft_curves(), self.path)
        else:
            from docs.experiments.demonstrations import figure

            figure(self.path)
        print(self.path)


@dataclass(frozen=True)
class Compare:
    """Compare groups of runs: learning curves and a table, with 95 % intervals over seeds."""

    folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FOLDER")]
    """Runs' folders, or folders of them (such as runs/paxmen-4/mars): one group each."""
    out: Path = Path("comparison")
    """Where to write curves.png, table.md and scores.json."""
    threshold: float = 50.0
    """Also report the environment steps until a run's score first passes this."""
    episodes: int = 256
    """Episodes to evaluate each run over."""

    def run(self) -> None:
        from mars_demo.evaluation.curves import compare

        check_named(self.folders, "a run's folder, or one of runs")
        check_number("threshold", self.threshold, -1e9, 1e9, whole=False)
        check_number("episodes", self.episodes, 1, 10**6)
        print(compare(self.folders, self.out, self.threshold, self.episodes))


@dataclass(frozen=True)
class Ratios:
    """Draw how far probability ratios went through training, a column for each run."""

    folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    """Folders of runs, such as one of each algorithm."""
    out: Path = Path("ratios.png")
    """The PNG to write."""

    def run(self) -> None:
        from docs.experiments.ratio_figure import draw_ratios

        check_named(self.folders, "a run's folder")
        check_picture(self.out)
        draw_ratios(self.folders, self.out)
        print(self.out)


@dataclass(frozen=True)
class Study:
    """Run an experiment of docs/results.md. Runs that are there already are not run again."""

    name: Positional[Literal["tune", "compare", "knobs", "scenarios", "ladder", "device"]]
    """`tune` chooses presets, `compare` compares objectives, `knobs` turns one knob at a time,
    `scenarios` trains MARS on AeroJAX's benchmark, `ladder` lets AeroJAX's scripts play, `device`
    measures what this machine's devices can do."""
    task: str = DEFAULT_TASK
    """The task's name; `scenarios`, `ladder` and `device` have their own."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Where to [studies/TASK/NAME, or studies/NAME]."""

    def run(self) -> None:
        if self.name in ("scenarios", "ladder", "device"):
            from docs.experiments.device_study import study_device
            from docs.experiments.ladder import climb
            from docs.experiments.scenario_study import study_scenarios

            study = {"scenarios": study_scenarios, "ladder": climb, "device": study_device}
            out = self.out or Path("studies") / self.name
            check_writable(out / "table.md")
            print(study[self.name](out))
            return
        from docs.experiments.objective_study import STUDIES

        out = self.out or Path("studies") / get_task(self.task).name / self.name
        check_writable(out / "table.md")
        print(STUDIES[self.name](self.task, out))


@dataclass(frozen=True)
class Demo:
    """Train a MARS team on paxmen-4, evaluate it, and draw what it learned: a first look."""

    out: Path = Path("demo")
    """The folder for everything. A finished demo in it is shown again, not trained again."""
    seed: int = 0
    """Seed of the run."""
    total_steps: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps to train for [the preset's]."""

    def run(self) -> None:
        from mars_demo.cli.demo import demo

        demo(DEFAULT_TASK, DEFAULT_ALGO, self.out, self.seed, self.total_steps)
