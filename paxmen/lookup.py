"""Reading the constant tables."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from numpy.typing import NDArray


def look_up(table: NDArray, *index: Array) -> Array:
    """`table[..., *index]`: the indices are for the last axes and known to be in bounds.

    Each index has the axes of the one before it last, and may have more in front. A table of one
    value everywhere needs no index: the compiler sees the value.
    """
    kept = table.ndim - len(index)
    if (table == table.flat[0]).all():
        shape = (*table.shape[:kept], *index[-1].shape)
        return jnp.full(shape, table.flat[0], table.dtype)
    at = index[0]
    for size, i in zip(table.shape[kept + 1 :], index[1:], strict=True):
        at = jnp.expand_dims(at, tuple(range(i.ndim - at.ndim))) * size + i
    flat = jnp.asarray(table.reshape(*table.shape[:kept], -1))
    return flat.at[..., at].get(mode="promise_in_bounds")
