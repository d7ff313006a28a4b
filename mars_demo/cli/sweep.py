"""The commands that run the comparison, or a part of it, and choose settings for it."""

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
    """What `sweep` and `tune` have in common: whom to train, how long, and where."""

    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """The folder for everything."""
    tier: Literal["smoke", "mini", "full"] = "smoke"
    """The scale, which decides tasks, seeds and steps where these are not given."""
    algos: str = ",".join(ALGOS)
    """Algorithms, with commas between them."""
    seeds: int | None = None
    """Train this many seeds."""
    tasks: str = ""
    """Tasks, with commas between them, instead of the tier's."""
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
        """What was asked for, with further changes on top of the settings that were given."""
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
        """The settings that were asked for, if any were."""
        return [read_settings(self.settings)] if self.settings else []

    def make_engine(self) -> Engine:
        """The engine that was asked for, which can be used."""
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
        """Trains what is left of a plan in its folder."""
        from mars_demo.experiments.sweep import run_sweep

        open_plan(folder, plan)
        print(_describe(plan, folder, engine.at_once))
        run_sweep(plan, folder, engine, self.bar)


@dataclass(frozen=True)
class Sweep(_Training):
    """Train tasks x algorithms x seeds, each run evaluated as it goes; see docs/sweeps.md.

    The same command again goes on where it was: finished runs are not repeated.
    """

    def run(self) -> None:
        engine, plan = self.make_engine(), self.plan()
        engine.check()
        self.train(plan, self.out, engine)
        print(f"all {len(plan.jobs)} runs are finished: {self.out}")


@dataclass(frozen=True)
class Tune(_Training):
    """Choose eps, lr and epochs for each algorithm on one task of each environment.

    Writes `settings.json` for `mars-demo sweep --settings`. The same command again goes on.
    """

    tier: Literal["smoke", "mini", "full"] = "smoke"
    """`smoke` has one task of each environment; --tasks and --total-steps fit it to the sweep."""
    first_seed: int = 1000
    """Seeds count from here, so that none takes part in what is reported."""

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
    """What is chosen on a task is meant for all of its environment."""
    families: dict[str, str] = {}
    for job in plan.jobs.values():
        other = families.setdefault(job.task.partition("/")[0], job.task)
        if other != job.task:
            raise ValueError(f"name one task of each environment, not both {other} and {job.task}")


def _describe(plan: Plan, folder: Path, at_once: int | None) -> str:
    """What there is to do, and how long it will take as far as one can know."""
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
    """`KEY=VALUE` as a dict, whole numbers as such."""
    options: dict[str, int | str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise ValueError(f"--slurm takes KEY=VALUE, got {word!r}; such as timeout_min=600")
        options[key] = int(value) if value.isdigit() else value
    return options
