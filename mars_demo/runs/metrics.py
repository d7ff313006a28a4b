"""A run's metrics: summed up over updates, written to disk and wherever else they are wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mars_demo.extras import require
from mars_demo.learning.task import Task
from mars_demo.runs.checkpoint import write_atomically

Line = dict[str, Any]


def summarise(updates: Sequence[Mapping[str, Any]], task: Task) -> Line:
    """One line of metrics from those of several updates.

    `score`, `return` and `length` are means over the episodes that ended, None if none did.
    """
    stacked = {k: np.array([u[k] for u in updates], np.float64) for k in updates[0]}
    episodes = stacked.pop("episodes").sum()
    line: Line = {"episodes": int(episodes)}
    for total in ("score", "return", "length"):
        summed = stacked.pop(f"{total}_sum").sum()
        line[total] = float(summed / episodes) if episodes else None
    lowest, highest = stacked.pop("ratio_min").min(), stacked.pop("ratio_max").max()
    line |= {k: float(v.mean()) for k, v in stacked.items()}
    return line | {"ratio_min": float(lowest), "ratio_max": float(highest)}


def read_metrics(folder: Path) -> list[Line]:
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


class Writer(Protocol):
    """Takes a run's lines of metrics, one after another."""

    def write(self, line: Line) -> None:
        """Takes one line; `step` is its place in the run."""
        ...

    def close(self) -> None:
        """Puts everything in its place."""
        ...


class JsonLines:
    """Appends to `metrics.jsonl`: one JSON object a line."""

    def __init__(self, folder: Path, keep_until: int):
        """Keeps the lines up to the environment step `keep_until`: the rest will come again."""
        path = folder / "metrics.jsonl"
        kept = [line for line in read_metrics(folder) if line["step"] <= keep_until]
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._file = open(path, "a")  # noqa: SIM115 - closed by close

    def write(self, line: Line) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class TensorBoard:
    """Writes the numbers for TensorBoard, into `tensorboard/`."""

    def __init__(self, folder: Path, keep_until: int):
        """TensorBoard forgets what it was told after the environment step `keep_until`."""
        from tensorboardX import SummaryWriter

        purge = keep_until + 1 if keep_until else None
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=purge)

    def write(self, line: Line) -> None:
        for name, value in _numbers(line).items():
            self._board.add_scalar(name, value, line["step"])

    def close(self) -> None:
        self._board.close()


class WeightsAndBiases:
    """Sends the numbers to Weights & Biases, as one run of a project (the extra `wandb`)."""

    def __init__(self, folder: Path, project: str):
        """Goes on with the folder's run if there is one; the folder's path names it."""
        wandb = require("wandb", extra="wandb")

        about = json.loads((folder / "run.json").read_text())
        name = "-".join(folder.resolve().parts[-3:])
        self._run = wandb.init(
            project=project, id=name, resume="allow", dir=str(folder), config=about
        )

    def write(self, line: Line) -> None:
        self._run.log(_numbers(line), step=line["step"])

    def close(self) -> None:
        self._run.finish()


def _numbers(line: Line) -> dict[str, float]:
    return {
        name: value
        for name, value in line.items()
        if isinstance(value, (int, float)) and name != "step"
    }


class Writers(ExitStack):
    """Several writers as one, all closed at the end, whatever happens to any of them."""

    def __init__(self, writers: Sequence[Writer]):
        super().__init__()
        self._writers = writers
        for writer in writers:
            self.callback(writer.close)

    def write(self, line: Line) -> None:
        for writer in self._writers:
            writer.write(line)
