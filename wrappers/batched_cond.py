"""A `lax.cond` that stays a branch under `vmap`, so that a batch can skip work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def batched_cond(update: Callable[..., Any]) -> Callable[..., Any]:
    """`f(needed, old, *args)`: `update(old, *args)` where `needed`, else `old`.

    `vmap` turns `lax.cond` into a select, so that every environment pays for both branches. Here
    the whole batch takes one branch: it runs `update` only if at least one environment needs it.
    Derivatives are those of the select.

    Args:
        update: takes pytrees of arrays and returns one like `old`; it closes over no traced value.

    Returns:
        the function `f`, for any number of `vmap`s; `needed` is bool ().
    """

    def select(needed: Array, old: Any, *args: Any) -> Any:
        batched = update
        for _ in range(needed.ndim):
            batched = jax.vmap(batched)

        def choose(new: Array, old: Array) -> Array:
            return jnp.where(jnp.expand_dims(needed, tuple(range(needed.ndim, old.ndim))), new, old)

        return jax.tree.map(choose, batched(old, *args), old)

    @jax.custom_batching.custom_vmap
    def branch(needed: Array, old: Any, *args: Any) -> Any:
        run = jax.tree_util.Partial(select, needed)
        return jax.lax.cond(jnp.any(needed), run, lambda old, *_: old, old, *args)

    @branch.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        def widen(x: Array, has_batch: bool) -> Array:
            return x if has_batch else jnp.broadcast_to(x, (axis_size, *x.shape))

        out = branch(*jax.tree.map(widen, args, tuple(in_batched)))
        return out, jax.tree.map(lambda _: True, out)

    @jax.custom_jvp
    def apply(*args: Any) -> Any:
        return branch(*args)

    @apply.defjvp
    def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return jax.jvp(select, primals, tangents)

    return apply
