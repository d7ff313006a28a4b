"""A sweep under way: it gives what is not finished to an engine, and reads what came out."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from tqdm import tqdm

from mars_demo.experiments.engines import Engine
from mars_demo.experiments.evaluations import is_complete, read_absolute, read_evaluations
from mars_demo.experiments.plan import Job, Plan, read_plan
from mars_demo.experiments.processes import steps_done
from mars_demo.experiments.results import Cell
from mars_demo.runs.folder import RunError
from mars_demo.runs.metrics import read_metrics
from mars_demo.runs.progress import progress_bar
from mars_demo.runs.signals import stop_signals

WORKER = (sys.executable, "-m", "mars_demo.experiments.worker")
"""The program of one run; it takes the sweep's folder and the run's name."""
_SECONDS_BETWEEN_LOOKS = 1.0


def run_sweep(
    plan: Plan, folder: Path, engine: Engine, bar: bool = True, worker: Sequence[str] = WORKER
) -> None:
    """Trains every run of a plan that is not finished yet, and waits for all.

    One that fails is told on stderr with its last words, and the others go on. On SIGINT and
    SIGTERM the runs under way are asked to save and stop.

    Args:
        plan: what to train.
        folder: the sweep's, which holds this plan (`open_plan`).
        engine: where to train.
        bar: show a progress bar on stderr.
        worker: the words of the program that trains one.

    Raises:
        RunError: runs failed, or a signal stopped them; the message says how to go on.
    """
    folder = folder.resolve()  # nodes and workers may stand elsewhere
    left = {folder / job.name: job for job in unfinished(plan, folder)}
    if not left:
        return
    commands = {path: [*worker, str(folder), job.name] for path, job in left.items()}
    failed: list[str] = []
    total = sum(job.steps for job in plan.jobs.values())
    done = total - sum(job.steps for job in left.values())
    progress = progress_bar(total, done + _under_way(left), shown=bar)
    with progress as shown, stop_signals() as stop, engine.start(commands) as running:
        while left and not stop:
            for path, status in running.poll().items():
                job = left.pop(path)
                if is_complete(path, job.task, job.config):
                    done += job.steps
                else:
                    failed.append(job.name)
                    tqdm.write(f"{job.name} failed: {_last_words(path, status)}", file=sys.stderr)
            finished = len(plan.jobs) - len(left) - len(failed)
            shown.set_description(f"{finished}/{len(plan.jobs)} runs", refresh=False)
            shown.n = done + _under_way(left)
            shown.refresh()
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    if stop:
        raise RunError("stopped and saved; the same command goes on from here")
    if failed:
        raise RunError(
            f"{len(failed)} of {len(plan.jobs)} runs failed: {', '.join(failed)}. What they "
            "printed is in output.txt in their folders; the same command repeats them."
        )


def unfinished(plan: Plan, folder: Path) -> list[Job]:
    """The runs that are still to be trained, or to be trained to their end."""
    return [
        job
        for name, job in plan.jobs.items()
        if not is_complete(folder / name, job.task, job.config)
    ]


def seconds_left(plan: Plan, folder: Path) -> float | None:
    """Estimated training time of what is not finished, were it one run after another.

    Every task takes as long a step as in its finished runs; one that has none, as the others do
    in the mean. None before the first run is finished.
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


def read_cells(sweep: Path) -> tuple[list[Cell], list[str]]:
    """The results of a sweep: its finished cells, and the names of those that are missing.

    Raises:
        RunError: not a sweep's folder.
    """
    plan = read_plan(sweep)
    missing = [job.name for job in unfinished(plan, sweep)]
    finished = [job for name, job in plan.jobs.items() if name not in set(missing)]
    return [_read_cell(job, sweep / job.name) for job in finished], missing


def _read_cell(job: Job, folder: Path) -> Cell:
    lines, absolute = read_evaluations(folder), read_absolute(folder)
    steps = [line["kl"] for line in read_metrics(folder) if line.get("kl") is not None]
    assert absolute is not None  # it is complete
    return Cell(
        task=job.task,
        algo=job.config.algo,
        seed=job.config.seed,
        budget=job.steps,
        steps=tuple(line.step for line in lines),
        scores=tuple(line.score for line in lines),
        absolute=absolute.score,
        kl=fmean(steps) if steps else math.nan,
    )


def _under_way(paths: Iterable[Path]) -> int:
    return sum(steps_done(path) for path in paths)


def _last_words(folder: Path, status: int | str) -> str:
    """Why a run ended before its end: what the engine says, and the last line that it printed."""
    if isinstance(status, int):
        status = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    output = folder / "output.txt"
    lines = output.read_text(errors="replace").split("\n") if output.exists() else []
    printed = [line for line in lines if line.strip()]
    return f"{status}; {printed[-1].strip()}" if printed else status
