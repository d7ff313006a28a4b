"""Runs many commands at once: on this machine's cores, on SLURM or on Ray.

On a CPU a run fills one core, so each process gets its own core. Processes share nothing. So a
run that crashes does not affect the others, and runs cannot deadlock in XLA's CPU runtime, as
batched decompositions can with jax 0.10 (docs/training.md). SLURM and Ray have their own queues.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mars_demo.extras import require
from mars_demo.runs.reading import RunError
from mars_demo.runs.signals import stop_signals

Commands = Mapping[Path, Sequence[str]]
"""The words of each command by its folder; its output goes to `output.txt` in that folder."""
SECONDS_BETWEEN_LOOKS = 1.0
_LARGEST_ARRAY = 1000  # SLURM's own limit, unless an administrator raised it, is 1001
_SLURM_OPTIONS = {"name": "mars-demo", "timeout_min": 24 * 60, "cpus_per_task": 1}


class Running(Protocol):
    """Commands that an engine has started. Leaving its context stops those still running."""

    def poll(self) -> Mapping[Path, int | str]:
        """Those that ended since the last call: the exit status, or the engine's message."""
        ...

    def __enter__(self) -> Running: ...

    def __exit__(self, *_: object) -> None: ...


class Engine(Protocol):
    """A place to run commands: this machine, SLURM or Ray."""

    @property
    def at_once(self) -> int | None:
        """How many commands run at once; None if the engine does not say."""
        ...

    def check(self) -> None:
        """Checks that the engine can be used here.

        Raises:
            ImportError: its package is not installed.
            RunError: it cannot be used on this machine.
        """
        ...

    def start(self, commands: Commands) -> Running:
        """Starts or queues all commands."""
        ...


def run_all(
    commands: Commands,
    engine: Engine,
    ended: Callable[[Path, int | str], None],
    show: Callable[[], None],
) -> None:
    """Runs commands until all have ended. On SIGINT and SIGTERM they are asked to save and stop.

    Args:
        commands: what to run.
        engine: where to run them.
        ended: called with the folder and status of each command that has ended; see `Running.poll`.
        show: called about once a second, to show the progress.

    Raises:
        RunError: a signal stopped them.
    """
    left = set(commands)
    with stop_signals() as stop, engine.start(commands) as running:
        while left and not stop:
            for folder, status in running.poll().items():
                left.remove(folder)
                ended(folder, status)
            show()
            if left:
                time.sleep(SECONDS_BETWEEN_LOOKS)
    if stop:
        raise RunError("stopped and saved; the same command continues from here")


class Local:
    """Processes on this machine: one for each CPU core, or one at a time on an accelerator."""

    @property
    def at_once(self) -> int:
        return len(core_slots())

    def check(self) -> None:
        pass

    def start(self, commands: Commands) -> Running:
        return Processes(commands)


