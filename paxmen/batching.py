"""Two ways to be vectorized that `vmap` does not choose by itself.

Both take and return pytrees, work under any number of `vmap`s, and are the plain function without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def on_demand(update: Callable[..., Any]) -> Callable[..., Any]:
    """`f(needed, old, *args)`: `update(old, *args)` where `needed`, else `old`.

    `vmap` turns `lax.cond` into a select, and every environment pays for both branches. Here the
    batch takes one branch, the update only if some environment of it needs one.

    Args:
        update: returns a pytree like `old`.
    """

    @jax.custom_batching.custom_vmap
    def apply(needed: Array, old: Any, *args: Any) -> Any:
        batched = update
        for _ in range(needed.ndim):
            batched = jax.vmap(batched)

        def select(new: Array, old: Array) -> Array:
            return jnp.where(jnp.expand_dims(needed, tuple(range(needed.ndim, old.ndim))), new, old)

        def run(old: Any, *args: Any) -> Any:
            return jax.tree.map(select, batched(old, *args), old)

        return jax.lax.cond(jnp.any(needed), run, lambda old, *_: old, old, *args)

    @apply.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        return _all_batched(apply(*_broadcast(axis_size, in_batched, args)))

    return apply


def batch_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but `vmap` puts its batch axis behind all others, not before them.

    An environment's own axes are short: agents, rooms. With the batch as the innermost axis the
    processor's vector units run along it, which makes such a function several times as fast.

    Args:
        function: counts its axes from the front, so that a batch may follow them.
    """

    @jax.custom_batching.custom_vmap
    def apply(*args: Any) -> Any:
        return function(*args)

    @apply.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        args = _broadcast(axis_size, in_batched, args)
        out = apply(*jax.tree.map(lambda x: jnp.moveaxis(x, 0, -1), args))
        return _all_batched(jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), out))

    return apply


def _broadcast(axis_size: int, in_batched: Any, args: Any) -> Any:
    """The arguments, all with the new batch axis in front."""
    return jax.tree.map(
        lambda x, batched: x if batched else jnp.broadcast_to(x, (axis_size, *jnp.shape(x))),
        args,
        tuple(in_batched),
    )


def _all_batched(out: Any) -> tuple[Any, Any]:
    return out, jax.tree.map(lambda _: True, out)
