"""Auto-reset that keeps the observation in which the episode ended."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.wrappers.baselines import JaxMARLWrapper


class AutoReset(JaxMARLWrapper):
    """Resets in the step that ends an episode, and hands out what the reset would hide.

    JaxMARL's own `step` drops the last observation of an episode, which a learner needs to
    bootstrap from a time limit. This wrapper steps through `step_env` and adds to `info`:

    - `final_observation`: the observations before any reset, same structure as `obs`;
      on a step that ends no episode they equal `obs`.
    - `terminated`, `truncated`: bool () for the team, in place of any per agent; whether the
      episode came to a true end or to a time limit. An environment that does not report
      `terminated` is taken to terminate.
    """

    def __init__(self, env: MultiAgentEnv):
        super().__init__(env)

    @partial(jax.jit, static_argnums=0)
    def step(
        self, key: Array, state: Any, actions: dict[str, Array]
    ) -> tuple[dict[str, Array], Any, dict[str, Array], dict[str, Array], dict[str, Any]]:
        """Steps one environment; returns `obs, state, rewards, dones, info` as JaxMARL does."""
        step_key, reset_key = jax.random.split(key)
        final_obs, next_state, rewards, dones, info = self._env.step_env(step_key, state, actions)
        reset_obs, reset_state = self._env.reset(reset_key)
        done = dones["__all__"]
        obs, state = jax.tree.map(
            lambda fresh, old: jnp.where(done, fresh, old),
            (reset_obs, reset_state),
            (final_obs, next_state),
        )
        terminated = jnp.any(info.get("terminated", done))
        ends = {
            "final_observation": final_obs,
            "terminated": terminated,
            "truncated": done & ~terminated,
        }
        return obs, state, rewards, dones, info | ends
