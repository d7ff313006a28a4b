"""A training run on disk: its folder, its checkpoints, and how it stops and goes on."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from mars_demo.learning.config import Config, check_config
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer, TrainState
from mars_demo.runs.checkpoint import (
    CheckpointError,
    drop_later,
    list_checkpoints,
    load_newest,
)
from mars_demo.runs.clock import Clock
from mars_demo.runs.description import changed_places, changed_versions, describe
from mars_demo.runs.hosts import is_first_host
from mars_demo.runs.lock import alone
from mars_demo.runs.loop import (
    Progress,
    Session,
    Watch,
    catch_up,
    last_saved,
    parse_progress,
    train_sessions,
)
from mars_demo.runs.loop import Result as Result
from mars_demo.runs.memory import check_memory, describe_shortage
from mars_demo.runs.metrics import JsonLines, TensorBoard, Writer, Writers, read_metrics
from mars_demo.runs.progress import progress_bar, say_before
from mars_demo.runs.reading import NONSENSE, check_type, in_one_line, read_json
from mars_demo.runs.reading import RunError as RunError
from mars_demo.runs.signals import leave_on_interrupt
from mars_demo.tasks.registry import get_task, own_name
from wrappers.atomic import write_atomically


def train_run(
    task: Task,
    config: Config,
    folder: Path,
    resume: bool = False,
    bar: bool = True,
    log_to: Sequence[Callable[[Path], Writer]] = (),
    watch: Watch | None = None,
) -> Result:
    """Trains in a folder, from the start or from its newest whole checkpoint.

    Args:
        task: what to train on.
        config: the run's configuration; on resume it must be the one it was started with.
        folder: the run's folder; it must not hold another run.
        resume: go on with the run that is there.
        bar: show a progress bar on stderr.
        log_to: makers of further writers of metrics, called with the folder.
        watch: called after each update, before a checkpoint of it is saved.

    Raises:
        ValueError: an impossible configuration, or one that does not fit into memory.
        RunError: the folder is taken, there is nothing to resume, the loss is not finite, or
            memory or the disk is full.
        CheckpointError: there are checkpoints, and none of them can be used.
    """
    return train_seeds(task, {folder: config}, resume, bar, log_to, watch)[0]


def train_seeds(
    task: Task,
    runs: Mapping[Path, Config],
    resume: bool = False,
    bar: bool = True,
    log_to: Sequence[Callable[[Path], Writer]] = (),
    watch: Watch | None = None,
) -> list[Result]:
    """Trains several seeds in one program; arguments and errors are those of `train_run`.

    Each has a folder of its own, as if it had been trained alone. Where one fails, all stop, and
    the others are saved. To resume goes on with those that are there, and begins the others.

    Args:
        runs: each run's folder and configuration, which differ in their seeds alone.
    """
    clock = Clock()
    trainers = [Trainer(task, config) for config in runs.values()]
    check_memory(trainers[0], len(runs))
    with _exhaustion(trainers[0], next(iter(runs))), ExitStack() as stack:
        begun = {folder: (folder / "run.json").exists() or len(runs) == 1 for folder in runs}
        for folder in runs:
            if resume and begun[folder]:
                read_run(folder)  # before anything is made in a folder that is no run's
            if is_first_host():
                stack.enter_context(alone(folder))
        sessions = [
            _start(trainer, folder, resume and begun[folder], clock)
            for trainer, folder in zip(trainers, runs, strict=True)
        ]
        step = _compile(trainers[0], [session.state for session in sessions], bar)
        catch_up(sessions)
        config = trainers[0].config
        seeds = ", ".join(str(config.seed) for config in runs.values())
        progress = progress_bar(
            total=config.num_updates * config.steps_per_update,
            done=sessions[0].steps,
            name=f"{task.name} {config.algo} seed {seeds}",
            shown=bar and is_first_host(),
        )
        bar_shown = stack.enter_context(progress)
        writers = [stack.enter_context(_writers(session, log_to)) for session in sessions]
        return train_sessions(sessions, step, writers, bar_shown, watch)


def _writers(session: Session, log_to: Sequence[Callable[[Path], Writer]]) -> Writers:
    if not is_first_host():
        return Writers([])
    folder, kept = session.folder, session.steps
    own = [JsonLines(folder, kept), TensorBoard(folder, kept)]
    return Writers([*own, *(make(folder) for make in log_to)])


def _compile(trainer: Trainer, states: list[TrainState], bar: bool) -> Any:
    """`step(states) -> (states, metrics)`, an update of every one of several runs."""
    if bar:
        say_before("compiling ...")
    with leave_on_interrupt():
        if len(states) > 1:
            together = jax.jit(partial(_step_all, trainer), donate_argnums=0)
            return together.lower(states).compile()
        step = trainer.step.lower(states[0]).compile()  # pyright: ignore[reportFunctionMemberAccess]
        return lambda states: tuple([x] for x in step(states[0]))


def _step_all(trainer: Trainer, states: list[TrainState]) -> Any:
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    both = jax.vmap(trainer.step)(stacked)
    seeds = range(len(states))
    return tuple([jax.tree.map(lambda x, i=i: x[i], tree) for i in seeds] for tree in both)


def _start(trainer: Trainer, folder: Path, resume: bool, clock: Clock) -> Session:
    """The run as it begins, or as its newest whole checkpoint has it."""
    description, checkpoints = folder / "run.json", folder / "checkpoints"
    key = jax.random.key(trainer.config.seed)
    if resume:
        check_resumable(folder, trainer.task, trainer.config)
    elif is_first_host():
        _open_folder(description, trainer)
    if not resume or not list_checkpoints(checkpoints):  # it was stopped before its first
        return Session(trainer, folder, trainer.init(key), Progress(), clock)
    state, progress = _resumed(trainer, folder)
    session = Session(trainer, folder, trainer.place(state), progress, clock)
    if is_first_host():
        drop_later(checkpoints, session.steps)
    return session


def _resumed(trainer: Trainer, folder: Path) -> tuple[TrainState, Progress]:
    """The newest whole checkpoint, as a run goes on from it."""
    state, about = _newest(trainer, folder)
    try:
        return state, parse_progress(about)
    except NONSENSE as error:
        raise CheckpointError(
            f"the newest checkpoint in {folder} cannot be resumed: {in_one_line(error)}"
        ) from None


def _open_folder(description: Path, trainer: Trainer) -> None:
    """Makes a run's folder, and says in it what the run is."""
    folder = description.parent
    if description.exists():
        raise RunError(f"{folder} holds a run already; pass --resume to go on with it")
    folder.mkdir(parents=True, exist_ok=True)
    about = describe(trainer.task, trainer.config)
    write_atomically(description, json.dumps(about, indent=1).encode())


