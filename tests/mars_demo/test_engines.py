"""Engines: this machine, SLURM by submitit's local executor, and a Ray cluster of two nodes."""

import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from mars_demo.engines import Local, Ray, Slurm
from mars_demo.relay import relay
from mars_demo.run import RunError

SHELL = {
    "fine": ["sh", "-c", "echo done"],
    "wrong": ["sh", "-c", "echo what happened; exit 3"],
    "killed": ["sh", "-c", "kill -9 $$"],
}


def ends(running, count, seconds):
    """What the engine says of so many commands, each of which it may tell of once."""
    found, end = {}, time.monotonic() + seconds
    with running:
        while len(found) < count:
            assert time.monotonic() < end, f"only these ended: {found}"
            ended = running.poll()
            assert not found.keys() & ended.keys()
            found |= ended
            time.sleep(0.05)
    return found


def test_local_processes_end_with_their_statuses(tmp_path):
    commands = {tmp_path / name: words for name, words in SHELL.items()}
    found = ends(Local().start(commands), 3, 60)
    assert {path.name: status for path, status in found.items()} == {
        "fine": 0,
        "wrong": 3,
        "killed": -9,
    }
    assert (tmp_path / "wrong" / "output.txt").read_text() == "what happened\n"


def test_leaving_stops_what_runs_and_starts_nothing_more(tmp_path):
    words = [
        "sh",
        "-c",
        "trap 'echo asked to stop; exit' TERM; echo up; while :; do sleep 0.1; done",
    ]
    folders = [tmp_path / str(n) for n in range(Local().at_once + 1)]
    with Local().start(dict.fromkeys(folders, words)) as running:
        running.poll()
        wait_for(lambda: all((f / "output.txt").stat().st_size for f in folders[:-1]))
    for folder in folders[:-1]:
        assert (folder / "output.txt").read_text() == "up\nasked to stop\n"
    assert not folders[-1].exists()


def test_a_relay_asks_its_command_to_stop_when_it_is_interrupted(tmp_path):
    words = [
        "sh",
        "-c",
        "trap 'echo asked to stop; exit' TERM; echo up; while :; do sleep 0.1; done",
    ]
    with pytest.raises(KeyboardInterrupt):
        relay_and_interrupt(words, tmp_path)
    assert (tmp_path / "output.txt").read_text() == "up\nasked to stop\n"


def relay_and_interrupt(words, folder):
    def interrupt():
        wait_for(lambda: (folder / "output.txt").exists() and (folder / "output.txt").read_text())
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    relay(words, folder)


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_a_machine_without_slurm_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", object())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RunError, match=r"no srun and sbatch on this machine.*--engine local"):
        Slurm(Path("logs")).check()


@pytest.mark.parametrize(
    ("engine", "package", "extra"),
    [(Slurm(Path("logs")), "submitit", "slurm"), (Ray(), "ray", "ray")],
)
def test_a_package_that_is_missing_is_told_with_its_extra(monkeypatch, engine, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{package} is not installed.*\[{extra}\]"):
        engine.check()
