"""JaxMARL environments as PettingZoo's. PettingZoo is an extra, imported only when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

if TYPE_CHECKING:
    from wrappers.pettingzoo.parallel_env import JaxMARLParallelEnv


def to_pettingzoo(env: MultiAgentEnv, render_mode: str | None = None) -> JaxMARLParallelEnv:
    """A JaxMARL environment, wrapped or not, as a PettingZoo `ParallelEnv`.

    Args:
        env: an environment; not an `AutoReset`.
        render_mode: "rgb_array", "human" or None; the first two for environments with a `scene`.

    Raises:
        ImportError: PettingZoo is missing; the message says how to install it.
        TypeError: `env` is not a JaxMARL environment, or has a space that is not a Box, Discrete
            or MultiDiscrete.
        ContractError: `env` breaks JaxMARL's contract.
        ValueError: `env` is an `AutoReset`, or cannot be drawn in this mode.
    """
    from wrappers.pettingzoo.parallel_env import JaxMARLParallelEnv

    return JaxMARLParallelEnv(env, render_mode)
