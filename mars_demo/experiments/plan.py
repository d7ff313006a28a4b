"""The plan of a sweep: tasks × algorithms × seeds with their configurations, in one file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mars_demo.experiments.settings import Settings, apply_settings, check_used
from mars_demo.learning.config import Config, check_config, check_name, check_number
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.learning.train import Trainer
from mars_demo.runs.description import versions
from mars_demo.runs.reading import RunError, check_type, read_json
from mars_demo.tasks.registry import SUITE, get_task
from wrappers.atomic import write_atomically

ALGOS = ("mars", "mappo", "maspo")
"""The algorithms of the comparison."""


@dataclass(frozen=True)
class Tier:
    """The size of a comparison."""

    tasks: tuple[str, ...]
    seeds: int
    total_steps: int | None
    """Environment steps of each run; None means two updates."""


TIERS = {
    "smoke": Tier(
        (
            "paxmen/paxmen-4",
            "aerojax/identical_5_vs_5",
            "smax/2s3z",
            "rware/tiny-2ag",
            "lbf/2s-8x8-2p-2f-coop",
            "connector/con-5x5x3a",
            "mpe/spread-3",
            "mabrax/hopper_3x1",
        ),
        seeds=1,
        total_steps=None,
    ),
    "mini": Tier(
        (
            "lbf/2s-8x8-2p-2f-coop",
            "lbf/8x8-2p-2f-coop",
            "lbf/10x10-3p-3f",
            "mpe/spread-3",
            "mpe/spread-5",
            "connector/con-5x5x3a",
            "connector/con-7x7x5a",
            "smax/2s3z",
            "smax/3s_vs_5z",
            "paxmen/paxmen-4",
            "aerojax/identical_5_vs_5",
            "rware/tiny-2ag",
        ),
        seeds=3,
        total_steps=500_000,
    ),
    "full": Tier(tuple(name for names in SUITE.values() for name in names), 10, 20_000_000),
}
"""Smoke shows that everything runs, mini takes hours on a few cores, full is for a cluster."""


@dataclass(frozen=True)
class Job:
    """One run of a sweep."""

    task: str
    config: Config

    @property
    def name(self) -> str:
        """The run's folder, relative to the sweep's folder."""
        return f"{self.task}/{self.config.algo}/seed_{self.config.seed}"

    @property
    def steps(self) -> int:
        """Environment steps of the run, in whole updates."""
        return self.config.num_updates * self.config.steps_per_update


@dataclass(frozen=True)
class Plan:
    """Every run of a sweep."""

    tier: str
    jobs: dict[str, Job]
    """Every run, by its name."""
    versions: dict[str, str]

    def describe(self) -> dict[str, Any]:
        """The plan in the form in which it is written, as JSON-serialisable values."""
        configs: dict[str, dict[str, Any]] = {}
        for job in self.jobs.values():
            about = dataclasses.asdict(job.config)
            del about["seed"]
            configs.setdefault(job.task, {})[job.config.algo] = about
        return {
            "tier": self.tier,
            "versions": self.versions,
            "seeds": sorted({job.config.seed for job in self.jobs.values()}),
            "configs": configs,
        }


def make_plan(
    tier: str,
    tasks: Sequence[str] = (),
    algos: Sequence[str] = ALGOS,
    seeds: int | None = None,
    total_steps: int | None = None,
    settings: Sequence[Settings] = (),
    first_seed: int = 0,
) -> Plan:
    """Plans a sweep from the preset of each task and algorithm. Nothing is compiled.

    Args:
        tier: one of `TIERS`, for what is not given.
        tasks: names of tasks; empty for those of the tier.
        algos: names of objectives.
        seeds: the number of seeds; None for that of the tier.
        total_steps: environment steps of each run; None for those of the tier.
        settings: changes to the presets and to the steps; later ones override earlier ones.
        first_seed: the lowest seed.

    Raises:
        ValueError: an unknown name, an impossible number, or different numbers of environment
            steps for the algorithms of a task.
        ImportError: a package with environments is not installed.
    """
    check_name("tier", tier, TIERS)
    scale = TIERS[tier]
    seeds = scale.seeds if seeds is None else seeds
    total_steps = scale.total_steps if total_steps is None else total_steps
    check_number("seeds", seeds, 1, 1000)
    check_number("first_seed", first_seed, 0, 2**32 - 1000)
    for algo in _distinct("algorithm", algos):
        check_name("algorithm", algo, OBJECTIVES)
    configs = {
        task: {algo: _configure(task, algo, total_steps, settings) for algo in algos}
        for task in _distinct("task", [_suite_name(task) for task in tasks or scale.tasks])
    }
    for one in settings:
        check_used(one, configs, algos)
    _check_environments(configs)
    return _plan(tier, range(first_seed, first_seed + seeds), configs, versions())


def open_plan(folder: Path, plan: Plan) -> None:
    """Makes a sweep's folder, or checks that it holds the same plan.

    Raises:
        RunError: the folder holds another plan, and the message names the first difference; or it
            holds something else.
    """
    path, about = folder / "plan.json", plan.describe()
    if not path.exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise RunError(f"{folder} holds something that is no sweep; name another folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(about, indent=1).encode())
        return
    difference = _difference(read_plan(folder).describe(), about)
    if difference:
        raise RunError(
            f"{path} is of another plan: {difference}. Name another folder, or ask for that plan."
        )


def read_plan(folder: Path) -> Plan:
    """The plan of a sweep's folder.

    Raises:
        RunError: the folder has no plan, or it is damaged.
    """
    try:
        return read_json(folder / "plan.json", _parse)
    except FileNotFoundError:
        raise RunError(f"{folder} is not a sweep's folder: it has no plan.json") from None


def _parse(about: Any) -> Plan:
    configs = {
        task: {algo: Config(**of_algo) for algo, of_algo in of_task.items()}
        for task, of_task in about["configs"].items()
    }
    plan = _plan(about["tier"], about["seeds"], configs, check_type(about["versions"], dict))
    for job in plan.jobs.values():
        check_config(job.config)
    return plan


def _plan(
    tier: str,
    seeds: Iterable[int],
    configs: dict[str, dict[str, Config]],
    of_versions: dict[str, str],
) -> Plan:
    # Seeds outermost: an interrupted sweep has every task and algorithm, with fewer seeds.
    jobs = [
        Job(task, config.replace(seed=seed))
        for seed in seeds
        for task, of_task in configs.items()
        for config in of_task.values()
    ]
    return Plan(tier, {job.name: job for job in jobs}, of_versions)


def _configure(
    task: str, algo: str, total_steps: int | None, settings: Sequence[Settings]
) -> Config:
    preset = get_task(task).preset(algo)
    steps = 2 * preset.steps_per_update if total_steps is None else total_steps
    config = apply_settings(settings, task, preset.replace(total_steps=steps))
    check_config(config)
    return config


def _suite_name(task: str) -> str:
    """The full name of a task of the suite, from its last part; other names are unchanged."""
    return next((name for name in TIERS["full"].tasks if name.partition("/")[2] == task), task)


def _check_environments(configs: dict[str, dict[str, Config]]) -> None:
    """Checks before any run that budgets are equal, trainers can be made, and packages are there.

    Raises:
        ValueError: budgets differ, or an environment or configuration is impossible.
        ImportError: a package is not installed.
    """
    seen: set[str] = set()
    for task, of_task in configs.items():
        budgets = {algo: Job(task, config).steps for algo, config in of_task.items()}
        if len(set(budgets.values())) > 1:
            raise ValueError(f"{task}: algorithms must have equal environment steps, got {budgets}")
        family = task.partition("/")[0]
        if family not in seen:  # one task is enough: a family needs the same packages
            seen.add(family)
            Trainer(get_task(task), next(iter(of_task.values())))


def _distinct(what: str, names: Sequence[str]) -> Sequence[str]:
    if not names:
        raise ValueError(f"a sweep needs at least one {what}")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} is named twice")
    return names


def _difference(there: Any, here: Any, name: str = "") -> str:
    """The first difference of two plans, in words; empty if there is none."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            if key not in there or key not in here:
                return f"{name}{key} is {'here' if key in here else 'there'} only"
            within = "" if key == "configs" else f"{name}{key} "
            if found := _difference(there[key], here[key], within):
                return found
        return ""
    return "" if there == here else f"{name}is {there} there, {here} here"
