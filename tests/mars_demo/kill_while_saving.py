"""Saves checkpoints in programs that are killed, each a system call later than the one before.

    python kill_while_saving.py FOLDER

The first program dies before it calls the operating system at all, the second before its second
call, and so on, until one lives to save two checkpoints. Each begins with what the one before left.
Programs are forked, not started, so that all take seconds. Nothing here starts JAX's backend, whose
threads a fork would not survive. Prints the last step, how many were killed, and how many of these
left files that belong to no checkpoint.
"""

import os
import signal
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np

from mars_demo.runs.checkpoint import list_checkpoints, read_newest, save_checkpoint


def state(step: int) -> dict[str, np.ndarray]:
    return {"weights": np.full(10_000, step, np.float64), "step": np.int32(step)}


def is_system_call(function: object) -> bool:
    """Whether a function written in C is one of `os`, or works on a file."""
    owner = getattr(function, "__self__", None)
    name = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
    return name in ("posix", "_io", "io")


def die_before(call: int) -> None:
    """Lets this program kill itself before that call of the operating system, counted from 1."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        if event == "c_call" and is_system_call(argument):
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def save_and_die(folder: Path, step: int, call: int) -> tuple[int, bool]:
    """Forks a program that saves twice; the last step it reported, and whether it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        die_before(call)
        for following in (step + 1, step + 2):
            save_checkpoint(folder, following, state(following), {"step": following})
            os.write(write, following.to_bytes(8, "little"))
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    with open(read, "rb") as reports:
        data = reports.read()
    assert status in (0, signal.SIGKILL)
    return int.from_bytes(data[-8:], "little") if data else step, status != 0


def main(folder: Path) -> None:
    step, kills, torn, killed = 0, 0, 0, True
    while killed:
        reported, killed = save_and_die(folder, step, kills + 1)
        kills += killed
        torn += killed and len(list(folder.glob("*"))) != 2 * len(list_checkpoints(folder))
        if not list_checkpoints(folder):
            assert not reported
            continue
        arrays, about, skipped = read_newest(folder)
        assert skipped == [], skipped
        assert step <= reported <= about["step"] <= step + 2, (about, reported, step)
        step = about["step"]
        assert sorted(x.sum() for x in arrays.values()) == [step, 10_000 * step]
    print(step, kills, torn)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # JAX warns of forks: its backend is not running
    main(Path(sys.argv[1]))
