"""The training loop in a folder: it updates, logs and saves, and can stop and resume."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer, TrainState
from mars_demo.runs.checkpoint import CheckpointError, drop_later, list_checkpoints
from mars_demo.runs.clock import Clock
from mars_demo.runs.folder import (
    check_resumable,
    last_saved,
    newest_state,
    open_folder,
    read_run,
)
from mars_demo.runs.hosts import agree, is_first_host
from mars_demo.runs.lock import alone
from mars_demo.runs.memory import check_memory, describe_shortage
from mars_demo.runs.metrics import JsonLines, TensorBoard, Writer, Writers
from mars_demo.runs.progress import progress_bar, say_before
from mars_demo.runs.reading import NONSENSE, RunError, in_one_line
from mars_demo.runs.session import Progress, Result, Session, parse_progress
from mars_demo.runs.signals import leave_on_interrupt, stop_signals

CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints, in seconds."""

Watch = Callable[[Session], None]
"""A function that is called with a run after each update, before a checkpoint of it is saved."""


def train_run(
    task: Task,
    config: Config,
    folder: Path | str,
    resume: bool = False,
    bar: bool = True,
    log_to: Sequence[Callable[[Path], Writer]] = (),
    watch: Watch | None = None,
    start_from: Any = None,
) -> Result:
    """Trains in a folder, from the beginning or from its newest whole checkpoint.

    Args:
        task: what to train on.
        config: the run's configuration; on resume it must be the one it was started with.
        folder: the run's folder; it must not hold another run.
        resume: continue the run that is there.
        bar: show a progress bar on stderr.
        log_to: makers of further writers of metrics, called with the folder.
        watch: called after each update, before a checkpoint of it is saved.
        start_from: a trained team's actor, to begin with in place of a random one.

    Raises:
        ValueError: an impossible configuration, one that does not fit into memory, or an actor of
            another shape.
        RunError: the folder is taken, there is nothing to resume, the loss is not finite, or
            memory or the disk is full.
        CheckpointError: there are checkpoints, and none of them can be used.
    """
    runs = {Path(folder): config}
    return train_seeds(task, runs, resume, bar, log_to, watch, start_from)[0]


