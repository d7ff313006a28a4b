"""The commands that train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro
from tyro.conf import OmitArgPrefixes, Positional

from mars_demo.learning.config import (
    DEFAULT_ALGO,
    DEFAULT_TASK,
    Config,
    check_config,
    check_number,
)
from mars_demo.learning.task import Task
from mars_demo.runs.folder import RunError
from mars_demo.runs.hosts import is_first_host
from mars_demo.runs.loop import train_run, train_seeds
from mars_demo.runs.metrics import WeightsAndBiases, Writer
from mars_demo.tasks.registry import get_task


@dataclass(frozen=True)
class Train:
    """Train a team. Metrics, checkpoints and the configuration land in one folder."""

    task: Annotated[Positional[str], tyro.conf.arg(metavar="TASK")]
    """The task's name; `mars-demo list` shows all."""
    config: OmitArgPrefixes[Config] = field(default_factory=Config)
    """Defaults are the preset of the task and algorithm named on the command line."""
    seeds: int = 1
    """Train this many seeds, counting from --seed, each in a folder of its own."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """The run's folder [runs/TASK/ALGO/seed_SEED]; with --seeds, the folder of their folders."""
    resume: bool = False
    """Go on with the run in that folder, bit for bit as if it had not stopped."""
    start_from: Annotated[str | None, tyro.conf.arg(metavar="TEAM")] = None
    """Begin with a trained team in place of a random one: a run's folder, the JSON file of an
    exported team, or the name of one that ships with the package."""
    bar: bool = True
    """Show a progress bar."""
    distributed: bool = False
    """Train on the devices of several hosts; the same command on each of them: docs/scaling.md."""
    wandb: Annotated[str | None, tyro.conf.arg(metavar="PROJECT")] = None
    """Also send metrics to this project of Weights & Biases (needs the extra `wandb`)."""

    def run(self) -> None:
        task = self._with_opponents(get_task(self.task))
        check_number("seeds", self.seeds, 1, 1 if self.distributed else 1000)
        for seed in (self.config.seed, self.config.seed + self.seeds - 1):
            check_config(self.config.replace(seed=seed))
        parent = Path("runs") / task.name / self.config.algo
        if self.seeds > 1:
            if self.start_from is not None:
                raise ValueError("--start-from is for one seed; leave out --seeds")
            self._run_seeds(self.out or parent)
            return
        folder = self.out or parent / f"seed_{self.config.seed}"
        options = self.resume, self.bar, self._log_to()
        result = train_run(task, self.config, folder, *options, start_from=self._actor())
        if not is_first_host():
            return
        if result.finished:
            from mars_demo.evaluation.curves import draw_run

            draw_run(folder)
        else:
            print(f"stopped and saved; go on with: mars-demo train {self.task} ... --resume")
        print(f"run folder: {folder}")

    def _with_opponents(self, task: Task) -> Task:
        """The task, with the team that was named as opponents among those who can play it."""
        if self.config.opponents in ("task", "self", "league"):
            return task
        from mars_demo.evaluation.tournament import with_rival

        return with_rival(task, self.config.opponents)

    def _actor(self) -> Any:
        """The actor to begin with, if one was asked for."""
        if self.start_from is None:
            return None
        from mars_demo.evaluation.pretrained import load_team

        return load_team(self.start_from).actor

    def _log_to(self) -> list[Callable[[Path], Writer]]:
        return [partial(WeightsAndBiases, project=self.wandb)] if self.wandb else []

    def _run_seeds(self, parent: Path) -> None:
        from mars_demo.experiments.training import train_all

        numbers = range(self.config.seed, self.config.seed + self.seeds)
        runs = {parent / f"seed_{n}": self.config.replace(seed=n) for n in numbers}
        taken = [folder for folder in runs if (folder / "run.json").exists()]
        if taken and not self.resume:
            raise RunError(f"{taken[0]} holds a run already; pass --resume to go on with it")
        if jax.default_backend() == "cpu":
            options = ["--wandb", self.wandb] if self.wandb else []
            train_all(self.task, runs, f"{self.task} {self.config.algo}", options, self.bar)
        else:  # one program: its batched products fill a device that one seed leaves idle
            train_seeds(get_task(self.task), runs, self.resume, self.bar, self._log_to())
        print(f"run folders: {parent}/seed_*")


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
