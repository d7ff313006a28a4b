"""The class of PettingZoo's that a JaxMARL environment becomes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gymnasium
import jax
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from numpy.typing import NDArray

from wrappers.conformance.contract import check_adaptable
from wrappers.conventions import action_masks, terminated_truncated
from wrappers.gymnasium.host_transfer import Packed, fetch, pack
from wrappers.gymnasium.spaces_and_seeds import gym_space, make_keys
from wrappers.viewing.rendering import Renderer

try:
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise ImportError("PettingZoo is missing: pip install 'paxmen-aerojax[pettingzoo]'") from error

Infos = dict[str, dict[str, Any]]
Step = tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], Infos]


class JaxMARLParallelEnv(ParallelEnv[str, Any, Any]):
    """See `to_pettingzoo`.

    Observations, rewards and spaces are the environment's, in NumPy.

    - An agent that is done before the episode ends is terminated and leaves `agents` until the next
      reset. Later actions of that agent are ignored: the environment gets the first action that is
      available to it, or the one nearest to zero.
    - `infos` has the entries of the environment's `info`: an entry (n, ...) is split over the
      agents, any other goes to each of them. Agents with k discrete actions also have
      "action_mask", int8 (k,), if the environment has `get_avail_actions`.
    - `state()` is the environment's "world_state", and `state_space` its space, for environments
      that have one (`wrappers.WorldState` adds one).
    - Seeds are integers in 0..2**32 - 1; `options` are ignored.
    """

    def __init__(self, env: MultiAgentEnv, render_mode: str | None = None) -> None:
        check_adaptable(env)
        self.env = env
        self.render_mode = render_mode
        self.possible_agents = list(env.agents)
        self.agents: list[str] = []
        spaces: dict[str, Any] = {agent: env.action_space(agent) for agent in env.agents}
        self.observation_spaces = {a: gym_space(env.observation_space(a)) for a in env.agents}
        self.action_spaces = {a: gym_space(space) for a, space in spaces.items()}
        self._dtypes = {agent: np.dtype(space.dtype) for agent, space in spaces.items()}
        self._idle = {agent: _nearest_to_zero(self.action_space(agent)) for agent in env.agents}
        self._renderer = Renderer(env, render_mode)
        self.metadata = self._renderer.metadata() | {"is_parallelizable": True}
        self._key: Array | None = None
        self._state: Any = None
        self._seen: dict[str, Any] = {}
        world_state = jax.eval_shape(env.reset, jax.random.key(0))[0].get("world_state")
        if world_state is not None:
            self.state_space = gymnasium.spaces.Box(
                -np.inf, np.inf, world_state.shape, np.dtype(world_state.dtype).type
            )

    def observation_space(self, agent: str) -> gymnasium.Space:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], Infos]:
        """Starts an episode.

        Args:
            seed: of this and the following episodes; None continues after the last episode.
            options: ignored.

        Raises:
            ValueError: a seed that is not in 0..2**32 - 1.
        """
        if seed is not None or self._key is None:
            (self._key,) = make_keys([seed])
        self._key, self._state, packed = _reset(self.env, self._key)
        self._seen = fetch(packed)
        self.agents = list(self.possible_agents)
        if self.render_mode == "human":
            self.render()
        return self._observations(), {agent: self._mask(agent) for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Steps all agents at once.

        After the end of an episode no agent is left: without actions this returns five empty dicts,
        on which SuperSuit's `black_death_v3` relies.

        Args:
            actions: a member of its space for each of `agents`.

        Raises:
            RuntimeError: no episode is under way, and there are actions or was no reset.
            TypeError, ValueError: an action is missing, is of an unknown agent, or is not of its
                space's dtype or shape.
        """
        if not self.agents:
            if actions or self._state is None:
                raise RuntimeError("no episode is under way: call reset first")
            return {}, {}, {}, {}, {}
        self._key, self._state, packed = _step(
            self.env, self._key, self._state, pack(self._complete(actions), np)
        )
        self._seen = seen = fetch(packed)
        observations = self._observations()
        rewards = {agent: float(seen["rewards"][agent]) for agent in self.agents}
        terminated, truncated = bool(seen["terminated"]), bool(seen["truncated"])
        over = terminated or truncated
        terminations = {
            agent: terminated if over else bool(seen["dones"][agent]) for agent in self.agents
        }
        truncations = dict.fromkeys(self.agents, truncated)
        infos = {agent: self._share(agent) | self._mask(agent) for agent in self.agents}
        self.agents = [agent for agent in self.agents if not (over or terminations[agent])]
        if self.render_mode == "human":
            self.render()
        return observations, rewards, terminations, truncations, infos

    def state(self) -> NDArray[Any]:
        """The world state (W,) of the last reset or step.

        Raises:
            NotImplementedError: the environment has none.
        """
        if "world_state" not in self._seen.get("obs", {}):
            raise NotImplementedError(
                f"{self.env.name} shows no world state; wrappers.WorldState makes one"
            )
        return self._seen["obs"]["world_state"]

    def render(self) -> NDArray[np.uint8] | None:
        """See `wrappers.viewing.rendering.Renderer.show`."""
        return self._renderer.show(self._state)

    def close(self) -> None:
        """Closes the window, if there is one."""
        self._renderer.close()

    # --- From NumPy, and back -------------------------------------------------------------------

    def _complete(self, actions: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """An action of the right dtype for every agent, also for those that are done."""
        for agent in actions:
            if agent not in self.possible_agents:
                raise ValueError(f"action of {agent!r}; valid: {', '.join(self.possible_agents)}")
        return {
            agent: self._action(agent, actions) if agent in self.agents else self._no_op(agent)
            for agent in self.possible_agents
        }

    def _action(self, agent: str, actions: Mapping[str, Any]) -> NDArray[Any]:
        if agent not in actions:
            raise ValueError(f"no action of {agent}; there are those of {list(actions)}")
        action, space = np.asarray(actions[agent]), self.action_spaces[agent]
        if action.shape != space.shape:
            raise ValueError(f"action of {agent} has shape {action.shape}, not {space.shape}")
        dtype = self._dtypes[agent]
        if not np.can_cast(action.dtype, dtype, "same_kind"):
            raise TypeError(f"action of {agent} is {action.dtype}, not {dtype}")
        return action.astype(dtype)

    def _no_op(self, agent: str) -> NDArray[Any]:
        mask = self._seen["masks"].get(agent)
        action = self._idle[agent] if mask is None else mask.argmax()
        return np.asarray(action, self._dtypes[agent])

    def _observations(self) -> dict[str, Any]:
        """Observations of the agents that still play."""
        obs = self._seen["obs"]
        return {
            agent: obs[agent].astype(self.observation_spaces[agent].dtype, copy=False)
            for agent in self.agents
        }

    def _mask(self, agent: str) -> dict[str, Any]:
        masks = self._seen["masks"]
        return {"action_mask": masks[agent]} if agent in masks else {}

    def _share(self, agent: str) -> dict[str, Any]:
        index, n = self.possible_agents.index(agent), len(self.possible_agents)

        def of(entry: Any) -> Any:
            if isinstance(entry, dict):
                return {name: of(part) for name, part in entry.items()}
            return entry[index] if entry.shape[:1] == (n,) else entry[()]

        return of(self._seen["info"])


# One call for each reset and step, and few arrays back. Environments that are equal share what is
# compiled.


@partial(jax.jit, static_argnums=0)
def _reset(env: MultiAgentEnv, key: Array) -> tuple[Array, Any, Packed]:
    key, reset_key = jax.random.split(key)
    obs, state = env.reset(reset_key)
    return key, state, pack({"obs": obs, "masks": action_masks(env, state)})


@partial(jax.jit, static_argnums=0)
def _step(env: MultiAgentEnv, key: Array, state: Any, actions: Packed) -> tuple[Array, Any, Packed]:
    key, step_key = jax.random.split(key)
    obs, state, rewards, dones, info = env.step_env(step_key, state, actions.unpack())
    terminated, truncated = terminated_truncated(dones, info)
    seen = {
        "obs": obs,
        "rewards": rewards,
        "dones": dones,
        "terminated": terminated,
        "truncated": truncated,
        "info": info,
        "masks": action_masks(env, state),
    }
    return key, state, pack(seen)


def _nearest_to_zero(space: gymnasium.Space) -> NDArray[Any]:
    if isinstance(space, gymnasium.spaces.Box):
        return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
    return np.zeros(space.shape or (), np.int64)
