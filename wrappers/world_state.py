"""A wrapper that adds a world state, for a centralised critic."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from wrappers.wrapper import Observations, ObservationWrapper


class WorldState(ObservationWrapper):
    """Adds `obs["world_state"]` (W,): the observations of all agents, flattened and concatenated.

    If the environment has its own world state, that is kept.
    """

    def world_state_size(self) -> int:
        """W, the length of the world state."""
        return jax.eval_shape(self.reset, jax.random.key(0))[0]["world_state"].size

    def observe(self, obs: Observations) -> Observations:
        """The observations, with "world_state" (W,)."""
        if "world_state" in obs:
            return obs
        seen = jnp.concatenate([obs[agent].reshape(-1) for agent in self.agents])
        return obs | {"world_state": seen}
