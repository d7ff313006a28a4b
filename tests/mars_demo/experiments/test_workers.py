"""One run of a sweep, whatever state it is found in."""

import fcntl
import json
import threading

import pytest

import mars_demo.runs.folder as runs
from mars_demo.experiments import worker
from mars_demo.experiments.evaluations import is_complete, read_evaluations
from mars_demo.experiments.plan import Job
from mars_demo.experiments.worker import train_job
from mars_demo.runs import lock, loop
from mars_demo.runs.checkpoint import list_checkpoints
from mars_demo.runs.folder import RunError
from mars_demo.runs.metrics import read_metrics
from tests.patience import HANG_SECONDS

pytestmark = pytest.mark.loose_promotion  # flax and optax

STEPS = 16 * 8


@pytest.fixture
def job(toy_config):
    return Job("toy", toy_config.replace(total_steps=3 * STEPS))


@pytest.fixture(autouse=True)
def _toy_is_a_task(monkeypatch, toy_task, toy_trainer):
    monkeypatch.setattr(runs, "get_task", lambda name: toy_task())
    monkeypatch.setattr(worker, "get_task", lambda name: toy_task())
    for module in (runs, loop, worker):
        monkeypatch.setattr(module, "Trainer", lambda task, config: toy_trainer(config))


def test_a_finished_run_is_left_alone(tmp_path, job):
    train_job(job, tmp_path)
    folder = tmp_path / "toy" / "mars" / "seed_0"
    assert is_complete(folder, job.task, job.config)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    train_job(job, tmp_path)
    assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def cut_checkpoints(folder):
    (folder / "absolute.json").unlink()
    for path in list_checkpoints(folder / "checkpoints"):
        path.with_suffix(".safetensors").write_bytes(b"")


def cut_description(folder):
    (folder / "absolute.json").unlink()
    (folder / "run.json").write_text("{")


def cut_evaluations(folder):
    (folder / "evaluations.jsonl").write_text("{")


@pytest.mark.parametrize("cut", [cut_checkpoints, cut_description, cut_evaluations])
def test_a_broken_run_begins_again(tmp_path, job, capsys, cut):
    train_job(job, tmp_path)
    folder = tmp_path / job.name
    found = read_evaluations(folder)
    (folder / "output.txt").write_text("what was printed")
    cut(folder)
    assert not is_complete(folder, job.task, job.config)
    train_job(job, tmp_path)
    assert "it begins again" in capsys.readouterr().err
    assert is_complete(folder, job.task, job.config)
    assert read_evaluations(folder) == found
    assert [line["step"] for line in read_metrics(folder)] == [STEPS, 2 * STEPS, 3 * STEPS]
    assert (folder / "output.txt").read_text() == "what was printed"


def test_another_run_is_not_taken_for_the_plans(tmp_path, job):
    train_job(job, tmp_path)
    other = Job(job.task, job.config.replace(lr=0.5))
    with pytest.raises(RunError, match=r"lr is 0\.01 there, 0\.5 here"):
        train_job(other, tmp_path)
    assert is_complete(tmp_path / job.name, job.task, job.config)


def test_a_run_killed_before_its_last_evaluation_only_plays(tmp_path, monkeypatch, job):
    train_job(job, tmp_path)
    folder = tmp_path / job.name
    # As it was before the absolute metric.
    candidates = folder / "candidates"
    candidates.mkdir()
    step = json.loads((folder / "absolute.json").read_text())["step"]
    (folder / "best.safetensors").rename(candidates / f"step_{step:012d}.safetensors")
    absolute = (folder / "absolute.json").read_text()
    (folder / "absolute.json").unlink()
    before = read_metrics(folder)
    train_job(job, tmp_path)
    assert (folder / "absolute.json").read_text() == absolute
    assert read_metrics(folder) == before


def test_a_run_that_a_signal_stops_is_not_finished(tmp_path, monkeypatch, job):
    monkeypatch.setattr(worker, "_train", lambda *_, resume: False)
    with pytest.raises(RunError, match="stopped and saved"):
        train_job(job, tmp_path)
    assert not is_complete(tmp_path / job.name, job.task, job.config)


def test_two_processes_never_train_the_same_run(tmp_path, monkeypatch, job):
    folder = tmp_path / job.name
    folder.mkdir(parents=True)
    trained, waiting = [], threading.Event()
    monkeypatch.setattr(worker, "_train", lambda *_, resume: trained.append(1) or True)
    monkeypatch.setattr(lock, "print", lambda *_, **__: waiting.set(), raising=False)
    monkeypatch.setattr(worker, "finish", lambda *_: None)
    with open(folder / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = threading.Thread(target=train_job, args=(job, tmp_path))
        second.start()
        assert waiting.wait(HANG_SECONDS)
        assert not trained
        fcntl.flock(held, fcntl.LOCK_UN)
        second.join(HANG_SECONDS)
    assert trained
