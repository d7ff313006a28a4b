"""The convention that a batch may follow all other axes, and what keeps it.

An environment's own axes come first: aircraft, or pairs of them. A batch of environments may be one
axis more, the last. So axes are counted from the front, and what has fewer axes than the array that
it meets is brought to as many by `along_batch` and `per_environment`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def along_batch(table: Any, axes: int, like: Array) -> Any:
    """A constant, the same for all environments, shaped to broadcast with an array of theirs.

    Args:
        table: an array with the axes of one environment.
        axes: how many of the axes of `like` are one environment's; the others are the batch's.
        like: what the constant is to meet.
    """
    return table.reshape(*table.shape, *(1,) * (like.ndim - axes))


def per_environment(value: Any, like: Array) -> Any:
    """A number of each environment, () or (B,), shaped to broadcast with an array of theirs.

    A number of Python, the same for all, is returned as it is.
    """
    if isinstance(value, float):
        return value
    return jnp.expand_dims(value, tuple(range(like.ndim - value.ndim)))


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
    function = jax.jit(function)

    @jax.custom_batching.custom_vmap
    def batched(*args: Any) -> Any:
        return function(*args)

    @batched.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        varies = next(
            leaf
            for leaf, has_batch in zip(*map(jax.tree.leaves, (args, in_batched)), strict=True)
            if has_batch and leaf.size
        )
        args = jax.tree.map(
            lambda x, has_batch: (
                jnp.moveaxis(x, 0, -1)
                if has_batch
                else jnp.broadcast_to(x[..., None], (*x.shape, axis_size))
            ),
            args,
            tuple(in_batched),
        )
        out = jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), _compiled_apart(batched, args, varies))
        return out, jax.tree.map(lambda _: True, out)

    @jax.custom_jvp
    def apply(*args: Any) -> Any:
        return batched(*args)

    @apply.defjvp
    def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return jax.jvp(function, primals, tangents)

    return apply


def _compiled_apart(function: Callable[..., Any], args: tuple[Any, ...], varies: Array) -> Any:
    """`function(*args)`, which XLA's CPU compiler may not fuse with what comes before and after.

    It would fuse the transpositions into every loop that reads or writes what they move, and none
    of those loops could be vectorized: a step would take nearly three times as long. It honours no
    optimization barrier, but it fuses nothing across the border of a conditional.

    Args:
        function: what to call.
        args: with what.
        varies: any array that is not a constant.
    """
    shapes = jax.eval_shape(function, *args)

    def never(*args: Any) -> Any:
        del args
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def on_cpu(*args: Any) -> Any:
        always = (varies.reshape(-1)[0].astype(jnp.int32) | 1) != 0  # true, but no compiler sees it
        return jax.lax.cond(always, function, never, *args)

    return jax.lax.platform_dependent(*args, cpu=on_cpu, default=function)
