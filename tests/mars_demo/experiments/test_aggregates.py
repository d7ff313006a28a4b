"""Statistics of a sweep: hand-made results with known answers, and results that are refused."""

import dataclasses

import numpy as np
import pytest

from mars_demo.experiments.aggregates import (
    TAUS,
    UnsoundError,
    aggregates,
    check_sound,
    complete_tasks,
    improvements,
    learning_curves,
    normalised,
    profiles,
    sample_efficiency,
)
from mars_demo.experiments.results import Cell

BOUNDS = {"easy": (0.0, 10.0), "hard": (-1.0, 1.0)}
ABSOLUTE = {  # by task and algorithm, a seed each
    "easy": {"mars": (8.0, 9.0, 10.0, 7.0), "mappo": (5.0, 5.0, 5.0, 5.0)},
    "hard": {"mars": (0.0, 0.2, -0.2, 0.0), "mappo": (0.0, -0.4, -0.6, -0.8)},
}
KL = {"mars": 0.001, "mappo": 0.004}
CELLS = [
    Cell(
        task,
        algo,
        seed,
        1000,
        (500, 1000),
        (absolute / 2, absolute),
        absolute,
        KL[algo] * (1 + seed),
    )
    for task, algos in ABSOLUTE.items()
    for algo, scores in algos.items()
    for seed, absolute in enumerate(scores)
]


@pytest.fixture(scope="module")
def scores():
    pytest.importorskip("rliable")
    return normalised(CELLS, BOUNDS, lambda cell: cell.absolute)


def test_bounds_become_zero_and_one():
    found = normalised(CELLS, BOUNDS, lambda cell: cell.absolute)
    np.testing.assert_allclose(found["mars"], [[0.8, 0.5], [0.9, 0.6], [1.0, 0.4], [0.7, 0.5]])
    np.testing.assert_allclose(found["mappo"], [[0.5, 0.5], [0.5, 0.3], [0.5, 0.2], [0.5, 0.1]])


def test_aggregates_by_hand(scores):
    mars = aggregates(scores)["mars"]
    # 0.4 0.5 0.5 0.6 0.7 0.8 0.9 1.0: the middle half is 0.5 0.6 0.7 0.8; the tasks' means are 0.85
    # and 0.5; what is missing to 1 is 0.325 on average.
    assert mars["IQM"].value == pytest.approx(0.65)
    assert mars["mean"].value == pytest.approx(0.675)
    assert mars["median"].value == pytest.approx(0.675)
    assert mars["optimality gap"].value == pytest.approx(0.325)
    for estimate in mars.values():
        assert estimate.low < estimate.value < estimate.high
    assert aggregates(scores)["mars"] == mars  # the same draws each time


def test_improvement_by_hand_and_by_rliable(scores):
    # On "easy" always. On "hard" in 14 of 16 pairs, equal scores counting half: of the seeds
    # 0.0 wins three pairs and draws one (twice), 0.2 wins four, -0.2 three.
    found = improvements(scores)
    assert found["mars", "mappo"].value == pytest.approx((1 + 14 / 16) / 2)
    assert found["mappo", "mars"].value == pytest.approx((0 + 2 / 16) / 2)
    metrics = pytest.importorskip("rliable.metrics")
    by_rliable = metrics.probability_of_improvement(scores["mars"], scores["mappo"])
    assert found["mars", "mappo"].value == pytest.approx(by_rliable)


def test_profiles_fall_from_all_to_none(scores):
    mars = profiles(scores)["mars"]
    assert mars.value[0] == 1.0
    assert mars.value[-1] == 0.0
    assert mars.value[np.argmin(np.abs(TAUS - 0.75))] == pytest.approx(3 / 8)
    assert np.all(np.diff(mars.value) <= 0)
    assert np.all((mars.low <= mars.value) & (mars.value <= mars.high))


def test_sample_efficiency_ends_at_the_last_evaluation(scores):
    shares, iqm = sample_efficiency(CELLS, BOUNDS)
    np.testing.assert_allclose(shares, [0.5, 1.0])
    assert iqm["mars"].value[1] == pytest.approx(aggregates(scores)["mars"]["IQM"].value)
    assert iqm["mars"].value[0] < iqm["mars"].value[1]


def test_learning_curves_are_means_over_seeds(scores):
    curves = learning_curves(CELLS)
    assert list(curves) == ["easy", "hard"]
    assert curves["easy"].steps == (500, 1000)
    mars, mappo = curves["easy"].means["mars"], curves["hard"].means["mappo"]
    np.testing.assert_allclose(mars.value, [4.25, 8.5])
    np.testing.assert_allclose(mappo.value, [-0.225, -0.45])
    assert np.all((mars.low < mars.value) & (mars.value < mars.high))
    assert np.all((mars.low[1] >= 7.0) & (mars.high[1] <= 10.0))  # no further than the seeds


def test_only_cells_that_were_evaluated_equally_often_make_curves():
    cells = [dataclasses.replace(CELLS[0], scores=(4.0,), steps=(1000,)), *CELLS[1:]]
    for measure in (learning_curves, lambda cells: sample_efficiency(cells, BOUNDS)):
        with pytest.raises(UnsoundError, match=r"unequal numbers of evaluations: \[1, 2\]"):
            measure(cells)


def without(task, algo, seed):
    return [cell for cell in CELLS if (cell.task, cell.algo, cell.seed) != (task, algo, seed)]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "no results"),
        ([cell for cell in CELLS if cell.seed == 0], "one seed"),
        ([*CELLS, CELLS[0]], "more than once"),
        ([dataclasses.replace(CELLS[0], budget=999), *CELLS[1:]], "easy was trained with unequal"),
        (without("hard", "mappo", 2), "1 cells are missing: hard mappo seed 2"),
    ],
)
def test_what_is_not_sound_is_refused(cells, message):
    with pytest.raises(UnsoundError, match=message):
        check_sound(cells)


def test_incomplete_tasks_are_left_out_when_asked():
    cells = without("hard", "mappo", 2)
    check_sound(cells, partial=True)
    assert complete_tasks(cells) == ["easy"]
    assert normalised(cells, BOUNDS, lambda cell: cell.absolute)["mars"].shape == (4, 1)
    with pytest.raises(UnsoundError, match="no task is complete"):
        check_sound([c for c in cells if (c.task, c.seed) != ("easy", 1)][:-1], partial=True)


def test_tasks_without_bounds_are_named():
    with pytest.raises(UnsoundError, match="without bounds: hard"):
        normalised(CELLS, {"easy": (0.0, 1.0)}, lambda cell: cell.absolute)
