"""A training run on disk: its folder, its checkpoints, and how it stops and goes on."""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from mars_demo.checkpoint import (
    drop_later,
    list_checkpoints,
    load_newest,
    save_checkpoint,
    write_atomically,
)
from mars_demo.config import Config
from mars_demo.description import changed_places, changed_versions, describe
from mars_demo.hosts import agree, gather, is_first_host
from mars_demo.memory import check_memory, describe_shortage
from mars_demo.metrics import JsonLines, TensorBoard, Writer, Writers, summarise
from mars_demo.tasks import Task, get_task
from mars_demo.train import Trainer, TrainState

LOG_LINES = 200
"""Lines of metrics in a whole run."""
CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints."""
WATCHED = ("surrogate", "value_loss", "grad_norm")
"""Metrics that stop a run when they are not finite."""


class RunError(Exception):
    """A run cannot start, go on or be read; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run ended."""

    state: TrainState
    finished: bool  # False: stopped by a signal, to be resumed
    seconds: float  # of training, compilation left out, over all its sessions


def train_run(
    task: Task,
    config: Config,
    folder: Path,
    resume: bool = False,
    bar: bool = True,
    log_to: Sequence[Callable[[Path], Writer]] = (),
) -> Result:
    """Trains in a folder, from the start or from its newest whole checkpoint.

    Args:
        task: what to train on.
        config: the run's configuration; on resume it must be the one it was started with.
        folder: the run's folder; it must not hold another run.
        resume: go on with the run that is there.
        bar: show a progress bar on stderr.
        log_to: makers of further writers of metrics, called with the folder.

    Raises:
        ValueError: an impossible configuration, or one that does not fit into memory.
        RunError: the folder is taken, there is nothing to resume, the loss is not finite, or
            memory or the disk is full.
        CheckpointError: there are checkpoints, and none of them can be used.
    """
    trainer = Trainer(task, config)
    check_memory(trainer)
    with _exhaustion(trainer, folder):
        session = _start(trainer, folder, resume)
        step = _compile(trainer, session.state, bar)
        kept = session.steps
        writers: list[Writer] = []
        if is_first_host():
            writers = [JsonLines(folder, kept), TensorBoard(folder, kept)]
            writers += [make(folder) for make in log_to]
        progress = tqdm(
            total=config.num_updates * config.steps_per_update,
            initial=kept,
            unit=" steps",
            unit_scale=True,
            desc=f"{task.name} {config.algo} seed {config.seed}",
            disable=not (bar and is_first_host()),
        )
        with Writers(writers) as metrics, progress:
            return session.train(step, metrics, progress)


class _Session:
    """A run under way: its state, and the updates that no line of metrics tells of yet."""

    def __init__(self, trainer: Trainer, folder: Path, state: TrainState, about: dict[str, Any]):
        self.trainer, self.folder, self.state = trainer, folder, state
        self.done = int(state.updates)
        self.pending: list[dict[str, Any]] = about["pending"]
        self._seconds, self._started = about["seconds"], time.perf_counter()

    @property
    def steps(self) -> int:
        """Environment steps done."""
        return self.done * self.trainer.config.steps_per_update

    @property
    def seconds(self) -> float:
        """Of training, over all sessions."""
        return self._seconds + time.perf_counter() - self._started

    def train(self, step: Any, metrics: Writers, progress: Any) -> Result:
        """Updates until the run is finished or a signal comes, then saves."""
        config = self.trainer.config
        interval = max(1, config.num_updates // LOG_LINES)
        saved = self._started = time.perf_counter()
        with stop_signals() as stop:
            while self.done < config.num_updates:
                self.update(step)
                progress.update(config.steps_per_update)
                if self.done % interval == 0 or self.done == config.num_updates:
                    line = self.summarise()
                    metrics.write(line)
                    if line["score"] is not None:
                        name = self.trainer.task.score_name
                        progress.set_postfix_str(f"{line['score']:.1f} {name}")
                stopped, due = agree(bool(stop), time.perf_counter() - saved > CHECKPOINT_SECONDS)
                if stopped:
                    break
                if due:
                    self.save()
                    saved = time.perf_counter()
            self.save()
        return Result(self.state, self.done == config.num_updates, self.seconds)

    def update(self, step: Any) -> None:
        """One update. While it runs, looks at the one before: that way nothing waits."""
        self.state, metrics = step(self.state)
        self.done += 1
        self.pending.append(metrics)
        if len(self.pending) > 1:
            self._check(self.done - 1, -2)

    def summarise(self) -> dict[str, Any]:
        """The line of metrics of the updates since the last one."""
        self._check(self.done, -1)
        line = summarise(jax.device_get(self.pending), self.trainer.task)
        self.pending.clear()
        return line | {"step": self.steps, "seconds": self.seconds}

    def save(self) -> None:
        """Writes a checkpoint, of nothing but finite numbers."""
        if self.pending:
            self._check(self.done, -1)
        if not all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(self.state.params)):
            raise self._diverged(self.done)
        about = {
            "task": self.trainer.task.name,
            "config": dataclasses.asdict(self.trainer.config),
            "seconds": self.seconds,
            "pending": [
                {name: float(value) for name, value in metrics.items()}
                for metrics in jax.device_get(self.pending)
            ],
        }
        state = gather(self.state)
        if is_first_host():
            save_checkpoint(self.folder / "checkpoints", self.steps, state, about)

    def _check(self, update: int, place: int) -> None:
        """Waits for an update, and stops the run where it was not finite."""
        metrics = self.pending[place]
        if not np.all(np.isfinite(jax.device_get([metrics[name] for name in WATCHED]))):
            raise self._diverged(update)

    def _diverged(self, update: int) -> RunError:
        step = update * self.trainer.config.steps_per_update
        return RunError(
            f"the loss is not finite at step {step}. {_last_saved(self.folder)} The run would "
            "take the same course again: lower --lr or --max-grad-norm, and train in a new folder."
        )


def _compile(trainer: Trainer, state: TrainState, bar: bool) -> Any:
    if bar:
        print("compiling ...", end="\r", file=sys.stderr, flush=True)
    # Python would hear of Ctrl-C after the compiler only. There is nothing to save yet.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return trainer.step.lower(state).compile()  # pyright: ignore[reportFunctionMemberAccess]
    finally:
        signal.signal(signal.SIGINT, before)


def _start(trainer: Trainer, folder: Path, resume: bool) -> _Session:
    """The run as it begins, or as its newest whole checkpoint has it."""
    description, checkpoints = folder / "run.json", folder / "checkpoints"
    key = jax.random.key(trainer.config.seed)
    fresh = {"seconds": 0.0, "pending": []}
    if not resume:
        if is_first_host():
            _open_folder(description, trainer)
        return _Session(trainer, folder, trainer.init(key), fresh)
    check_resumable(folder, trainer.task, trainer.config)
    if not list_checkpoints(checkpoints):  # it was stopped before its first
        return _Session(trainer, folder, trainer.init(key), fresh)
    state, about, skipped = load_newest(checkpoints, jax.eval_shape(trainer.init, key))
    for message in skipped:
        print(message, file=sys.stderr)
    session = _Session(trainer, folder, trainer.place(state), fresh | about)
    if is_first_host():
        drop_later(checkpoints, session.steps)
    return session


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
    there, before = read_run(folder)
    path = folder / "run.json"
    if there.name != task.name:
        raise RunError(f"{path} is of another task: {there.name}, not {task.name}")
    for name, value in dataclasses.asdict(config).items():
        if getattr(before, name) != value:
            raise RunError(
                f"{path} is of another configuration: {name} is {getattr(before, name)} there, "
                f"{value} here"
            )
    about = json.loads(path.read_text())
    if changed := changed_versions(about):
        raise RunError(
            f"{path} is of other versions: {changed}. Install those to go on, or train in a new "
            "folder."
        )
    if changed := changed_places(about):
        print(f"not bit for bit as it would have gone on: {changed}", file=sys.stderr)


def read_run(folder: Path) -> tuple[Task, Config]:
    """The task and configuration of a run's folder; RunError if it is not one."""
    path = folder / "run.json"
    try:
        about = json.loads(path.read_text())
        return get_task(about["task"]), Config(**about["config"])
    except FileNotFoundError:
        raise RunError(f"{folder} is not a run's folder: it has no run.json") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}") from None


