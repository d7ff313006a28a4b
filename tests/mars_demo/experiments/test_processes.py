"""Several runs by one command, as real processes."""

import dataclasses
import os
import subprocess
import sys

import pytest
import tyro

from mars_demo.experiments.processes import flags, is_finished, train_all
from mars_demo.learning.config import Config
from mars_demo.runs.folder import RunError
from mars_demo.runs.metrics import read_metrics
from tests.patience import HANG_SECONDS

TINY = Config(num_envs=4, rollout_steps=10, total_steps=120, minibatches=2, hidden=8, stagger=False)


def test_flags_spell_out_every_field():
    odd = Config(
        algo="maspo", eps=0.05, seed=3, lr_decay=True, network="gru", encode=False, agent_id=False
    )
    assert tyro.cli(Config, args=flags(odd)) == odd
    assert all(
        getattr(odd, f.name) != f.default
        for f in dataclasses.fields(Config)
        if f.name in ("algo", "eps", "seed", "lr_decay", "network", "encode", "agent_id")
    )


def test_two_seeds_finish_and_are_not_trained_again(tmp_path):
    # Several seeds in one program can run into a deadlock.
    command = [sys.executable, "-m", "mars_demo", "train", "paxmen-4", *flags(TINY)]
    command += ["--seeds", "2", "--out", str(tmp_path)]
    subprocess.run(command, check=True, timeout=HANG_SECONDS, capture_output=True)
    runs = {tmp_path / f"seed_{n}": TINY.replace(seed=n) for n in (0, 1)}
    assert all(is_finished(folder, config) for folder, config in runs.items())
    curves = [[m["surrogate"] for m in read_metrics(folder)] for folder in runs]
    assert curves[0] != curves[1]
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    train_all("paxmen-4", runs, "again")
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}


def test_a_run_that_fails_is_named(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("{")  # the folder is taken
    with pytest.raises(RunError, match=r"1 of 1 runs failed; see .*bad/output\.txt"):
        train_all("paxmen-4", {tmp_path / "bad": TINY}, "bad")
    assert "run.json is damaged" in (tmp_path / "bad" / "output.txt").read_text()
    assert (tmp_path / "bad" / "run.json").read_text() == "{"


@pytest.fixture
def command(tmp_path):
    """`command(name, *options)` starts a training command; all are stopped in the end."""
    started: list[subprocess.Popen] = []

    def start(name, *options):
        words = [sys.executable, "-m", "mars_demo", "train", "paxmen-4", *flags(TINY), *options]
        null = subprocess.DEVNULL
        started.append(
            subprocess.Popen([*words, "--out", tmp_path / name], stdout=null, stderr=null)
        )
        return started[-1]

    yield start
    for process in started:
        process.terminate()


@pytest.mark.slow
def test_eight_seeds_finish_while_another_run_trains(tmp_path, command):
    programs = command("eight", "--seeds", "8"), command("beside")
    assert [program.wait(HANG_SECONDS) for program in programs] == [0, 0]
    runs = {tmp_path / "eight" / f"seed_{n}": TINY.replace(seed=n) for n in range(8)}
    assert all(is_finished(folder, config) for folder, config in runs.items())


def test_a_terminals_ctrl_c_does_not_reach_the_runs_beside_us(tmp_path, monkeypatch):
    """We pass it on ourselves; a run that got it twice would die without saving."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec cut -d ' ' -f 5 /proc/self/stat\n")  # its process group
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    train_all("paxmen-4", {tmp_path / "run": TINY}, "group")
    group = int((tmp_path / "run" / "output.txt").read_text())
    assert group != os.getpgrp()
