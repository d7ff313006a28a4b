"""A recurrent layer over whole sequences."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.initializers import orthogonal, zeros_init
from jax import Array

from mars_demo.layers import by_rows, dense


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
        gates = dense(inputs, 3 * self.hidden, 1.0, "input")
        weights = self.param("recurrent", orthogonal(1.0), (self.hidden, 3 * self.hidden))
        bias = self.param("candidate_bias", zeros_init(), (self.hidden,))
        bias_t = jnp.broadcast_to(bias, state.shape)

        def step(h: Array, x_t: tuple[Array, Array]) -> tuple[Array, Array]:
            gates_t, first_t = x_t
            h = jnp.where(first_t[..., None], 0.0, h)
            from_input = jnp.split(gates_t, 3, axis=-1)
            from_state = jnp.split(by_rows(lambda rows: rows @ weights, h), 3, axis=-1)
            reset = nn.sigmoid(from_input[0] + from_state[0])
            update = nn.sigmoid(from_input[1] + from_state[1])
            candidate = jnp.tanh(from_input[2] + reset * (from_state[2] + bias_t))
            h = (1.0 - update) * candidate + update * h
            return h, h

        return jax.lax.scan(step, state, (gates, first))
