"""Actors on local observations and a critic on the world state.

Every network takes a whole sequence, time first, so that one code path serves the rollout
(a sequence of one step) and the update (a sequence of `rollout_steps`).
"""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.initializers import orthogonal, zeros_init
from jax import Array


def _dense(x: Array, features: int, gain: float, name: str) -> Array:
    layer = nn.Dense(features, kernel_init=orthogonal(gain), bias_init=zeros_init(), name=name)
    return _by_rows(layer, x)


def _by_rows(function: Callable[[Array], Array], x: Array) -> Array:
    """Applies a function of matrices (rows, ...) to an array (..., n).

    XLA computes the gradient of a weight at half the speed, on a CPU, where it has to sum over
    more than one axis.
    """
    y = function(x.reshape(-1, x.shape[-1]))
    return y.reshape(*x.shape[:-1], y.shape[-1])


_RELU_GAIN = 2.0**0.5


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
        gates = _dense(inputs, 3 * self.hidden, 1.0, "input")
        weights = self.param("recurrent", orthogonal(1.0), (self.hidden, 3 * self.hidden))
        bias = self.param("candidate_bias", zeros_init(), (self.hidden,))
        bias_t = jnp.broadcast_to(bias, state.shape)

        def step(h: Array, x_t: tuple[Array, Array]) -> tuple[Array, Array]:
            gates_t, first_t = x_t
            h = jnp.where(first_t[..., None], 0.0, h)
            from_input = jnp.split(gates_t, 3, axis=-1)
            from_state = jnp.split(_by_rows(lambda rows: rows @ weights, h), 3, axis=-1)
            reset = nn.sigmoid(from_input[0] + from_state[0])
            update = nn.sigmoid(from_input[1] + from_state[1])
            candidate = jnp.tanh(from_input[2] + reset * (from_state[2] + bias_t))
            h = (1.0 - update) * candidate + update * h
            return h, h

        return jax.lax.scan(step, state, (gates, first))


class Actor(nn.Module):
    """Maps one agent's features to log-probabilities of its actions.

    With `recurrent`, layers are FC, GRU, FC, logits; without, FC, FC, logits.
    """

    num_actions: int
    hidden: int
    recurrent: bool

    @nn.compact
    def __call__(
        self, memory: Array, features: Array, first: Array, available: Array
    ) -> tuple[Array, Array]:
        """Runs a sequence.

        Args:
            memory: float32 (..., hidden) recurrent state, or (..., 0) without recurrence.
            features: float32 (T, ..., F).
            first: bool (T, ...), true at the first step of an episode.
            available: bool (T, ..., num_actions).

        Returns:
            The memory after the sequence and log-probabilities (T, ..., num_actions);
            those of unavailable actions are the lowest float32, so their probability is 0.
        """
        x = nn.relu(_dense(features, self.hidden, _RELU_GAIN, "in"))
        if self.recurrent:
            memory, x = GRU(self.hidden, name="gru")(memory, x, first)
        x = nn.relu(_dense(x, self.hidden, _RELU_GAIN, "out"))
        logits = _dense(x, self.num_actions, 0.01, "logits")
        logits = jnp.where(available, logits, jnp.finfo(logits.dtype).min)
        return memory, nn.log_softmax(logits)

    def initial_memory(self, batch: tuple[int, ...]) -> Array:
        """The memory at the start of an episode, zeros of shape (*batch, hidden or 0)."""
        return jnp.zeros((*batch, self.hidden if self.recurrent else 0), jnp.float32)


class Critic(nn.Module):
    """One value per environment from its world state."""

    hidden: int

    @nn.compact
    def __call__(self, world_state: Array) -> Array:
        """Maps world states (..., W) to values (...)."""
        x = nn.relu(_dense(world_state, self.hidden, _RELU_GAIN, "in"))
        x = nn.relu(_dense(x, self.hidden, _RELU_GAIN, "out"))
        return jnp.squeeze(_dense(x, 1, 1.0, "value"), axis=-1)


def entropy(log_probs: Array) -> Array:
    """Entropy in nats of categorical log-probabilities (..., n); masked actions count 0."""
    probs = jnp.exp(log_probs)
    return -jnp.sum(jnp.where(probs > 0, probs * log_probs, 0.0), axis=-1)


def sample(key: Array, log_probs: Array) -> Array:
    """Draws actions, int (...), from categorical log-probabilities (..., n).

    Inverts the distribution function, which takes one random number a draw; Gumbel noise takes n.
    """
    probs = jnp.exp(log_probs)
    # Rounding may leave steps in the sums at actions of probability 0; these are never to be drawn.
    sums = jnp.where(probs > 0, jnp.cumsum(probs, axis=-1), 0.0)
    uniform = jax.random.uniform(key, (*probs.shape[:-1], 1), probs.dtype)
    return jnp.argmax(sums > uniform * jnp.max(sums, axis=-1, keepdims=True), axis=-1)
