"""Running a command from within a job of SLURM or Ray. It imports little: jobs start with it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def relay(command: Sequence[str], folder: Path) -> int:
    """Runs a command to its end; what it prints goes to `output.txt` in the folder.

    It has a process of its own, so one that is killed takes no worker of an engine with it. It is
    asked to stop, and waited for, when this function is interrupted.

    Returns:
        Its exit status.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "output.txt", "ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        try:
            while True:  # Ray interrupts between two instructions of Python, not a long wait
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(timeout=1.0)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


class Relay:
    """`relay` for submitit, which queues it anew when SLURM preempts it or its time is over."""

    def __call__(self, command: Sequence[str], folder: Path) -> int:
        return relay(command, folder)

    def checkpoint(self, command: Sequence[str], folder: Path) -> Any:
        """What to queue: the same, as a run goes on from its own checkpoint."""
        from submitit.helpers import DelayedSubmission  # pyright: ignore[reportMissingImports]

        return DelayedSubmission(self, command, folder)
