"""Tournaments: games with known answers, ratings of known strengths, circles that are there."""

import dataclasses
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mars_demo
from mars_demo.cli import league as commands
from mars_demo.cli import main as cli
from mars_demo.evaluation import tournament
from mars_demo.evaluation.episodes import Trained
from mars_demo.evaluation.pretrained import load_pretrained
from mars_demo.evaluation.tournament import (
    Results,
    bradley_terry,
    circles,
    find_player,
    play,
    rate,
    with_rival,
    write_tournament,
)
from mars_demo.learning.train import Trainer
from mars_demo.tasks.registry import get_task
from tests.mars_demo.conftest import RPS_CONFIG, make_rps_task
from wrappers import Script

pytestmark = pytest.mark.loose_promotion  # flax

SIGNS = {"rock": 0, "paper": 1, "scissors": 2}


class Throws:
    def __init__(self, sign, team):
        self.sign, self.agent = sign, {"left": "agent_0", "right": "agent_1"}[team]

    def __call__(self, state):
        return {self.agent: jnp.int32(self.sign)}


@pytest.fixture
def task():
    def pilots(both, team):
        return {name: Script(Throws(sign, team)) for name, sign in SIGNS.items()}

    return dataclasses.replace(make_rps_task(), pilots=pilots)


@pytest.fixture
def thrower(monkeypatch):
    """A team that never learned, known by the names "one" and "two"."""
    trainer = Trainer(make_rps_task(), RPS_CONFIG.replace(opponents="self", num_envs=2))
    actor = trainer.init(jax.random.key(0)).params["actor"]
    team = Trained(trainer, actor, "nobody")
    find = tournament.find_player
    known = {"one": team, "two": team}
    monkeypatch.setattr(
        tournament, "find_player", lambda task, name: known.get(name) or find(task, name)
    )
    return team


def test_rock_paper_scissors(task, tmp_path):
    results = play(task, list(SIGNS), games=6)
    np.testing.assert_array_equal(results.wins, [[0, 0, 6], [6, 0, 0], [0, 6, 0]])
    np.testing.assert_array_equal(results.draws, 0)
    assert circles(results) == [("rock", "scissors", "paper")]
    np.testing.assert_allclose(rate(results).elo, 1000.0, atol=1e-6)
    table = write_tournament(task, results, tmp_path)
    assert "rock beats scissors beats paper beats rock" in table
    about = json.loads((tmp_path / "tournament.json").read_text())
    assert about["wins"] == results.wins.tolist()
    assert about["circles"] == [["rock", "scissors", "paper"]]
    assert (tmp_path / "wins.png").stat().st_size > 5000


def test_two_copies_of_one_policy_are_even(task, thrower):
    results = play(task, ["one", "two", "rock"], games=600)
    decided = results.wins[0, 1] + results.wins[1, 0]
    assert decided > 300
    assert abs(results.wins[0, 1] - decided / 2) < 3 * np.sqrt(decided / 4)
    np.testing.assert_array_equal(results.games, 600 * (1 - np.eye(3)))
    with pytest.raises(ValueError, match="name two or more players, each once; got one, one"):
        play(task, ["one", "one"], games=6)


def test_a_frozen_team_becomes_an_opponent(task, thrower):
    both = task.make()
    pilots = with_rival(task, "one").pilots(both, "right")
    assert list(pilots) == [*SIGNS, "one"]
    assert with_rival(task, "rock") is task


def test_opponents_for_anyones_trainer():
    env = mars_demo.make_with_opponents("aerojax/1_vs_1", "ace", "circle", weights=[1.0, 0.0])
    assert env.agents == ["ally_0"]
    _, state = env.reset(jax.random.key(0))
    *_, info = jax.jit(env.step_env)(jax.random.key(1), state, {"ally_0": jnp.int32(22)})
    assert info["opponent"].tolist() == [0]
    with pytest.raises(ValueError, match="unknown player 'acee'; valid: ace, "):
        mars_demo.make_with_opponents("aerojax/1_vs_1", "acee")
    with pytest.raises(ValueError, match="the pool is empty"):
        mars_demo.make_with_opponents("aerojax/1_vs_1")


