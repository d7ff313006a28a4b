import numpy as np
import pytest

from mars_demo.evaluation.statistics import mean_and_interval, median_and_interval, steps_to


def test_mean_by_hand():
    # Three values 1, 2, 3: s = 1, t(0.975, 2) = 4.3027, half-width 4.3027 / sqrt(3).
    mean, half = mean_and_interval(np.array([1.0, 2.0, 3.0]))
    assert mean == 2.0
    assert half == pytest.approx(2.4841, abs=1e-4)


def test_one_value_has_no_interval():
    mean, half = mean_and_interval(np.array([5.0]))
    assert mean == 5.0
    assert np.isnan(half)


def test_intervals_cover_nineteen_times_in_twenty():
    samples = np.random.default_rng(0).normal(7.0, 2.0, (2000, 10))
    hits = [abs(m - 7.0) <= half for m, half in map(mean_and_interval, samples)]
    assert 0.935 < np.mean(hits) < 0.965


def test_median_with_seeds_that_never_got_there():
    values = np.array([1.0, 2.0, 3.0, 4.0, np.inf])
    median, low, high = median_and_interval(values)
    assert (median, low, high) == (3.0, 1.0, np.inf)
    assert median_and_interval(np.full(4, np.inf))[0] == np.inf


def test_steps_to():
    steps, scores = np.array([10.0, 20.0, 30.0]), np.array([1.0, 5.0, 4.0])
    assert steps_to(steps, scores, 4.5) == 20
    assert steps_to(steps, scores, 6) == np.inf
