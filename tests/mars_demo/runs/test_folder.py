"""Runs on disk: exact resume, clean stops, and folders that are not what they should be."""

import dataclasses
import errno
import fcntl
import json
import signal
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mars_demo.runs.folder as runs
from mars_demo.cli import main as cli
from mars_demo.cli import train as train_command
from mars_demo.experiments.training import flags
from mars_demo.learning import league
from mars_demo.learning.train import Trainer
from mars_demo.runs import loop, session
from mars_demo.runs.checkpoint import CheckpointError, list_checkpoints
from mars_demo.runs.clock import Clock
from mars_demo.runs.description import checkout_commit
from mars_demo.runs.folder import RunError, load_run
from mars_demo.runs.loop import train_run, train_seeds
from mars_demo.runs.metrics import read_metrics
from tests.mars_demo.conftest import make_duel_task

pytestmark = pytest.mark.loose_promotion  # flax and optax

UPDATES = 6


@pytest.fixture
def config(toy_config):
    return toy_config.replace(
        network="gru", stagger=True, rollout_steps=7, total_steps=16 * 7 * UPDATES
    )


@pytest.fixture(autouse=True)
def _toy_is_a_task(monkeypatch, toy_task, toy_trainer):
    """Lets runs name the toy task, and share its compiled trainer."""
    monkeypatch.setattr(runs, "get_task", lambda name: toy_task())
    for module in (runs, loop):
        monkeypatch.setattr(module, "Trainer", lambda task, config: toy_trainer(config))


class Meddled:
    """A trainer whose compiled step does something else after one of the updates."""

    def __init__(self, trainer, after, meddle):
        self._trainer, self._after, self._meddle = trainer, after, meddle
        self.step = self

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def lower(self, state):
        return self

    def compile(self):
        return self

    def __call__(self, state):
        state, metrics = self._trainer.step(state)
        return self._meddle(state) if state.updates == self._after else state, metrics


def meddle(monkeypatch, after, how):
    """Lets every run's state go through `how` after so many updates."""
    make = loop.Trainer
    monkeypatch.setattr(
        loop, "Trainer", lambda task, config: Meddled(make(task, config), after, how)
    )


def stop_after(monkeypatch, updates, number=signal.SIGTERM):
    """Sends the signal to this process after so many updates."""

    def stop(state):
        signal.raise_signal(number)
        return state

    meddle(monkeypatch, updates, stop)


def leaves(state):
    state = state._replace(key=jax.random.key_data(state.key))
    return [np.asarray(x) for x in jax.tree.leaves(state)]


