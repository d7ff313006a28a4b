"""A training run on disk: its folder, metrics, checkpoints, and how it stops and goes on."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from mars_demo.checkpoint import list_checkpoints, load_newest, save_checkpoint, write_atomically
from mars_demo.config import Config
from mars_demo.tasks import Task, get_task
from mars_demo.train import Trainer, TrainState

LOG_LINES = 200
"""Lines of metrics in a whole run."""
CHECKPOINT_SECONDS = 60.0
"""Time between two checkpoints."""


class RunError(Exception):
    """A run cannot start, go on or be read; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run ended."""

    state: TrainState
    finished: bool  # False: stopped by a signal, to be resumed
    seconds: float  # of training, compilation left out, over all its sessions


def train_run(
    task: Task, config: Config, folder: Path, resume: bool = False, bar: bool = True
) -> Result:
    """Trains in a folder, from the start or from its newest whole checkpoint.

    Args:
        task: what to train on.
        config: the run's configuration; on resume it must be the one it was started with.
        folder: the run's folder; it must not hold another run.
        resume: go on with the run that is there.
        bar: show a progress bar on stderr.

    Raises:
        RunError: the folder is taken, there is nothing to resume, or the loss is not finite.
    """
    trainer = Trainer(task, config)
    state, seconds = _first_state(trainer, folder, resume)
    if bar:
        print("compiling ...", end="\r", file=sys.stderr, flush=True)
    step = trainer.step.lower(state).compile()  # pyright: ignore[reportFunctionMemberAccess]
    per_update = config.steps_per_update
    interval = max(1, config.num_updates // LOG_LINES)
    done = int(state.updates)
    metrics = Metrics(folder, keep_until=done * per_update)
    saved = started = time.perf_counter()
    pending: list[dict[str, Any]] = []

    def elapsed() -> float:
        return seconds + time.perf_counter() - started

    def save() -> None:
        about = {"task": task.name, "config": dataclasses.asdict(config), "seconds": elapsed()}
        save_checkpoint(folder / "checkpoints", done * per_update, state, about)

    progress = tqdm(
        total=config.num_updates * per_update,
        initial=done * per_update,
        unit=" steps",
        unit_scale=True,
        desc=f"{task.name} {config.algo} seed {config.seed}",
        disable=not bar,
    )
    with metrics, progress, stop_signals() as stop:
        while done < config.num_updates and not stop:
            state, update_metrics = step(state)
            pending.append(update_metrics)
            done += 1
            progress.update(per_update)
            if done % interval and done < config.num_updates and not stop:
                continue
            line = summarise(pending, task) | {"step": done * per_update, "seconds": elapsed()}
            pending.clear()
            if not line["finite"]:
                raise RunError(
                    f"the loss is not finite at step {line['step']}; the checkpoints in {folder} "
                    "are from before. Lower --lr or --max-grad-norm, and train in a new folder."
                )
            metrics.write(line)
            if line["score"] is not None:
                progress.set_postfix_str(f"{line['score']:.1f} {task.score_name}")
            if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                save()
                saved = time.perf_counter()
        seconds_spent = elapsed()
        save()
    return Result(state, done == config.num_updates, seconds_spent)


def _first_state(trainer: Trainer, folder: Path, resume: bool) -> tuple[TrainState, float]:
    """The state to start from, and the seconds of training already behind it."""
    description = folder / "run.json"
    key = jax.random.key(trainer.config.seed)
    if not resume:
        if description.exists():
            raise RunError(f"{folder} holds a run already; pass --resume to go on with it")
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(description, json.dumps(_describe(trainer), indent=1).encode())
        return trainer.init(key), 0.0
    task, config = read_run(folder)
    if (task.name, config) != (trainer.task.name, trainer.config):
        raise RunError(f"{folder} holds a run of another task or configuration: {description}")
    if not list_checkpoints(folder / "checkpoints"):  # it was stopped before its first
        return trainer.init(key), 0.0
    like = jax.eval_shape(trainer.init, key)
    state, about, skipped = load_newest(folder / "checkpoints", like)
    for message in skipped:
        print(message, file=sys.stderr)
    return state, about["seconds"]


def _describe(trainer: Trainer) -> dict[str, Any]:
    packages = ("paxmen-aerojax", "jax", "jaxlib", "jaxmarl", "flax", "optax", "numpy")
    return {
        "task": trainer.task.name,
        "config": dataclasses.asdict(trainer.config),
        "command": sys.argv,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "device": str(jax.devices()[0].device_kind),
    }


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


def summarise(updates: list[dict[str, Any]], task: Task) -> dict[str, Any]:
    """One line of metrics from those of several updates.

    `score`, `return` and `length` are means over the episodes that ended, None if none did.
    """
    stacked = {k: np.array([u[k] for u in updates], np.float64) for k in updates[0]}
    episodes = stacked.pop("episodes").sum()
    line: dict[str, Any] = {"episodes": int(episodes)}
    for total in ("score", "return", "length"):
        summed = stacked.pop(f"{total}_sum").sum()
        line[total] = summed / episodes if episodes else None
    lowest, highest = stacked.pop("ratio_min").min(), stacked.pop("ratio_max").max()
    line |= {k: float(v.mean()) for k, v in stacked.items()}
    line |= {"ratio_min": float(lowest), "ratio_max": float(highest)}
    line["finite"] = all(math.isfinite(line[k]) for k in ("surrogate", "value_loss", "grad_norm"))
    return line


class Metrics:
    """Writes metrics as JSON lines (`metrics.jsonl`) and for TensorBoard (`tensorboard/`)."""

    def __init__(self, folder: Path, keep_until: int):
        """Keeps the lines up to the environment step `keep_until`: the rest will come again."""
        from tensorboardX import SummaryWriter

        path = folder / "metrics.jsonl"
        kept = [line for line in read_metrics(folder) if line["step"] <= keep_until]
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._file = open(path, "a")  # noqa: SIM115 - closed by __exit__
        self._board = SummaryWriter(str(folder / "tensorboard"))

    def write(self, line: dict[str, Any]) -> None:
        """Appends one line; its numbers also go to TensorBoard."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in line.items():
            if isinstance(value, (int, float)) and name != "step":
                self._board.add_scalar(name, value, line["step"])

    def __enter__(self) -> Metrics:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._board.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics; empty if it has none. A torn last line is left out."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


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
