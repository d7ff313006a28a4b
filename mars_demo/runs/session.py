"""A run in progress: its state, its updates that are not logged yet, and its checkpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from mars_demo.learning.train import Trainer, TrainState
from mars_demo.runs.checkpoint import save_checkpoint
from mars_demo.runs.clock import Clock
from mars_demo.runs.folder import last_saved
from mars_demo.runs.hosts import gather, is_first_host
from mars_demo.runs.metrics import Writers, summarise
from mars_demo.runs.reading import RunError, check_type

LOG_LINES = 200
"""How many lines of metrics a whole run logs."""
WATCHED = ("surrogate", "value_loss", "grad_norm")
"""Metrics that stop a run if they are not finite."""


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run ended."""

    state: TrainState
    finished: bool  # False: stopped by a signal, to be resumed
    seconds: float  # of training, over all sessions, without compiling
    compile_seconds: float  # of tracing and compiling, over all sessions


class Progress(NamedTuple):
    """What a checkpoint keeps of a run in addition to its state."""

    seconds: float = 0.0  # of training
    compile_seconds: float = 0.0
    pending: tuple[dict[str, Any], ...] = ()  # metrics of updates not logged yet


def parse_progress(about: Mapping[str, Any]) -> Progress:
    """The progress that `Session.save` wrote.

    Raises:
        TypeError or another of `NONSENSE`: it is something else.
    """
    pending = check_type(about.get("pending", []), list)
    for metrics in pending:
        for value in check_type(metrics, dict).values():
            check_type(value, float)
    seconds, compiling = (
        float(check_type(about.get(name, 0.0), float)) for name in ("seconds", "compile_seconds")
    )
    return Progress(seconds, compiling, tuple(pending))


class Session:
    """A run in progress: its state, and its updates not yet written to the metrics log.

    Args:
        trainer: the trainer that updates it.
        folder: the run's folder.
        state: the state at the start of this session.
        before: the progress of earlier sessions.
        clock: measures the time of this session.
    """

    def __init__(
        self, trainer: Trainer, folder: Path, state: TrainState, before: Progress, clock: Clock
    ):
        self.trainer, self.folder, self.state = trainer, folder, state
        self.done = int(state.updates)
        self.pending: list[dict[str, Any]] = list(before.pending)
        self._before, self._clock = before, clock

    @property
    def steps(self) -> int:
        """Environment steps done."""
        return self.done * self.trainer.config.steps_per_update

    @property
    def times(self) -> dict[str, float]:
        """`seconds` of training and `compile_seconds`, over all sessions."""
        seconds, compile_seconds = self._clock.read()
        return {
            "seconds": self._before.seconds + seconds,
            "compile_seconds": self._before.compile_seconds + compile_seconds,
        }

    def record(self, state: TrainState, metrics: dict[str, Any]) -> None:
        """Takes the new state and the metrics of one update.

        Raises:
            RunError: earlier updates have other metrics.
        """
        if self.pending and self.pending[-1].keys() != metrics.keys():
            raise RunError(f"{self.folder} has updates with other metrics: train in a new folder")
        self.state = state
        self.done += 1
        self.pending.append(metrics)

    def check_last_but_one(self) -> None:
        """Checks the last update but one, since the last one may still be running on the device.

        Raises:
            RunError: its loss or gradient is not finite.
        """
        if len(self.pending) > 1:
            self._check(self.done - 1, -2)

    def log(self, metrics: Writers) -> dict[str, Any] | None:
        """Writes a line of metrics for the updates since the last line, if one is due.

        Returns:
            The line, or None if none was due.

        Raises:
            RunError: the last update is not finite.
        """
        num_updates = self.trainer.config.num_updates
        if self.done % max(1, num_updates // LOG_LINES) and self.done < num_updates:
            return None
        self._check(self.done, -1)
        line = summarise(jax.device_get(self.pending), self.trainer.task)
        self.pending.clear()
        line |= {"step": self.steps, **self.times}
        metrics.write(line)
        return line

    def result(self) -> Result:
        """The state of the run, and whether it is finished."""
        return Result(self.state, self.done == self.trainer.config.num_updates, **self.times)

    def is_finite(self) -> bool:
        """Whether the parameters and the last two updates are finite."""
        leaves = jax.tree.leaves(self.state.params)
        leaves += [metrics[name] for metrics in self.pending[-2:] for name in WATCHED]
        return all(np.all(np.isfinite(leaf)) for leaf in leaves)

    def save(self) -> None:
        """Writes a checkpoint.

        Raises:
            RunError: the parameters or the last updates are not finite.
        """
        if not self.is_finite():
            raise self._diverged(self.done)
        about = {
            "task": self.trainer.task.name,
            "config": dataclasses.asdict(self.trainer.config),
            **self.times,
            "pending": [
                {name: float(value) for name, value in metrics.items()}
                for metrics in jax.device_get(self.pending)
            ],
        }
        state = gather(self.state)
        if is_first_host():
            save_checkpoint(self.folder / "checkpoints", self.steps, state, about)

    def _check(self, update: int, place: int) -> None:
        """Waits for an update; raises RunError if it is not finite."""
        metrics = self.pending[place]
        if not np.all(np.isfinite(jax.device_get([metrics[name] for name in WATCHED]))):
            raise self._diverged(update)

    def _diverged(self, update: int) -> RunError:
        step = update * self.trainer.config.steps_per_update
        return RunError(
            f"the loss is not finite at step {step}. {last_saved(self.folder)} The run would "
            "take the same course again: lower --lr or --max-grad-norm, and train in a new folder."
        )
