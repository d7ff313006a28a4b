"""Diagnostics of an update: how far the probability ratios moved, and which had a gradient.

The statistics of one gradient step are sums, extremes and a histogram, so that those of many steps
and many devices can be combined.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.learning.objectives import Objective, Scalar
from mars_demo.learning.sharding import Shards

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

# Edges of the histogram of log-ratios, from log 1/1000 to log 1000. Bins are 0.002 wide near 0, and
# grow to a quarter of the log-ratio.
_EDGES = tuple(
    (0.01 * np.sinh(np.linspace(-1, 1, 63) * math.asinh(math.log(1000) / 0.01))).tolist()
)


class RatioStatistics(NamedTuple):
    """Statistics of the decisions in the minibatch of a gradient step."""

    decisions: Array  # float32 (): their number
    kl: Array  # float32 (): sum of r - 1 - log r, whose mean estimates KL(old, new)
    kl_reverse: Array  # float32 (): sum of r log r - r + 1, whose mean estimates KL(new, old)
    beyond: Array  # float32 (): decisions with r outside [1/(1 + eps), 1 + eps]
    pull: Array  # float32 (): sum of |dL/d log r|
    pull_beyond: Array  # float32 (): the same sum over the decisions beyond
    below: Array  # float32 (63,): decisions with log r below each edge
    lowest: Array  # float32 (): lowest log r; inf if there is no decision
    highest: Array  # float32 (): highest log r; -inf if there is no decision


def ratio_statistics(
    objective: Objective, log_ratio: Array, advantage: Array, eps: Scalar, decides: Array
) -> RatioStatistics:
    """Statistics of one minibatch. Both KL estimates are the low-variance ones of Schulman (2020).

    Args:
        objective: whose gradient is measured.
        log_ratio: float32 (...), of actions that the old policy drew.
        advantage: float32 (...).
        eps: size of the trust region.
        decides: bool (...), whether the agent made a decision; others do not count.
    """
    log_ratio = jax.lax.stop_gradient(log_ratio)
    excess = jnp.expm1(log_ratio)
    pull = jnp.abs(jax.grad(lambda x: jnp.sum(objective(x, advantage, eps)))(log_ratio))
    beyond = decides & (jnp.abs(log_ratio) > jnp.log1p(eps))

    def total(values: Array, counts: Array) -> Array:
        return jnp.sum(jnp.where(counts, values, 0.0))

    edges = jnp.array(_EDGES, log_ratio.dtype).reshape(-1, *[1] * log_ratio.ndim)
    counted = (log_ratio[None] < edges) & decides[None]
    return RatioStatistics(
        decisions=jnp.sum(decides, dtype=jnp.float32),
        kl=total(excess - log_ratio, decides),
        kl_reverse=total((excess + 1.0) * log_ratio - excess, decides),
        beyond=jnp.sum(beyond, dtype=jnp.float32),
        pull=total(pull, decides),
        pull_beyond=total(pull, beyond),
        below=jnp.sum(counted, axis=tuple(range(1, counted.ndim)), dtype=jnp.float32),
        lowest=jnp.min(log_ratio, where=decides, initial=jnp.inf),
        highest=jnp.max(log_ratio, where=decides, initial=-jnp.inf),
    )


def ratio_metrics(steps: RatioStatistics, shards: Shards) -> dict[str, Array]:
    """Metrics of an update.

    Args:
        steps: the statistics of its gradient steps, leaves (steps, ...).
        shards: the devices that share the batch.

    Returns:
        float32 () each:

        - `kl`, `kl_reverse`: means over the decisions, in nats.
        - `ratio_beyond`: share of the decisions beyond the trust region.
        - `pull_beyond`: their share of the gradient with respect to log-ratios.
        - `ratio_min`, `ratio_max`, and `ratio_qNN` for each of `QUANTILES`, which is read from a
          histogram, to about a tenth of the log-ratio.
        - `first_ratio_error`: max |r - 1| in the first step. The policy has not moved then, so it
          is 0 up to rounding.
    """
    sums: Any = shards.sum(jax.tree.map(lambda x: jnp.sum(x, axis=0), steps))
    count = jnp.maximum(sums.decisions, 1.0)
    lows, highs = -shards.max(-steps.lowest), shards.max(steps.highest)  # (steps,)
    lows, highs = (jnp.where(jnp.isfinite(x), x, 0.0) for x in (lows, highs))
    lowest, highest = jnp.min(lows), jnp.max(highs)
    edges = jnp.clip(jnp.array(_EDGES, lowest.dtype), lowest, highest)
    edges = jnp.concatenate([lowest[None], edges, highest[None]])
    below = jnp.concatenate([jnp.zeros(1), sums.below, sums.decisions[None]])
    quantiles = jnp.exp(jnp.interp(jnp.array(QUANTILES) * sums.decisions, below, edges))
    return {
        "kl": sums.kl / count,
        "kl_reverse": sums.kl_reverse / count,
        "ratio_beyond": sums.beyond / count,
        "pull_beyond": sums.pull_beyond / jnp.maximum(sums.pull, 1e-12),
        "ratio_min": jnp.exp(lowest),
        "ratio_max": jnp.exp(highest),
        "first_ratio_error": jnp.maximum(jnp.expm1(highs[0]), -jnp.expm1(lows[0])),
    } | {f"ratio_q{round(100 * q):02d}": quantiles[i] for i, q in enumerate(QUANTILES)}
