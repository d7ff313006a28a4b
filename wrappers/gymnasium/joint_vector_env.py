"""Teams as a Gymnasium `VectorEnv`, stepped in one call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from numpy.typing import NDArray

from wrappers.batched_cond import batched_cond
from wrappers.gymnasium.host_transfer import Packed, fetch, pack
from wrappers.gymnasium.joint_env import begin, check_action, play, start
from wrappers.gymnasium.spaces_and_seeds import gym_space, make_keys
from wrappers.joint_view import JointView
from wrappers.viewing.rendering import Renderer, check_started
from wrappers.wrapper import Wrapper


class JointVectorEnv(VectorEnv[NDArray[Any], NDArray[Any], NDArray[Any]]):
    """See `to_gymnasium`.

    An environment whose episode ends is reset in the same step. `infos` then has the episode's last
    observation and info, as in Gymnasium's `SyncVectorEnv`: "final_obs" (N,) of objects, None or
    (D,), and "final_info". Each entry "name" has a mask "_name", bool (N,), which is true for the
    environments that have the entry. The rest is as in `JointEnv`, and so are the episodes:
    with seed s, environment i plays the episodes of a `JointEnv` with seed s + i.
    """

    def __init__(self, env: MultiAgentEnv, num_envs: int, render_mode: str | None = None) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise ValueError(f"num_envs is {num_envs!r}; valid: a positive integer, or None")
        if render_mode == "human":
            raise ValueError("render_mode is 'human'; valid for several: None, 'rgb_array'")
        self._view = JointView(env)
        self.num_envs = num_envs
        self.single_observation_space = gym_space(self._view.observation_space)
        self.single_action_space = gym_space(self._view.action_space)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = render_mode
        self._renderer = Renderer(env, render_mode)
        self.metadata = self._renderer.metadata() | {"autoreset_mode": AutoresetMode.SAME_STEP}
        self._keys: Array | None = None
        self._states: Any = None

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Starts an episode in each environment.

        Args:
            seed: s for the seeds s, s + 1, ..., or one for each environment.
            options: ignored.

        Raises:
            ValueError: not N seeds, or a seed not in 0..2**32 - 1; or `options` has a "reset_mask",
                which environments that reset themselves do not need.
        """
        if options is not None and "reset_mask" in options:
            raise ValueError("no reset_mask: the environments reset themselves in the same step")
        if seed is not None or self._keys is None:
            self._keys = make_keys(self._seeds(seed))
        self._keys, self._states, packed = _reset_all(self._view, self._keys)
        seen = fetch(packed)
        everyone = np.ones(self.num_envs, bool)
        return np.ascontiguousarray(seen["obs"]), _masked(everyone, seen["mask"])

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Steps every environment, and resets those whose episode ends.

        Args:
            actions: (N, d) or (N, k), a member of `action_space`.

        Returns:
            `(obs, reward, terminated, truncated, infos)`: float (N, D), float64 (N,), bool (N,)
            twice, and a dict.

        Raises:
            RuntimeError: `reset` has not been called.
            TypeError, ValueError: the actions are not of their space's dtype or shape.
        """
        if self._keys is None:
            raise RuntimeError("no episode is under way: call reset first")
        actions = check_action(self._view, actions, self.action_space)
        self._keys, self._states, packed, packed_final = _step_all(
            self._view, self._keys, self._states, actions
        )
        seen = fetch(packed)
        terminated, truncated = (np.ascontiguousarray(seen[k]) for k in ("terminated", "truncated"))
        done = terminated | truncated
        infos = _masked(~done, seen["info"]) | _masked(np.ones_like(done), seen["mask"])
        if done.any():
            infos |= self._finals(done, fetch(packed_final), seen["info"])
        reward = seen["reward"].astype(np.float64)
        return np.ascontiguousarray(seen["obs"]), reward, terminated, truncated, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """A picture of each environment in mode "rgb_array"; None without a mode."""
        if self.render_mode is None:
            return None
        check_started(self._states)
        states = jax.device_get(self._states)
        return tuple(
            self._renderer.picture(jax.tree.map(lambda x, i=i: x[i], states))
            for i in range(self.num_envs)
        )

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            return [int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"there are {len(seed)} seeds for {self.num_envs} environments")
        return seed

    def _finals(
        self, done: NDArray[np.bool_], final: dict[str, Any], info: dict[str, Any]
    ) -> dict[str, Any]:
        """Last observations and infos, before their reset, of environments that are `done`."""
        final_obs = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(done):
            final_obs[i] = final["obs"][i].copy()
        final_info = _masked(done, info | final["mask"])
        return {
            "final_obs": final_obs,
            "_final_obs": done.copy(),
            "final_info": final_info,
            "_final_info": done.copy(),
        }


# --- One call for each reset and step, compiled once for environments that are equal ------------


def _step_and_reset(
    view: JointView, key: Array, state: Any, action: Array
) -> tuple[Array, Any, Packed, Packed]:
    """One step, and a reset if it ends the episode; the last result is from before the reset."""
    key, state, final, outcome = play(view, key, state, action)

    def restart(old: tuple[Array, Any, Any]) -> tuple[Array, Any, Any]:
        key, state, seen = start(view, old[0])
        if isinstance(view.env, Wrapper):
            state = view.env.keep_across_reset(old[1], state)
        return key, state, seen

    done = outcome["terminated"] | outcome["truncated"]
    key, state, seen = batched_cond(restart)(done, (key, state, final))
    return key, state, pack(seen | outcome), pack(final)


@partial(jax.jit, static_argnums=0)
def _reset_all(view: JointView, keys: Array) -> tuple[Array, Any, Packed]:
    return jax.vmap(partial(begin, view))(keys)


@partial(jax.jit, static_argnums=0)
def _step_all(
    view: JointView, keys: Array, states: Any, actions: Array
) -> tuple[Array, Any, Packed, Packed]:
    return jax.vmap(partial(_step_and_reset, view))(keys, states, actions)


# --- In NumPy -----------------------------------------------------------------------------------


def _masked(who: NDArray[np.bool_], info: dict[str, Any]) -> dict[str, Any]:
    """`info` as Gymnasium batches entries of only some environments: zeros for the others."""
    if not who.any():
        return {}
    batched = {}
    for name, value in info.items():
        if isinstance(value, dict):
            batched[name] = _masked(who, value)
        else:
            there = who.reshape(-1, *[1] * (value.ndim - 1))
            batched[name] = np.where(there, value, np.zeros((), value.dtype))
        batched[f"_{name}"] = who.copy()
    return batched
