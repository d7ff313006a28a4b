"""Random numbers, drawn as words before the step and handed out one after another within it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from aerojax.batching import per_environment


def draw_words(key: Array, count: int) -> Array:
    """uint32 (count,), uniform."""
    return jax.random.bits(key, (count,), jnp.uint32)


class Draws:
    """Hands out uniform numbers; who asks first gets the first words.

    A batch axis may follow the words', and follows then the shapes asked for.

    Args:
        words: uint32 (count,).
    """

    def __init__(self, words: Array):
        self._words = words
        self.used = 0

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Array:
        """float32 of that shape, uniform in [low, high)."""
        count = math.prod(shape)
        words = self._words[self.used : self.used + count]
        self.used += count
        # 24 bits: as many as a float32 between 1/2 and 1 can tell apart.
        unit = (words >> 8).astype(jnp.int32).astype(jnp.float32) * jnp.float32(2.0**-24)
        return (low + (high - low) * unit).reshape(*shape, *words.shape[1:])

    def constant(self, shape: tuple[int, ...], value: float) -> Array:
        """float32 of that shape, all of one value; takes no words."""
        return jnp.full((*shape, *self._words.shape[1:]), value, jnp.float32)

    def in_disc(self, shape: tuple[int, ...], radius: Array | float) -> tuple[Array, Array]:
        """x and y, float32 of that shape, uniform in a disc around the origin."""
        distance = jnp.sqrt(self.uniform(shape))
        distance = per_environment(radius, distance) * distance
        angle = self.uniform(shape, 0.0, 2.0 * math.pi)
        return distance * jnp.cos(angle), distance * jnp.sin(angle)

    def normal(self, shape: tuple[int, ...]) -> Array:
        """float32 of that shape, of mean 0 and variance 1, by Box and Muller."""
        distance = jnp.sqrt(-2.0 * jnp.log(1.0 - self.uniform(shape)))
        return distance * jnp.cos(self.uniform(shape, 0.0, 2.0 * math.pi))
