"""Actors on local observations and a critic on the world state.

Actors take whole sequences, time first. So one code path serves the rollout, a sequence of one
step, and the update, a sequence of `rollout_steps`.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.initializers import zeros_init
from jax import Array

from mars_demo.learning.distributions import Distribution
from mars_demo.learning.layers import GRU, RELU_GAIN, convolve, dense

Image = tuple[int, int, int]
"""Height, width and channels of an image, whose pixels are the first numbers of the features."""

_CHANNELS = (16, 16)  # of the convolutions


class Actor(nn.Module):
    """Maps one agent's features to the parameters of a distribution over its actions.

    Its layers are dense, GRU, dense, outputs if it is `recurrent`, else dense, dense, outputs. An
    `image` at the start of the features goes through two convolutions first.
    """

    distribution: Distribution
    hidden: int
    recurrent: bool
    image: Image | None = None

    @nn.compact
    def __call__(
        self, memory: Array, features: Array, first: Array, available: Array
    ) -> tuple[Array, Array]:
        """Runs a sequence.

        Args:
            memory: float32 (..., hidden) recurrent state, or (..., 0) without recurrence.
            features: float32 (T, ..., F).
            first: bool (T, ...), true at the first step of an episode.
            available: bool (T, ..., M), which actions are available.

        Returns:
            The memory after the sequence, (..., hidden or 0), and the parameters of the
            distributions over actions, float32 (T, ..., P).
        """
        x = nn.relu(dense(_encode_image(features, self.image), self.hidden, RELU_GAIN, "in"))
        if self.recurrent:
            memory, x = GRU(self.hidden, name="gru")(memory, x, first)
        x = nn.relu(dense(x, self.hidden, RELU_GAIN, "out"))
        outputs = dense(x, self.distribution.num_outputs, 0.01, "logits")
        scales = outputs
        if self.distribution.num_scales:
            scales = self.param("log_scale", zeros_init(), (self.distribution.num_scales,))
        return memory, self.distribution.parameters(outputs, scales, available)

    def initial_memory(self, batch: tuple[int, ...]) -> Array:
        """The memory at the start of an episode: float32 zeros (*batch, hidden or 0)."""
        return jnp.zeros((*batch, self.hidden if self.recurrent else 0), jnp.float32)


class Critic(nn.Module):
    """Estimates one value for each environment from its world state."""

    hidden: int
    image: Image | None = None

    @nn.compact
    def __call__(self, world_state: Array) -> Array:
        """Maps world states, float32 (..., W), to values, float32 (...)."""
        x = nn.relu(dense(_encode_image(world_state, self.image), self.hidden, RELU_GAIN, "in"))
        x = nn.relu(dense(x, self.hidden, RELU_GAIN, "out"))
        return jnp.squeeze(dense(x, 1, 1.0, "value"), axis=-1)


def _encode_image(features: Array, image: Image | None) -> Array:
    """Features (..., F) with the image at their start replaced by its convolved features."""
    if image is None:
        return features
    pixels = math.prod(image)
    x = features[..., :pixels].reshape(-1, *image)
    for i, channels in enumerate(_CHANNELS):
        x = nn.relu(convolve(x, channels, RELU_GAIN, f"conv_{i}"))
    x = x.reshape(*features.shape[:-1], -1)
    return jnp.concatenate([x, features[..., pixels:]], axis=-1)
