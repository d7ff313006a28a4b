"""Value normalisation: a critic that learns returns of any size in units of about one.

The scale follows the returns, and the critic's last layer is changed whenever the scale is, so that
the values it stands for stay what they were (Pop-Art, van Hasselt et al., 2016).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from mars_demo.learning.returns import moments
from mars_demo.learning.sharding import Shards

DECAY = 0.99  # of the running moments, at each update
_SMALLEST = 1e-4  # standard deviation


class ValueScale(NamedTuple):
    """Mean and standard deviation of returns; those of no return at all are 0 and 1."""

    mean: Array  # float32 ()
    deviation: Array  # float32 ()
    weight: Array  # float32 (): how much of the decayed moments is there yet


def identity_scale() -> ValueScale:
    """Values as they are."""
    one, zero = jnp.ones((), jnp.float32), jnp.zeros((), jnp.float32)
    return ValueScale(mean=zero, deviation=one, weight=zero)


def follow(scale: ValueScale, returns: Array, shards: Shards) -> ValueScale:
    """The scale after returns (...): decayed moments, unbiased by their weight as in Adam.

    Means and variances of the old and the new are put together as those of two samples are (Chan
    et al., 1983), which keeps its digits however far the returns are from zero.
    """
    weight = DECAY * scale.weight + (1.0 - DECAY)
    rate = (1.0 - DECAY) / weight
    new_mean, new_variance = moments(returns, shards)
    shift = new_mean - scale.mean
    within = (1.0 - rate) * jnp.square(scale.deviation) + rate * new_variance
    variance = within + rate * (1.0 - rate) * jnp.square(shift)
    deviation = jnp.maximum(jnp.sqrt(variance), _SMALLEST)
    return ValueScale(scale.mean + rate * shift, deviation, weight)


def rescale(critic_params: Any, old: ValueScale, new: ValueScale) -> Any:
    """The critic whose values in the new scale are those that it had in the old one."""
    params = critic_params["params"]
    last = params["value"]
    ratio = old.deviation / new.deviation
    last = {
        "kernel": last["kernel"] * ratio,
        "bias": last["bias"] * ratio + (old.mean - new.mean) / new.deviation,
    }
    return {"params": params | {"value": last}}
