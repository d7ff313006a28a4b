"""Evaluations along a run: when, of what, and once each whatever happens to the run."""

import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

import mars_demo.runs.folder as runs
from mars_demo.evaluation import episodes as evaluate
from mars_demo.experiments import evaluations
from mars_demo.experiments.evaluations import (
    Evaluation,
    due_updates,
    evaluate_when_due,
    finish,
    is_complete,
    read_absolute,
    read_evaluations,
)
from mars_demo.runs import loop
from mars_demo.runs.checkpoint import to_arrays
from mars_demo.runs.folder import RunError
from mars_demo.runs.loop import train_run

pytestmark = pytest.mark.loose_promotion  # flax and optax

UPDATES = 3
STEPS = 16 * 8


@pytest.fixture
def config(toy_config):
    return toy_config.replace(total_steps=STEPS * UPDATES)


@pytest.fixture(autouse=True)
def _toy_is_a_task(monkeypatch, toy_task, toy_trainer):
    monkeypatch.setattr(runs, "get_task", lambda name: toy_task())
    for module in (runs, loop):
        monkeypatch.setattr(module, "Trainer", lambda task, config: toy_trainer(config))


@pytest.fixture
def rigged(monkeypatch):
    """`rigged(scores)` lets evaluations find these, one after another, and play nothing."""

    def rig(scores):
        left = iter(scores)

        def play(trainer, actor, step, key):
            score = next(left)
            return Evaluation(step, score, (score,) * evaluations.EPISODES)

        monkeypatch.setattr(evaluations, "_play", play)

    return rig


def train(task, config, folder, resume=False):
    return train_run(task, config, folder, resume, bar=False, watch=evaluate_when_due)


def test_evaluations_are_evenly_spaced_and_end_with_the_run(toy_config):
    def due(updates):
        return due_updates(toy_config.replace(total_steps=STEPS * updates))

    assert due(40) == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    assert due(25) == [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]
    assert due(2) == [1, 2]
    assert due(1) == [1]


def test_a_run_is_evaluated_and_its_best_once_more(tmp_path, toy_task, toy_trainer, config):
    evaluate._play_all.clear_cache()
    train(toy_task(), config, tmp_path)
    lines = read_evaluations(tmp_path)
    assert [line.step for line in lines] == [STEPS, 2 * STEPS, 3 * STEPS]
    assert all(len(line.scores) == 32 for line in lines)
    assert [line.score for line in lines] == [np.mean(line.scores) for line in lines]
    assert not is_complete(tmp_path, "toy", config)
    absolute = finish(toy_trainer(config), tmp_path)
    assert evaluate._play_all._cache_size() == 1
    assert is_complete(tmp_path, "toy", config)
    assert absolute == read_absolute(tmp_path)
    assert absolute.step == max(lines, key=lambda line: line.score).step
    assert len(absolute.scores) == 320
    assert 0 < absolute.score <= 8  # two agents may be right in each of four steps
    assert len({absolute.scores[i : i + 32] for i in range(0, 320, 32)}) > 1
    assert not (tmp_path / "candidates").exists()


def test_the_best_parameters_are_those_of_the_first_highest_score(
    tmp_path, monkeypatch, toy_task, toy_trainer, config, rigged
):
    seen = {}

    def watch(run):
        evaluate_when_due(run)
        seen[run.steps] = to_arrays(run.state.params["actor"])

    rigged([3.0, 5.0, 5.0, *[1.0] * 10])
    train_run(toy_task(), config, tmp_path, bar=False, watch=watch)
    assert finish(toy_trainer(config), tmp_path).step == 2 * STEPS
    best = load_file(tmp_path / "best.safetensors")
    assert best.keys() == seen[STEPS].keys()
    assert all(np.array_equal(best[name], seen[2 * STEPS][name]) for name in best)
    assert not all(np.array_equal(best[name], seen[3 * STEPS][name]) for name in best)


class Killed(BaseException):
    """Nothing is saved after it, as by kill -9."""


def test_a_run_killed_past_its_checkpoint_has_no_line_twice(
    tmp_path, monkeypatch, toy_task, toy_trainer, config, rigged
):
    def killed_after(update):
        def watch(run):
            evaluate_when_due(run)
            if run.done == update:
                raise Killed

        return watch

    rigged([1.0, 9.0])  # the second is lost with what the killed process had not saved
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        train_run(toy_task(), config, tmp_path, bar=False, watch=killed_after(2))
    assert [line.score for line in read_evaluations(tmp_path)] == [1.0, 9.0]
    rigged([2.0, 3.0, *[7.0] * 10])
    train(toy_task(), config, tmp_path, resume=True)
    lines = read_evaluations(tmp_path)
    assert [(line.step, line.score) for line in lines] == [
        (STEPS, 1.0),
        (2 * STEPS, 2.0),
        (3 * STEPS, 3.0),
    ]
    assert finish(toy_trainer(config), tmp_path).step == 3 * STEPS


def test_a_run_cut_off_finds_what_it_would_have_found(
    tmp_path, monkeypatch, toy_task, toy_trainer, config
):
    train(toy_task(), config, tmp_path / "whole")

    def cut(run):
        evaluate_when_due(run)
        if run.done == 2:
            raise Killed

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        train_run(toy_task(), config, tmp_path / "cut", bar=False, watch=cut)
    train(toy_task(), config, tmp_path / "cut", resume=True)
    assert read_evaluations(tmp_path / "cut") == read_evaluations(tmp_path / "whole")


def words(key):
    return tuple(jax.random.key_data(key).tolist())


def test_no_two_rounds_play_the_same_episodes(tmp_path, monkeypatch, toy_task, toy_trainer, config):
    keys = []

    def play(trainer, actor, step, key):
        keys.append(words(key))
        return Evaluation(step, 1.0, (1.0,))

    monkeypatch.setattr(evaluations, "_play", play)
    train(toy_task(), config, tmp_path)
    finish(toy_trainer(config), tmp_path)
    assert len(keys) == len(set(keys)) == UPDATES + 10


def test_other_seeds_play_other_episodes_and_training_has_keys_of_its_own(config):
    keys = [evaluations._key(config.replace(seed=seed), n) for seed in (0, 1) for n in range(3)]
    first = jax.random.split(jax.random.key(0), 5)  # as the trainer splits its seed's key
    keys += [*first, *(key for one in first for key in jax.random.split(one, 3))]
    assert len({words(key) for key in keys}) == len(keys)


def test_what_is_not_whole_is_not_complete(tmp_path, toy_task, toy_trainer, config, rigged):
    rigged([1.0, 2.0, 3.0, *[3.0] * 10])
    train(toy_task(), config, tmp_path)
    finish(toy_trainer(config), tmp_path)
    lines = (tmp_path / "evaluations.jsonl").read_text().splitlines()
    (tmp_path / "evaluations.jsonl").write_text("\n".join(lines[:-1]))
    assert not is_complete(tmp_path, "toy", config)
    with pytest.raises(RunError, match="does not have every evaluation"):
        finish(toy_trainer(config), tmp_path)
    (tmp_path / "evaluations.jsonl").write_text("\n".join(lines))
    assert is_complete(tmp_path, "toy", config)
    with pytest.raises(RunError, match="total_steps is 384 there, 128 here"):
        is_complete(tmp_path, "toy", config.replace(total_steps=STEPS))
    (tmp_path / "absolute.json").write_text(json.dumps({"step": 1}))
    assert not is_complete(tmp_path, "toy", config)
