"""Value normalisation (Pop-Art, van Hasselt et al., 2016).

The critic learns returns that are divided by a running scale, so that their size does not matter.
When the scale changes, the critic's last layer is changed with it, so that the values that it
predicts stay the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from mars_demo.learning.returns import moments
from mars_demo.learning.sharding import Shards

DECAY = 0.99  # of the running moments, at each update
_SMALLEST_DEVIATION = 1e-4


class ValueScale(NamedTuple):
    """Running mean and standard deviation of returns; 0 and 1 before the first update."""

    mean: Array  # float32 ()
    deviation: Array  # float32 ()
    weight: Array  # float32 (): sum of the decayed weights so far, from 0 towards 1


def identity_scale() -> ValueScale:
    """The scale that changes nothing: mean 0, deviation 1."""
    one, zero = jnp.ones((), jnp.float32), jnp.zeros((), jnp.float32)
    return ValueScale(mean=zero, deviation=one, weight=zero)


def update_scale(scale: ValueScale, returns: Array, shards: Shards) -> ValueScale:
    """The scale after returns, float32 (...): decayed moments, with Adam's bias correction.

    The old and new moments are combined by the formula for two samples (Chan et al., 1983), which
    stays accurate where the returns are far from zero.
    """
    weight = DECAY * scale.weight + (1.0 - DECAY)
    rate = (1.0 - DECAY) / weight
    new_mean, new_variance = moments(returns, shards)
    shift = new_mean - scale.mean
    within = (1.0 - rate) * jnp.square(scale.deviation) + rate * new_variance
    variance = within + rate * (1.0 - rate) * jnp.square(shift)
    deviation = jnp.maximum(jnp.sqrt(variance), _SMALLEST_DEVIATION)
    return ValueScale(scale.mean + rate * shift, deviation, weight)


def rescale(critic_params: Any, old: ValueScale, new: ValueScale) -> Any:
    """Parameters of the critic that predicts the same values in the new scale as in the old one."""
    params = critic_params["params"]
    last = params["value"]
    ratio = old.deviation / new.deviation
    last = {
        "kernel": last["kernel"] * ratio,
        "bias": last["bias"] * ratio + (old.mean - new.mean) / new.deviation,
    }
    return {"params": params | {"value": last}}
