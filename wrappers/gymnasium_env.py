"""JaxMARL environments as Gymnasium's: one learner plays the whole team, see `wrappers.joint`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, overload

import gymnasium
import jax
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from numpy.typing import NDArray

from wrappers.adapter import make_keys
from wrappers.endings import endings
from wrappers.gym_spaces import gym_space
from wrappers.joint import Joint
from wrappers.on_demand import on_demand
from wrappers.packing import Packed, fetch, pack
from wrappers.rendering import Renderer, render_modes
from wrappers.wrapper import Wrapper


@overload
def to_gymnasium(
    env: MultiAgentEnv, num_envs: None = None, render_mode: str | None = None
) -> JointEnv: ...
@overload
def to_gymnasium(
    env: MultiAgentEnv, num_envs: int, render_mode: str | None = None
) -> JointVectorEnv: ...
def to_gymnasium(
    env: MultiAgentEnv, num_envs: int | None = None, render_mode: str | None = None
) -> JointEnv | JointVectorEnv:
    """A JaxMARL environment, wrapped or not, as one of Gymnasium's, seen jointly.

    Args:
        env: an environment of one team; not an `AutoReset`.
        num_envs: N for a `VectorEnv` of so many, stepped in one call; None for a single `Env`.
        render_mode: "rgb_array", "human" (not with N) or None; for environments with a `scene`.

    Raises:
        TypeError, ContractError, ValueError: as `wrappers.joint.Joint`; `env` cannot be drawn in
            this mode; `num_envs` is no positive integer.
    """
    if num_envs is None:
        return JointEnv(env, render_mode)
    return JointVectorEnv(env, num_envs, render_mode)


class JointEnv(gymnasium.Env[NDArray[Any], NDArray[Any]]):
    """See `to_gymnasium`.

    `info` has what the environment's has, after a reset nothing, and always "action_mask",
    int8 (sum of k,), if the environment tells which of its discrete actions are available. Seeds
    are integers in 0..2**32 - 1; `options` are not looked at.
    """

    def __init__(self, env: MultiAgentEnv, render_mode: str | None = None) -> None:
        self._view = Joint(env)
        self.observation_space = gym_space(self._view.observation_space)
        self.action_space = gym_space(self._view.action_space)
        self.render_mode = render_mode
        self._renderer = Renderer(env, render_mode)
        self.metadata = _metadata(env, self._renderer, render_mode)
        self._key: Array | None = None
        self._state: Any = None
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Starts an episode; without a seed, the one that follows from the last."""
        super().reset(seed=seed)
        if seed is not None or self._key is None:
            (self._key,) = make_keys([seed])
        self._key, self._state, packed = _reset(self._view, self._key)
        self._over = False
        seen = fetch(packed)
        if self.render_mode == "human":
            self.render()
        return seen["obs"], seen["mask"]

    def step(self, action: NDArray[Any]) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Steps the team.

        Raises:
            RuntimeError: no episode is under way.
            TypeError, ValueError: the action is not of its space's dtype or shape.
        """
        if self._over:
            raise RuntimeError("no episode is under way: call reset first")
        action = _check_action(self._view, action, self.action_space)
        self._key, self._state, packed = _step(self._view, self._key, self._state, action)
        seen = fetch(packed)
        terminated, truncated = bool(seen["terminated"]), bool(seen["truncated"])
        self._over = terminated or truncated
        if self.render_mode == "human":
            self.render()
        info = _scalars(seen["info"]) | seen["mask"]
        return seen["obs"], float(seen["reward"]), terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """A picture, uint8 (height, width, 3), in mode "rgb_array"; None in the others."""
        if self._state is None:
            raise RuntimeError("nothing to render: call reset first")
        return self._renderer.show(self._state)

    def close(self) -> None:
        """Closes the window, if there is one."""
        self._renderer.close()


class JointVectorEnv(VectorEnv[NDArray[Any], NDArray[Any], NDArray[Any]]):
    """See `to_gymnasium`.

    An environment whose episode ends is reset in the same step, and `infos` has what the reset
    hides as Gymnasium's `SyncVectorEnv` has it: "final_obs" (N,) of objects, None or (D,), and
    "final_info"; to each name belongs a mask "_name", bool (N,), of the environments that have it.
    The rest is `JointEnv`'s, and so are the episodes: environment i of seed s plays those of a
    single one of seed s + i.
    """

    def __init__(self, env: MultiAgentEnv, num_envs: int, render_mode: str | None = None) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise ValueError(f"num_envs is {num_envs!r}; valid: a positive integer, or None")
        if render_mode == "human":
            raise ValueError("render_mode is 'human'; valid for several: None, 'rgb_array'")
        self._view = Joint(env)
        self.num_envs = num_envs
        self.single_observation_space = gym_space(self._view.observation_space)
        self.single_action_space = gym_space(self._view.action_space)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = render_mode
        self._renderer = Renderer(env, render_mode)
        self.metadata = _metadata(env, self._renderer, render_mode) | {
            "autoreset_mode": AutoresetMode.SAME_STEP
        }
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
            options: not looked at.

        Raises:
            ValueError: not N seeds; or `options` has a "reset_mask", as environments that reset
                themselves need none.
        """
        if options is not None and "reset_mask" in options:
            raise ValueError("no reset_mask: the environments reset themselves in the same step")
        if seed is not None or self._keys is None:
            self._keys = make_keys(self._seeds(seed))
        self._keys, self._states, packed = _reset_all(self._view, self._keys)
        seen = fetch(packed)
        everyone = np.ones(self.num_envs, bool)
        return np.ascontiguousarray(seen["obs"]), _of_those(everyone, seen["mask"])

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Steps every environment, and resets those whose episode ends.

        Args:
            actions: (N, ...), a member of `action_space`.

        Raises:
            RuntimeError: `reset` has not been called.
            TypeError, ValueError: the actions are not of their space's dtype or shape.
        """
        if self._keys is None:
            raise RuntimeError("no episode is under way: call reset first")
        actions = _check_action(self._view, actions, self.action_space)
        self._keys, self._states, packed, packed_final = _step_all(
            self._view, self._keys, self._states, actions
        )
        seen = fetch(packed)
        terminated, truncated = (np.ascontiguousarray(seen[k]) for k in ("terminated", "truncated"))
        done = terminated | truncated
        infos = _of_those(~done, seen["info"]) | _of_those(np.ones_like(done), seen["mask"])
        if done.any():
            infos |= self._finals(done, fetch(packed_final), seen["info"])
        reward = seen["reward"].astype(np.float64)
        return np.ascontiguousarray(seen["obs"]), reward, terminated, truncated, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """A picture of each environment in mode "rgb_array"; None without a mode."""
        if self.render_mode is None:
            return None
        if self._states is None:
            raise RuntimeError("nothing to render: call reset first")
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
        """What the environments that are `done` showed before their reset."""
        final_obs = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(done):
            final_obs[i] = final["obs"][i].copy()
        final_info = _of_those(done, info | final["mask"])
        return {
            "final_obs": final_obs,
            "_final_obs": done.copy(),
            "final_info": final_info,
            "_final_info": done.copy(),
        }


# --- One call for each reset and step, compiled once for environments that are equal ------------


def _start(view: Joint, key: Array) -> tuple[Array, Any, dict[str, Any]]:
    key, reset_key = jax.random.split(key)
    obs, state = view.env.reset(reset_key)
    return key, state, {"obs": view.observe(obs), "mask": view.mask(state)}


def _play(
    view: Joint, key: Array, state: Any, action: Array
) -> tuple[Array, Any, dict[str, Any], dict[str, Any]]:
    """One step without a reset: what is seen after it, and how it went."""
    key, step_key = jax.random.split(key)
    obs, state, rewards, dones, info = view.env.step_env(step_key, state, view.actions(action))
    terminated, truncated = endings(dones, info)
    seen = {"obs": view.observe(obs), "mask": view.mask(state)}
    outcome = {
        "reward": view.reward(rewards),
        "terminated": terminated,
        "truncated": truncated,
        "info": info,
    }
    return key, state, seen, outcome


def _play_on(
    view: Joint, key: Array, state: Any, action: Array
) -> tuple[Array, Any, Packed, Packed]:
    """One step, and a reset if it ends the episode; the last is what was seen before the reset."""
    key, state, final, outcome = _play(view, key, state, action)

    def restart(old: tuple[Array, Any, Any]) -> tuple[Array, Any, Any]:
        key, state, seen = _start(view, old[0])
        if isinstance(view.env, Wrapper):
            state = view.env.carry(old[1], state)
        return key, state, seen

    done = outcome["terminated"] | outcome["truncated"]
    key, state, seen = on_demand(restart)(done, (key, state, final))
    return key, state, pack(seen | outcome), pack(final)


@partial(jax.jit, static_argnums=0)
def _reset(view: Joint, key: Array) -> tuple[Array, Any, Packed]:
    key, state, seen = _start(view, key)
    return key, state, pack(seen)


@partial(jax.jit, static_argnums=0)
def _step(view: Joint, key: Array, state: Any, action: Array) -> tuple[Array, Any, Packed]:
    key, state, seen, outcome = _play(view, key, state, action)
    return key, state, pack(seen | outcome)


@partial(jax.jit, static_argnums=0)
def _reset_all(view: Joint, keys: Array) -> tuple[Array, Any, Packed]:
    return jax.vmap(partial(_reset, view))(keys)


@partial(jax.jit, static_argnums=0)
def _step_all(
    view: Joint, keys: Array, states: Any, actions: Array
) -> tuple[Array, Any, Packed, Packed]:
    return jax.vmap(partial(_play_on, view))(keys, states, actions)


# --- In NumPy -----------------------------------------------------------------------------------


def _metadata(env: MultiAgentEnv, renderer: Renderer, render_mode: str | None) -> dict[str, Any]:
    metadata = {"name": env.name, "render_modes": render_modes(env)}
    if render_mode is not None:
        _, state = env.reset(jax.random.key(0))
        metadata["render_fps"] = renderer.scene(state)["rate"]
    return metadata


def _check_action(view: Joint, action: Any, space: gymnasium.Space) -> NDArray[Any]:
    """The action, or actions, in the environment's dtype."""
    action = np.asarray(action)
    if action.shape != space.shape:
        raise ValueError(
            f"{view.env.name}.step: the action has shape {action.shape}, not {space.shape}: "
            f"those of {', '.join(view.env.agents)} end to end"
        )
    dtype = np.dtype(view.action_space.dtype)
    if not np.can_cast(action.dtype, dtype, "same_kind"):
        raise TypeError(f"{view.env.name}.step: the action is {action.dtype}, not {dtype}")
    return action.astype(dtype)


def _scalars(info: dict[str, Any]) -> dict[str, Any]:
    """Arrays () as NumPy's numbers and Python's bool, which Gymnasium can batch."""

    def scalar(x: NDArray[Any]) -> Any:
        if x.shape:
            return x
        return bool(x) if x.dtype == np.bool_ else x[()]

    return jax.tree.map(scalar, info)


def _of_those(who: NDArray[np.bool_], info: dict[str, Any]) -> dict[str, Any]:
    """`info` as Gymnasium batches what only some environments have: zeros for the others."""
    if not who.any():
        return {}
    batched = {}
    for name, value in info.items():
        if isinstance(value, dict):
            batched[name] = _of_those(who, value)
        else:
            there = who.reshape(-1, *[1] * (value.ndim - 1))
            batched[name] = np.where(there, value, np.zeros((), value.dtype))
        batched[f"_{name}"] = who.copy()
    return batched
