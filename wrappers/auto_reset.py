"""Auto-reset that keeps the observation in which the episode ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from wrappers.conventions import terminated_truncated
from wrappers.wrapper import Layer, Observations, Transition, Wrapper, jit_method


class AutoReset(Wrapper):
    """Resets in the step that ends an episode, and keeps the episode's last observations.

    JaxMARL's own `step` drops them, but a learner needs them to bootstrap at a time limit. This
    wrapper goes around all others and adds to `info`:

    - `final_observation`: the observations before the reset, with the structure of `obs`; in a
      step that ends no episode they equal `obs`.
    - `terminated`, `truncated`: bool () for the team, whether the episode ended by its rules or by
      a time limit (`wrappers.conventions`). They replace entries for each agent.

    Under `vmap`, a step in which no environment is done computes no reset.
    `wrappers.PooledAutoReset` is for environments whose reset is expensive.
    """

    layer = Layer.RESETS
    keeps_observations = True

    @jit_method
    def step(
        self,
        key: Array,
        state: Any,
        actions: Mapping[str, Any],
        reset_state: Any | None = None,
    ) -> Transition:
        """One step, with a reset at an episode's end; see `Wrapper.step`.

        `info` has, besides the inner environment's entries, "final_observation" with the structure
        of `obs`, and "terminated" and "truncated", bool () each.
        """
        step_key, reset_key = jax.random.split(key)
        final_obs, state, rewards, dones, info = self.step_env(step_key, state, actions)
        obs, state = self._reset_where_done(
            dones["__all__"], final_obs, state, reset_key, reset_state
        )
        return obs, state, rewards, dones, with_ends(final_obs, dones, info)

    def initial_info(self, obs: Observations, state: Any) -> dict[str, Any]:
        """An `info` for the state after a reset, with the structure, shapes and dtypes of a step's.

        Args:
            obs: the observations that `reset` returned.
            state: the state that `reset` returned.

        Returns:
            Zeros, with `obs` as the "final_observation".
        """
        actions = {
            agent: jax.eval_shape(self.action_space(agent).sample, jax.random.key(0))
            for agent in self.agents
        }
        shapes = jax.eval_shape(self.step, jax.random.key(0), state, actions)[4]
        info = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        return info | {"final_observation": obs}


def with_ends(
    final_obs: Observations, dones: dict[str, Array], info: dict[str, Any]
) -> dict[str, Any]:
    """`info` with the three entries that `AutoReset` adds.

    Args:
        final_obs: the observations in which the step ended, before a reset.
        dones: bool () for each agent and for "__all__".
        info: the environment's.
    """
    terminated, truncated = terminated_truncated(dones, info)
    ends = {"final_observation": final_obs, "terminated": terminated, "truncated": truncated}
    return info | ends