class Processes:
    """Commands as processes, as many at once as there are cores, each on its own core.

    The output of each goes to `output.txt` in its folder. Leaving the context sends SIGTERM to
    those still running, and waits for them.

    Args:
        commands: the words of each command, by its folder.
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
        """Starts commands for which a core is free.

        Returns:
            The exit status of each process that has ended since the last call.
        """
        ended: dict[Path, int] = {}
        for folder, (process, cores) in list(self._running.items()):
            if process.poll() is not None:
                del self._running[folder]
                self._free.append(cores)
                ended[folder] = process.returncode
        while self._waiting and self._free:
            folder, cores = next(iter(self._waiting)), self._free.pop()
            # A terminal sends Ctrl-C to the whole process group. In a group of its own a process
            # gets only our SIGTERM, as a second signal would kill it before it has saved.
            process = start_process(self._waiting.pop(folder), folder, process_group=0)
            # From here: Python code between fork and exec is unsafe in a process that runs JAX.
            if cores:
                os.sched_setaffinity(process.pid, cores)
            self._running[folder] = process, cores
        return ended

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process, _cores in self._running.values():
            process.terminate()
        for process, _cores in self._running.values():
            process.wait()


def core_slots() -> list[frozenset[int]]:
    """A set of cores for each process that may run at once; an empty set leaves the choice open."""
    import jax  # here, because jobs of SLURM and Ray import this module and need no JAX

    if jax.default_backend() != "cpu":
        return [frozenset()]
    if not hasattr(os, "sched_getaffinity"):
        return [frozenset()] * (os.cpu_count() or 1)
    return [frozenset({core}) for core in sorted(os.sched_getaffinity(0))]


@dataclass(frozen=True)
class Slurm:
    """Job arrays of SLURM, by submitit.

    Attributes:
        logs: submitit's folder, which all nodes must share.
        options: parameters of submitit's AutoExecutor, such as `slurm_partition`.
        cluster: submitit's name of the cluster; "local" runs all jobs on this machine at once.
    """

    logs: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    cluster: str = "slurm"
    at_once = None

    def check(self) -> None:
        require("submitit", extra="slurm")
        if self.cluster == "slurm" and not (shutil.which("srun") and shutil.which("sbatch")):
            raise RunError(
                "there is no srun and sbatch on this machine: start the sweep on a login node of a "
                "SLURM cluster, or with --engine local or ray"
            )

    def start(self, commands: Commands) -> Running:
        executor = require("submitit", extra="slurm").AutoExecutor(
            folder=self.logs, cluster=self.cluster
        )
        try:
            executor.update_parameters(**_SLURM_OPTIONS | dict(self.options))
        except (NameError, TypeError, AssertionError) as error:  # for unknown parameters
            raise ValueError(f"submitit rejects a parameter: {_first_line(error)}") from None
        folders, jobs = list(commands), []
        for i in range(0, len(folders), _LARGEST_ARRAY):
            part = folders[i : i + _LARGEST_ARRAY]
            jobs += executor.map_array(Relay(), [list(commands[folder]) for folder in part], part)
        return _SlurmJobs(dict(zip(folders, jobs, strict=True)))


class _SlurmJobs:
    def __init__(self, jobs: dict[Path, Any]):
        self._jobs = jobs

    def poll(self) -> dict[Path, int | str]:
        ended = [folder for folder, job in self._jobs.items() if job.done()]
        return {folder: _slurm_status(self._jobs.pop(folder)) for folder in ended}

    def __enter__(self) -> _SlurmJobs:
        return self

    def __exit__(self, *_: object) -> None:
        for job in self._jobs.values():
            job.cancel(check=False)


def _slurm_status(job: Any) -> int | str:
    error = job.exception()
    if error is None:
        return job.result()
    return f"job {job.job_id} {job.state}: {_first_line(error)}"


class Relay:
    """`relay` for submitit, which queues it again if SLURM preempts it or its time is over."""

    def __call__(self, command: Sequence[str], folder: Path) -> int:
        return relay(command, folder)

    def checkpoint(self, command: Sequence[str], folder: Path) -> Any:
        """The job to queue again: the same one, since a run continues from its own checkpoint."""
        from submitit.helpers import DelayedSubmission  # pyright: ignore[reportMissingImports]

        return DelayedSubmission(self, command, folder)


@dataclass(frozen=True)
class Ray:
    """Tasks of a Ray cluster, with one core each, and one GPU each if the cluster has GPUs.

    Attributes:
        address: the cluster's address; None starts a cluster on this machine.
    """

    address: str | None = None
    at_once = None

    def check(self) -> None:
        require("ray", extra="ray")

    def start(self, commands: Commands) -> Running:
        ray = require("ray", extra="ray")
        try:
            ray.init(address=self.address or "local", log_to_driver=False, logging_level="error")
        except ConnectionError as error:
            raise RunError(f"no Ray cluster at {self.address}: {_first_line(error)}") from None
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        # No retries: the user reads the error first, and the next command repeats the run.
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(relay)
        refs = {task.remote(list(words), folder): folder for folder, words in commands.items()}
        return _RayTasks(ray, refs)


class _RayTasks:
    def __init__(self, ray: Any, refs: dict[Any, Path]):
        self._ray, self._refs = ray, refs

    def poll(self) -> dict[Path, int | str]:
        if not self._refs:
            return {}
        ended, _ = self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=0)
        return {self._refs.pop(ref): self._status(ref) for ref in ended}

    def _status(self, ref: Any) -> int | str:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            return f"Ray: {_first_line(error)}"

    def __enter__(self) -> _RayTasks:
        return self

    def __exit__(self, *_: object) -> None:
        for ref in self._refs:
            self._ray.cancel(ref)
        if self._refs:  # time to save
            self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=60)
        self._ray.shutdown()


def relay(command: Sequence[str], folder: Path) -> int:
    """Runs a command in a job of SLURM or Ray and waits for its end.

    The command has its own process, so that a crash does not end the engine's worker. If this
    function is interrupted, it sends SIGTERM to the process and waits for it.

    Returns:
        The exit status.
    """
    process = start_process(command, folder)
    try:
        while True:  # short waits, because Ray can interrupt only between Python instructions
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=1.0)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def start_process(
    command: Sequence[str], folder: Path, process_group: int | None = None
) -> subprocess.Popen[bytes]:
    """Starts a process for a command; its output is appended to `output.txt` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "output.txt", "ab") as output:
        return subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            process_group=process_group,
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
