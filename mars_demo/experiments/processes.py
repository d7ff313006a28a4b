"""Many training runs by one command: one process a run, as many at once as there are cores.

On a CPU a run fills a core, and each process gets one of its own. Processes share nothing: a seed
that dies takes no other with it, and none can wait for another inside XLA's CPU runtime, as batched
decompositions do with jax 0.10 (docs/training.md).
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax

from mars_demo.learning.config import Config
from mars_demo.runs.folder import RunError, is_finished
from mars_demo.runs.metrics import read_metrics
from mars_demo.runs.progress import progress_bar
from mars_demo.runs.signals import stop_signals


def train_all(
    task: str,
    runs: Mapping[Path, Config],
    name: str,
    options: Sequence[str] = (),
    bar: bool = True,
) -> None:
    """Trains every run that is not finished yet, and waits for all.

    A run that was cut off goes on from its newest checkpoint. What a process prints goes to
    `output.txt` in its run's folder. On SIGINT and SIGTERM each process saves and stops.

    Args:
        task: the task's name.
        runs: each run's folder and configuration.
        name: what to call them in the progress bar.
        options: more options of `mars-demo train` for every run.
        bar: show a progress bar on stderr.

    Raises:
        RunError: a folder holds a run of another task or configuration (nothing is trained then);
            runs failed (all others are finished first; the message names what failed), or a signal
            stopped them.
    """
    commands = {
        folder: _command(folder, [task, *flags(config), *options])
        for folder, config in runs.items()
        if not is_finished(folder, task, config)
    }
    failed: list[Path] = []
    total = sum(config.num_updates * config.steps_per_update for config in runs.values())
    progress = progress_bar(total, sum(map(steps_done, runs)), name, bar)
    with progress as shown, stop_signals() as stop, Processes(commands) as processes:
        while processes.busy and not stop:
            time.sleep(0.5)
            failed += [folder for folder, status in processes.poll().items() if status]
            shown.n = sum(map(steps_done, runs))
            shown.refresh()
    if stop:
        raise RunError("stopped and saved; the same command goes on from here")
    if failed:
        outputs = ", ".join(str(folder / "output.txt") for folder in sorted(failed))
        raise RunError(f"{len(failed)} of {len(runs)} runs failed; see {outputs}")


def flags(config: Config) -> list[str]:
    """The configuration as options of `mars-demo train`, every field spelled out."""
    words: list[str] = []
    for field in dataclasses.fields(config):
        option, value = field.name.replace("_", "-"), getattr(config, field.name)
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return words


def _command(folder: Path, words: Sequence[str]) -> list[str]:
    command = [sys.executable, "-m", "mars_demo", "train", *words]
    command += ["--out", str(folder), "--no-bar"]
    return command + (["--resume"] if (folder / "run.json").exists() else [])


class Processes:
    """Commands as processes, as many at once as there are cores, each on a core of its own.

    What one prints goes to `output.txt` in its folder. Leaving the context ends those still
    running by SIGTERM, and waits for them.

    Args:
        commands: the words of each, by its folder.
    """

    def __init__(self, commands: Mapping[Path, Sequence[str]]):
        self._waiting = dict(commands)
        self._running: dict[Path, tuple[subprocess.Popen[bytes], frozenset[int]]] = {}
        self._free = core_slots()

    @property
    def busy(self) -> bool:
        """Whether any is running or waiting."""
        return bool(self._waiting or self._running)

    def poll(self) -> dict[Path, int]:
        """Starts what has a core, and returns the exit statuses of those that have ended since."""
        ended: dict[Path, int] = {}
        for folder, (process, cores) in list(self._running.items()):
            if process.poll() is not None:
                del self._running[folder]
                self._free.append(cores)
                ended[folder] = process.returncode
        while self._waiting and self._free:
            folder, cores = next(iter(self._waiting)), self._free.pop()
            process = _launch(self._waiting.pop(folder), folder, cores)
            self._running[folder] = process, cores
        return ended

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process, _cores in self._running.values():
            process.terminate()
        for process, _cores in self._running.values():
            process.wait()


def _launch(command: Sequence[str], folder: Path, cores: frozenset[int]) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "output.txt", "ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            # A terminal sends Ctrl-C to all of its group. We pass it on, and a second signal kills.
            process_group=0,
        )
    # From outside: Python must not run between the fork and the exec of a JAX process.
    if cores:
        os.sched_setaffinity(process.pid, cores)
    return process


def core_slots() -> list[frozenset[int]]:
    """A set of cores for each process to run at once; empty where it cannot or need not choose."""
    if jax.default_backend() != "cpu":
        return [frozenset()]
    if not hasattr(os, "sched_getaffinity"):
        return [frozenset()] * (os.cpu_count() or 1)
    return [frozenset({core}) for core in sorted(os.sched_getaffinity(0))]


def steps_done(folder: Path) -> int:
    """The environment steps that a run's metrics tell of; 0 if these are damaged.

    Whoever trains the run says what is wrong with them. It must not stop those that wait for it.
    """
    try:
        metrics = read_metrics(folder)
    except RunError:
        return 0
    return metrics[-1]["step"] if metrics else 0
