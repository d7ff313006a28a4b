"""Waypoints: hits, progress, rendezvous and races, computed by hand."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.base import Points
from aerojax.objectives.waypoint import Waypoint

WEIGHTS = Waypoint(hits=0.5, progress=0.3, losses=-1.0, taken=-0.5, num_points=2)
POINTS = Points(*jnp.float32([[2000, -5000], [0, 0], [3000, 3000]]))


def _env(**changes):
    return aerojax.make(
        aerojax.Config(("fighter",) * 2, objective=dataclasses.replace(WEIGHTS, **changes))
    )


@pytest.fixture(scope="module")
def env():
    return _env()


@pytest.fixture(scope="module")
def pair():
    return _env(crew=2)


def _at(*places):
    return [(*place, 3000, 0, 200) for place in places]


@pytest.fixture
def judged(state_of, judge):
    def run(env, before, after, alive=None, points=POINTS):
        start, end = (state_of(env, _at(*places), task=points) for places in (before, after))
        if alive is not None:
            end = dataclasses.replace(end, alive=jnp.array(alive, bool))
        return judge(env, start, end)

    return run


def test_a_hit_and_progress_by_hand(env, judged):
    """The first comes 1500 m nearer and is there; the second comes 100 m nearer to the other."""
    verdict, reward, _ = judged(env, [(0, 0), (-4000, 0)], [(1500, 0), (-4100, 0)])
    assert float(verdict.terms_a["hits"]) == 1
    assert float(verdict.terms_a["progress"]) == pytest.approx(0.8)
    assert float(reward) == pytest.approx(0.5 + 0.3 * 0.8)
    assert verdict.task.x[0] != POINTS.x[0], "the one that was reached is elsewhere"
    assert verdict.task.x[1] == POINTS.x[1], "the other stays"
    assert not verdict.over


def test_a_respawn_pays_nothing(env, judged):
    """Progress is measured on the old points, before and after the step alike."""
    places = [(1500, 0), (-4000, 0)]
    hit, _, _ = judged(env, places, places)
    assert float(hit.terms_a["hits"]) == 1
    rounding = pytest.approx(0, abs=1e-6)  # of one distance, taken twice
    assert float(hit.terms_a["progress"]) == rounding
    then, reward, _ = judged(env, places, places, points=hit.task)
    assert float(then.terms_a["progress"]) == rounding
    assert float(reward) - 0.5 * float(then.terms_a["hits"]) == rounding


@pytest.mark.parametrize(("distance", "hits"), [(599, 1), (601, 0)])
def test_a_point_is_reached_within_600_m(env, judged, distance, hits):
    places = [(2000 + distance, 0), (-2000, 0)]
    verdict, _, _ = judged(env, places, places)
    assert float(verdict.terms_a["hits"]) == hits


def test_two_at_one_point_are_one_hit(env, judged):
    places = [(2000, 100), (2000, -100)]
    verdict, _, _ = judged(env, places, places)
    assert float(verdict.terms_a["hits"]) == 1


def test_points_come_back_in_their_part_of_the_arena(env, judged):
    places = [(2000, 0), (-5000, 0)]
    task = judged(env, places, places)[0].task
    assert np.all(np.hypot(task.x, task.y) <= 0.7 * env.config.radius)
    assert np.all((np.asarray(task.z) >= 2000) & (np.asarray(task.z) <= 4500))


def test_a_rendezvous_needs_two_at_once(pair, judged):
    alone, together = [(2000, 100), (0, 0)], [(2000, 100), (2000, -100)]
    assert float(judged(pair, alone, alone)[0].terms_a["hits"]) == 0
    apart = [(2000, 0), (-5000, 0)]
    assert float(judged(pair, apart, apart)[0].terms_a["hits"]) == 0
    assert float(judged(pair, together, together)[0].terms_a["hits"]) == 1
    dead = judged(pair, together, together, alive=[1, 0])[0]
    assert float(dead.terms_a["hits"]) == 0


def test_losses_and_the_end(env, judged):
    far = [(0, 0), (500, 0)]
    one, reward, _ = judged(env, far, far, alive=[1, 0])
    assert float(reward) == pytest.approx(-0.5)
    assert not one.over
    none, reward, _ = judged(env, far, far, alive=[0, 0])
    assert float(reward) == pytest.approx(-1)
    assert bool(none.over)
    assert not none.win_a


def test_in_a_race_points_are_taken(state_of, judge):
    env = aerojax.make(aerojax.Config(("fighter",), ("fighter",), WEIGHTS, opponents="selfplay"))
    state = state_of(env, _at((0, 0), (2000, 0)), task=POINTS)
    _, a, b = judge(env, state, state)
    assert (float(a), float(b)) == (-0.5, 0.5)
    for alive, over in (([0, 1], False), ([1, 0], False), ([0, 0], True)):
        end = dataclasses.replace(state, alive=jnp.array(alive, bool))
        assert bool(judge(env, state, end)[0].over) == over, "the race goes on while someone flies"
