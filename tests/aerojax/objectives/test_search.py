"""Search: cells, what is seen of them, and the sectors in which the unseen are counted."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.search import Search, cell_side, cells

WEIGHTS = Search(found=2.0, win=1.0, losses=-1.0)
RADIUS = 6000.0
CELLS = cells(RADIUS)


@pytest.fixture(scope="module")
def env():
    return aerojax.make(
        aerojax.Config(("fighter",) * 2, objective=WEIGHTS, radius=RADIUS, name="search")
    )


def _index(x, y):
    return int(np.flatnonzero((np.float32([x, y]) == CELLS).all(axis=1))[0])


def test_cells_are_those_whose_middle_lies_in_the_arena():
    assert cell_side(RADIUS) == 1000
    middles = [
        (500 + 1000 * i, 500 + 1000 * j)
        for i in range(-6, 6)
        for j in range(-6, 6)
        if (500 + 1000 * i) ** 2 + (500 + 1000 * j) ** 2 < RADIUS**2
    ]
    assert sorted(middles) == sorted(map(tuple, CELLS.tolist()))
    assert len(cells(8000.0)) == len(CELLS) == 112


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ((500, 500, 3000), [(500, 500)]),  # the neighbours' middles are 1000 m away
        ((1000, 1000, 3999), [(500, 500), (500, 1500), (1500, 500), (1500, 1500)]),
        ((1000, 1000, 4001), []),  # too high
        ((500, 1299, 100), [(500, 500), (500, 1500)]),
        ((500, 1301, 100), [(500, 1500)]),
    ],
)
def test_cells_within_800_m_and_below_4000_m_are_seen(env, state_of, judge, place, found):
    state = state_of(env, [(*place, 0, 200), (0, 0, 9000, 0, 200)])
    verdict, reward, _ = judge(env, state, state)
    expected = np.isin(np.arange(len(CELLS)), [_index(*cell) for cell in found])
    np.testing.assert_array_equal(verdict.task, expected)
    assert float(reward) == pytest.approx(2 * len(found) / len(CELLS))
    again, reward, _ = judge(env, dataclasses.replace(state, task=verdict.task), state)
    np.testing.assert_array_equal(again.task, expected)
    assert float(reward) == 0, "only what is new pays"


@pytest.mark.parametrize(("unseen", "complete"), [(5, True), (6, False)])
def test_it_is_done_at_95_percent(env, state_of, judge, unseen, complete):
    """107 of 112 cells are 95.5 %, 106 are 94.6 %."""
    task = jnp.arange(len(CELLS)) >= unseen
    state = state_of(env, [(0, 0, 9000, 0, 200)] * 2, task=task)
    verdict, reward, _ = judge(env, state, state)
    assert bool(verdict.over) == bool(verdict.win_a) == complete
    assert float(reward) == pytest.approx(float(complete))


def test_the_dead_see_nothing_and_all_lost_is_the_end(env, state_of, judge):
    start = state_of(env, [(500, 500, 3000, 0, 200), (-3500, 500, 3000, 0, 200)])
    end = dataclasses.replace(start, alive=jnp.array([False, True]))
    verdict, reward, _ = judge(env, start, end)
    assert not verdict.task[_index(500, 500)]
    assert verdict.task[_index(-3500, 500)]
    assert float(reward) == pytest.approx(2 / 112 - 0.5)
    none = dataclasses.replace(start, alive=jnp.zeros(2, bool))
    assert bool(judge(env, start, none)[0].over)


@pytest.mark.parametrize(
    ("degrees", "octant"),
    [(-20, 0), (-60, 1), (-110, 2), (-160, 3), (160, 4), (110, 5), (60, 6), (20, 7)],
)
@pytest.mark.parametrize("far", [False, True])
def test_unseen_cells_are_counted_in_octants_and_rings(env, state_of, degrees, octant, far):
    """Octants are counted clockwise from the nose; this is one cell, from different places."""
    cell = np.array([500.0, 500.0])
    heading = 70.0
    distance = 4000.0 if far else 2000.0
    way = np.radians(heading + degrees)
    place = cell - distance * np.array([np.cos(way), np.sin(way)])
    task = jnp.ones(len(CELLS), bool).at[_index(*cell)].set(False)
    state = state_of(env, [(*place, 3000, heading, 200)] * 2, task=task)
    features = env.config.objective.features(env.config, state, state.motion)
    expected = np.zeros(16)
    expected[octant + 8 * far] = 16 / 112
    np.testing.assert_allclose(features[:, 0], expected, atol=1e-6)


def test_all_cells_are_counted_once(env, state_of):
    state = state_of(env, [(100, 200, 3000, 33, 200)] * 2)
    features = env.config.objective.features(env.config, state, state.motion)
    assert features.shape == (16, 2)
    assert float(jnp.sum(features[:, 0])) == pytest.approx(16)
