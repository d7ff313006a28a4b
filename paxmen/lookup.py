"""Reading the constant tables."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from numpy.typing import NDArray


def look_up(table: NDArray, *index: Array) -> Array:
    """`table[..., index]` over the last axes, for indices that are known to be in bounds.

    The last index has the most axes; the others lack some in front.
    """
    at = index[0]
    for size, i in zip(table.shape[table.ndim - len(index) + 1 :], index[1:], strict=True):
        at = jnp.expand_dims(at, tuple(range(i.ndim - at.ndim))) * size + i
    flat = jnp.asarray(table.reshape(*table.shape[: table.ndim - len(index)], -1))
    return flat.at[..., at].get(mode="promise_in_bounds")