def test_known_strengths_are_recovered():
    """Every pair plays 2000 games, decided by the model itself."""
    strengths = np.array([1200.0, 1050.0, 1000.0, 900.0, 850.0])
    rng, size = np.random.default_rng(0), len(strengths)
    wins = np.zeros((size, size), int)
    for i, j in itertools.combinations(range(size), 2):
        chance = 1.0 / (1.0 + 10.0 ** ((strengths[j] - strengths[i]) / 400.0))
        wins[i, j] = rng.binomial(2000, chance)
        wins[j, i] = 2000 - wins[i, j]
    ratings = rate(Results(list("abcde"), wins, np.zeros_like(wins)))
    assert np.all((ratings.low < strengths) & (strengths < ratings.high))
    assert np.all(ratings.high - ratings.low < 30)
    assert np.mean(ratings.elo) == pytest.approx(1000)
    assert circles(Results(list("abcde"), wins, np.zeros_like(wins))) == []


def test_three_in_four_is_191_points():
    """And who wins all is finitely good, by the drawn game that each pair is given."""
    elo = bradley_terry(np.array([[0, 7499.5], [2499.5, 0]]), np.array([[0, 9999], [9999, 0]]))
    assert elo[0] - elo[1] == pytest.approx(400 * np.log10(3), abs=0.1)
    elo = bradley_terry(np.array([[0, 10.0], [0, 0]]), np.array([[0, 10], [10, 0]]))
    assert elo[0] - elo[1] == pytest.approx(400 * np.log10(21), abs=0.1)


def test_draws_count_half_in_every_resample():
    drawn = np.array([[0, 50], [50, 0]])
    np.testing.assert_allclose(rate(Results(list("ab"), np.zeros_like(drawn), drawn)), 1000.0)


def test_chance_makes_no_circle():
    wins = np.array([[0, 11, 9], [9, 0, 11], [11, 9, 0]])
    assert circles(Results(list("abc"), wins, np.zeros_like(wins))) == []
    assert circles(Results(list("abc"), 100 * wins, np.zeros_like(wins))) == [("a", "b", "c")]


def test_players_that_there_are_not(task):
    with pytest.raises(ValueError, match="unknown player 'rok'; valid: rock, "):
        find_player(task, "rok")
    with pytest.raises(ValueError, match="paxmen-4 has no opponents"):
        find_player(get_task("paxmen-4"), "planner")
    wrong = dataclasses.replace(task, name="other")
    with pytest.raises(ValueError, match="cannot play the team left of RockPaperScissors"):
        play(wrong, ["rock", "aerojax/identical_5_vs_5"], games=2)


def test_the_command(task, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "get_task", lambda name: task)
    cli.main(["tournament", "paxmen-4", "rock", "paper", "--games", "2", "--out", str(tmp_path)])
    assert "| paper | " in capsys.readouterr().out
    assert not (tmp_path / "match.html").exists()  # nobody can draw it


def test_a_best_response_wins(task, tmp_path, monkeypatch, capsys):
    """Against who always throws rock paper wins all."""
    preset = RPS_CONFIG.replace(hidden=8)
    task = dataclasses.replace(task, preset=lambda algo: preset)
    monkeypatch.setattr(commands, "get_task", lambda name: task)
    monkeypatch.setattr("mars_demo.runs.folder.get_task", lambda name: task)
    words = ["exploit", "paxmen-4", "rock", "--total-steps", "20000", "--games", "20", "--no-bar"]
    cli.main([*words, "--out", str(tmp_path / "best")])
    said = capsys.readouterr().out
    assert "against rock after 20,000 steps: won 20, drawn 0, lost 0; 1.00" in said


@pytest.mark.parametrize("batch", [None, 3])
def test_a_team_acts_in_three_lines(batch):
    team = load_pretrained("paxmen-4")
    env = team.trainer.env
    keys = jax.random.split(jax.random.key(0), batch or 1)
    obs, state = jax.vmap(env.reset)(keys)
    available = jax.vmap(env.get_avail_actions)(state)
    if batch is None:
        obs, state, available = jax.tree.map(lambda x: x[0], (obs, state, available))
    memory, actions = jax.jit(team.act)(team.start(batch), obs, available)
    assert actions.keys() == set(env.agents)
    one = obs if batch is None else jax.tree.map(lambda x: x[1], obs)
    at = state if batch is None else jax.tree.map(lambda x: x[1], state)
    policy = team.policy(greedy=True)
    _, expected = policy.act(policy.params, policy.memory, one, at, jax.random.key(0))
    for agent, action in expected.items():
        assert (actions[agent] if batch is None else actions[agent][1]) == action
    drawn = [team.act(memory, obs, available, key)[1] for key in jax.random.split(keys[0], 8)]
    flat = [np.concatenate([np.ravel(x) for x in jax.tree.leaves(d)]) for d in drawn]
    assert any(np.any(flat[0] != other) for other in flat[1:])
