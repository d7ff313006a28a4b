"""JaxMARL's spaces as Gymnasium's."""

from __future__ import annotations

import gymnasium
import numpy as np
from jaxmarl.environments import spaces


def gym_space(space: spaces.Space) -> gymnasium.Space:
    """The Gymnasium space with the same members, of Gymnasium's dtype where that is an integer's.

    Raises:
        TypeError: it is no Box, Discrete or MultiDiscrete.
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
