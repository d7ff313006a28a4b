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
    """Resets in the step that ends an episode, and hands out what the reset would hide.

    JaxMARL's own `step` drops the last observation of an episode, which a learner needs to
    bootstrap from a time limit. This wrapper, around all others, adds to `info`:

    - `final_observation`: the observations before any reset, same structure as `obs`;
      on a step that ends no episode they equal `obs`.
    - `terminated`, `truncated`: bool () for the team, in place of any per agent; whether the
      episode came to a true end or to a time limit (`wrappers.conventions`).

    Under `vmap`, a step in which no environment is done draws no reset at all.
    `wrappers.PooledAutoReset` is for environments whose reset is dear.
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
        """`info` before the first step, in a step's structure: of zeros, but for what is seen.

        Args:
            obs: what `reset` returned.
            state: likewise.
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
    """`info` with what a reset hides: see `AutoReset`."""
    terminated, truncated = terminated_truncated(dones, info)
    ends = {"final_observation": final_obs, "terminated": terminated, "truncated": truncated}
    return info | ends
