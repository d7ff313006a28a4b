"""A wrapper that reports the returns, lengths and successes of whole episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.wrapper import Layer, Observations, Transition, WrappedState, Wrapper

Success = Callable[[dict[str, Array], dict[str, Any]], Array]
"""`success(rewards, info)` of an episode's last step: bool () or (n,)."""


@struct.dataclass
class Totals:
    """Totals of an episode of n agents.

    Attributes:
        returns: float32 (n,), each agent's sum of rewards.
        length: int32 (), steps.
        success: bool (n,).
    """

    returns: Array
    length: Array
    success: Array


@struct.dataclass
class StatisticsState(WrappedState):
    """The state of `EpisodeStatistics`.

    Attributes:
        env_state: the inner environment's state.
        running: totals of the current episode; its success is not set yet.
        last: totals of the last episode that ended.
        any_ended: bool (), whether an episode has ended.
    """

    env_state: Any
    running: Totals
    last: Totals
    any_ended: Array

    @property
    def step(self) -> Array:
        """int32 (), steps taken in the episode."""
        return self.running.length


class EpisodeStatistics(Wrapper):
    """Adds to `info` the totals of the last episode that ended, under JaxMARL's names.

    Each is an array (n,) over the agents, and stays the same until the next episode ends:

    - `returned_episode`: bool, whether this step ended an episode.
    - `returned_episode_returns`: float32, the sum of the agent's rewards.
    - `returned_episode_lengths`: int32, steps.
    - `returned_episode_success`: bool, if the environment reports success.
    - `any_episode_returned`: bool, whether an episode has ended; until then all others are zero.

    Args:
        env: the environment.
        success: `success(rewards, info)` of an episode's last step, bool () or (n,); None uses
            `info["win"]` if there is one.

    Raises:
        TypeError: `success` is not a function.
    """

    holds_state = True
    layer = Layer.EPISODES
    keeps_observations = True

    def __init__(self, env: MultiAgentEnv, success: Success | None = None) -> None:
        super().__init__(env)
        if success is not None and not callable(success):
            raise TypeError(f"success is {success!r}; valid: a function, or None")
        self.success = success

    def reset(self, key: Array) -> tuple[Observations, StatisticsState]:
        obs, env_state = self._env.reset(key)
        return obs, StatisticsState(env_state, self._zero(), self._zero(), jnp.zeros((), bool))

    def step_env(
        self, key: Array, state: StatisticsState, actions: Mapping[str, Any]
    ) -> Transition:
        obs, env_state, rewards, dones, info = self._env.step_env(key, state.env_state, actions)
        done = dones["__all__"]
        reward = jnp.stack([rewards[agent].astype(jnp.float32) for agent in self.agents])
        success = self._success(rewards, info)
        running = state.running.replace(  # pyright: ignore[reportAttributeAccessIssue]
            returns=state.running.returns + reward, length=state.running.length + 1
        )
        ended = running if success is None else running.replace(success=self._each(success))
        last = jax.tree.map(lambda new, old: jnp.where(done, new, old), ended, state.last)
        any_ended = state.any_ended | done
        added = {
            "returned_episode": self._each(done),
            "returned_episode_returns": last.returns,
            "returned_episode_lengths": self._each(last.length),
            "any_episode_returned": self._each(any_ended),
        }
        if success is not None:
            added["returned_episode_success"] = last.success
        state = StatisticsState(env_state, running, last, any_ended)
        return obs, state, rewards, dones, info | added

    def keep_across_reset(self, old: StatisticsState, fresh: StatisticsState) -> StatisticsState:
        return super().keep_across_reset(old, fresh).replace(last=old.last, any_ended=old.any_ended)

    def _success(self, rewards: dict[str, Array], info: dict[str, Any]) -> Array | None:
        """bool () or (n,); None if the environment does not report success."""
        if self.success is not None:
            return self.success(rewards, info)
        return info.get("win")

    def _each(self, x: Array) -> Array:
        """An array () or (n,) for each of the n agents, (n,)."""
        return jnp.broadcast_to(x, (self.num_agents,))

    def _zero(self) -> Totals:
        n = self.num_agents
        return Totals(jnp.zeros(n, jnp.float32), jnp.zeros((), jnp.int32), jnp.zeros(n, bool))
