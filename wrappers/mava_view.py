"""A wrapper that adds the members that Mava's algorithms need."""

# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete

from wrappers.conformance.contract import check_shapes, describe, space_struct
from wrappers.conventions import action_masks
from wrappers.world_state import WorldState
from wrappers.wrapper import Layer, Observations, Transition


class MavaView(WorldState):
    """Adds the four members that Mava's `JaxMarlWrapper` expects of a subclass.

    They are `action_dim`, `state_size`, `action_mask(state)` and `get_global_state(state, obs)`.
    Arrays have a row for each of the n agents, in the order of `agents`. All agents must have equal
    spaces.

    `step` is `step_env`: Mava resets by itself, and keeps the observation in which an episode ends.

    Raises:
        ContractError: `env` breaks JaxMARL's contract.
        TypeError: agents' spaces differ, but Mava has one network for all; observations are not a
            Box; or actions are neither Discrete nor a Box (k,).
        ValueError: `env` is an `AutoReset` or `Checked`.
    """

    layer = Layer.RESETS

    def __init__(self, env: MultiAgentEnv) -> None:
        super().__init__(env)
        check_shapes(env)
        first, *others = self.agents
        for kind, space in ("observation", env.observation_space), ("action", env.action_space):
            given = {agent: _describe(space(agent)) for agent in self.agents}
            for agent in others:
                if given[agent] != given[first]:
                    raise TypeError(
                        f"{env.name}: the {kind} space of {agent} is {given[agent]}, "
                        f"that of {first} {given[first]}; Mava takes agents that are alike"
                    )
        seen, done = env.observation_space(first), self._action_space
        if not isinstance(seen, Box):
            raise TypeError(f"{env.name}: agents observe {_describe(seen)}; Mava takes a Box")
        if not isinstance(done, Discrete) and not (isinstance(done, Box) and len(done.shape) == 1):
            raise TypeError(
                f"{env.name}: agents act in {_describe(done)}; Mava takes Discrete or a Box (k,)"
            )

    @property
    def action_dim(self) -> int:
        """The number of an agent's discrete actions, or k for a Box (k,)."""
        space = self._action_space
        return int(space.n if isinstance(space, Discrete) else space.shape[0])

    @property
    def state_size(self) -> int:
        """The length S of the world state."""
        return self.world_state_size()

    def action_mask(self, state: Any) -> Array:
        """Which actions are available, bool (n, `action_dim`); all if the environment has no masks.

        Args:
            state: the environment's.
        """
        masks = action_masks(self, state)
        every = jnp.ones(self.action_dim, bool)
        return jnp.stack([masks.get(agent, every).astype(bool) for agent in self.agents])

    def get_global_state(self, state: Any, obs: Observations) -> Array:
        """The world state, once for each agent, (n, S).

        Args:
            state: the environment's; unused, but Mava passes it.
            obs: the observations that `reset` or `step` returned with it.
        """
        seen = obs["world_state"]
        return jnp.broadcast_to(seen, (self.num_agents, *seen.shape))

    def step(
        self,
        key: Array,
        state: Any,
        actions: Mapping[str, Any],
        reset_state: Any | None = None,
    ) -> Transition:
        """The same as `step_env`, without a reset; `reset_state` is ignored."""
        return self.step_env(key, state, actions)

    @property
    def _action_space(self) -> Any:
        return self.action_space(self.agents[0])


def _describe(space: Any) -> str:
    choices = f" of {space.n}" if isinstance(space, Discrete) else ""
    return f"{type(space).__name__}{choices}, {describe(space_struct(space))}"
