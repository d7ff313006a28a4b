"""Appends each agent's index to its observation, for one network that plays all agents."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Space

from wrappers.wrapper import Observations, ObservationWrapper


class AgentId(ObservationWrapper):
    """Appends an agent's one-hot index to its observation: (F,) becomes (F + n,) with n agents.

    Raises:
        TypeError: an agent's observation is not a vector of floating-point numbers.
    """

    def __init__(self, env: MultiAgentEnv) -> None:
        super().__init__(env)
        for agent in self.agents:
            space: Any = env.observation_space(agent)
            vector = isinstance(space, Box) and len(space.shape) == 1
            if not vector or not jnp.issubdtype(space.dtype, jnp.floating):
                raise TypeError(
                    f"AgentId extends floating-point vectors; {agent} of {env.name} observes "
                    f"{type(space).__name__} {getattr(space, 'shape', '')} "
                    f"{getattr(space, 'dtype', '')}"
                )

    def observation_space(self, agent: str) -> Space:
        """A `Box` (F + n,); the n further entries are in [0, 1]."""
        inner = self._env.observation_space(agent)
        n = self.num_agents
        low, high = (jnp.broadcast_to(bound, inner.shape) for bound in (inner.low, inner.high))
        low, high = jnp.append(low, jnp.zeros(n)), jnp.append(high, jnp.ones(n))
        return Box(low, high, (inner.shape[0] + n,), inner.dtype)

    @property
    def observation_spaces(self) -> dict[str, Space]:
        """Each agent's space."""
        return {agent: self.observation_space(agent) for agent in self.agents}

    def observe(self, obs: Observations) -> Observations:
        """The observations, (F + n,) for each agent."""
        return obs | {agent: self._append(i, obs[agent]) for i, agent in enumerate(self.agents)}

    def _append(self, i: int, obs: Array) -> Array:
        """An observation (F,) and the one-hot index `i`: (F + n,)."""
        return jnp.concatenate([obs, jax.nn.one_hot(i, self.num_agents, dtype=obs.dtype)])
