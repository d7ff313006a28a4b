"""How an episode ended: by its rules, or by a limit that is not one of them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array


def endings(dones: dict[str, Array], info: dict[str, Any]) -> tuple[Array, Array]:
    """Whether a step's environment `terminated` or was `truncated`, bool () each.

    JaxMARL's `dones["__all__"]` is true for both. An environment tells them apart by
    `info["terminated"]`, for the team or for each agent; one that does not is taken to terminate.
    `wrappers.TimeLimit` teaches it to an environment whose ends are time limits.
    """
    done = dones["__all__"]
    terminated = done & jnp.any(info.get("terminated", done))
    return terminated, done & ~terminated
