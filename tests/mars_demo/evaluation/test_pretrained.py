"""Teams as files: those that ship play as well as they say, and damaged ones are refused."""

import json

import jax
import numpy as np
import pytest

import mars_demo
import mars_demo.evaluation.pretrained as teams
import mars_demo.runs.folder as runs
from mars_demo.evaluation.episodes import evaluate, on_task
from mars_demo.evaluation.pretrained import (
    TEAMS,
    export_team,
    list_pretrained,
    load_pretrained,
    read_team,
)
from mars_demo.runs import loop
from mars_demo.runs.checkpoint import CheckpointError
from mars_demo.runs.folder import RunError, load_run
from mars_demo.runs.loop import train_run
from mars_demo.tasks.registry import get_task

pytestmark = pytest.mark.loose_promotion  # flax


def test_one_of_each_family_ships():
    league = [f"aerojax/identical_5_vs_5/league-{i}" for i in (1, 2)]
    assert list_pretrained() == [
        "aerojax/identical_5_vs_5",
        *league,
        "paxmen-4",
        "paxmen-generated-4",
    ]
    for file in TEAMS.rglob("*.safetensors"):
        assert file.stat().st_size < 1e6


@pytest.mark.parametrize("name", list_pretrained())
def test_a_shipped_team_fits_the_trainer_of_today(name):
    assert load_pretrained(name).trainer.task.name == name.partition("/league-")[0]


@pytest.mark.parametrize(
    "name", ["paxmen-4", pytest.param("aerojax/identical_5_vs_5", marks=pytest.mark.slow)]
)
def test_a_shipped_team_plays_as_well_as_its_file_says(name):
    team = load_pretrained(name)
    told = json.loads((TEAMS / f"{name}.json").read_text())["score"]
    score = evaluate(team.trainer.task, team.policy(), jax.random.key(7), 64).score
    # 64 episodes instead of 1024: an interval four times as wide; once more for another seed.
    assert score.mean() == pytest.approx(told["mean"], abs=8 * told["interval"])


def test_a_shipped_team_plays_levels_that_it_never_saw():
    """A random policy eats half a dot there, the planner 87."""
    unseen = get_task("paxmen-generated-4-heldout")
    team = on_task(load_pretrained("paxmen-generated-4"), unseen)
    assert evaluate(unseen, team.policy(), jax.random.key(7), 64).score.mean() > 40.0


@pytest.fixture
def run(tmp_path, monkeypatch, toy_task, toy_trainer, toy_config):
    """A run of the toy task."""
    for module in (runs, teams):
        monkeypatch.setattr(module, "get_task", lambda name: toy_task())
    for module in (runs, loop):
        monkeypatch.setattr(module, "Trainer", lambda task, config: toy_trainer(config))
    train_run(toy_task(), toy_config.replace(total_steps=128), tmp_path / "run", bar=False)
    return tmp_path / "run"


def test_a_team_is_loaded_from_wherever_it_is(run, tmp_path):
    file = export_team(run, tmp_path / "team.json", episodes=4)[0]
    actors = [mars_demo.load_team(source).actor for source in (run, str(run), file)]
    for other in actors[1:]:
        jax.tree.map(np.testing.assert_array_equal, actors[0], other)
    with pytest.raises(ValueError, match="unknown pretrained team 'paxmen-44'; valid: paxmen-4"):
        mars_demo.load_team("paxmen-44")


def test_train_evaluate_and_film_by_the_front_door(tmp_path):
    task = mars_demo.get_task("paxmen-4")
    config = mars_demo.Config(num_envs=4, rollout_steps=10, total_steps=80, hidden=8, minibatches=2)
    assert mars_demo.train_run(task, config, str(tmp_path / "run"), bar=False).finished
    team = mars_demo.load_team(tmp_path / "run")
    played = mars_demo.evaluate(team, episodes=3, seed=1)
    expected = evaluate(task, team.policy(), jax.random.key(1), 3)
    np.testing.assert_array_equal(played.score, expected.score)
    assert played.length.tolist() == [100] * 3
    assert len(mars_demo.record_episode(team)["frames"]) == 101
    assert mars_demo.load_team("paxmen-4").trainer.task.name == "paxmen-4"
    assert len(dir(mars_demo)) <= 12


def test_an_exported_team_is_the_runs(run, tmp_path):
    written = export_team(run, tmp_path / "sub" / "team.json", episodes=4)
    assert [path.name for path in written] == ["team.json", "team.safetensors"]
    team = load_pretrained(str(written[0]))
    expected = load_run(run)[1].params["actor"]
    jax.tree.map(np.testing.assert_array_equal, team.actor, expected)
    about = json.loads(written[0].read_text())
    assert about["config"]["total_steps"] == 128
    assert about["score"]["episodes"] == 4
    with pytest.raises(RunError, match="exists already"):
        export_team(run, written[0], episodes=4)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_damaged_team_is_refused(run, tmp_path, suffix):
    path = export_team(run, tmp_path / "team.json", episodes=4)[0]
    whole = path.with_suffix(suffix).read_bytes()
    path.with_suffix(suffix).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"team\.json cannot be used"):
        read_team(path)
    path.with_suffix(suffix).unlink()
    with pytest.raises(CheckpointError, match=r"team\.json cannot be used"):
        read_team(path)
