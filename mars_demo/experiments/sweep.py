"""Runs a sweep: it gives the runs that are not finished to an engine, and shows the progress."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from tqdm import tqdm

from mars_demo.experiments.evaluations import is_complete
from mars_demo.experiments.launch import Engine, run_all
from mars_demo.experiments.plan import Plan
from mars_demo.experiments.results import unfinished
from mars_demo.runs.folder import RunError
from mars_demo.runs.metrics import read_metrics, steps_done
from mars_demo.runs.progress import progress_bar

WORKER = (sys.executable, "-m", "mars_demo.experiments.worker")
"""The program of one run; it takes the sweep's folder and the run's name."""


def run_sweep(
    plan: Plan, folder: Path, engine: Engine, bar: bool = True, worker: Sequence[str] = WORKER
) -> None:
    """Trains every run of a plan that is not finished yet, and waits for all.

    A run that fails is reported on stderr with the last line of its output, and the others
    continue. On SIGINT and SIGTERM the active runs are asked to save and stop.

    Args:
        plan: what to train.
        folder: the sweep's folder, which holds this plan (`open_plan`).
        engine: where to train.
        bar: show a progress bar on stderr.
        worker: the words of the program that trains one run.

    Raises:
        RunError: runs failed, or a signal stopped them; the message says how to continue.
    """
    folder = folder.resolve()  # workers may have another working directory
    left = {folder / job.name: job for job in unfinished(plan, folder)}
    if not left:
        return
    commands = {path: [*worker, str(folder), job.name] for path, job in left.items()}
    failed: list[str] = []
    total = sum(job.steps for job in plan.jobs.values())
    done = total - sum(job.steps for job in left.values())
    with progress_bar(total, done + _under_way(left), shown=bar) as shown:

        def ended(path: Path, status: int | str) -> None:
            nonlocal done
            job = left.pop(path)
            if is_complete(path, job.task, job.config):
                done += job.steps
            else:
                failed.append(job.name)
                tqdm.write(f"{job.name} failed: {_last_words(path, status)}", file=sys.stderr)

        def show() -> None:
            finished = len(plan.jobs) - len(left) - len(failed)
            shown.set_description(f"{finished}/{len(plan.jobs)} runs", refresh=False)
            shown.n = done + _under_way(left)
            shown.refresh()

        run_all(commands, engine, ended, show)
    if failed:
        raise RunError(
            f"{len(failed)} of {len(plan.jobs)} runs failed: {', '.join(failed)}. What they "
            "printed is in output.txt in their folders; the same command repeats them."
        )


def seconds_left(plan: Plan, folder: Path) -> float | None:
    """Estimates the training time of the unfinished runs in seconds, if they ran one by one.

    The time of a step is taken from the finished runs of the same task. A task without one gets the
    average over the other tasks. None before the first run is finished.
    """
    left = unfinished(plan, folder)
    paces: dict[str, list[float]] = {}
    for name in plan.jobs.keys() - {job.name for job in left}:
        for last in read_metrics(folder / name)[-1:]:
            of_run = last.get("seconds", 0.0) / max(1, last["step"])
            paces.setdefault(plan.jobs[name].task, []).append(of_run)
    if not paces:
        return None
    pace = {task: fmean(of_task) for task, of_task in paces.items()}
    usual = fmean(pace.values())
    return sum(
        pace.get(job.task, usual) * (job.steps - steps_done(folder / job.name)) for job in left
    )


def _under_way(paths: Iterable[Path]) -> int:
    return sum(steps_done(path) for path in paths)


def _last_words(folder: Path, status: int | str) -> str:
    """Why a run failed: the engine's message or exit status, and the last line of the output."""
    if isinstance(status, int):
        status = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    output = folder / "output.txt"
    lines = output.read_text(errors="replace").split("\n") if output.exists() else []
    printed = [line for line in lines if line.strip()]
    return f"{status}; {printed[-1].strip()}" if printed else status
