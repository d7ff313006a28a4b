"""Actions: 45 commands or three numbers, and which of them make sense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from aerojax.batching import along_batch, per_environment
from aerojax.rules.flight import Command

LATERAL = (-1.0, -1 / 3, 0.0, 1 / 3, 1.0)
VERTICAL = (-1.0, 0.0, 1.0)
THROTTLE = (-1.0, 0.2, 1.0)
NUM_ACTIONS = len(LATERAL) * len(VERTICAL) * len(THROTTLE)
NO_OP = 22  # straight, level, 60 % thrust: what an action outside 0..44 means
GUARD_TIME = 4.0  # s ahead that the mask looks
GUARD_HEIGHT = 300.0  # m kept from the ground and the ceiling


def decode(action: Array) -> Command:
    """The command of each action, int32 (n,): 9 * lateral + 3 * vertical + throttle."""
    legal = jnp.where((action >= 0) & (action < NUM_ACTIONS), action, NO_OP)
    return Command(
        _level(LATERAL, legal // 9), _level(VERTICAL, legal // 3 % 3), _level(THROTTLE, legal % 3)
    )


def encode(command: Command) -> Array:
    """int32 (n,): the action whose levels are the nearest to each command."""

    def index(levels: Sequence[float], value: Array) -> Array:
        passed = [(value > (a + b) / 2).astype(jnp.int32) for a, b in pairwise(levels)]
        return sum(passed, start=jnp.zeros_like(passed[0]))

    return (
        9 * index(LATERAL, command.lateral)
        + 3 * index(VERTICAL, command.vertical)
        + index(THROTTLE, command.throttle)
    )


def clean(actions: Array) -> Command:
    """The command in the last axis of float32 (3, n): not a number is 0, the rest is clipped."""
    finite = jnp.where(jnp.isnan(actions), 0.0, actions)
    return Command(*jnp.clip(finite, -1.0, 1.0))


def available(z: Array, vz: Array, alive: Array, ceiling: Array | float, guided: bool) -> Array:
    """bool (n, 45): the dead may only choose action 22.

    Under guided control nobody may descend whose height in 4 s at the present rate is below 300 m,
    nor climb above 300 m beneath the ceiling.

    Args:
        z: altitude, float32 (n,), m.
        vz: climb, float32 (n,), m/s.
        alive: bool (n,).
        ceiling: m, float32 ().
        guided: whether the second part of an action is a climb.
    """
    index = along_batch(np.arange(NUM_ACTIONS, dtype=np.int32)[None], 1, z)
    soon = (z + GUARD_TIME * vz)[:, None]
    no_descent = (soon < GUARD_HEIGHT) & (index // 3 % 3 == 0)
    no_climb = (soon > per_environment(ceiling, soon) - GUARD_HEIGHT) & (index // 3 % 3 == 2)
    sensible = ~(no_descent | no_climb) if guided else (index >= 0)
    return jnp.where(alive[:, None], sensible, index == NO_OP)


def check_actions(actions: Mapping[str, Any], agents: Sequence[str], discrete: bool) -> dict:
    """The actions in the order of `agents`, ready to be traced.

    Args:
        actions: per agent an integer of shape () or (1,), or three floating-point numbers.
        agents: the names that must be there, and no others.
        discrete: which of the two.

    Raises:
        TypeError: `actions` is no mapping, or an action has another type.
        ValueError: an agent is missing or unknown, or an action has another shape.
    """
    if not isinstance(actions, Mapping):
        raise TypeError(f"actions must map agent names to actions, got {type(actions).__name__}")
    missing = [agent for agent in agents if agent not in actions]
    if missing:
        raise ValueError(f"no action for {', '.join(missing)}; the agents are {', '.join(agents)}")
    unknown = [str(name) for name in actions if name not in agents]
    if unknown:
        raise ValueError(
            f"actions for unknown agents {', '.join(unknown)}; the agents are {', '.join(agents)}"
        )
    check = _check_discrete if discrete else _check_continuous
    return {agent: check(agent, actions[agent]) for agent in agents}


def _check_discrete(agent: str, action: Any) -> Any:
    value = action if isinstance(action, jax.Array) else np.asarray(action)
    if not jnp.issubdtype(value.dtype, jnp.integer):
        raise TypeError(
            f"the action of {agent} must be an integer, got dtype {value.dtype}; "
            "for three numbers make the environment with actions='continuous'"
        )
    if value.shape not in ((), (1,)):
        raise ValueError(f"the action of {agent} must have shape () or (1,), got {value.shape}")
    # A wider or unsigned integer must not wrap around when it becomes an int32.
    legal = (value >= 0) & (value < NUM_ACTIONS)
    if isinstance(value, np.ndarray):
        return np.where(legal, value, NO_OP).astype(np.int32).reshape(())
    return jnp.where(legal, value.astype(jnp.int32), NO_OP).reshape(())


def _check_continuous(agent: str, action: Any) -> Any:
    value = action if isinstance(action, jax.Array) else np.asarray(action)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(
            f"the action of {agent} must be floating-point, got dtype {value.dtype}; "
            "for integers make the environment with actions='discrete'"
        )
    if value.shape != (3,):
        raise ValueError(f"the action of {agent} must have shape (3,), got {value.shape}")
    return value


def _level(levels: Sequence[float], index: Array) -> Array:
    """The level of each index, without a gather."""
    value = jnp.full(index.shape, levels[0], jnp.float32)
    for i, level in enumerate(levels[1:], start=1):
        value = jnp.where(index == i, jnp.float32(level), value)
    return value