def train_seeds(
    task: Task,
    runs: Mapping[Path, Config],
    resume: bool = False,
    bar: bool = True,
    log_to: Sequence[Callable[[Path], Writer]] = (),
    watch: Watch | None = None,
    start_from: Any = None,
) -> list[Result]:
    """Trains several seeds in one program; other arguments and errors are those of `train_run`.

    Each has its own folder, as if it had been trained alone. If one fails, all stop, and the others
    are saved. With `resume`, runs whose folders exist are continued and the others are started.

    Args:
        task: what to train on.
        runs: each run's folder and configuration; configurations differ only in their seeds.
        resume: continue the runs that are there.
        bar: show a progress bar on stderr.
        log_to: makers of further writers of metrics, called with each folder.
        watch: called with each run after each update.

    Returns:
        How each run ended, in the order of `runs`.
    """
    clock = Clock()
    trainers = [Trainer(task, config) for config in runs.values()]
    check_memory(trainers[0], len(runs))
    with _exhaustion(trainers[0], next(iter(runs))), ExitStack() as stack:
        begun = {folder: (folder / "run.json").exists() or len(runs) == 1 for folder in runs}
        for folder in runs:
            if resume and begun[folder]:
                read_run(folder)  # raises before anything is written into a folder without a run
            if is_first_host():
                stack.enter_context(alone(folder))
        sessions = [
            _start(trainer, folder, resume and begun[folder], clock, start_from)
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
    """Compiles `step(states) -> (states, metrics)`, one update of each of several runs."""
    if bar:
        say_before("compiling ...")
    with leave_on_interrupt():
        if len(states) > 1:
            together = jax.jit(partial(_step_all, trainer), donate_argnums=0)
            return together.lower(states).compile()
        step = trainer.step.lower(states[0]).compile()  # pyright: ignore[reportFunctionMemberAccess]
        return lambda states: tuple([x] for x in step(states[0]))


def _step_all(trainer: Trainer, states: list[TrainState]) -> Any:
    """One update of several runs of equal shapes, as one vmapped step."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    both = jax.vmap(trainer.step)(stacked)
    seeds = range(len(states))
    return tuple([jax.tree.map(lambda x, i=i: x[i], tree) for i in seeds] for tree in both)


def _start(
    trainer: Trainer, folder: Path, resume: bool, clock: Clock, start_from: Any = None
) -> Session:
    """A new run, or the run of the folder's newest whole checkpoint."""
    checkpoints = folder / "checkpoints"
    key = jax.random.key(trainer.config.seed)
    if resume:
        check_resumable(folder, trainer.task, trainer.config)
    elif is_first_host():
        open_folder(folder, trainer)
    if not resume or not list_checkpoints(checkpoints):  # it was stopped before its first
        state = trainer.init(key)
        if start_from is not None:
            state = trainer.started_from(state, start_from)
        return Session(trainer, folder, state, Progress(), clock)
    state, progress = _resumed(trainer, folder)
    session = Session(trainer, folder, trainer.place(state), progress, clock)
    if is_first_host():
        drop_later(checkpoints, session.steps)
    return session


def _resumed(trainer: Trainer, folder: Path) -> tuple[TrainState, Progress]:
    """The state and progress of the newest whole checkpoint.

    Raises:
        CheckpointError: there is none, or its progress is damaged.
    """
    state, about = newest_state(trainer, folder)
    try:
        return state, parse_progress(about)
    except NONSENSE as error:
        raise CheckpointError(
            f"the newest checkpoint in {folder} cannot be resumed: {in_one_line(error)}"
        ) from None


def train_sessions(
    sessions: Sequence[Session],
    step: Any,
    writers: Sequence[Writers],
    progress: Any,
    watch: Watch | None = None,
) -> list[Result]:
    """Updates runs until they are finished or a signal arrives, then saves them.

    Args:
        sessions: the runs, all at the same update.
        step: one update of all, as `_compile` makes it.
        writers: of the metrics of each run.
        progress: a progress bar of environment steps.
        watch: called with each run after each update.

    Returns:
        How each run ended.

    Raises:
        RunError: a loss is not finite; runs that are finite are saved.
    """
    config = sessions[0].trainer.config
    saved = time.perf_counter()
    with stop_signals() as stop:
        while sessions[0].done < config.num_updates:
            try:
                _update(sessions, step)
                lines = [one.log(metrics) for one, metrics in zip(sessions, writers, strict=True)]
                if watch is not None:
                    for one in sessions:
                        watch(one)
            except RunError:
                _save(one for one in sessions if one.is_finite())
                raise
            progress.update(config.steps_per_update)
            scores = [line["score"] for line in lines if line and line["score"] is not None]
            if scores:
                name = sessions[0].trainer.task.score_name
                progress.set_postfix_str(f"{np.mean(scores):.1f} {name}")
            stopped, due = agree(bool(stop), time.perf_counter() - saved > CHECKPOINT_SECONDS)
            if stopped:
                break
            if due:
                _save(sessions)
                saved = time.perf_counter()
        _save(sessions)
    return [session.result() for session in sessions]


def _update(sessions: Sequence[Session], step: Any) -> None:
    states, metrics = step([session.state for session in sessions])
    for session, state, of_state in zip(sessions, states, metrics, strict=True):
        session.record(state, of_state)
    for session in sessions:  # only now, because the step has consumed all of the old states
        session.check_last_but_one()


def catch_up(sessions: Sequence[Session]) -> None:
    """Brings runs that stopped at different updates to the update of the most advanced one."""
    farthest = max(session.done for session in sessions)
    for session in sessions:
        while session.done < farthest:
            session.record(*session.trainer.step(session.state))
            session.check_last_but_one()


def _save(sessions: Iterable[Session]) -> None:
    for session in sessions:
        session.save()


@contextmanager
def _exhaustion(trainer: Trainer, folder: Path) -> Iterator[None]:
    """Turns errors about a full disk or full memory into a RunError that says so."""
    try:
        yield
    except OSError as error:
        if not folder.is_dir():
            raise
        raise RunError(
            f"cannot write into {folder}: {error}. {last_saved(folder)} Solve this, then "
            "continue with --resume."
        ) from error
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise RunError(f"{describe_shortage(trainer)}. {last_saved(folder)}") from error
