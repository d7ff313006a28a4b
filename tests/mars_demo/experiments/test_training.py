"""Several runs by one command, as real processes."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest
import tyro

from mars_demo.cli.main import main
from mars_demo.experiments.training import flags, train_all
from mars_demo.learning.config import Config
from mars_demo.runs.folder import RunError, is_finished
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
    assert all(is_finished(folder, "paxmen-4", config) for folder, config in runs.items())
    curves = [[m["surrogate"] for m in read_metrics(folder)] for folder in runs]
    assert curves[0] != curves[1]
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    train_all("paxmen-4", runs, "again")
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}


def test_no_bar_is_for_all_seeds(tmp_path, capsys, program):
    program("exit 0\n")
    words = ["train", "paxmen-4", *flags(TINY), "--seeds", "2", "--out", str(tmp_path / "runs")]
    main([*words, "--no-bar"])
    assert capsys.readouterr().err == ""
    main(words)
    assert "paxmen-4 mars:   0%| 0.00/240 " in capsys.readouterr().err


def begun(folder, config, task="paxmen-4", steps=0):
    """A run's folder, as far as whoever decides what to train looks at it."""
    folder.mkdir(parents=True)
    about = {"task": task, "config": dataclasses.asdict(config)}
    (folder / "run.json").write_text(json.dumps(about))
    (folder / "metrics.jsonl").write_text(json.dumps({"step": steps}) + "\n")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """`program(script)`: what is started in place of `python -m mars_demo`."""

    def replace(script):
        path = tmp_path / "python"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return replace


def test_a_run_that_fails_is_named(tmp_path, program):
    program("echo no space left; exit 2\n")
    runs = {tmp_path / name: TINY for name in ("bad", "done")}
    begun(tmp_path / "done", TINY, steps=120)
    with pytest.raises(RunError, match=r"1 of 2 runs failed; see .*bad/output\.txt"):
        train_all("paxmen-4", runs, "bad")
    assert (tmp_path / "bad" / "output.txt").read_text() == "no space left\n"
    assert not (tmp_path / "done" / "output.txt").exists()


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ({"config": TINY.replace(lr=0.002)}, "lr is 0.002 there, 0.5 here"),
        ({"config": TINY.replace(algo="mappo", lr=0.5)}, "algo is mappo there, mars here"),
        ({"config": TINY.replace(lr=0.5), "task": "paxmen-5"}, "paxmen-5, not paxmen-4"),
    ],
)
@pytest.mark.parametrize("steps", [40, 120])
def test_another_run_is_not_taken_for_ours(tmp_path, capsys, program, there, message, steps):
    """`train --seeds --resume` refuses it, finished or not, before it trains any other."""
    program("touch $0.started\n")
    begun(tmp_path / "runs" / "seed_1", **there | {"config": there["config"].replace(seed=1)})
    (tmp_path / "runs" / "seed_1" / "metrics.jsonl").write_text(json.dumps({"step": steps}) + "\n")
    words = [*flags(TINY.replace(lr=0.5)), "--seeds", "2", "--out", str(tmp_path / "runs")]
    with pytest.raises(SystemExit) as stop:
        main(["train", "paxmen-4", *words, "--resume"])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "python.started").exists()


def test_a_run_is_finished_when_its_last_update_is_saved(tmp_path):
    begun(tmp_path / "run", TINY, steps=120)
    assert is_finished(tmp_path / "run", "paxmen/paxmen-4", TINY)  # whose checkpoints were removed
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "step_000000000080.json").touch()  # killed after the metrics, before it saved
    assert not is_finished(tmp_path / "run", "paxmen-4", TINY)
    (checkpoints / "step_000000000120.json").touch()
    assert is_finished(tmp_path / "run", "paxmen-4", TINY)
    (tmp_path / "run" / "metrics.jsonl").unlink()
    assert is_finished(tmp_path / "run", "paxmen-4", TINY)
    assert not is_finished(tmp_path / "none", "paxmen-4", TINY)


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
    assert all(is_finished(folder, "paxmen-4", config) for folder, config in runs.items())


def test_a_terminals_ctrl_c_does_not_reach_the_runs_beside_us(tmp_path, program):
    """We pass it on ourselves; a run that got it twice would die without saving."""
    program("exec cut -d ' ' -f 5 /proc/self/stat\n")  # its process group
    train_all("paxmen-4", {tmp_path / "run": TINY}, "group")
    group = int((tmp_path / "run" / "output.txt").read_text())
    assert group != os.getpgrp()
