"""Runs on disk: exact resume, clean stops, and folders that are not what they should be."""

import json
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mars_demo.run as runs
from mars_demo.checkpoint import CheckpointError
from mars_demo.run import RunError, load_run, read_metrics, train_run

pytestmark = pytest.mark.loose_promotion  # flax and optax

UPDATES = 6


@pytest.fixture
def config(toy_config):
    return toy_config.replace(network="gru", rollout_steps=7, total_steps=16 * 7 * UPDATES)


@pytest.fixture(autouse=True)
def _toy_is_a_task(monkeypatch, toy_task, toy_trainer):
    """Lets runs name the toy task, and share its compiled trainer."""
    monkeypatch.setattr(runs, "get_task", lambda name: toy_task())
    monkeypatch.setattr(runs, "Trainer", lambda task, config: toy_trainer(config))


def stop_after(monkeypatch, updates, number=signal.SIGTERM):
    """Sends the signal to this process after so many updates."""
    summarise, seen = runs.summarise, []

    def counted(*args):
        seen.append(1)
        if len(seen) == updates:
            signal.raise_signal(number)
        return summarise(*args)

    monkeypatch.setattr(runs, "summarise", counted)


def leaves(state):
    state = state._replace(key=jax.random.key_data(state.key))
    return [np.asarray(x) for x in jax.tree.leaves(state)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_and_resumed_is_bit_for_bit_the_uninterrupted_run(
    tmp_path, monkeypatch, toy_task, config, number
):
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
        [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(tmp_path / x)]
        for x in ("whole", "cut")
    ]
    assert untimed[0] == untimed[1]
    assert [line["step"] for line in untimed[0]] == [16 * 7 * n for n in range(1, UPDATES + 1)]


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
    with pytest.raises(RunError, match="another task or configuration"):
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


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, monkeypatch, toy_task, config):
    summarise, seen = runs.summarise, []

    def poisoned(updates, task):
        seen.append(1)
        bad = {"value_loss": jnp.float32(jnp.nan)} if len(seen) == 3 else {}
        return summarise([update | bad for update in updates], task)

    monkeypatch.setattr(runs, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(runs, "summarise", poisoned)
    with pytest.raises(RunError, match=f"not finite at step {16 * 7 * 3}"):
        train_run(toy_task(), config, tmp_path, bar=False)
    _, state = load_run(tmp_path)
    assert int(state.updates) == 2  # the last good one


def test_folders_that_are_no_runs(tmp_path, toy_task, config):
    with pytest.raises(RunError, match=r"no run\.json"):
        load_run(tmp_path)
    with pytest.raises(RunError, match=r"no run\.json"):
        train_run(toy_task(), config, tmp_path / "none", resume=True, bar=False)
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
    assert {"jax", "jaxmarl", "paxmen-aerojax", "python"} <= about["versions"].keys()
    assert list((tmp_path / "tensorboard").iterdir())
