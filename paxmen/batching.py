"""Work that few environments of a batch need, done only when one of them does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def on_demand(update: Callable[..., Any]) -> Callable[..., Any]:
    """`f(needed, old, *args)` is `update(old, *args)` where `needed`, else `old`.

    Under `vmap`, `lax.cond` becomes a select and every environment pays for both branches. Here a
    batch shares one branch, which runs when any environment of the batch needs it.

    Args:
        update: from a pytree and more to a new pytree of the same structure.
    """

    @jax.custom_batching.custom_vmap
    def apply(needed: Array, old: Any, *args: Any) -> Any:
        batched = update
        for _ in range(needed.ndim):
            batched = jax.vmap(batched)

        def run(old: Any, *args: Any) -> Any:
            return jax.tree.map(
                lambda new, old: jnp.where(_align(needed, old), new, old), batched(old, *args), old
            )

        return jax.lax.cond(jnp.any(needed), run, lambda old, *_: old, old, *args)

    @apply.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        # The batch axes lead; one more vmap is one more leading axis of the same function.
        out = apply(*_broadcast(axis_size, in_batched, args))
        return out, jax.tree.map(lambda _: True, out)

    return apply


def batch_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose batch axes `vmap` puts behind all others instead of before them.

    An environment's axes are short (agents, rooms). With the batch as the innermost axis, the
    CPU's vector units run along it.

    Args:
        function: counts its axes from the front and takes whatever follows as a batch.
    """

    @jax.custom_batching.custom_vmap
    def apply(*args: Any) -> Any:
        return function(*args)

    @apply.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        args = _broadcast(axis_size, in_batched, args)
        out = apply(*jax.tree.map(lambda x: jnp.moveaxis(x, 0, -1), args))
        return jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), out), jax.tree.map(
            lambda _: True, out
        )

    return apply


def _broadcast(axis_size: int, in_batched: Any, args: Any) -> Any:
    """The arguments with the new batch axis in front of each."""
    return jax.tree.map(
        lambda x, batched: x if batched else jnp.broadcast_to(x, (axis_size, *jnp.shape(x))),
        args,
        tuple(in_batched),
    )


def _align(needed: Array, leaf: Array) -> Array:
    """`needed` with trailing axes for those of the leaf."""
    return jnp.expand_dims(needed, tuple(range(needed.ndim, leaf.ndim)))
