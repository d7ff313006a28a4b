"""Auto-reset from a pool of states, for a batch of environments whose reset is expensive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.auto_reset import with_ends
from wrappers.wrapper import Layer, Observations, Transition, Wrapper, check_inner, jit_method


@struct.dataclass
class PooledState:
    """The state of `PooledAutoReset`.

    Attributes:
        env_state: states of all environments, leaves (B, ...).
        pool: observations and states of `pool_size` resets, leaves (P, ...).
    """

    env_state: Any
    pool: tuple[Observations, Any]


class PooledAutoReset:
    """Steps a batch, and resets environments that are done to states drawn from a pool.

    Under `vmap`, `AutoReset` computes a reset for every environment as soon as one is done. If
    episodes differ in length, that happens in almost every step. It takes most of the time if a
    reset is expensive, for example because it generates a level. Here `pool_size` resets are
    computed when the pool is refreshed, for example once a rollout. Between two refreshes, a state
    can be drawn more than once.

    Unlike a `Wrapper` it holds the whole batch: do not `vmap` it. `info` has the entries that
    `AutoReset` adds.

    Args:
        env: one environment.
        num_envs: B, the size of the batch.
        pool_size: P, the number of states in the pool.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ValueError: `env` resets itself, or a size is no positive integer.
    """

    layer = Layer.RESETS

    def __init__(self, env: MultiAgentEnv, num_envs: int, pool_size: int) -> None:
        for name, size in (("num_envs", num_envs), ("pool_size", pool_size)):
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} is {size!r}; valid: a positive integer")
        check_inner(type(self), env)
        self.env = Wrapper(env)  # for `keep_across_reset`, which a bare environment lacks
        self.num_envs = num_envs
        self.pool_size = pool_size

    @jit_method
    def reset(self, key: Array) -> tuple[Observations, PooledState]:
        """Starts all episodes, and fills the pool.

        Args:
            key: one PRNG key.

        Returns:
            `(obs, state)`; observations are (B, ...).
        """
        key, pool_key = jax.random.split(key)
        obs, env_state = self._resets(key, self.num_envs)
        return obs, PooledState(env_state, self._resets(pool_key, self.pool_size))

    @jit_method
    def refresh(self, key: Array, state: PooledState) -> PooledState:
        """Computes a new pool.

        Args:
            key: one PRNG key.
            state: the state of all.

        Returns:
            The state with the new pool, leaves (P, ...).
        """
        return PooledState(state.env_state, self._resets(key, self.pool_size))

    @jit_method
    def step(self, key: Array, state: PooledState, actions: Mapping[str, Any]) -> Transition:
        """One step of each environment, and a reset of those whose episode it ends.

        Args:
            key: one PRNG key.
            state: the state of all.
            actions: each agent's actions (B, ...).

        Returns:
            `(obs, state, rewards, dones, info)`, leaves (B, ...).
        """
        step_key, draw_key = jax.random.split(key)
        keys = jax.random.split(step_key, self.num_envs)
        step = jax.vmap(self.env.step_env)
        final_obs, after, rewards, dones, info = step(keys, state.env_state, actions)
        drawn = jax.random.randint(draw_key, (self.num_envs,), 0, self.pool_size)

        def reset_where(
            done: Array, old: tuple[Observations, Any], i: Array
        ) -> tuple[Observations, Any]:
            obs, fresh = jax.tree.map(lambda x: x[i], state.pool)
            new = obs, self.env.keep_across_reset(old[1], fresh)
            return jax.tree.map(lambda new, old: jnp.where(done, new, old), new, old)

        obs, after = jax.vmap(reset_where)(dones["__all__"], (final_obs, after), drawn)
        info = jax.vmap(with_ends)(final_obs, dones, info)
        return obs, PooledState(after, state.pool), rewards, dones, info

    def _resets(self, key: Array, count: int) -> tuple[Observations, Any]:
        """Observations and states of `count` resets, leaves (count, ...)."""
        return jax.vmap(self.env.reset)(jax.random.split(key, count))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self.env, self.num_envs, self.pool_size))
