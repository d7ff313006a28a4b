"""Layers that every network is made of."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
from flax.linen.initializers import orthogonal, zeros_init
from jax import Array

RELU_GAIN = 2.0**0.5


def dense(x: Array, features: int, gain: float, name: str) -> Array:
    """A dense layer (..., n) -> (..., features), orthogonal with a gain; inside a module."""
    layer = nn.Dense(features, kernel_init=orthogonal(gain), bias_init=zeros_init(), name=name)
    return by_rows(layer, x)


def by_rows(function: Callable[[Array], Array], x: Array) -> Array:
    """Applies a function of matrices (rows, ...) to an array (..., n).

    XLA computes the gradient of a weight at half the speed, on a CPU, where it has to sum over
    more than one axis.
    """
    y = function(x.reshape(-1, x.shape[-1]))
    return y.reshape(*x.shape[:-1], y.shape[-1])
