"""Results of a sweep: one cell for each task, algorithm and seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A finished run, evaluated at evenly spaced steps and once more at its best."""

    task: str
    algo: str
    seed: int
    budget: int
    """Environment steps of the whole run."""
    steps: tuple[int, ...]
    """Environment steps of each evaluation, ascending; the last is the end of the run."""
    scores: tuple[float, ...]
    """Mean score of each, over 32 episodes."""
    absolute: float
    """Mean score of the parameters that were best in these, over ten times as many episodes."""
    kl: float
    """Mean over the run's updates of the KL divergence from the policy that collected the rollout.

    NaN if the run's metrics are lost.
    """
