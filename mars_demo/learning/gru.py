"""A recurrent layer over whole sequences, with its gradient by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.initializers import zeros_init
from jax import Array

from mars_demo.learning.layers import by_rows, dense, orthogonal


class GRU(nn.Module):
    """A gated recurrent unit (Cho et al., 2014) over a sequence, reset where episodes start.

    The input's product with the weights does not depend on the state, so all steps of the
    sequence share one matrix product outside the scan; inside it only the state's remains.
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
    """What a step leaves for its gradient. Leaves (..., hidden), or (T, ..., hidden)."""

    before: Array  # the state before the step, zero where an episode starts
    reset: Array
    update: Array
    candidate: Array
    memory: Array  # the candidate's part from the state, before the reset gate


@jax.custom_vjp
def recur(weights: Array, bias: Array, state: Array, from_input: Array, first: Array) -> Array:
    """All states of a GRU. Reverse-mode differentiation only: `jax.jvp` raises TypeError.

        r_t, z_t = σ(x_t + h_{t-1} W)          reset and update gate
        n_t = tanh(x_t + r_t (h_{t-1} W + b))   candidate
        h_t = (1 - z_t) n_t + z_t h_{t-1}

    Args:
        weights: W, (hidden, 3 * hidden), for the reset gate, the update gate and the candidate.
        bias: b, (hidden,).
        state: h before the first step, (..., hidden).
        from_input: x, the input's part of the three, (T, ..., 3 * hidden).
        first: bool (T, ...), true where h_{t-1} is to be zero.

    Returns:
        The state after each step, (T, ..., hidden).
    """
    return _scan(weights, bias, state, from_input, first)[0]


def _scan(
    weights: Array, bias: Array, state: Array, from_input: Array, first: Array
) -> tuple[Array, Gates]:
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
    states, gates = _scan(weights, bias, state, from_input, first)
    return states, (weights, first, gates)


def _backward(saved: Any, grad_states: Array) -> tuple[Array, Array, Array, Array, None]:
    """Back through time for the gates only; the weights' gradient is one product over all steps.

    Automatic differentiation would add up the weights' gradient step by step.
    """
    weights, first, gates = saved
    transposed = weights.T  # once, not in every step

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
