"""Layers of the networks, with initialisers that are safe and fast on a CPU."""

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
    """An orthogonal initialiser (key, shape, dtype) -> (*shape) that is safe to `vmap` on a CPU.

    With jaxlib 0.10, batched QR decompositions can deadlock on a CPU (docs/training.md). Here a
    batch is initialised one matrix after another.
    """
    draw = initializers.orthogonal(gain)

    def initialise(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return sequential_vmap(lambda key: draw(key, shape, dtype))(key)

    return initialise


def dense(x: Array, features: int, gain: float, name: str) -> Array:
    """A dense layer (..., n) -> (..., features), initialised orthogonally with a gain.

    Call it inside a module's `__call__`.
    """
    layer = nn.Dense(features, kernel_init=orthogonal(gain), bias_init=zeros_init(), name=name)
    return by_rows(layer, x)


def convolve(x: Array, features: int, gain: float, name: str) -> Array:
    """A 3 × 3 convolution, padded with zeros: (n, h, w, c) -> (n, h, w, features).

    Each pixel and its eight neighbours go through one dense layer, which gives the same result as
    `flax.linen.Conv`. Updates run inside a loop, where XLA has no fast convolution for a CPU: on a
    Connector task `flax.linen.Conv` took 18 times as long (docs/training.md). Call it inside a
    module's `__call__`.
    """
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return dense(jnp.concatenate(shifted, axis=-1), features, gain, name)


def by_rows(function: Callable[[Array], Array], x: Array) -> Array:
    """Applies a function of matrices (rows, n) -> (rows, m) to an array (..., n) -> (..., m).

    On a CPU, XLA computes the gradient of a weight at half the speed if it has to sum over more
    than one axis.
    """
    y = function(x.reshape(-1, x.shape[-1]))
    return y.reshape(*x.shape[:-1], y.shape[-1])
