"""One run of a sweep, as a program: python -m mars_demo.experiments.worker SWEEP NAME."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from mars_demo.experiments.evaluations import (
    evaluate_when_due,
    finish,
    is_complete,
    read_absolute,
    read_evaluations,
)
from mars_demo.experiments.plan import Job, read_plan
from mars_demo.learning.train import Trainer
from mars_demo.runs.checkpoint import CheckpointError
from mars_demo.runs.folder import RunError, read_run
from mars_demo.runs.lock import LOCK, alone
from mars_demo.runs.loop import train_run
from mars_demo.runs.messages import fail
from mars_demo.runs.metrics import read_metrics
from mars_demo.tasks.registry import get_task


def train_job(job: Job, sweep: Path) -> None:
    """Trains and evaluates a run of a sweep until it is finished.

    An interrupted run continues from its newest whole checkpoint, or begins again if there is none.
    Two processes never train the same run: the second waits, and then finds it finished.

    Raises:
        RunError: a signal stopped the run, or one of the reasons of `train_run`.
        ValueError: as `train_run`.
    """
    folder = sweep / job.name
    with alone(folder, wait=True):
        if is_complete(folder, job.task, job.config):
            return
        try:
            finished = _train(job, folder, resume=_can_resume(folder))
        except CheckpointError as error:
            _clear(folder, error)
            finished = _train(job, folder, resume=False)
        if not finished:
            raise RunError("stopped and saved")
        finish(Trainer(get_task(job.task), job.config), folder)


def _train(job: Job, folder: Path, resume: bool) -> bool:
    """Trains the run; returns False if a signal stopped it."""
    task = get_task(job.task)
    return train_run(task, job.config, folder, resume, False, watch=evaluate_when_due).finished


def _can_resume(folder: Path) -> bool:
    """Whether the folder has a run that can be resumed; the files of a damaged run are removed."""
    if not (folder / "run.json").exists():
        return False
    try:
        if read_absolute(folder) is not None:
            raise RunError(f"{folder} says that it is finished, and lacks evaluations")
        read_run(folder)
        read_metrics(folder)
        read_evaluations(folder)
    except RunError as error:
        _clear(folder, error)
        return False
    return True


def _clear(folder: Path, error: Exception) -> None:
    print(f"{error}; it begins again", file=sys.stderr)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (LOCK, "output.txt"):
            path.unlink()


def _stop_when_orphaned() -> None:
    """Asks this process to save and stop when the process that started it has ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Trains one run; an error ends the program with one line and exit code 2."""
    _stop_when_orphaned()
    # Before a job's time is over, SLURM sends SIGUSR2 to all of its processes. The parent process
    # queues the job again and asks this process to stop.
    if hasattr(signal, "SIGUSR2"):
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    sweep, name = Path(sys.argv[1]), sys.argv[2]
    try:
        train_job(read_plan(sweep).jobs[name], sweep)
    except (ValueError, RunError, CheckpointError, OSError, ImportError) as error:
        fail(error)


if __name__ == "__main__":
    main()
