"""The league: whom the learner meets how often, and who becomes a past self."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from mars_demo.learning import league as leagues
from mars_demo.learning.config import Config
from mars_demo.learning.league import (
    PAST,
    Outcome,
    Standing,
    judge,
    learning_env,
    pfsp_weights,
    win_rates,
)
from mars_demo.learning.sharding import ALONE
from mars_demo.learning.train import Trainer
from mars_demo.tasks.registry import get_task
from tests.mars_demo.conftest import RPS_CONFIG, make_duel_task, make_rps_task, make_toy_task

pytestmark = pytest.mark.loose_promotion  # flax and optax


def test_weights_by_hand():
    """Squares of the games not won: 0.25, 1 and 0.01 of those three that are there."""
    weights = pfsp_weights(jnp.array([0.5, 0.0, 0.9, 0.0]), jnp.array([True, True, True, False]))
    np.testing.assert_allclose(weights, np.array([0.25, 1.0, 0.01, 0.0]) / 1.26, rtol=1e-6)
    alike = pfsp_weights(jnp.array([1.0, 1.0, 0.0]), jnp.array([True, True, False]))
    np.testing.assert_array_equal(alike, [0.5, 0.5, 0.0])


def test_weights_on_rock_paper_scissors_by_hand():
    """Who always throws rock meets most of all the one that always throws paper."""
    points = jnp.array([0.5, 0.0, 1.0])  # against rock, paper and scissors
    expected = np.array([0.25, 1.0, 0.0]) / 1.25
    np.testing.assert_allclose(pfsp_weights(points, jnp.ones(3, bool)), expected)


@pytest.fixture(scope="module")
def league():
    return Trainer(make_rps_task(), RPS_CONFIG.replace(opponents="league")).league


def actor(value):
    return {"w": jnp.full((2, 3), value)}


def follow(league, standing, value, opponent, points):
    """The league after an update in which every game was one step long."""
    outcome = Outcome(jnp.array([opponent], jnp.int32), jnp.array([points], jnp.float32))
    done = jnp.ones(outcome.opponent.shape, bool)
    return league.follow(standing, actor(value), outcome, done, ALONE)


def test_a_beaten_newest_self_gives_way_to_a_newer_one(league):
    standing = league.start(actor(0.0))
    assert int(standing.taken) == 1
    played = [0] * 60
    standing, _ = follow(league, standing, 1.0, played, [0.5] * 60)
    assert int(standing.taken) == 1  # a draw beats nobody
    standing, metrics = follow(league, standing, 2.0, played, [1.0] * 60)
    assert (int(standing.taken), int(standing.newest)) == (2, 1)
    np.testing.assert_array_equal(standing.past["w"][1], actor(2.0)["w"])
    np.testing.assert_array_equal(standing.past["w"][0], actor(0.0)["w"])
    share = (0.97 * 30 + 60 + 1) / (0.97 * 60 + 60 + 2)
    assert float(metrics["win_rate_past_0"]) == pytest.approx(share, rel=1e-5)
    assert float(win_rates(standing)[1]) == 0.5  # nobody has met it yet
    np.testing.assert_array_equal(league.there(standing), np.arange(PAST) < 2)


def test_time_alone_brings_a_past_self(league, monkeypatch):
    monkeypatch.setattr(leagues, "MOST_UPDATES", 3)
    standing = league.start(actor(0.0))
    for update in range(1, 8):
        standing, _ = follow(league, standing, float(update), [0], [0.0])
    assert int(standing.taken) == 3
    np.testing.assert_array_equal(standing.past["w"][:3, 0, 0], [0.0, 3.0, 6.0])


def test_a_full_league_loses_whom_the_learner_beats_most(league):
    full = Standing(
        past={"w": jnp.zeros((PAST, 2, 3))},
        points=jnp.full(PAST, 50.0).at[jnp.array([2, 5])].set(jnp.array([90.0, 95.0])),
        games=jnp.full(PAST, 100.0),
        taken=jnp.int32(PAST),
        newest=jnp.int32(5),
        updates=jnp.int32(0),
    )
    standing, _ = follow(league, full, 7.0, [5], [1.0])
    assert (int(standing.taken), int(standing.newest)) == (PAST, 2)
    np.testing.assert_array_equal(standing.past["w"][:, 0, 0], np.where(np.arange(8) == 2, 7, 0))
    assert float(standing.games[2]) == 0.0


def test_who_has_won():
    told = {"opponent": jnp.array([3]), "lead": jnp.array([-2.0])}
    assert judge(told)[1] == 0.0
    assert judge(told | {"lead": jnp.array([0.0])})[1] == 0.5
    ends = {"win": jnp.array([True]), "lose": jnp.array([False])}
    assert judge(told | ends)[1] == 1.0
    assert judge(told | {"win": jnp.array([False]), "lose": jnp.array([False])})[1] == 0.5
    assert judge(told)[0] == 3


def test_games_are_counted_when_they_end():
    """A duel is four steps long: 16 environments in 8 steps end 32 games."""
    config = Config(
        opponents="league",
        num_envs=16,
        rollout_steps=8,
        epochs=1,
        minibatches=2,
        hidden=8,
        stagger=False,
    )
    trainer = Trainer(make_duel_task(), config)
    state, _ = trainer.step(trainer.init(jax.random.key(0)))
    assert float(state.league.games.sum()) == 32


def test_scripts_are_members_too():
    task = get_task("aerojax/1_vs_1")
    trainer = Trainer(task, task.preset("mars").replace(opponents="league"))
    assert trainer.league is not None
    scripts = ["circle", "pursuit", "ace"]
    assert trainer.league.names == [*scripts, *(f"past_{i}" for i in range(PAST))]
    assert trainer.env.agents == ["ally_0"]
    ace = learning_env(task, "ace")
    _, state = ace.reset(jax.random.key(0))
    own = ace.pool[0].act(state.env_state)
    assert own.keys() == {"enemy_0"}
    inner = aerojax.make("1_vs_1", opponents="selfplay")
    np.testing.assert_array_equal(
        own["enemy_0"], inner.script_actions(state.env_state, "ace", enemies=True)["enemy_0"]
    )


BAD = {
    "no enemies": (make_toy_task, "league", "toy has no opponents; leave out --opponents"),
    "unknown": (
        lambda: get_task("aerojax/1_vs_1"),
        "acee",
        "unknown opponents 'acee'; valid: ace, ",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_opponents_that_there_are_not(name):
    make, opponents, said = BAD[name]
    with pytest.raises(ValueError, match=said):
        learning_env(make(), opponents)


def test_a_league_starts_from_a_trained_team():
    trainer = Trainer(make_rps_task(), RPS_CONFIG.replace(opponents="league"))
    first, other = (trainer.init(jax.random.key(seed)) for seed in (0, 1))
    started = trainer.started_from(first, other.params["actor"])
    for a, b in zip(
        *map(jax.tree.leaves, (started.params["actor"], other.params["actor"])), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    for past, a in zip(
        *map(jax.tree.leaves, (started.league.past, other.params["actor"])), strict=True
    ):
        np.testing.assert_array_equal(past[0], a)
    with pytest.raises(
        ValueError, match="the team to start from was trained on other observations"
    ):
        trainer.started_from(first, {"params": {}})
