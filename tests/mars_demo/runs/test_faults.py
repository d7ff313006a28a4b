"""Programs that are stopped, or find the disk full, while they train."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mars_demo.runs.checkpoint import read_newest
from mars_demo.runs.metrics import read_metrics
from tests.patience import HANG_SECONDS, wait_until

slow = pytest.mark.slow


@pytest.fixture
def program(tmp_path):
    """`program(limit)` starts a training run in `tmp_path / "run"`; no file may pass the limit."""
    started: list[subprocess.Popen] = []

    def start(limit: int = 0) -> subprocess.Popen:
        script = Path(__file__).parents[1] / "toy_run.py"
        command = [sys.executable, script, tmp_path / "run", str(limit)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=slow)])
def test_a_stopped_program_saves(tmp_path, program, number):
    process, checkpoints = program(), tmp_path / "run" / "checkpoints"
    wait_until(lambda: list(checkpoints.glob("*.json")) or process.poll() is not None)
    process.send_signal(number)
    said, errors = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, errors) == (0, "")
    assert "stopped and saved; go on with: mars-demo train" in said
    assert read_newest(checkpoints)[2] == []


@slow
def test_a_full_disk_ends_in_one_line_and_keeps_what_was_saved(tmp_path, program):
    process, folder = program(limit=20_000), tmp_path / "run"
    said, errors = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, said) == (2, "")
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"mars-demo: cannot write into {folder}: ")
    assert "File too large" in errors
    assert "The last good checkpoint is" in errors
    assert "--resume" in errors
    assert read_newest(folder / "checkpoints")[2] == []
    assert all("step" in line for line in read_metrics(folder))