def check_resumable(folder: Path, task: Task, config: Config) -> None:
    """Raises RunError unless a run of that task and configuration can go on as it was.

    A change of device or number of cores is allowed, and told on stderr: the run goes on, but not
    bit for bit as it would have.
    """
    check_same_run(folder, task.name, config)
    path = folder / "run.json"
    about = read_description(folder)[2]
    if changed := changed_versions(about):
        raise RunError(
            f"{path} is of other versions: {changed}. Install those to go on, or train in a new "
            "folder."
        )
    if changed := changed_places(about):
        print(f"not bit for bit as it would have gone on: {changed}", file=sys.stderr)


def is_finished(folder: Path, task: str, config: Config) -> bool:
    """Whether a folder holds a run of that task and configuration whose updates are all done.

    This is what "finished" means for `train`, `study` and `sweep` alike.

    Raises:
        RunError: `check_same_run`'s; or run.json is damaged.
    """
    if not (folder / "run.json").exists():
        return False
    check_same_run(folder, task, config)
    return saved_steps(folder) >= config.num_updates * config.steps_per_update


def saved_steps(folder: Path) -> int:
    """The environment steps that a run's newest checkpoint has.

    Of a run whose checkpoints were removed, those that its metrics report.
    """
    checkpoints = list_checkpoints(folder / "checkpoints")
    if checkpoints:
        return int(checkpoints[-1].stem.removeprefix("step_"))
    return max((line["step"] for line in read_metrics(folder)), default=0)


class OtherRunError(RunError):
    """A folder holds a run of another task or configuration; the message has both values."""


def check_same_run(folder: Path, task: str, config: Config) -> None:
    """Raises OtherRunError unless a folder's run is of that task and configuration."""
    path = folder / "run.json"
    name, before, _ = read_description(folder)
    if name != own_name(task):
        raise OtherRunError(f"{path} is of another task: {name}, not {task}")
    for field, value in dataclasses.asdict(config).items():
        if getattr(before, field) != value:
            raise OtherRunError(
                f"{path} is of another configuration: {field} is {getattr(before, field)} there, "
                f"{value} here"
            )


def read_run(folder: Path) -> tuple[Task, Config]:
    """The task and configuration of a run's folder; RunError if it is not one."""
    name, config, _ = read_description(folder)
    try:
        return get_task(name), config
    except ValueError as error:
        raise RunError(f"{folder / 'run.json'} is damaged: {in_one_line(error)}") from None


def read_description(folder: Path) -> tuple[str, Config, dict[str, Any]]:
    """The task's name, the configuration, and all that `run.json` says.

    It makes no environment, which can take a second.

    Raises:
        RunError: the folder is no run's, or the file is damaged.
    """
    try:
        return read_json(folder / "run.json", parse_description)
    except FileNotFoundError:
        raise RunError(f"{folder} is not a run's folder: it has no run.json") from None


def parse_description(about: Any) -> tuple[str, Config, dict[str, Any]]:
    """From what `describe` wrote; raises one of `NONSENSE` where it is something else."""
    config = Config(**about["config"])
    check_config(config)
    check_type(about.setdefault("versions", {}), dict)
    return check_type(about["task"], str), config, about


def load_run(folder: Path) -> tuple[Trainer, TrainState]:
    """The trainer of a run and its newest whole checkpoint.

    Raises:
        RunError: not a run's folder.
        CheckpointError: no whole checkpoint in it.
    """
    trainer = Trainer(*read_run(folder))
    return trainer, _newest(trainer, folder)[0]


def _newest(trainer: Trainer, folder: Path) -> tuple[TrainState, dict[str, Any]]:
    """The newest whole checkpoint, and what is said about it; damaged ones are told on stderr."""
    like = jax.eval_shape(trainer.init, jax.random.key(0))
    state, about, skipped = load_newest(folder / "checkpoints", like)
    for message in skipped:
        print(message, file=sys.stderr)
    return state, about


@contextmanager
def _exhaustion(trainer: Trainer, folder: Path) -> Iterator[None]:
    """Says plainly that the disk is full, or the memory."""
    try:
        yield
    except OSError as error:
        if not folder.is_dir():
            raise
        raise RunError(
            f"cannot write into {folder}: {error}. {last_saved(folder)} Mend that, and go "
            "on with --resume."
        ) from error
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise RunError(f"{describe_shortage(trainer)}. {last_saved(folder)}") from error
