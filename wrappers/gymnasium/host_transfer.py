"""Pytrees as few flat vectors: each array that moves between device and host costs time."""

from __future__ import annotations

from math import prod
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct


class Layout(NamedTuple):
    """Where each leaf of a pytree lies.

    Attributes:
        tree: the pytree's structure.
        shapes: each leaf's shape.
        places: each leaf's vector, and where in it the leaf begins.
    """

    tree: Any
    shapes: tuple[tuple[int, ...], ...]
    places: tuple[tuple[int, int], ...]


@struct.dataclass
class Packed:
    """A pytree of arrays, end to end.

    Attributes:
        vectors: (..., size) for each dtype, with the batch axes of all leaves in front.
        layout: where each leaf lies; static.
    """

    vectors: tuple[Any, ...]
    layout: Layout = struct.field(pytree_node=False)

    def unpack(self) -> Any:
        """The pytree; of NumPy vectors its leaves are views."""
        tree, shapes, places = self.layout
        leaves = []
        for shape, (number, start) in zip(shapes, places, strict=True):
            vector = self.vectors[number]
            leaf = vector[..., start : start + prod(shape)]
            leaves.append(leaf.reshape((*vector.shape[:-1], *shape)))
        return jax.tree.unflatten(tree, leaves)


def pack(tree: Any, xp: ModuleType = jnp) -> Packed:
    """The leaves of a pytree, end to end.

    Args:
        tree: arrays of any shapes and dtypes.
        xp: `jax.numpy`, or `numpy` on the host.

    Returns:
        one vector for each dtype.
    """
    leaves, structure = jax.tree.flatten(tree)
    leaves = [xp.asarray(leaf) for leaf in leaves]
    parts: dict[Any, list[Any]] = {}
    sizes: dict[Any, int] = {}
    order = list(dict.fromkeys(leaf.dtype for leaf in leaves))
    places = []
    for leaf in leaves:
        start = sizes.get(leaf.dtype, 0)
        places.append((order.index(leaf.dtype), start))
        parts.setdefault(leaf.dtype, []).append(leaf.reshape(-1))
        sizes[leaf.dtype] = start + leaf.size
    vectors = tuple(xp.concatenate(parts[dtype]) for dtype in order)
    shapes = tuple(leaf.shape for leaf in leaves)
    return Packed(vectors, Layout(structure, shapes, tuple(places)))


def fetch(packed: Packed) -> Any:
    """The pytree that a device packed, as NumPy arrays that the caller may write to."""
    return Packed(tuple(map(np.array, packed.vectors)), packed.layout).unpack()
