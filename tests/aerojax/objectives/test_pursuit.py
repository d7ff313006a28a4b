"""Pursuit: who is caught, and what it is worth, computed by hand."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.pursuit import Pursuit

WEIGHTS = Pursuit(captures=1.0, win=2.0, lose=-1.0, closing=0.3, time=-0.002, crashes=-1.0)


@pytest.fixture(scope="module")
def env():
    fighters = ("fighter",) * 2
    return aerojax.make(aerojax.Config(fighters, fighters, WEIGHTS, opponents="selfplay"))


FAR = (-7000, 0, 3000, 180, 200)


@pytest.mark.parametrize(
    ("distance", "degrees", "caught"),
    [(590, 0, True), (610, 0, False), (590, 59, True), (590, -59, True), (590, 61, False)],
)
def test_capture_is_close_and_ahead(env, state_of, judge, distance, degrees, caught):
    angle = math.radians(degrees)
    evader = (distance * math.cos(angle), distance * math.sin(angle), 3000, 45, 200)
    state = state_of(env, [(0, 0, 3000, 0, 200), FAR, evader, (7000, 0, 3000, 0, 200)])
    verdict, _, _ = judge(env, state, state)
    np.testing.assert_array_equal(verdict.removed, [False, False, caught, False])
    assert float(verdict.terms_a["captures"]) == 0.5 * caught
    assert not verdict.over


def test_reward_by_hand(env, state_of, judge):
    """The first closes by 200 m on an evader and catches it; the second falls back by 100 m."""
    before = [(0, 0, 3000, 0, 200), (0, 5000, 3000, 0, 200)]
    after = [(200, 0, 3000, 0, 200), (-100, 5000, 3000, 0, 200)]
    evaders = [(700, 0, 3000, 90, 200), (3000, 5000, 3000, 90, 200)]
    start, end = state_of(env, before + evaders), state_of(env, after + evaders)
    verdict, a, b = judge(env, start, end, crashed=[0, 1, 0, 0])
    (near, far), gone = (math.exp(-r / 4000) for r in (500, 700)), math.exp(-3000 / 4000)
    assert near > far > gone
    gained = (near - far + math.exp(-3100 / 4000) - gone) / 2
    assert float(verdict.terms_a["closing"]) == pytest.approx(gained, abs=1e-6)
    zero_sum = 0.5 + 0.3 * gained - 0.002
    assert float(a) == pytest.approx(zero_sum - 0.5, abs=1e-6)
    assert float(b) == pytest.approx(-zero_sum, abs=1e-6)


def test_a_capture_does_not_move_the_goal(env, state_of, judge):
    """The evaders of the step's start count, dead or not at its end."""
    aircraft = [(0, 0, 3000, 0, 200), FAR, (900, 0, 3000, 0, 200), (5000, 0, 3000, 0, 200)]
    start = state_of(env, aircraft)
    end = dataclasses.replace(start, alive=jnp.array([1, 1, 0, 1], bool))
    assert float(judge(env, start, end)[0].terms_a["closing"]) == 0


def test_it_is_won_with_the_last_evader_and_lost_with_the_last_pursuer(env, state_of, judge):
    aircraft = [(0, 0, 3000, 0, 200), FAR, (500, 0, 3000, 0, 200), (7000, 0, 3000, 0, 200)]
    start = state_of(env, aircraft, alive=[1, 1, 1, 0])
    verdict, a, _ = judge(env, start, start)
    assert bool(verdict.win_a & verdict.over & ~verdict.win_b)
    assert float(a) == pytest.approx(0.5 + 2 - 0.002)
    end = dataclasses.replace(start, alive=jnp.array([0, 0, 1, 0], bool))
    verdict, a, b = judge(env, start, end)
    assert bool(verdict.win_b & verdict.over & ~verdict.win_a), "the dead catch nobody"
    nearness = (math.exp(-0.5 / 4) + math.exp(-7.5 / 4)) / 2
    assert float(a) == pytest.approx(-1 - 0.002 - 0.3 * nearness)
    assert float(b) == pytest.approx(1 + 0.002 + 0.3 * nearness)
    assert not verdict.removed.any()


def test_a_crash_never_pays(env, state_of, judge):
    """Who crashes far behind the evaders has lost its nearness, and no time that is worth it."""
    aircraft = [(0, 0, 3000, 0, 200), FAR, (5000, 0, 3000, 0, 200), (7000, 0, 3000, 0, 200)]
    start = state_of(env, aircraft)
    end = dataclasses.replace(start, alive=jnp.array([1, 0, 1, 1], bool))
    crash, stays = judge(env, start, end, crashed=[0, 1, 0, 0]), judge(env, start, start)
    assert float(crash[0].terms_a["closing"]) == pytest.approx(-math.exp(-12 / 4) / 2, abs=1e-6)
    assert float(crash[1]) < float(stays[1])
    weights = Pursuit()
    assert weights.closing > 0
    assert -(weights.lose + weights.crashes) > -weights.time * 200
