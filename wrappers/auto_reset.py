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

    JaxMARL's own `step` drops them, and a learner needs them to bootstrap from a time limit. This
    wrapper goes around all others and adds to `info`:

    - `final_observation`: the observations before the reset, with the structure of `obs`; in a
      step that ends no episode they equal `obs`.
    - `terminated`, `truncated`: bool () for the team, in place of any per agent; whether the
      episode ended by its rules or by a time limit (`wrappers.conventions`).

    Under `vmap` no reset is computed in a step in which no environment is done.
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
        """One step, and the reset; arguments and results are those of `Wrapper.step`."""
        step_key, reset_key = jax.random.split(key)
        final_obs, state, rewards, dones, info = self.step_env(step_key, state, actions)
        obs, state = self._reset_where_done(
            dones["__all__"], final_obs, state, reset_key, reset_state
        )
        return obs, state, rewards, dones, with_ends(final_obs, dones, info)

    def initial_info(self, obs: Observations, state: Any) -> dict[str, Any]:
        """`info` before the first step, with the structure that a step's has.

        Args:
            obs: what `reset` returned.
            state: what `reset` returned.

        Returns:
            zeros, and `obs` as the "final_observation".
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
    """`info` with the three entries that `AutoReset` adds."""
    terminated, truncated = terminated_truncated(dones, info)
    ends = {"final_observation": final_obs, "terminated": terminated, "truncated": truncated}
    return info | ends
