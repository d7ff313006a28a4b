"""Layers of the networks: dense, convolution, and a recurrent one with a hand-written gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
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


class GRU(nn.Module):
    """A gated recurrent unit (Cho et al., 2014) over a sequence, reset where episodes start.

    The product of the inputs with the weights does not depend on the state. So it is one matrix
    product for all steps, before the scan. Only the state's product is computed inside the scan.
    """

    hidden: int

    @nn.compact
    def __call__(self, state: Array, inputs: Array, first: Array) -> tuple[Array, Array]:
        """Runs the sequence.

        Args:
            state: float32 (..., hidden), the state before the first step.
            inputs: float32 (T, ..., features).
            first: bool (T, ...), true where a step is the first of its episode.

        Returns:
            The state after the last step, (..., hidden), and all states, (T, ..., hidden).
        """
        from_input = dense(inputs, 3 * self.hidden, 1.0, "input")
        weights = self.param("recurrent", orthogonal(1.0), (self.hidden, 3 * self.hidden))
        bias = self.param("candidate_bias", zeros_init(), (self.hidden,))
        states = recur(weights, bias, state, from_input, first)
        return states[-1], states


class Gates(NamedTuple):
    """What the gradient of a step needs. Leaves float32 (..., hidden), or (T, ..., hidden)."""

    before: Array  # the state before the step, zero where an episode starts
    reset: Array  # r_t of `recur`
    update: Array  # z_t
    candidate: Array  # n_t
    memory: Array  # h_{t-1} W + b, the state's part of the candidate before the reset gate


@jax.custom_vjp
def recur(weights: Array, bias: Array, state: Array, from_input: Array, first: Array) -> Array:
    """All states of a GRU. It has a reverse-mode derivative only.

        r_t, z_t = σ(x_t + h_{t-1} W)          reset and update gate
        n_t = tanh(x_t + r_t (h_{t-1} W + b))   candidate
        h_t = (1 - z_t) n_t + z_t h_{t-1}

    All arrays are float32, except `first`.

    Args:
        weights: W, (hidden, 3 * hidden), for the reset gate, the update gate and the candidate.
        bias: b, (hidden,).
        state: h before the first step, (..., hidden).
        from_input: x, the input's part of the three, (T, ..., 3 * hidden).
        first: bool (T, ...), true where h_{t-1} is taken as zero.

    Returns:
        The state after each step, (T, ..., hidden).

    Raises:
        TypeError: in forward-mode differentiation (`jax.jvp`).
    """
    return _scan(weights, bias, state, from_input, first)[0]


def _scan(
    weights: Array, bias: Array, state: Array, from_input: Array, first: Array
) -> tuple[Array, Gates]:
    """The states (T, ..., hidden) that `recur` returns, and the gates of each step."""
    bias = jnp.broadcast_to(bias, state.shape)

    def step(h: Array, x_t: tuple[Array, Array]) -> tuple[Array, tuple[Array, Gates]]:
        from_input_t, first_t = x_t
        h = jnp.where(first_t[..., None], 0.0, h)
        x_r, x_z, x_n = jnp.split(from_input_t, 3, axis=-1)
        h_r, h_z, h_n = jnp.split(by_rows(lambda rows: rows @ weights, h), 3, axis=-1)
        r, z = nn.sigmoid(x_r + h_r), nn.sigmoid(x_z + h_z)
        memory = h_n + bias
        n = jnp.tanh(x_n + r * memory)
        after = (1.0 - z) * n + z * h
        return after, (after, Gates(h, r, z, n, memory))

    return jax.lax.scan(step, state, (from_input, first))[1]


def _forward(
    weights: Array, bias: Array, state: Array, from_input: Array, first: Array
) -> tuple[Array, Any]:
    """The states (T, ..., hidden), and what `_backward` needs."""
    states, gates = _scan(weights, bias, state, from_input, first)
    return states, (weights, first, gates)


def _backward(saved: Any, grad_states: Array) -> tuple[Array, Array, Array, Array, None]:
    """Gradients of the arguments of `recur`, from that of the states, (T, ..., hidden).

    Only the gradients of the gates go back through time step by step. That of the weights is then
    one matrix product over all steps; automatic differentiation would sum it step by step.
    """
    weights, first, gates = saved
    transposed = weights.T  # outside the scan, so that it is computed once

    def step(grad: Array, x_t: tuple[Array, Array, Gates]) -> tuple[Array, tuple[Array, Array]]:
        grad_state_t, first_t, (h, r, z, n, memory) = x_t
        grad = grad + grad_state_t
        grad_n = grad * (1.0 - z) * (1.0 - n * n)
        grad_r = grad_n * memory * r * (1.0 - r)
        grad_z = grad * (h - n) * z * (1.0 - z)
        from_state = jnp.concatenate([grad_r, grad_z, grad_n * r], axis=-1)
        before = grad * z + by_rows(lambda rows: rows @ transposed, from_state)
        return jnp.where(first_t[..., None], 0.0, before), (grad_n, from_state)

    grad, (grad_n, from_state) = jax.lax.scan(
        step, jnp.zeros_like(grad_states[0]), (grad_states, first, gates), reverse=True
    )
    hidden = weights.shape[0]
    from_input = jnp.concatenate([from_state[..., : 2 * hidden], grad_n], axis=-1)
    rows = from_state.reshape(-1, 3 * hidden)
    grad_weights = gates.before.reshape(-1, hidden).T @ rows
    return grad_weights, jnp.sum(rows[:, 2 * hidden :], axis=0), grad, from_input, None


recur.defvjp(_forward, _backward)
