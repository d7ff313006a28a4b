"""Vectorization along the last axis, which `vmap` does not choose by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def batch_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but `vmap` puts its batch axis behind all others, not before them.

    An environment's own axes are short: aircraft, and pairs of them. With the batch as the
    innermost axis the processor's vector units run along it. JAX does not differentiate a function
    with a vectorization rule of its own in reverse; here the derivative is that of the plain
    function.

    Args:
        function: counts its axes from the front, so that a batch may follow them. It takes and
            returns pytrees of arrays.
    """

    @jax.custom_batching.custom_vmap
    def batched(*args: Any) -> Any:
        return function(*args)

    @batched.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        args = jax.tree.map(
            lambda x, has_batch: (
                jnp.moveaxis(x, 0, -1)
                if has_batch
                else jnp.broadcast_to(x[..., None], (*x.shape, axis_size))
            ),
            args,
            tuple(in_batched),
        )
        out = jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), batched(*args))
        return out, jax.tree.map(lambda _: True, out)

    @jax.custom_jvp
    def apply(*args: Any) -> Any:
        return batched(*args)

    @apply.defjvp
    def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return jax.jvp(function, primals, tangents)

    return apply
