"""Adapts JaxMARL environments to gymnax: one learner plays the team (`wrappers.joint_view`)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import spaces
from gymnax.environments.environment import Environment, EnvParams, EnvState
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box

from wrappers.conventions import terminated_truncated
from wrappers.joint_view import JointView

NO_LIMIT = 2**31 - 1  # steps


def to_gymnax(env: MultiAgentEnv) -> JointEnvironment:
    """A JaxMARL environment, wrapped or not, as a gymnax 1.0 `Environment`, seen jointly.

    Args:
        env: an environment of one team; not an `AutoReset`.

    Raises:
        TypeError, ContractError, ValueError: as `wrappers.joint_view.JointView`.
    """
    return JointEnvironment(env)


@struct.dataclass
class JointState(EnvState):
    """The state of `JointEnvironment`.

    Attributes:
        time: int32 (), steps taken in the episode.
        env_state: the environment's state.
        terminated: bool (), whether the episode ended by its rules.
        truncated: bool (), whether the environment's own time limit ended it.
    """

    time: Array  # pyright: ignore[reportIncompatibleVariableOverride]
    env_state: Any
    terminated: Array
    truncated: Array


class JointEnvironment(Environment[JointState, EnvParams]):
    """The gymnax environment that `to_gymnax` returns.

    Observations are float (D,), the agents' concatenated. Discrete actions are a Tuple of k
    Discrete, because gymnax has no MultiDiscrete; `step` takes the tuple or an integer array (k,).
    `params.max_steps_in_episode` is the environment's `max_steps` if it has one; a smaller one
    truncates earlier. Adaptations of equal environments are equal, so a second one compiles nothing
    again.
    """

    def __init__(self, env: MultiAgentEnv) -> None:
        self._view = JointView(env)

    @property
    def name(self) -> str:
        return self._view.env.name

    @property
    def default_params(self) -> EnvParams:
        return EnvParams(max_steps_in_episode=getattr(self._view.env, "max_steps", NO_LIMIT))

    def observation_space(self, params: EnvParams) -> spaces.Box:
        return _box(self._view.observation_space)

    def action_space(self, params: EnvParams) -> spaces.Box | spaces.Tuple:
        space = self._view.action_space
        if isinstance(space, Box):
            return _box(space)
        return spaces.Tuple([spaces.Discrete(int(n)) for n in np.asarray(space.num_categories)])

    def action_mask(self, state: JointState) -> Array | None:
        """Which discrete actions are available: bool (N,), the agents' masks concatenated.

        N is the sum of their numbers of actions. None if the environment has no
        `get_avail_actions`.
        """
        mask = self._view.mask(state.env_state).get("action_mask")
        return None if mask is None else mask.astype(bool)

    def reset_env(self, key: Array, params: EnvParams) -> tuple[Array, JointState]:
        """Starts an episode; the observation is (D,)."""
        obs, env_state = self._view.env.reset(key)
        no = jnp.zeros((), bool)
        return self._view.observe(obs), JointState(jnp.zeros((), jnp.int32), env_state, no, no)

    def step_env(
        self, key: Array, state: JointState, action: Any, params: EnvParams
    ) -> tuple[Array, JointState, Array, Array, dict[str, Any]]:
        """One step without a reset: observation (D,), state, reward (), terminated (), info."""
        view = self._view
        joint = jnp.stack(action) if isinstance(action, tuple | list) else action
        obs, env_state, rewards, dones, info = view.env.step_env(
            key, state.env_state, view.actions(joint)
        )
        terminated, truncated = terminated_truncated(dones, info)
        state = JointState(state.time + 1, env_state, terminated, truncated)
        return view.observe(obs), state, view.reward(rewards), terminated, info

    def observe(self, key: Array, state: JointState, action: Any, params: EnvParams) -> Array:
        """The observation (D,) of a state."""
        return self._view.observe(self._view.env.get_obs(state.env_state))

    def is_terminated(self, state: JointState, params: EnvParams) -> Array:
        """Whether the episode ended by its rules, bool ()."""
        return state.terminated

    def is_truncated(self, state: JointState, params: EnvParams) -> Array:
        """Whether a time limit ended the episode, bool ()."""
        late = state.time >= params.max_steps_in_episode
        return state.truncated | (late & ~state.terminated)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._view == self._view

    def __hash__(self) -> int:
        return hash((type(self), self._view))


def _box(space: Box) -> spaces.Box:
    low: Any = np.asarray(space.low)  # gymnax's Box takes NumPy arrays, against its annotations
    high: Any = np.asarray(space.high)
    return spaces.Box(low, high, space.shape, space.dtype)
