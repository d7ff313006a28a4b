"""Combat's terms, rewards and potential, computed by hand."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.combat import Combat, CombatTask, positional_advantages, potential_gain
from aerojax.rules.geometry import relate

WEIGHTS = Combat(
    damage_dealt=1.0,
    damage_taken=-0.5,
    kills=1.0,
    losses=-0.5,
    crashes=-0.2,
    win=2.0,
    lose=-1.0,
    shaping=2.0,
    discount=0.99,
)
FAR = [(x, y, 3000, 0, 200) for x in (-4000, 4000) for y in (0, 700)]


@pytest.fixture(scope="module")
def env():
    fighters = ("fighter",) * 2
    return aerojax.make(aerojax.Config(fighters, fighters, WEIGHTS, opponents="selfplay"))


@pytest.fixture(scope="module")
def verdict_of(env, state_of, judge):
    """After a step in which nobody moved: who lives, what hurt whom, and who crashed."""

    def build(alive, damage=(0, 0, 0, 0), crashed=(0, 0, 0, 0), before=(0.0, 0.0)):
        task = CombatTask(*map(jnp.float32, before))
        start = state_of(env, FAR, task=task)
        end = dataclasses.replace(start, alive=jnp.array(alive, bool))
        return judge(env, start, end, damage, crashed)

    return build


def test_terms_and_reward_by_hand(verdict_of):
    """B's first loses 0.4 of its hit point and falls; A's first loses 0.1; A's second crashes."""
    verdict, a, b = verdict_of([1, 0, 0, 1], [0.1, 0, 0.4, 0], [0, 1, 0, 0], before=(0.3, -0.2))
    terms = {"damage_dealt": 0.2, "damage_taken": 0.05, "kills": 0.5, "losses": 0.5, "crashes": 0.5}
    for name, value in terms.items():
        assert float(verdict.terms_a[name]) == pytest.approx(value), name
    mirrored = {"damage_dealt": 0.05, "damage_taken": 0.2, "kills": 0.5, "losses": 0.5}
    for name, value in (mirrored | {"crashes": 0}).items():
        assert float(verdict.terms_b[name]) == pytest.approx(value), name
    # Only A's first and B's second are left, both facing east, B's ahead: e^(-r/4000), by one half
    # for the team-mate that is gone.
    advantage = 0.5 * math.cos(math.atan2(700, 8000)) * math.exp(-math.hypot(8000, 700) / 4000)
    shaping_a, shaping_b = 0.99 * advantage - 0.3, -0.99 * advantage + 0.2
    assert float(verdict.terms_a["shaping"]) == pytest.approx(shaping_a, abs=1e-6)
    assert float(verdict.terms_b["shaping"]) == pytest.approx(shaping_b, abs=1e-6)
    assert float(a) == pytest.approx(0.2 - 0.025 + 0.5 - 0.25 - 0.1 + 2 * shaping_a, abs=1e-5)
    assert float(b) == pytest.approx(0.05 - 0.1 + 0.5 - 0.25 + 2 * shaping_b, abs=1e-5)
    assert not verdict.over


@pytest.mark.parametrize(
    ("alive", "win_a", "win_b"),
    [([1, 0, 0, 0], True, False), ([0, 0, 0, 1], False, True), ([0, 0, 0, 0], False, False)],
)
def test_the_last_team_that_flies_wins(verdict_of, alive, win_a, win_b):
    verdict, a, b = verdict_of(alive, before=(0.1, 0.1))
    assert bool(verdict.over)
    assert (bool(verdict.win_a), bool(verdict.win_b)) == (win_a, win_b)
    lost = 1 - np.array(alive).reshape(2, 2).mean(axis=1)  # all of it in this step
    for reward, mine, theirs, won, beaten in (
        (a, lost[0], lost[1], win_a, win_b),
        (b, lost[1], lost[0], win_b, win_a),
    ):
        expected = theirs - 0.5 * mine + 2 * won - beaten - 2 * 0.1
        assert float(reward) == pytest.approx(expected, abs=1e-6)


def test_a_fight_goes_on_while_both_fly(verdict_of):
    verdict, _, _ = verdict_of([1, 0, 0, 1])
    assert not (verdict.over | verdict.win_a | verdict.win_b)


@pytest.mark.parametrize(
    ("foe", "expected"),
    [
        ((4000, 0, 3000, 0, 200), math.exp(-1)),  # ahead, and flies away
        ((4000, 0, 3000, 180, 200), 0.0),  # head on
        ((-4000, 0, 3000, 0, 200), -math.exp(-1)),  # on my tail
        ((0, 2000, 3000, 90, 200), 0.5 * math.exp(-0.5)),  # abeam, and flies away
    ],
)
def test_advantage_by_hand(motion_of, foe, expected):
    relation = relate(motion_of((0, 0, 3000, 0, 200)), motion_of(foe))
    yes = jnp.ones(1, bool)
    mine, theirs = map(float, positional_advantages(relation, yes, yes))
    assert mine == pytest.approx(expected, abs=1e-5)
    assert theirs == pytest.approx(-expected, abs=1e-5)
    assert float(positional_advantages(relation, yes, ~yes)[0]) == 0
    assert float(positional_advantages(relation, ~yes, yes)[0]) == 0


def test_advantage_is_of_the_best_opponent_and_the_mean_of_the_team(motion_of):
    mine = motion_of((0, 0, 3000, 0, 200), (0, 0, 3000, 180, 200))
    theirs = motion_of((4000, 0, 3000, 0, 200), (-2000, 0, 3000, 180, 200))
    all_of_them = jnp.ones(2, bool)
    mine, theirs = positional_advantages(relate(mine, theirs), all_of_them, all_of_them)
    assert float(mine) == pytest.approx((math.exp(-1) + math.exp(-0.5)) / 2, abs=1e-5)
    assert float(theirs) == pytest.approx(0.0, abs=1e-5), "each is somebody's tail, and on none"


@pytest.mark.parametrize(("over", "gain"), [(False, 0.99 * 0.5 - 0.3), (True, -0.3)])
def test_a_terminal_state_has_no_potential(over, gain):
    """Not even one in which a team is well placed, as when an asset arrives."""
    before, after = jnp.float32(0.3), jnp.float32(0.5)
    assert float(potential_gain(before, after, jnp.bool_(over), 0.99)) == pytest.approx(gain)


def test_the_potential_telescopes(duel, still):
    """Over an episode that terminates, the discounted terms are worth minus the first potential."""
    _, state = duel.reset(jax.random.key(1))
    discount = duel.config.objective.discount
    start = float(state.task.advantage_a), float(state.task.advantage_b)
    assert min(map(abs, start)) > 1e-3
    worth = np.zeros(2)
    for step in range(duel.max_steps):
        _, state, _, dones, info = duel.step_env(jax.random.key(step), state, still(duel))
        worth += discount**step * np.asarray(info["shaping"], np.float64)
        if dones["__all__"]:
            break
    assert info["terminated"].all(), "one of them flies out of the arena"
    np.testing.assert_allclose(worth, [-start[0], -start[1]], atol=1e-5)
