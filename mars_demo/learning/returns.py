"""Advantage estimation that distinguishes time limits from true ends, and normalisation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from mars_demo.learning.sharding import ALONE, Shards


def generalised_advantages(
    reward_t: Array,
    value_t: Array,
    next_value_t: Array,
    terminated_t: Array,
    done_t: Array,
    gamma: float,
    gae_lambda: float,
) -> Array:
    """Generalised advantage estimation (Schulman et al., 2016), time first.

        delta_t = r_t + gamma * (1 - terminated_t) * next_value_t - value_t
        A_t = delta_t + gamma * lambda * (1 - done_t) * A_{t+1}

    After a termination the value is zero. A truncation ends the episode too, so that no advantage
    flows back across it, but it bootstraps from the observation in which the episode ended.

    Args:
        reward_t: float32 (T, ...), the rewards of the steps.
        value_t: float32 (T, ...), the values of the states before the steps.
        next_value_t: float32 (T, ...), the values of the states after the steps, before any reset.
        terminated_t: bool (T, ...), whether the step ended the episode by the rules.
        done_t: bool (T, ...), whether it terminated or was truncated.
        gamma: discount in [0, 1].
        gae_lambda: trace decay in [0, 1].

    Returns:
        Advantages, float32 (T, ...).
    """
    delta_t = reward_t + gamma * jnp.where(terminated_t, 0.0, next_value_t) - value_t
    decay_t = jnp.where(done_t, 0.0, gamma * gae_lambda)

    def backwards(advantage: Array, x_t: tuple[Array, Array]) -> tuple[Array, Array]:
        delta, decay = x_t
        advantage = delta + decay * advantage
        return advantage, advantage

    _, advantages = jax.lax.scan(
        backwards, jnp.zeros_like(delta_t[0]), (delta_t, decay_t), reverse=True
    )
    return advantages


def moments(x: Array, shards: Shards = ALONE) -> tuple[Array, Array]:
    """Mean and variance, float32 () each, of an array (...), over all devices of `shards`.

    E[x²] − E[x]² would lose its digits where the mean is much larger than the deviation.
    """
    mean = shards.mean(jnp.mean(x))
    return mean, shards.mean(jnp.mean(jnp.square(x - mean)))


def normalise(advantage: Array, weight: Array, shards: Shards = ALONE) -> Array:
    """Subtracts the weighted mean of advantages, and divides by their weighted deviation.

    Args:
        advantage: float32 (...).
        weight: float32 (...), how often each counts: the number of agents that made a decision.
        shards: the devices that share the batch.

    Returns:
        float32 (...); finite also where all weights are zero.
    """
    total = jnp.maximum(shards.sum(jnp.sum(weight)), 1.0)
    centred = advantage - shards.sum(jnp.sum(weight * advantage)) / total
    deviation = jnp.sqrt(shards.sum(jnp.sum(weight * jnp.square(centred))) / total)
    return centred / (deviation + 1e-8)
