"""Checks at the door: the actions that a caller hands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from paxmen.layouts import NO_OP, NUM_ACTIONS


def check_actions(actions: Mapping[str, Any], agents: Sequence[str]) -> dict[str, Any]:
    """The actions in the order of `agents`, ready to be traced.

    Args:
        actions: one integer, shape () or (1,), per agent.
        agents: the names that must be there, and no others.

    Raises:
        TypeError: `actions` is no mapping, or an action is not an integer.
        ValueError: an agent is missing or unknown, or an action has another shape.
    """
    if not isinstance(actions, Mapping):
        raise TypeError(f"actions must map agent names to integers, got {type(actions).__name__}")
    missing = [agent for agent in agents if agent not in actions]
    if missing:
        raise ValueError(f"no action for {', '.join(missing)}; the agents are {', '.join(agents)}")
    unknown = [str(name) for name in actions if name not in agents]
    if unknown:
        raise ValueError(
            f"actions for unknown agents {', '.join(unknown)}; the agents are {', '.join(agents)}"
        )
    return {agent: _check_action(agent, actions[agent]) for agent in agents}


def _check_action(agent: str, action: Any) -> Any:
    value = action if isinstance(action, jax.Array) else np.asarray(action)
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise TypeError(f"the action of {agent} must be an integer, got dtype {value.dtype}")
    if value.shape not in ((), (1,)):
        raise ValueError(f"the action of {agent} must have shape () or (1,), got {value.shape}")
    if isinstance(value, np.ndarray):
        # JAX would cut a 64-bit integer down to its low 32 bits, and 2**32 is not "up".
        legal = (value >= 0) & (value < NUM_ACTIONS)
        return np.where(legal, value, NO_OP).astype(np.int32)
    return value


def stack_actions(actions: Mapping[str, Array], agents: Sequence[str]) -> Array:
    """int32 (n,): every action outside 0..4 becomes NO_OP, of whatever integer type it is.

    In the order of `agents`, not of the mapping: `jit` sorts names, "agent_10" before "agent_2".
    """

    def legal(action: Array) -> Array:
        action = jnp.reshape(action, ())
        inside = (action >= 0) & (action < NUM_ACTIONS)
        return jnp.where(inside, action.astype(jnp.int32), NO_OP)

    return jnp.stack([legal(actions[agent]) for agent in agents])
