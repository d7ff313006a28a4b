"""The command that runs the comparison, or a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mars_demo.plan import ALGOS, Plan, make_plan, open_plan
from mars_demo.settings import read_settings


@dataclass(frozen=True)
class Sweep:
    """Train tasks x algorithms x seeds, each run evaluated as it goes; see docs/sweeps.md.

    The same command again goes on where it was: finished runs are not repeated.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """The sweep's folder."""
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
    """Seeds count from here, so that settings are chosen on other ones than are reported."""
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

    def run(self) -> None:
        from mars_demo.engines import Engine, Local, Ray, Slurm
        from mars_demo.sweep import run_sweep

        engines: dict[str, Engine] = {
            "local": Local(),
            "slurm": Slurm(self.out.resolve() / "slurm", _options(self.slurm)),
            "ray": Ray(self.ray_address),
        }
        engine = engines[self.engine]
        for option, of in {"slurm": "slurm", "ray_address": "ray"}.items():
            if getattr(self, option) and self.engine != of:
                raise ValueError(f"--{option.replace('_', '-')} goes with --engine {of}")
        algos, tasks = _names(self.algos), _names(self.tasks)
        settings = read_settings(self.settings) if self.settings else None
        plan = make_plan(
            self.tier, tasks, algos, self.seeds, self.total_steps, settings, self.first_seed
        )
        engine.check()
        open_plan(self.out, plan)
        print(_describe(plan, self.out, engine.at_once))
        run_sweep(plan, self.out, engine, self.bar)
        print(f"all {len(plan.jobs)} runs are finished: {self.out}")


def _describe(plan: Plan, folder: Path, at_once: int | None) -> str:
    """What there is to do, and how long it will take as far as one can know."""
    from mars_demo.sweep import seconds_left, unfinished

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
