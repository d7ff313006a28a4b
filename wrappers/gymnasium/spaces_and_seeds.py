"""JaxMARL's spaces as Gymnasium's, and Gymnasium's seeds as JAX's keys."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium
import jax
import numpy as np
from jax import Array
from jaxmarl.environments import spaces


def gym_space(space: spaces.Space) -> gymnasium.Space:
    """The Gymnasium space with the same members; integers have Gymnasium's dtype.

    Raises:
        TypeError: the space is not a Box, Discrete or MultiDiscrete.
    """
    if isinstance(space, spaces.Discrete):
        return gymnasium.spaces.Discrete(int(space.n))
    if isinstance(space, spaces.MultiDiscrete):
        return gymnasium.spaces.MultiDiscrete(np.asarray(space.num_categories))
    if isinstance(space, spaces.Box):
        dtype = np.dtype(space.dtype)
        low, high = (
            np.broadcast_to(np.asarray(bound, dtype), space.shape)
            for bound in (space.low, space.high)
        )
        return gymnasium.spaces.Box(low, high, dtype=dtype.type)
    raise TypeError(f"no adapter for {space!r}; valid: Box, Discrete, MultiDiscrete")


def make_keys(seeds: Sequence[int | None]) -> Array:
    """Typed keys (N,): `jax.random.key` of each of N seeds, and of fresh entropy for None.

    Raises:
        ValueError: a seed that is not in 0..2**32 - 1.
    """
    entropy = np.random.SeedSequence().generate_state(len(seeds))
    words = [fresh if seed is None else seed for seed, fresh in zip(seeds, entropy, strict=True)]
    for word in words:
        if not isinstance(word, int | np.integer) or not 0 <= word < 2**32:
            raise ValueError(f"seed is {word!r}; valid: an integer in 0..2**32 - 1")
    return jax.vmap(jax.random.key)(np.asarray(words, np.uint32))
