"""Means, medians and their 95 % intervals over seeds or episodes."""

from __future__ import annotations

import numpy as np
from scipy import stats


def mean_and_interval(values: np.ndarray) -> tuple[float, float]:
    """Mean and half-width of its 95 % confidence interval (Student's t).

    Args:
        values: float (n,), n >= 1. One value says nothing of the spread: its half-width is NaN.
    """
    n = len(values)
    if n < 2:
        return float(np.mean(values)), float("nan")
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)
    return float(np.mean(values)), float(half)


def median_and_interval(values: np.ndarray, resamples: int = 10_000) -> tuple[float, float, float]:
    """Median and its 95 % percentile-bootstrap interval. Infinite values ("never") are welcome.

    Args:
        values: float (n,).
        resamples: bootstrap samples, drawn with a fixed seed.

    Returns:
        Median, lower end, upper end.
    """
    draws = np.random.default_rng(0).choice(values, (resamples, len(values)))
    # The lower median and the "lower" quantile never average a number with infinity.
    medians = np.quantile(draws, 0.5, axis=1, method="lower")
    low, high = np.quantile(medians, [0.025, 0.975], method="lower")
    return float(np.quantile(values, 0.5, method="lower")), float(low), float(high)


def steps_to(steps: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    """The first of `steps` whose score reaches the threshold; infinity if none does."""
    reached = np.flatnonzero(scores >= threshold)
    return float(steps[reached[0]]) if len(reached) else float("inf")
