"""Layers that every network is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.linen import initializers
from flax.linen.initializers import zeros_init
from jax import Array
from jax.custom_batching import sequential_vmap

RELU_GAIN = 2.0**0.5


def orthogonal(gain: float) -> Callable[..., Array]:
    """An orthogonal initialiser that is safe to `vmap` on a CPU.

    With jaxlib 0.10 QR decompositions of batches can wait for each other for ever there
    (docs/training.md); here a batch is initialised one matrix after another.
    """
    draw = initializers.orthogonal(gain)

    def initialise(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return sequential_vmap(lambda key: draw(key, shape, dtype))(key)

    return initialise


def dense(x: Array, features: int, gain: float, name: str) -> Array:
    """A dense layer (..., n) -> (..., features), orthogonal with a gain; inside a module."""
    layer = nn.Dense(features, kernel_init=orthogonal(gain), bias_init=zeros_init(), name=name)
    return by_rows(layer, x)


def convolve(x: Array, features: int, gain: float, name: str) -> Array:
    """A 3 × 3 convolution with zeros around, (n, h, w, c) -> (n, h, w, features); inside a module.

    Each pixel with its eight neighbours goes through one dense layer: what `flax.linen.Conv` gives.
    XLA has no fast convolution for the inside of a loop on a CPU, where every update is; on a
    Connector task that took 18 times as long (docs/training.md).
    """
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return dense(jnp.concatenate(shifted, axis=-1), features, gain, name)


def by_rows(function: Callable[[Array], Array], x: Array) -> Array:
    """Applies a function of matrices (rows, ...) to an array (..., n).

    XLA computes the gradient of a weight at half the speed, on a CPU, where it has to sum over
    more than one axis.
    """
    y = function(x.reshape(-1, x.shape[-1]))
    return y.reshape(*x.shape[:-1], y.shape[-1])
