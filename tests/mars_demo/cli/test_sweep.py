"""`mars-demo sweep`: what it says before it trains, and what it refuses."""

import json
import os
import shutil
import signal
import sys

import pytest

from mars_demo import __main__
from mars_demo.cli import main as cli
from mars_demo.cli.sweep import Sweep, Tune, _options
from mars_demo.experiments import launch, results, sweep, tuning

pytestmark = pytest.mark.loose_promotion  # other packages' environments


def refused(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["sweep", "--tasks", "spread-3", *words])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_mistakes_end_in_a_line_and_leave_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "submitit", object())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    out = ["--out", str(tmp_path / "sweep")]
    mistakes = {
        ("--tasks", "mpe/spread-4"): "unknown task 'mpe/spread-4'; valid: mpe/spread-",
        ("--algos", "mars,mapo"): "unknown algorithm 'mapo'; valid: mappo, maspo",
        ("--engine", "slurm"): "there is no srun and sbatch on this machine",
        ("--slurm", "timeout_min=5"): "--slurm goes with --engine slurm",
        ("--ray-address", "auto"): "--ray-address goes with --engine ray",
        ("--settings", str(tmp_path / "none.json")): "none.json",
        ("--engine", "slurm", "--slurm", "timeout"): "--slurm takes KEY=VALUE, got 'timeout'",
    }
    for words, message in mistakes.items():
        assert message in refused(capsys, *words, *out)
    assert not (tmp_path / "sweep").exists()


def test_options_are_numbers_where_they_can_be():
    assert _options(("slurm_partition=gpu", "timeout_min=600", "setup=a=b")) == {
        "slurm_partition": "gpu",
        "timeout_min": 600,
        "setup": "a=b",
    }


def test_it_says_what_there_is_to_do(tmp_path, monkeypatch, capsys):
    asked = {}

    def run(plan, folder, engine, bar):
        asked["jobs"] = list(plan.jobs)

    monkeypatch.setattr(sweep, "run_sweep", run)
    command = Sweep(tmp_path / "sweep", "mini", "mars, mappo", 1, "mpe/spread-3,paxmen-4", 6400)
    command.run()
    tasks = ("mpe/spread-3", "paxmen/paxmen-4")
    assert asked["jobs"] == [
        f"{task}/{algo}/seed_0" for task in tasks for algo in ("mars", "mappo")
    ]
    # 2048 steps an update of the one, 6400 of the other.
    assert capsys.readouterr().out.splitlines()[0] == (
        "4 runs of 29,184 steps in all, 0 finished; "
        "time left unknown until the first run is finished"
    )
    monkeypatch.setattr(sweep, "seconds_left", lambda plan, folder: 7384.0)
    monkeypatch.setattr(results, "unfinished", lambda plan, folder: [])
    monkeypatch.setattr(launch, "core_slots", lambda: [frozenset({0}), frozenset({1})])
    command.run()
    said = capsys.readouterr().out
    assert "4 finished; about 1:01:32 h of training left, 2 at once\n" in said


def test_a_sweep_leaves_the_accelerators_memory_to_its_runs(monkeypatch):
    name, seen = "XLA_PYTHON_CLIENT_PREALLOCATE", []
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    monkeypatch.setattr(cli, "main", lambda: seen.append(os.environ.get(name)))
    before = signal.getsignal(signal.SIGINT)
    for words in (["train"], ["sweep"]):
        monkeypatch.setattr(sys, "argv", ["mars-demo", *words])
        __main__.main()
    signal.signal(signal.SIGINT, before)
    assert seen == [None, "false"]


def test_a_trial_trains_with_what_its_label_says(tmp_path, monkeypatch):
    """`tune --settings` with a pattern that is exactly a TASK/ALGO, and a wider one after it."""
    given = {"mpe/spread-3/mars": {"eps": 0.9, "num_envs": 4}, "*": {"eps": 0.7, "epochs": 3}}
    (tmp_path / "given.json").write_text(json.dumps(given))
    trained = {}

    def late_returns(jobs, folder):
        (job,) = jobs.values()
        trained[folder.name] = job.config
        return {"mpe/spread-3/mars": float(job.config.eps == 0.3)}

    monkeypatch.setattr(Tune, "train", lambda *_: None)
    monkeypatch.setattr(tuning, "late_returns", late_returns)
    out = tmp_path / "tuning"
    out.mkdir()
    words = ["--tasks", "mpe/spread-3", "--algos", "mars", "--seeds", "1", "--out", str(out)]
    cli.main(["tune", *words, "--settings", str(tmp_path / "given.json")])
    for label, config in trained.items():
        assert (config.num_envs, config.eps == 0.7) == (4, False)
        if label.startswith("eps="):
            assert (f"eps={config.eps:g}", config.epochs) == (label, 3)
    assert trained["epochsx2"].epochs == 6
    assert json.loads((out / "settings.json").read_text()) == {
        "mpe/*/mars": {"eps": 0.3, "num_envs": 4, "epochs": 3}
    }
