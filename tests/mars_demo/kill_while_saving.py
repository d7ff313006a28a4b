"""Saves checkpoints in a child process, kills it at a random moment, and looks what is left.

    python kill_while_saving.py FOLDER KILLS

A child is forked, not started anew, so that a hundred kills take seconds. Nothing here starts
JAX's backend, whose threads a fork would not survive. Prints the last step, and how many
kills fell into the middle of saving and left files that belong to no checkpoint.
"""

import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from mars_demo.runs.checkpoint import list_checkpoints, read_newest, save_checkpoint


def state(step: int) -> dict[str, np.ndarray]:
    return {"weights": np.full(10_000, step, np.float64), "step": np.int32(step)}


def save_for_ever(folder: Path, step: int, report: int) -> None:
    while True:
        step += 1
        save_checkpoint(folder, step, state(step), {"step": step})
        os.write(report, step.to_bytes(8, "little"))


def kill_one(folder: Path, step: int, seconds: float) -> int:
    """Forks a child that saves from `step` on, kills it, and returns the last step it reported."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        save_for_ever(folder, step, write)
    os.close(write)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(read, "rb") as reports:
        data = reports.read()
    return int.from_bytes(data[-8:], "little") if data else step


def main(folder: Path, kills: int) -> None:
    draws = random.Random(0)
    step = torn = 0
    for _ in range(kills):
        reported = kill_one(folder, step, draws.uniform(0.002, 0.03))
        torn += len(list(folder.iterdir())) != 2 * len(list_checkpoints(folder))
        if not reported:
            continue  # killed before its first
        arrays, about, skipped = read_newest(folder)
        assert skipped == [], skipped
        assert about["step"] >= reported >= step, (about, reported, step)
        step = about["step"]
        assert sorted(x.sum() for x in arrays.values()) == [step, 10_000 * step]
    print(step, torn)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # JAX warns of forks: its backend is not running
    main(Path(sys.argv[1]), int(sys.argv[2]))
