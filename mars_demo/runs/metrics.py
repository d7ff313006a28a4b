"""A run's metrics: summarised over updates, and written to disk, TensorBoard or W&B."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mars_demo.extras import require
from mars_demo.learning.config import check_number
from mars_demo.learning.task import Task
from mars_demo.runs.reading import RunError, check_type, read_json, read_json_lines
from wrappers.atomic import write_atomically

Line = dict[str, Any]


def summarise(updates: Sequence[Mapping[str, Any]], task: Task) -> Line:
    """Summarises the metrics of several updates in one line of the log.

    `score`, `return` and `length` are means over the episodes that ended, or None if none ended.
    `ratio_min` and `ratio_max` are extremes over the updates; all else are means over them.
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
    """The lines of a run's metrics; empty if it has none. An incomplete last line is left out.

    Raises:
        RunError: another line is damaged.
    """
    return read_json_lines(folder / "metrics.jsonl", _parse)


def steps_done(folder: Path) -> int:
    """The environment steps of a run, by its metrics; 0 if these are missing or damaged.

    Damage is no error here, because this only shows the progress of other processes. The process
    that trains the run reports it.
    """
    try:
        metrics = read_metrics(folder)
    except RunError:
        return 0
    return metrics[-1]["step"] if metrics else 0


def _parse(line: Any) -> Line:
    check_number("step", line["step"], 0, 10**13)
    check_number("seconds", line.get("seconds", 0.0), 0, 10**10, whole=False)
    for value in line.values():
        float(check_type(value, float, int, type(None)) or 0.0)  # raises OverflowError if too large
    return line


class Writer(Protocol):
    """Somewhere to write a run's lines of metrics, one after another."""

    def write(self, line: Line) -> None:
        """Writes one line; its `step` is the number of environment steps done."""
        ...

    def close(self) -> None:
        """Completes what was written."""
        ...


class JsonLines:
    """Appends to `metrics.jsonl`: one JSON object a line."""

    def __init__(self, folder: Path, keep_until: int):
        """Keeps the lines up to the environment step `keep_until`; later ones will be repeated.

        Raises:
            RunError: the lines that are there are damaged.
        """
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
    """Writes the numbers for TensorBoard, into the folder `tensorboard`."""

    def __init__(self, folder: Path, keep_until: int):
        """Writes the metrics up to the environment step `keep_until` again, into one new file.

        The files of earlier sessions are removed, and with them what they wrote after that step.
        `purge_step` removes it from a TensorBoard that is already open.
        """
        from tensorboardX import SummaryWriter

        board = folder / "tensorboard"
        for path in board.glob("events.out.tfevents.*"):
            path.unlink()
        self._board = SummaryWriter(str(board), purge_step=0)
        kept = [line for line in read_metrics(folder) if line["step"] <= keep_until]
        for line in kept:
            ago = kept[-1].get("seconds", 0.0) - line.get("seconds", 0.0)
            self.write(line, time.time() - ago)

    def write(self, line: Line, at: float | None = None) -> None:
        """Writes one line; `at` is its time in seconds, as of `time.time`; None is now."""
        for name, value in _numbers(line).items():
            self._board.add_scalar(name, value, line["step"], at)

    def close(self) -> None:
        self._board.close()


class WeightsAndBiases:
    """Sends the numbers to Weights & Biases, as one run of a project (the extra `wandb`)."""

    def __init__(self, folder: Path, project: str):
        """Continues the folder's run if there is one: its id is kept in the folder.

        Raises:
            RunError: the folder's `run.json` or `wandb.json` is damaged.
            ImportError: the package wandb is not installed.
        """
        wandb = require("wandb", extra="wandb")

        about = read_json(folder / "run.json", lambda about: check_type(about, dict))
        self._run = wandb.init(
            project=project,
            id=_kept_id(folder / "wandb.json"),
            name="-".join(folder.resolve().parts[-3:]),
            resume="allow",
            dir=str(folder),
            config=about,
        )

    def write(self, line: Line) -> None:
        self._run.log(_numbers(line), step=line["step"])

    def close(self) -> None:
        self._run.finish()


def _kept_id(path: Path) -> str:
    """The id in a file, which is made with a new random id if it is missing."""
    if not path.exists():
        write_atomically(path, json.dumps({"id": secrets.token_hex(8)}).encode())
    return read_json(path, _parse_id)


def _parse_id(about: Any) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", about["id"]):  # the id is a part of W&B's URLs
        raise ValueError(f"{about['id']!r} is no id of Weights & Biases")
    return about["id"]


def _numbers(line: Line) -> dict[str, float]:
    return {
        name: value
        for name, value in line.items()
        if isinstance(value, (int, float)) and name != "step"
    }


class Writers(ExitStack):
    """Several writers as one. All are closed at the end, even if one of them raises."""

    def __init__(self, writers: Sequence[Writer]):
        super().__init__()
        self._writers = writers
        for writer in writers:
            self.callback(writer.close)

    def write(self, line: Line) -> None:
        for writer in self._writers:
            writer.write(line)
