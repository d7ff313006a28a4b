"""Equal configurations give equal bits, and a seed's course does not hang on its company."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import HANG_SECONDS

pytestmark = pytest.mark.slow  # each program compiles anew


def start(mode: str) -> subprocess.Popen:
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "tests.mars_demo.seeds_toy", str(core), mode]
    pipe, root = subprocess.PIPE, Path(__file__).parents[3]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=root)


def answer(process: subprocess.Popen) -> str:
    try:
        said, errors = process.communicate(timeout=HANG_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    return said.splitlines()[-1]


def test_three_processes_agree_bit_for_bit():
    digests = [answer(process) for process in [start("alone") for _ in range(3)]]
    assert len(digests[0]) == 64
    assert digests[0] == digests[1] == digests[2]


def test_a_seed_in_one_program_with_another_is_that_seed_alone():
    # Products of stacked matrices are summed in another order. Adam makes a gradient of 1e-8 and
    # one of 2e-8 steps of like size, so the gap grows. It was 6e-8 and 1.3e-6.
    one, ten = map(float, answer(start("together")).split())
    assert one < 1e-6
    assert ten < 1e-4
