"""JaxMARL environments as Gymnasium's: one learner plays the whole team (`wrappers.joint_view`)."""

from __future__ import annotations

from typing import overload

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.gymnasium.joint_env import JointEnv
from wrappers.gymnasium.joint_vector_env import JointVectorEnv


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
        num_envs: N for a `VectorEnv` of N environments, stepped in one call; None for an `Env`.
        render_mode: "rgb_array", "human" (not with N) or None; for environments with a `scene`.

    Raises:
        TypeError, ContractError, ValueError: as `wrappers.joint_view.JointView`; `env` cannot be
            drawn in this mode; `num_envs` is not a positive integer.
    """
    if num_envs is None:
        return JointEnv(env, render_mode)
    return JointVectorEnv(env, num_envs, render_mode)
