"""Sweeps: nothing is lost or counted twice, and what fails is told while the others go on."""

import copy
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest

import mars_demo.experiments.plan as plans
import mars_demo.runs.folder as runs
from mars_demo.experiments import launch, worker
from mars_demo.experiments.evaluations import read_absolute, read_evaluations
from mars_demo.experiments.launch import Local
from mars_demo.experiments.plan import make_plan, open_plan
from mars_demo.experiments.results import Cell, read_cells, unfinished
from mars_demo.experiments.sweep import run_sweep, seconds_left
from mars_demo.runs import loop
from mars_demo.runs.folder import RunError
from mars_demo.runs.metrics import read_metrics
from tests.patience import wait_until

pytestmark = pytest.mark.loose_promotion  # flax and optax

STEPS = 16 * 8
TOY_WORKER = Path(__file__).parents[1].joinpath("toy_worker.py")


@pytest.fixture(autouse=True)
def _toy_is_a_task(monkeypatch, toy_task, toy_trainer):
    for module in (runs, worker, plans):
        monkeypatch.setattr(module, "get_task", lambda name: toy_task())

    def of_seed(task, config):
        trainer = copy.copy(toy_trainer(config.replace(seed=0)))  # compiled once for all seeds
        trainer.config = config
        return trainer

    for module in (runs, loop, worker):
        monkeypatch.setattr(module, "Trainer", of_seed)
    monkeypatch.setattr(launch, "SECONDS_BETWEEN_LOOKS", 0.01)


def toy_plan(*algos, seeds=1, updates=3):
    return make_plan("smoke", ["toy"], algos, seeds, updates * STEPS)


class Here:
    """An engine that runs commands at once, in this process; what is in `broken` fails."""

    at_once = 1

    def __init__(self, plan, folder, broken=()):
        self.plan, self.folder, self.broken, self.started = plan, folder, broken, []

    def check(self):
        pass

    def start(self, commands):
        self.started = [path.relative_to(self.folder).as_posix() for path in commands]
        self.left = list(self.started)
        return self

    def poll(self):
        if not self.left:
            return {}
        name = self.left.pop(0)
        if name in self.broken:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / name / "output.txt").write_text("compiling ...\nno space left\n\n")
            return {self.folder / name: self.broken[name]}
        worker.train_job(self.plan.jobs[name], self.folder)
        return {self.folder / name: 0}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_what_failed_is_told_and_only_that_is_repeated(tmp_path, capsys):
    plan = toy_plan("mars", seeds=3)
    open_plan(tmp_path, plan)
    names = [f"toy/mars/seed_{n}" for n in range(3)]
    broken = {names[0]: -9, names[1]: "job 7 OUT_OF_MEMORY: it is gone"}
    with pytest.raises(RunError, match=r"2 of 3 runs failed: toy/mars/seed_0, toy/mars/seed_1"):
        run_sweep(plan, tmp_path, Here(plan, tmp_path, broken), bar=False)
    told = capsys.readouterr().err
    assert f"{names[0]} failed: killed by signal 9; no space left\n" in told
    assert f"{names[1]} failed: job 7 OUT_OF_MEMORY: it is gone; no space left\n" in told
    assert read_cells(tmp_path)[1] == names[:2]
    engine = Here(plan, tmp_path)
    run_sweep(plan, tmp_path, engine, bar=False)
    assert engine.started == names[:2]
    assert unfinished(plan, tmp_path) == []
    again = Here(plan, tmp_path)
    run_sweep(plan, tmp_path, again, bar=False)
    assert again.started == []


def test_cells_are_what_the_runs_found(tmp_path):
    plan = toy_plan("mappo", "mars")
    open_plan(tmp_path, plan)
    assert read_cells(tmp_path) == ([], ["toy/mappo/seed_0", "toy/mars/seed_0"])
    worker.train_job(plan.jobs["toy/mars/seed_0"], tmp_path)
    cells, missing = read_cells(tmp_path)
    assert missing == ["toy/mappo/seed_0"]
    lines = read_evaluations(tmp_path / "toy/mars/seed_0")
    metrics = read_metrics(tmp_path / "toy/mars/seed_0")
    assert len(metrics) == 3
    assert cells == [
        Cell(
            task="toy",
            algo="mars",
            seed=0,
            budget=3 * STEPS,
            steps=(STEPS, 2 * STEPS, 3 * STEPS),
            scores=(lines[0].score, lines[1].score, lines[2].score),
            absolute=read_absolute(tmp_path / "toy/mars/seed_0").score,
            kl=pytest.approx(fmean(line["kl"] for line in metrics)),
        )
    ]
    (tmp_path / "toy/mars/seed_0/metrics.jsonl").unlink()
    assert math.isnan(read_cells(tmp_path)[0][0].kl)


def test_time_left_is_that_of_the_runs_before(tmp_path):
    plan = toy_plan("mars", seeds=3)
    assert seconds_left(plan, tmp_path) is None
    worker.train_job(plan.jobs["toy/mars/seed_1"], tmp_path)
    took = read_metrics(tmp_path / "toy/mars/seed_1")[-1]["seconds"]
    assert seconds_left(plan, tmp_path) == pytest.approx(2 * took)


@pytest.mark.slow
def test_a_killed_sweep_stops_its_runs_and_another_goes_on(tmp_path):
    """As real processes: kill -9 of the sweep, and of one of the runs when it has gone on."""
    plan = toy_plan("mars", seeds=2, updates=10)
    open_plan(tmp_path, plan)
    first, second = (tmp_path / name for name in plan.jobs)
    code = (
        "import sys; from pathlib import Path\n"
        "from mars_demo.experiments.launch import Local\n"
        "from mars_demo.experiments.plan import read_plan\n"
        "from mars_demo.experiments.sweep import run_sweep\n"
        "folder = Path(sys.argv[1])\n"
        "run_sweep(read_plan(folder), folder, Local(), False, sys.argv[2:])\n"
    )
    words = [sys.executable, str(TOY_WORKER)]
    killed = subprocess.Popen([sys.executable, "-c", code, tmp_path, *words, "2"])
    wait_until(lambda: len(read_evaluations(first)) == 2 or killed.poll() is not None)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    wait_until(lambda: "stopped and saved" in (first / "output.txt").read_text())
    cut = read_evaluations(first)
    assert len(cut) == 2
    second.mkdir(parents=True, exist_ok=True)
    (second / "die").touch()
    with pytest.raises(RunError, match=f"1 of 2 runs failed: {second.relative_to(tmp_path)}"):
        run_sweep(plan, tmp_path, Local(), False, [*words, "0"])
    (second / "die").unlink()
    run_sweep(plan, tmp_path, Local(), False, [*words, "0"])
    for folder in (first, second):
        due = [STEPS * n for n in range(1, 11)]
        assert [line.step for line in read_evaluations(folder)] == due
        assert [line["step"] for line in read_metrics(folder)] == due
    assert read_evaluations(first)[: len(cut)] == cut
    assert read_cells(tmp_path)[1] == []
