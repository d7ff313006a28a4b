"""A run's folder: making it, checking that it fits a resume, and loading its newest checkpoint."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import jax

from mars_demo.learning.config import Config, check_config
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer, TrainState
from mars_demo.runs.checkpoint import list_checkpoints, load_newest
from mars_demo.runs.description import changed_places, changed_versions, describe
from mars_demo.runs.metrics import read_metrics
from mars_demo.runs.reading import RunError as RunError
from mars_demo.runs.reading import check_type, in_one_line, read_json
from mars_demo.tasks.registry import get_task, own_name
from wrappers.atomic import write_atomically


def open_folder(folder: Path, trainer: Trainer) -> None:
    """Makes a run's folder and writes its description.

    Raises:
        RunError: the folder holds a run already.
        OSError: the folder cannot be written.
    """
    description = folder / "run.json"
    if description.exists():
        raise RunError(f"{folder} holds a run already; pass --resume to continue it")
    folder.mkdir(parents=True, exist_ok=True)
    about = describe(trainer.task, trainer.config)
    write_atomically(description, json.dumps(about, indent=1).encode())


def check_resumable(folder: Path, task: Task, config: Config) -> None:
    """Checks that a run of that task and configuration can be continued.

    A change of device or of the number of cores is allowed, and reported on stderr: results are
    then not bit for bit those of an uninterrupted run.

    Raises:
        RunError: the folder holds another run, or its packages have other versions.
    """
    check_same_run(folder, task.name, config)
    path = folder / "run.json"
    about = read_description(folder)[2]
    if changed := changed_versions(about):
        raise RunError(
            f"{path} is of other versions: {changed}. Install those to continue, or train in a new "
            "folder."
        )
    if changed := changed_places(about):
        print(f"not bit for bit as without the interruption: {changed}", file=sys.stderr)


def is_finished(folder: Path, task: str, config: Config) -> bool:
    """Whether a folder holds a run of that task and configuration whose updates are all done.

    `train` and `sweep` share this meaning of "finished".

    Raises:
        OtherRunError: the folder holds a run of another task or configuration.
        RunError: run.json or the metrics are damaged.
    """
    if not (folder / "run.json").exists():
        return False
    check_same_run(folder, task, config)
    return saved_steps(folder) >= config.num_updates * config.steps_per_update


def saved_steps(folder: Path) -> int:
    """The environment steps of a run's newest checkpoint.

    If the checkpoints were removed, the steps that its metrics report.

    Raises:
        RunError: there is no checkpoint, and the metrics are damaged.
    """
    checkpoints = list_checkpoints(folder / "checkpoints")
    if checkpoints:
        return int(checkpoints[-1].stem.removeprefix("step_"))
    return max((line["step"] for line in read_metrics(folder)), default=0)


class OtherRunError(RunError):
    """A folder holds a run of another task or configuration; the message has both values."""


def check_same_run(folder: Path, task: str, config: Config) -> None:
    """Checks that a folder's run is of that task and configuration.

    Raises:
        OtherRunError: it is not; the message names the first difference.
        RunError: the folder holds no run, or run.json is damaged.
    """
    path = folder / "run.json"
    name, before, _ = read_description(folder)
    if name != own_name(task):
        raise OtherRunError(f"{path} is of another task: {in_one_line(name)}, not {task}")
    for field, value in dataclasses.asdict(config).items():
        there = getattr(before, field)
        if there != value:
            raise OtherRunError(
                f"{path} is of another configuration: {field} is {in_one_line(there)} there, "
                f"{value} here"
            )


def read_run(folder: Path) -> tuple[Task, Config]:
    """The task and configuration of a run's folder.

    Raises:
        RunError: the folder holds no run, or run.json is damaged.
    """
    name, config, _ = read_description(folder)
    try:
        return get_task(name), config
    except ValueError as error:
        raise RunError(f"{folder / 'run.json'} is damaged: {in_one_line(error)}") from None


def read_description(folder: Path) -> tuple[str, Config, dict[str, Any]]:
    """The task's name, the configuration, and the whole content of `run.json`.

    It makes no environment, which could take a second.

    Raises:
        RunError: the folder holds no run, or the file is damaged.
    """
    try:
        return read_json(folder / "run.json", parse_description)
    except FileNotFoundError:
        raise RunError(f"{folder} is not a run's folder: it has no run.json") from None


def parse_description(about: Any) -> tuple[str, Config, dict[str, Any]]:
    """The task's name, the configuration and the description itself, from what `describe` wrote.

    Raises:
        ValueError, TypeError, KeyError or another of `NONSENSE`: it is something else.
    """
    config = Config(**about["config"])
    check_config(config)
    check_type(about.setdefault("versions", {}), dict)
    return check_type(about["task"], str), config, about


def load_run(folder: Path) -> tuple[Trainer, TrainState]:
    """The trainer of a run and its newest whole checkpoint.

    Raises:
        RunError: the folder holds no run, or run.json is damaged.
        CheckpointError: it has no whole checkpoint.
    """
    trainer = Trainer(*read_run(folder))
    return trainer, newest_state(trainer, folder)[0]


def newest_state(trainer: Trainer, folder: Path) -> tuple[TrainState, dict[str, Any]]:
    """The state of the newest whole checkpoint, and its `about`.

    Damaged checkpoints are skipped, and reported on stderr.

    Raises:
        CheckpointError: the folder has no whole checkpoint.
    """
    like = jax.eval_shape(trainer.init, jax.random.key(0))
    state, about, skipped = load_newest(folder / "checkpoints", like)
    for message in skipped:
        print(message, file=sys.stderr)
    return state, about


def last_saved(folder: Path) -> str:
    """A sentence for messages: the newest checkpoint, or that there is none."""
    checkpoints = list_checkpoints(folder / "checkpoints")
    if not checkpoints:
        return "No checkpoint was saved yet."
    return f"The last good checkpoint is {checkpoints[-1]}."
