"""A team as a Gymnasium `Env`."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import jax
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from numpy.typing import NDArray

from wrappers.conventions import terminated_truncated
from wrappers.gymnasium.host_transfer import Packed, fetch, pack
from wrappers.gymnasium.spaces_and_seeds import gym_space, make_keys
from wrappers.joint_view import JointView
from wrappers.viewing.rendering import Renderer


class JointEnv(gymnasium.Env[NDArray[Any], NDArray[Any]]):
    """See `to_gymnasium`.

    `info` has the entries of the environment's (none after a reset) and, if the environment has
    `get_avail_actions` and discrete actions, "action_mask", int8 (sum of k,). Seeds are integers in
    0..2**32 - 1; `options` are ignored.
    """

    def __init__(self, env: MultiAgentEnv, render_mode: str | None = None) -> None:
        self._view = JointView(env)
        self.observation_space = gym_space(self._view.observation_space)
        self.action_space = gym_space(self._view.action_space)
        self.render_mode = render_mode
        self._renderer = Renderer(env, render_mode)
        self.metadata = self._renderer.metadata()
        self._key: Array | None = None
        self._state: Any = None
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: of this and the following episodes; None continues after the last episode.
            options: ignored.

        Returns:
            `(obs, info)`: the observation (D,), and the action mask.

        Raises:
            ValueError: a seed that is not in 0..2**32 - 1.
        """
        super().reset(seed=seed)
        if seed is not None or self._key is None:
            (self._key,) = make_keys([seed])
        self._key, self._state, packed = begin(self._view, self._key)
        self._over = False
        seen = fetch(packed)
        if self.render_mode == "human":
            self.render()
        return seen["obs"], seen["mask"]

    def step(self, action: NDArray[Any]) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Steps the team.

        Args:
            action: a member of `action_space`.

        Returns:
            `(obs, reward, terminated, truncated, info)`; the observation is (D,).

        Raises:
            RuntimeError: no episode is under way.
            TypeError, ValueError: the action is not of its space's dtype or shape.
        """
        if self._over:
            raise RuntimeError("no episode is under way: call reset first")
        action = check_action(self._view, action, self.action_space)
        self._key, self._state, packed = _step(self._view, self._key, self._state, action)
        seen = fetch(packed)
        terminated, truncated = bool(seen["terminated"]), bool(seen["truncated"])
        self._over = terminated or truncated
        if self.render_mode == "human":
            self.render()
        info = _scalars(seen["info"]) | seen["mask"]
        return seen["obs"], float(seen["reward"]), terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """See `wrappers.viewing.rendering.Renderer.show`."""
        return self._renderer.show(self._state)

    def close(self) -> None:
        """Closes the window, if there is one."""
        self._renderer.close()


# --- One call for each reset and step, compiled once for environments that are equal ------------


def start(view: JointView, key: Array) -> tuple[Array, Any, dict[str, Any]]:
    """A reset: the next key, the state, and its observation and mask."""
    key, reset_key = jax.random.split(key)
    obs, state = view.env.reset(reset_key)
    return key, state, {"obs": view.observe(obs), "mask": view.mask(state)}


def play(
    view: JointView, key: Array, state: Any, action: Array
) -> tuple[Array, Any, dict[str, Any], dict[str, Any]]:
    """A step without a reset: the next key, the state, its observation and mask, and the rest."""
    key, step_key = jax.random.split(key)
    obs, state, rewards, dones, info = view.env.step_env(step_key, state, view.actions(action))
    terminated, truncated = terminated_truncated(dones, info)
    seen = {"obs": view.observe(obs), "mask": view.mask(state)}
    outcome = {
        "reward": view.reward(rewards),
        "terminated": terminated,
        "truncated": truncated,
        "info": info,
    }
    return key, state, seen, outcome


@partial(jax.jit, static_argnums=0)
def begin(view: JointView, key: Array) -> tuple[Array, Any, Packed]:
    """`start`, with the observation and the mask packed for the host."""
    key, state, seen = start(view, key)
    return key, state, pack(seen)


@partial(jax.jit, static_argnums=0)
def _step(view: JointView, key: Array, state: Any, action: Array) -> tuple[Array, Any, Packed]:
    key, state, seen, outcome = play(view, key, state, action)
    return key, state, pack(seen | outcome)


# --- In NumPy -----------------------------------------------------------------------------------


def check_action(view: JointView, action: Any, space: gymnasium.Space) -> NDArray[Any]:
    """The action, or actions, in the environment's dtype.

    Raises:
        ValueError: the shape is not that of `space`.
        TypeError: the dtype cannot be cast to the environment's.
    """
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
