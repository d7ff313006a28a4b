"""Actors on local observations and a critic on the world state.

Every network takes a whole sequence, time first, so that one code path serves the rollout
(a sequence of one step) and the update (a sequence of `rollout_steps`).
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from mars_demo.gru import GRU
from mars_demo.layers import RELU_GAIN, dense


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
        x = nn.relu(dense(features, self.hidden, RELU_GAIN, "in"))
        if self.recurrent:
            memory, x = GRU(self.hidden, name="gru")(memory, x, first)
        x = nn.relu(dense(x, self.hidden, RELU_GAIN, "out"))
        logits = dense(x, self.num_actions, 0.01, "logits")
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
        x = nn.relu(dense(world_state, self.hidden, RELU_GAIN, "in"))
        x = nn.relu(dense(x, self.hidden, RELU_GAIN, "out"))
        return jnp.squeeze(dense(x, 1, 1.0, "value"), axis=-1)


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
