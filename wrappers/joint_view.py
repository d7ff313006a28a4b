"""A team seen as a single learner, for libraries for single agents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete, MultiDiscrete, Space

from wrappers.conformance.contract import check_adaptable
from wrappers.conventions import action_masks, teams_of
from wrappers.wrapper import Observations


@dataclass(frozen=True)
class JointView:
    """One learner that observes and acts for all agents of a team, and gets their mean reward.

    - Observation: the agents' observations, flattened and concatenated; a Box (D,).
    - Action: the agents' actions, flattened and concatenated. It is a MultiDiscrete (k,) if all are
      Discrete or MultiDiscrete, and a Box (d,) if all are Boxes.
    - Reward: the mean over the agents, which equals the shared reward if there is one.

    `wrappers.conventions.teams_of` finds the teams; without any, all agents are one team.

    Args:
        env: an environment; not an `AutoReset`.

    Raises:
        TypeError: `env` is not a JaxMARL environment, or has spaces that cannot be joined.
        ContractError: `env` breaks JaxMARL's contract.
        ValueError: `env` has several teams, with different rewards, or is an `AutoReset`.
    """

    env: MultiAgentEnv

    def __post_init__(self) -> None:
        check_adaptable(self.env)
        teams = teams_of(self.env)
        if len(teams) > 1:
            raise ValueError(
                f"{self.env.name} has the teams {', '.join(teams)}: "
                "one learner cannot have the rewards of several"
            )
        _ = self.observation_space, self.action_space  # raises where spaces cannot be joined

    @cached_property
    def observation_space(self) -> Box:
        """A Box (D,): the agents' observations, concatenated."""
        spaces = self._spaces("observation")
        self._check_all("observation", spaces, Box)
        return _end_to_end(spaces)

    @cached_property
    def action_space(self) -> Box | MultiDiscrete:
        """A Box (d,) or MultiDiscrete (k,): the agents' actions, concatenated."""
        spaces = self._spaces("action")
        if isinstance(next(iter(spaces.values())), Box):
            self._check_all("action", spaces, Box)
            return _end_to_end(spaces)
        self._check_all("action", spaces, Discrete, MultiDiscrete)
        return MultiDiscrete([n for space in spaces.values() for n in _choices(space)])

    def observe(self, obs: Observations) -> Array:
        """All agents' observations, concatenated: (D,), of the space's dtype."""
        dtype = self.observation_space.dtype
        return jnp.concatenate([obs[agent].reshape(-1).astype(dtype) for agent in self.env.agents])

    def actions(self, action: Any) -> dict[str, Array]:
        """Each agent's part of a joint action (d,) or (k,), in the shape of the agent's space."""
        spaces = self._spaces("action")
        ends = np.cumsum([prod(space.shape) for space in spaces.values()])
        parts = jnp.split(jnp.asarray(action), ends[:-1])
        return {
            agent: part.reshape(space.shape).astype(space.dtype)
            for (agent, space), part in zip(spaces.items(), parts, strict=True)
        }

    def reward(self, rewards: dict[str, Array]) -> Array:
        """The mean reward over the agents, float32 ()."""
        each = [jnp.asarray(rewards[agent], jnp.float32) for agent in self.env.agents]
        return jnp.mean(jnp.stack(each))

    def mask(self, state: Any) -> dict[str, Array]:
        """`{"action_mask": int8 (N,)}`: the agents' masks of discrete actions, concatenated.

        N is the sum of their numbers of actions. Empty unless every agent has a mask.
        """
        masks = action_masks(self.env, state)
        if len(masks) < len(self.env.agents):
            return {}
        return {"action_mask": jnp.concatenate([masks[agent] for agent in self.env.agents])}

    def _spaces(self, kind: str) -> dict[str, Any]:
        return {agent: getattr(self.env, f"{kind}_space")(agent) for agent in self.env.agents}

    def _check_all(self, kind: str, spaces: dict[str, Any], *types: type[Space]) -> None:
        """Checks that all spaces are of `types`, and of one dtype.

        Raises:
            TypeError: names the first agent that differs.
        """
        valid = " or ".join(each.__name__ for each in types)
        first, *_ = dtypes = {agent: _dtype(space) for agent, space in spaces.items()}
        for agent, space in spaces.items():
            where = f"{self.env.name}: the {kind} space of {agent}"
            if not isinstance(space, types):
                given = type(space).__name__
                raise TypeError(f"{where} is a {given}; a joint view takes {valid} of all agents")
            if dtypes[agent] != dtypes[first]:
                raise TypeError(f"{where} is of {dtypes[agent]}, that of {first} {dtypes[first]}")


def _dtype(space: Any) -> Any:
    return jnp.dtype(getattr(space, "dtype", None))


def _end_to_end(boxes: dict[str, Box]) -> Box:
    dtype = np.dtype(next(iter(boxes.values())).dtype)

    def bound(name: str) -> np.ndarray:
        bounds = [np.asarray(getattr(box, name), dtype) for box in boxes.values()]
        shapes = [box.shape for box in boxes.values()]
        return np.concatenate(
            [np.broadcast_to(*each).ravel() for each in zip(bounds, shapes, strict=True)]
        )

    low = bound("low")
    return Box(low, bound("high"), low.shape, dtype)


def _choices(space: Discrete | MultiDiscrete) -> list[int]:
    if isinstance(space, Discrete):
        return [int(space.n)]
    return [int(n) for n in np.asarray(space.num_categories)]
