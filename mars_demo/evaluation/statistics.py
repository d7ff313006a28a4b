"""Means, medians and their 95 % intervals over seeds or episodes."""

from __future__ import annotations

import numpy as np
from scipy import stats


def mean_and_interval(values: np.ndarray) -> tuple[float, float]:
    """Mean and half-width of its 95 % confidence interval (Student's t).

    Args:
        values: float (n,), n >= 1. The half-width of a single value is NaN.
    """
    n = len(values)
    if n < 2:
        return float(np.mean(values)), float("nan")
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)
    return float(np.mean(values)), float(half)


def median_and_interval(values: np.ndarray, resamples: int = 10_000) -> tuple[float, float, float]:
    """Median and its 95 % percentile-bootstrap interval.

    Args:
        values: float (n,), n >= 1; infinite values ("never") are allowed.
        resamples: the number of bootstrap samples, drawn with a fixed seed.

    Returns:
        The median, and the lower and upper end of its interval.
    """
    draws = np.random.default_rng(0).choice(values, (resamples, len(values)))
    # The method "lower" never averages a number with infinity.
    medians = np.quantile(draws, 0.5, axis=1, method="lower")
    low, high = np.quantile(medians, [0.025, 0.975], method="lower")
    return float(np.quantile(values, 0.5, method="lower")), float(low), float(high)


def steps_to(steps: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    """The first step whose score reaches the threshold; infinity if none does.

    Args:
        steps: float (n,), ascending.
        scores: float (n,), the scores at these steps.
        threshold: the score to reach.
    """
    reached = np.flatnonzero(scores >= threshold)
    return float(steps[reached[0]]) if len(reached) else float("inf")
