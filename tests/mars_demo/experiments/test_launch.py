"""Engines: this machine, SLURM by submitit's local executor, and a Ray cluster of two nodes."""

import _thread
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mars_demo.experiments.plan as plans
from mars_demo.experiments.evaluations import read_evaluations
from mars_demo.experiments.launch import Local, Ray, Relay, Slurm, relay
from mars_demo.experiments.plan import make_plan, open_plan
from mars_demo.experiments.results import read_cells
from mars_demo.experiments.sweep import run_sweep
from mars_demo.runs.folder import RunError
from mars_demo.runs.metrics import read_metrics
from tests.patience import wait_until

pytestmark = pytest.mark.loose_promotion  # flax and optax

TOY_WORKER = Path(__file__).parents[1].joinpath("toy_worker.py")
SHELL = {
    "fine": ["sh", "-c", "echo done"],
    "wrong": ["sh", "-c", "echo what happened; exit 3"],
    "killed": ["sh", "-c", "kill -9 $$"],
}
TRAP = "trap 'echo asked to stop; exit' TERM; echo up; while :; do sleep 0.1; done"
UNENDING = ["sh", "-c", TRAP]


def ends(running, count):
    """What the engine says of so many commands, each of which it may tell of once."""
    found = {}

    def all_ended():
        ended = running.poll()
        assert not found.keys() & ended.keys()
        found.update(ended)
        return len(found) == count

    with running:
        wait_until(all_ended)
    return found


def test_local_processes_end_with_their_statuses(tmp_path):
    commands = {tmp_path / name: words for name, words in SHELL.items()}
    found = ends(Local().start(commands), 3)
    assert {path.name: status for path, status in found.items()} == {
        "fine": 0,
        "wrong": 3,
        "killed": -9,
    }
    assert (tmp_path / "wrong" / "output.txt").read_text() == "what happened\n"


def test_leaving_stops_what_runs_and_starts_nothing_more(tmp_path):
    folders = [tmp_path / str(n) for n in range(Local().at_once + 1)]
    with Local().start(dict.fromkeys(folders, UNENDING)) as running:
        running.poll()
        wait_until(lambda: all((f / "output.txt").stat().st_size for f in folders[:-1]))
    for folder in folders[:-1]:
        assert (folder / "output.txt").read_text() == "up\nasked to stop\n"
    assert not folders[-1].exists()


def test_a_relay_asks_its_command_to_stop_when_it_is_interrupted(tmp_path, monkeypatch):
    output = tmp_path / "output.txt"

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            if timeout is not None:  # the relay looks after its command
                wait_until(output.read_text)
                _thread.interrupt_main()
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    # A shell's background jobs, and all that they start, ignore SIGINT otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            relay(UNENDING, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert output.read_text() == "up\nasked to stop\n"


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


def sweep_on(engine, folder, monkeypatch, toy_task):
    """A sweep of two toy runs: one dies at first, and the same sweep goes on from there."""
    monkeypatch.setattr(plans, "get_task", lambda name: toy_task())
    plan = make_plan("smoke", ["toy"], ["mars"], 2, 3 * 16 * 8)
    open_plan(folder, plan)
    one, other = plan.jobs
    (folder / other).mkdir(parents=True)
    (folder / other / "die").touch()
    worker = [sys.executable, str(TOY_WORKER), "0"]
    with pytest.raises(RunError, match=f"1 of 2 runs failed: {other}"):
        run_sweep(plan, folder, engine, False, worker)
    assert read_cells(folder)[1] == [other]
    (folder / other / "die").unlink()
    before = (folder / one / "output.txt").read_text()
    run_sweep(plan, folder, engine, False, worker)
    assert read_cells(folder)[1] == []
    assert (folder / one / "output.txt").read_text() == before
    steps = [line["step"] for line in read_metrics(folder / other)]
    assert steps == [line.step for line in read_evaluations(folder / other)] == [128, 256, 384]


@pytest.fixture
def submitit(monkeypatch):
    """Its configuration of logging would close files that pytest captures output in."""
    monkeypatch.setenv("SUBMITIT_LOG_LEVEL", "NOCONFIG")
    return pytest.importorskip("submitit")


@pytest.mark.slow
def test_a_sweep_on_submitit(tmp_path, monkeypatch, toy_task, capsys, submitit):
    engine = Slurm(tmp_path / "logs", {"timeout_min": 10}, cluster="local")
    sweep_on(engine, tmp_path / "sweep", monkeypatch, toy_task)
    assert "toy/mars/seed_1 failed: killed by signal 9" in capsys.readouterr().err


@pytest.mark.slow
def test_options_that_submitit_does_not_know_are_told(tmp_path, submitit):
    engine = Slurm(tmp_path / "logs", {"queue": "gpu"}, cluster="local")
    with pytest.raises(ValueError, match=r"submitit rejects a parameter: .*'queue' need"):
        engine.start({})


@pytest.mark.slow
def test_a_preempted_job_is_queued_again_as_it_was(tmp_path, submitit):
    queued = Relay().checkpoint(["sh", "-c", "exit 5"], tmp_path)
    assert isinstance(queued, submitit.helpers.DelayedSubmission)
    assert queued.result() == 5


@pytest.fixture
def ray_cluster():
    """The address of a Ray cluster of two nodes with a core each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


@pytest.mark.slow
def test_a_sweep_on_a_ray_cluster(tmp_path, monkeypatch, toy_task, capsys, ray_cluster):
    sweep_on(Ray(ray_cluster), tmp_path / "sweep", monkeypatch, toy_task)
    assert "toy/mars/seed_1 failed: killed by signal 9" in capsys.readouterr().err


@pytest.mark.slow
def test_leaving_ray_stops_what_runs(tmp_path, ray_cluster):
    output = tmp_path / "run" / "output.txt"
    with Ray(ray_cluster).start({tmp_path / "run": UNENDING}):
        wait_until(lambda: output.exists() and output.read_text())
    assert output.read_text() == "up\nasked to stop\n"
