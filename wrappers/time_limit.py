"""A wrapper that truncates episodes after a number of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.conventions import terminated_truncated
from wrappers.wrapper import Layer, Observations, Transition, WrappedState, Wrapper, wrappers_of


@struct.dataclass
class TimeLimitState(WrappedState):
    """The state of `TimeLimit`.

    Attributes:
        env_state: the inner environment's state.
        step: int32 (), steps taken in the episode.
    """

    env_state: Any
    step: Array


class TimeLimit(Wrapper):
    """Truncates an episode after `max_steps` steps.

    `info` gets `terminated` and `truncated`, bool (n,) each. If the inner environment ends an
    episode at the limit, that counts as a truncation, unless its own `info` says that it
    terminated. So with a limit equal to the environment's own, these ends are truncations.
    (JaxMARL's MPE with `max_steps=25` ends after 26 steps.)

    Args:
        env: the environment.
        max_steps: the length of an episode.

    Raises:
        ValueError: `max_steps` is not a positive integer, or exceeds that of a `TimeLimit` inside.
    """

    holds_state = True
    layer = Layer.ENDS
    keeps_observations = True

    def __init__(self, env: MultiAgentEnv, max_steps: int) -> None:
        super().__init__(env)
        if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
            raise ValueError(f"max_steps is {max_steps!r}; valid: a positive integer")
        for inner in wrappers_of(env):
            if isinstance(inner, TimeLimit) and inner.max_steps < max_steps:
                raise ValueError(
                    f"max_steps is {max_steps}, but the TimeLimit inside ends an episode after "
                    f"{inner.max_steps}"
                )
        self.max_steps = max_steps

    def reset(self, key: Array) -> tuple[Observations, TimeLimitState]:
        obs, state = self._env.reset(key)
        return obs, TimeLimitState(state, jnp.zeros((), jnp.int32))

    def step_env(self, key: Array, state: TimeLimitState, actions: Mapping[str, Any]) -> Transition:
        obs, env_state, rewards, dones, info = self._env.step_env(key, state.env_state, actions)
        step = state.step + 1
        over = step >= self.max_steps
        terminated, _ = terminated_truncated(dones, info)
        if "terminated" not in info:
            terminated = terminated & ~over
        done = dones["__all__"] | over
        ends = {"terminated": terminated, "truncated": done & ~terminated}
        info = info | {name: jnp.broadcast_to(end, self.num_agents) for name, end in ends.items()}
        dones = {agent: ended | over for agent, ended in dones.items()}
        return obs, TimeLimitState(env_state, step), rewards, dones, info
