"""The commands `sweep`, which trains a comparison, and `tune`, which chooses settings for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mars_demo.experiments.plan import ALGOS, Plan, make_plan, open_plan
from mars_demo.experiments.settings import Settings, read_settings
from mars_demo.runs.outputs import check_writable

if TYPE_CHECKING:
    from mars_demo.experiments.launch import Engine


@dataclass(frozen=True)
class _Training:
    """The options that `sweep` and `tune` share: what to train, for how long, and where."""

    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """The folder for everything."""
    tier: Literal["smoke", "mini", "full"] = "smoke"
    """The scale, which decides tasks, seeds and steps where these are not given."""
    algos: str = ",".join(ALGOS)
    """Algorithms, separated by commas."""
    seeds: int | None = None
    """Train this many seeds."""
    tasks: str = ""
    """Tasks, separated by commas, instead of the tier's."""
    total_steps: int | None = None
    """Environment steps of each run, instead of the tier's."""
    first_seed: int = 0
    """Seeds count from here."""
    settings: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Changes to the presets, as JSON: {"lbf/*/mars": {"eps": 0.5}}."""
    engine: Literal["local", "slurm", "ray"] = "local"
    """This machine's cores, job arrays of SLURM, or a Ray cluster."""
    slurm: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")] = ()
    """Parameters of submitit, such as slurm_partition=gpu timeout_min=600 gpus_per_node=1."""
    ray_address: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """A running Ray cluster's address, such as auto; without it Ray uses this machine."""
    bar: bool = True
    """Show a progress bar."""

    def plan(self, *changes: Settings) -> Plan:
        """The plan of these options; `changes` override the settings of --settings.

        Raises:
            ValueError, RunError, OSError: as `make_plan` and `read_settings`.
        """
        return make_plan(
            self.tier,
            _names(self.tasks),
            _names(self.algos),
            self.seeds,
            self.total_steps,
            [*self.given(), *changes],
            self.first_seed,
        )

    def given(self) -> list[Settings]:
        """The settings of --settings, in a list; empty without that option."""
        return [read_settings(self.settings)] if self.settings else []

    def make_engine(self) -> Engine:
        """The engine of these options.

        Raises:
            ValueError: an option belongs to another engine.
        """
        from mars_demo.experiments.launch import Local, Ray, Slurm

        engines: dict[str, Engine] = {
            "local": Local(),
            "slurm": Slurm(self.out.resolve() / "slurm", _options(self.slurm)),
            "ray": Ray(self.ray_address),
        }
        for option, of in {"slurm": "slurm", "ray_address": "ray"}.items():
            if getattr(self, option) and self.engine != of:
                raise ValueError(f"--{option.replace('_', '-')} goes with --engine {of}")
        return engines[self.engine]

    def train(self, plan: Plan, folder: Path, engine: Engine) -> None:
        """Trains the runs of a plan that are not finished yet, in the plan's folder."""
        from mars_demo.experiments.sweep import run_sweep

        open_plan(folder, plan)
        print(_describe(plan, folder, engine.at_once))
        run_sweep(plan, folder, engine, self.bar)


@dataclass(frozen=True)
class Sweep(_Training):
    """Train tasks x algorithms x seeds, each run evaluated as it goes; see docs/sweeps.md.

    The same command again continues the sweep: finished runs are not repeated.
    """

    def run(self) -> None:
        engine, plan = self.make_engine(), self.plan()
        engine.check()
        self.train(plan, self.out, engine)
        print(f"all {len(plan.jobs)} runs are finished: {self.out}")


@dataclass(frozen=True)
class Tune(_Training):
    """Choose eps, lr and epochs for each algorithm on one task of each environment.

    Writes `settings.json` for `mars-demo sweep --settings`. The same command again continues.
    """

    tier: Literal["smoke", "mini", "full"] = "smoke"
    """`smoke` has one task of each environment; --tasks and --total-steps fit it to the sweep."""
    first_seed: int = 1000
    """Seeds count from here, so that they differ from the seeds of reported results."""

    def run(self) -> None:
        from mars_demo.experiments.tuning import late_returns, tune, write_tuning

        engine, plan = self.make_engine(), self.plan()
        engine.check()
        check_writable(self.out / "settings.json")
        _check_one_each(plan)
        presets = {f"{job.task}/{job.config.algo}": job.config for job in plan.jobs.values()}

        def measure(changes: Settings, label: str) -> dict[str, float]:
            print(label)
            changed = self.plan(changes)
            self.train(changed, self.out / label, engine)
            return late_returns(changed.jobs, self.out / label)

        print(write_tuning(tune(presets, measure), self.out, self.given()))


def _check_one_each(plan: Plan) -> None:
    """Checks that a plan has one task of each environment, because settings are for all of it."""
    families: dict[str, str] = {}
    for job in plan.jobs.values():
        other = families.setdefault(job.task.partition("/")[0], job.task)
        if other != job.task:
            raise ValueError(f"name one task of each environment, not both {other} and {job.task}")


def _describe(plan: Plan, folder: Path, at_once: int | None) -> str:
    """A line with the number of runs, and an estimate of the time that is left."""
    from mars_demo.experiments.results import unfinished
    from mars_demo.experiments.sweep import seconds_left

    left, steps = unfinished(plan, folder), sum(job.steps for job in plan.jobs.values())
    seconds = seconds_left(plan, folder)
    if seconds is None:
        time = "time left unknown until the first run is finished"
    elif at_once is None:
        time = f"about {_clock(seconds)} of training left, one after another"
    else:
        time = f"about {_clock(seconds / at_once)} of training left, {at_once} at once"
    done = len(plan.jobs) - len(left)
    return f"{len(plan.jobs)} runs of {steps:,} steps in all, {done} finished; {time}"


def _clock(seconds: float) -> str:
    return f"{timedelta(seconds=round(seconds))} h"


def _names(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def _options(words: tuple[str, ...]) -> dict[str, int | str]:
    """Words `KEY=VALUE` as a dict, with whole numbers as int."""
    options: dict[str, int | str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise ValueError(f"--slurm takes KEY=VALUE, got {word!r}; such as timeout_min=600")
        options[key] = int(value) if value.isdigit() else value
    return options