def load_run(folder: Path) -> tuple[Trainer, TrainState]:
    """The trainer of a run and its newest whole checkpoint.

    Raises:
        RunError: not a run's folder.
        CheckpointError: no whole checkpoint in it.
    """
    trainer = Trainer(*read_run(folder))
    like = jax.eval_shape(trainer.init, jax.random.key(0))
    state, _, skipped = load_newest(folder / "checkpoints", like)
    for message in skipped:
        print(message, file=sys.stderr)
    return trainer, state


def _last_saved(folder: Path) -> str:
    checkpoints = list_checkpoints(folder / "checkpoints")
    if not checkpoints:
        return "No checkpoint was saved yet."
    return f"The last good checkpoint is {checkpoints[-1]}."


@contextmanager
def _exhaustion(trainer: Trainer, folder: Path) -> Iterator[None]:
    """Says plainly that the disk is full, or the memory."""
    try:
        yield
    except OSError as error:
        if not folder.is_dir():
            raise
        raise RunError(
            f"cannot write into {folder}: {error}. {_last_saved(folder)} Mend that, and go "
            "on with --resume."
        ) from error
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise RunError(f"{describe_shortage(trainer)}. {_last_saved(folder)}") from error


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list instead of dying of them; a second one kills."""
    caught: list[int] = []
    before = {}

    def note(number: int, _: object) -> None:
        caught.append(number)
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