@pytest.mark.parametrize(
    ("number", "log_lines"), [(signal.SIGTERM, UPDATES), (signal.SIGINT, UPDATES // 2)]
)
def test_stopped_and_resumed_is_bit_for_bit_the_uninterrupted_run(
    tmp_path, monkeypatch, toy_task, config, number, log_lines
):
    """Its lines of metrics included, also where it was stopped between two of them."""
    monkeypatch.setattr(session, "LOG_LINES", log_lines)
    whole = train_run(toy_task(), config, tmp_path / "whole", bar=False)
    with monkeypatch.context() as patch:
        stop_after(patch, 3, number)
        half = train_run(toy_task(), config, tmp_path / "cut", bar=False)
    assert not half.finished
    assert int(half.state.updates) == 3
    resumed = train_run(toy_task(), config, tmp_path / "cut", resume=True, bar=False)
    assert resumed.finished
    for a, b in zip(leaves(whole.state), leaves(resumed.state), strict=True):
        np.testing.assert_array_equal(a, b)
    untimed = [
        [
            {k: v for k, v in line.items() if "seconds" not in k}
            for line in read_metrics(tmp_path / x)
        ]
        for x in ("whole", "cut")
    ]
    assert untimed[0] == untimed[1]
    assert len(untimed[0]) == log_lines


class Killed(BaseException):
    """As by kill -9: nothing is saved after it."""


def test_a_killed_league_goes_on_bit_for_bit(tmp_path, monkeypatch, toy_config):
    """Past selves, how the learner fared against each, and games under way included."""
    monkeypatch.setattr(league, "MOST_UPDATES", 2)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    config = toy_config.replace(opponents="league", total_steps=16 * 8 * UPDATES)
    task = make_duel_task()
    trainer = Trainer(task, config)
    monkeypatch.setattr(runs, "get_task", lambda name: task)
    for module in (runs, loop):
        monkeypatch.setattr(module, "Trainer", lambda task, config: trainer)
    whole = train_run(task, config, tmp_path / "whole", bar=False)

    def kill(state):
        raise Killed

    with monkeypatch.context() as patch:
        meddle(patch, 4, kill)
        with pytest.raises(Killed):
            train_run(task, config, tmp_path / "cut", bar=False)
    resumed = train_run(task, config, tmp_path / "cut", resume=True, bar=False)
    for a, b in zip(leaves(whole.state), leaves(resumed.state), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(resumed.state.league.taken) == 4  # the first, and one every two updates
    lines = [read_metrics(tmp_path / name)[-1] for name in ("whole", "cut")]
    rates = [{k: v for k, v in line.items() if "win_rate" in k} for line in lines]
    assert rates[0] == rates[1]
    assert len(rates[0]) == league.PAST


def test_seeds_in_one_program_are_as_alone(tmp_path, monkeypatch, toy_task, config):
    """One of them goes on from a checkpoint, and the other begins."""
    configs = [config.replace(seed=seed) for seed in (0, 1)]
    alone = [train_run(toy_task(), c, tmp_path / f"alone_{c.seed}", bar=False) for c in configs]
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        train_run(toy_task(), configs[0], tmp_path / "seed_0", bar=False)
    runs_of = {tmp_path / f"seed_{c.seed}": c for c in configs}
    together = train_seeds(toy_task(), runs_of, resume=True, bar=False)
    assert all(result.finished for result in together)
    for one, two, folder in zip(alone, together, runs_of, strict=True):
        for a, b in zip(leaves(one.state), leaves(two.state), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
        assert [line["step"] for line in read_metrics(folder)][-1] == 16 * 7 * UPDATES
        saved = load_run(folder)[1]
        np.testing.assert_array_equal(leaves(saved)[0], leaves(two.state)[0])


class Watched:
    """A compiled step that takes a second, after a hundred of compiling: by a watch of its own."""

    def __init__(self, trainer, watch):
        self._trainer, self._watch = trainer, watch
        self.step = self

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def lower(self, state):
        return self

    def compile(self):
        self._watch["now"] += 100.0
        self._watch["compiled"] += 100.0
        return self

    def __call__(self, state):
        self._watch["now"] += 1.0
        if state.updates == 3:
            signal.raise_signal(signal.SIGTERM)
        return self._trainer.step(state)


def test_training_and_compiling_are_timed_apart(tmp_path, monkeypatch, toy_task, config):
    make, watch = loop.Trainer, {"now": 0.0, "compiled": 0.0}
    monkeypatch.setattr(loop, "Trainer", lambda task, config: Watched(make(task, config), watch))
    monkeypatch.setattr("mars_demo.runs.clock.compiled_seconds", lambda: watch["compiled"])
    monkeypatch.setattr("time.perf_counter", lambda: watch["now"])
    stopped = train_run(toy_task(), config, tmp_path, bar=False)
    assert (stopped.finished, stopped.seconds, stopped.compile_seconds) == (False, 4.0, 100.0)
    result = train_run(toy_task(), config, tmp_path, resume=True, bar=False)
    assert (result.finished, result.seconds, result.compile_seconds) == (True, 6.0, 200.0)
    lines = read_metrics(tmp_path)
    assert [line["seconds"] for line in lines] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert [line["compile_seconds"] for line in lines] == 4 * [100.0] + 2 * [200.0]


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_training_in_a_folder_is_refused(tmp_path, toy_task, config, resume):
    if resume:
        train_run(toy_task(), config, tmp_path, bar=False)
    with open(tmp_path / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        with pytest.raises(RunError, match="another process trains in"):
            train_run(toy_task(), config, tmp_path, resume=resume, bar=False)
        assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_metrics_past_the_checkpoint_are_written_again_not_twice(
    tmp_path, monkeypatch, toy_task, config
):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        train_run(toy_task(), config, tmp_path, bar=False)
    extra = read_metrics(tmp_path)[-1] | {"step": 16 * 7 * 3}
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write(json.dumps(extra) + '\n{"torn')
    train_run(toy_task(), config, tmp_path, resume=True, bar=False)
    steps = [line["step"] for line in read_metrics(tmp_path)]
    assert steps == [16 * 7 * n for n in range(1, UPDATES + 1)]


def test_a_taken_folder_is_refused_and_left_alone(tmp_path, toy_task, config):
    train_run(toy_task(), config, tmp_path, bar=False)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(RunError, match="--resume"):
        train_run(toy_task(), config, tmp_path, bar=False)
    with pytest.raises(RunError, match=r"another configuration: lr is 0\.01 there, 0\.5 here"):
        train_run(toy_task(), config.replace(lr=0.5), tmp_path, resume=True, bar=False)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_a_run_stopped_before_its_first_checkpoint_starts_again(tmp_path, toy_task, config):
    whole = train_run(toy_task(), config, tmp_path, bar=False)
    for path in (tmp_path / "checkpoints").iterdir():
        path.unlink()
    again = train_run(toy_task(), config, tmp_path, resume=True, bar=False)
    for a, b in zip(leaves(whole.state), leaves(again.state), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(read_metrics(tmp_path)) == UPDATES


def poison(state):
    return state._replace(params=jax.tree.map(lambda x: x * jnp.nan, state.params))


def test_a_nan_stops_the_run_within_one_update(tmp_path, monkeypatch, toy_task, config):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(session, "LOG_LINES", 1)  # whether or not a line of metrics is due
    with monkeypatch.context() as patch:
        meddle(patch, 3, poison)
        patch.setattr(session.Session, "save", lambda self: None)  # nor a checkpoint
        with pytest.raises(RunError, match=f"not finite at step {16 * 7 * 4}"):
            train_run(toy_task(), config, tmp_path / "unsaved", bar=False)
    meddle(monkeypatch, 3, poison)
    with pytest.raises(RunError, match=f"not finite at step {16 * 7 * 3}") as stopped:
        train_run(toy_task(), config, tmp_path, bar=False)
    newest = list_checkpoints(tmp_path / "checkpoints")[-1]
    assert f"The last good checkpoint is {newest}" in str(stopped.value)
    _, state = load_run(tmp_path)
    assert int(state.updates) == 2
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(state.params))


class Unlucky:
    """A trainer whose seed 0 begins with parameters that are not finite."""

    def __init__(self, trainer):
        self._trainer = trainer

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def init(self, key):
        state = self._trainer.init(key)
        factor = jnp.where(key == jax.random.key(0), jnp.nan, 1.0)
        return state._replace(params=jax.tree.map(lambda x: x * factor, state.params))


def test_a_seed_that_fails_stops_the_others_and_they_are_saved(
    tmp_path, monkeypatch, toy_task, config
):
    make = loop.Trainer
    runs_of = {tmp_path / f"seed_{seed}": config.replace(seed=seed) for seed in (0, 1)}
    with monkeypatch.context() as patch:
        patch.setattr(loop, "Trainer", lambda task, config: Unlucky(make(task, config)))
        with pytest.raises(RunError, match="not finite"):
            train_seeds(toy_task(), runs_of, bar=False)
    failed, stopped = runs_of
    assert list_checkpoints(failed / "checkpoints") == []
    _, state = load_run(stopped)
    assert int(state.updates) > 0
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(state.params))


def test_a_full_disk_stops_the_run_and_keeps_the_last_checkpoint(
    tmp_path, monkeypatch, toy_task, config
):
    whole = train_run(toy_task(), config, tmp_path / "whole", bar=False)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    save, folder = session.save_checkpoint, tmp_path / "cut"

    def full(folder, step, state, about):
        if step == 16 * 7 * 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(folder, step, state, about)

    with monkeypatch.context() as patch:
        patch.setattr(session, "save_checkpoint", full)
        with pytest.raises(RunError, match=r"cannot write into .*No space left") as stopped:
            train_run(toy_task(), config, folder, bar=False)
    assert f"The last good checkpoint is {list_checkpoints(folder / 'checkpoints')[-1]}" in str(
        stopped.value
    )
    assert int(load_run(folder)[1].updates) == 2
    resumed = train_run(toy_task(), config, folder, resume=True, bar=False)
    for a, b in zip(leaves(whole.state), leaves(resumed.state), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_checkpoint_is_passed_over_with_a_message(
    tmp_path, monkeypatch, toy_task, config, capsys
):
    whole = train_run(toy_task(), config, tmp_path / "whole", bar=False)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    train_run(toy_task(), config, tmp_path, bar=False)
    newest = list_checkpoints(tmp_path / "checkpoints")[-1]
    newest.with_suffix(".safetensors").write_bytes(b"")
    loop._start(loop.Trainer(toy_task(), config), tmp_path, True, Clock())
    assert newest not in list_checkpoints(tmp_path / "checkpoints")  # nor does it count as kept
    assert f"skipping damaged checkpoint {newest}" in capsys.readouterr().err
    resumed = train_run(toy_task(), config, tmp_path, resume=True, bar=False)
    for a, b in zip(leaves(whole.state), leaves(resumed.state), strict=True):
        np.testing.assert_array_equal(a, b)


def edit_description(folder, **changes):
    path = folder / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | changes))


def test_other_versions_are_refused_and_other_cores_told(tmp_path, toy_task, config, capsys):
    train_run(toy_task(), config, tmp_path, bar=False)
    edit_description(tmp_path, cores=999)
    train_run(toy_task(), config, tmp_path, resume=True, bar=False)
    assert "not bit for bit as without the interruption: cores 999 there" in capsys.readouterr().err
    versions = json.loads((tmp_path / "run.json").read_text())["versions"]
    edit_description(tmp_path, versions=versions | {"jax": "0.1"})
    with pytest.raises(RunError, match=r"other versions: jax 0\.1 there, .* here"):
        train_run(toy_task(), config, tmp_path, resume=True, bar=False)
    edit_description(tmp_path, task="toy", versions=versions | {"python": "3.0"})
    train_run(toy_task(), config, tmp_path, resume=True, bar=False)


def test_another_task_is_refused(tmp_path, monkeypatch, toy_task, config):
    train_run(toy_task(), config, tmp_path, bar=False)
    other = dataclasses.replace(toy_task(), name="other")
    with pytest.raises(RunError, match="another task: toy, not other"):
        runs.check_resumable(tmp_path, other, config)


def test_folders_that_are_no_runs(tmp_path, toy_task, config):
    with pytest.raises(RunError, match=r"no run\.json"):
        load_run(tmp_path)
    with pytest.raises(RunError, match=r"no run\.json"):
        train_run(toy_task(), config, tmp_path / "none", resume=True, bar=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        load_run(tmp_path)


def test_a_run_without_a_whole_checkpoint(tmp_path, toy_task, config):
    train_run(toy_task(), config, tmp_path, bar=False)
    for path in (tmp_path / "checkpoints").glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="no whole checkpoint left"):
        load_run(tmp_path)


def test_an_output_folder_that_cannot_be_made(tmp_path, toy_task, config):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        train_run(toy_task(), config, tmp_path / "file" / "run", bar=False)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_tells_how_it_was_made(tmp_path, toy_task, config):
    train_run(toy_task(), config, tmp_path, bar=False)
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["config"]["network"] == "gru"
    assert {"command", "device", "devices", "cores"} <= about.keys()
    assert {"jax", "jaxmarl", "paxmen-aerojax", "python"} <= about["versions"].keys()
    assert list((tmp_path / "tensorboard").iterdir())


def test_the_command_draws_the_curve_at_the_end(tmp_path, monkeypatch, toy_task, config, capsys):
    monkeypatch.setattr(train_command, "get_task", lambda name: toy_task())
    cli.main(["train", "paxmen-4", *flags(config), "--out", str(tmp_path / "run"), "--no-bar"])
    assert capsys.readouterr().out == f"run folder: {tmp_path / 'run'}\n"
    assert (tmp_path / "run" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_checkout_tells_its_commit_and_another_folder_none(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", tmp_path, *identity, *words], check=True, capture_output=True)

    assert checkout_commit(tmp_path) is None
    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    commit = checkout_commit(tmp_path)
    assert len(commit) == 40
    (tmp_path / "file").write_text("2")
    assert checkout_commit(tmp_path) == commit + "-dirty"
    (tmp_path / "within").mkdir()
    assert checkout_commit(tmp_path / "within") is None  # such as a .venv in another's checkout
