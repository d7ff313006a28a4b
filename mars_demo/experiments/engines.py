"""What runs a sweep's commands: this machine's cores, SLURM or Ray. They queue; we only ask."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mars_demo.experiments.processes import Processes, core_slots
from mars_demo.experiments.relay import Relay, relay
from mars_demo.extras import require
from mars_demo.runs.folder import RunError

Commands = Mapping[Path, Sequence[str]]
"""The words of each command, by its folder, where what it prints goes to `output.txt`."""
_LARGEST_ARRAY = 1000  # SLURM's own limit, unless an administrator raised it, is 1001
_SLURM_OPTIONS = {"name": "mars-demo", "timeout_min": 24 * 60, "cpus_per_task": 1}


class Running(Protocol):
    """Commands that an engine has taken on. Leaving its context stops those still running."""

    def poll(self) -> Mapping[Path, int | str]:
        """Those that ended since the last call: an exit status, or what the engine says of it."""
        ...

    def __enter__(self) -> Running: ...

    def __exit__(self, *_: object) -> None: ...


class Engine(Protocol):
    """Somewhere to run commands."""

    @property
    def at_once(self) -> int | None:
        """How many run at once; None if only the engine knows."""
        ...

    def check(self) -> None:
        """Raises ImportError or RunError where it cannot be used."""
        ...

    def start(self, commands: Commands) -> Running:
        """Takes on all of them."""
        ...


class Local:
    """Processes on this machine, one a core; on an accelerator one after another."""

    @property
    def at_once(self) -> int:
        return len(core_slots())

    def check(self) -> None:
        pass

    def start(self, commands: Commands) -> Running:
        return Processes(commands)


@dataclass(frozen=True)
class Slurm:
    """Job arrays of SLURM, by submitit.

    Attributes:
        logs: submitit's folder, which all nodes must share.
        options: parameters of submitit's AutoExecutor, such as `slurm_partition`.
        cluster: submitit's name of the cluster; "local" runs all jobs here, at once.
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
        except (NameError, TypeError, AssertionError) as error:  # submitit's, for unknown ones
            raise ValueError(f"submitit does not take this: {_first_line(error)}") from None
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


@dataclass(frozen=True)
class Ray:
    """Tasks of a Ray cluster: a core each, and a GPU each where the cluster has any.

    Attributes:
        address: the cluster's; None starts one on this machine.
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
        # A run that fails is repeated by the next command, after its trouble was read.
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
        if self._refs:  # they save first
            self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=60)
        self._ray.shutdown()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
