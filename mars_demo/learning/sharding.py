"""Training on several devices: each has its share of the environments.

Environments and their states are sharded along the one axis of a mesh. Parameters, the optimiser's
state and counters are replicated. A device collects from its own environments and takes its
minibatches from them. Gradients, counts and metrics are summed over the devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "envs"
SHARDED, REPLICATED = PartitionSpec(AXIS), PartitionSpec()

Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Shards:
    """Collective operations of `count` devices, called on each; with one device, no operations."""

    count: int = 1

    def mean(self, tree: Tree) -> Tree:
        """The mean of every leaf over the devices, of the leaf's shape."""
        return tree if self.count == 1 else jax.lax.pmean(tree, AXIS)

    def sum(self, tree: Tree) -> Tree:
        """The sum of every leaf over the devices, of the leaf's shape."""
        return tree if self.count == 1 else jax.lax.psum(tree, AXIS)

    def max(self, tree: Tree) -> Tree:
        """The maximum of every leaf over the devices, of the leaf's shape."""
        return tree if self.count == 1 else jax.lax.pmax(tree, AXIS)

    def own_key(self, key: Array) -> Array:
        """A PRNG key that differs on every device, from one key that all have; shape ()."""
        return key if self.count == 1 else jax.random.fold_in(key, jax.lax.axis_index(AXIS))

    def share(self, num_envs: int) -> int:
        """How many of `num_envs` environments each device has."""
        return num_envs // self.count


ALONE = Shards()


def shard(
    function: Callable[..., Any],
    devices: Sequence[Any],
    in_specs: Any,
    out_specs: Any,
    **options: Any,
) -> Any:
    """Compiles a function that runs on every device, each with its share of the arrays.

    Args:
        function: takes a device's share of the arguments, and combines results with `Shards`.
        devices: those of one host, or of all hosts.
        in_specs: for each argument, which leaves are SHARDED and which REPLICATED.
        out_specs: the same for the result.
        options: further options of `jax.jit`.
    """
    if len(devices) == 1:
        return jax.jit(function, **options)
    mesh = _mesh(devices)
    # Replicated results are equal because every device computes them from the same sums. JAX's
    # check of this (`check_vma`) is off, because it would also sum gradients by itself.
    mapped = jax.shard_map(
        function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )
    # Stated explicitly: an array of size 0 would come out replicated, and not fit as an argument.
    layout = jax.tree.map(partial(NamedSharding, mesh), out_specs, is_leaf=_is_spec)
    return jax.jit(mapped, out_shardings=layout, **options)


def place(tree: Tree, devices: Sequence[Any], specs: Any) -> Tree:
    """Puts arrays on the devices as `shard` does; on several hosts each host holds all arrays."""
    if len(devices) == 1:
        return tree
    mesh = _mesh(devices)

    def put(x: Array, spec: PartitionSpec) -> Array:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(put(jax.random.key_data(x), spec))
        host = np.asarray(x)
        return jax.make_array_from_callback(x.shape, NamedSharding(mesh, spec), host.__getitem__)

    def put_all(spec: PartitionSpec, leaves: Any) -> Any:
        return jax.tree.map(lambda x: put(x, spec), leaves)

    return jax.tree.map(put_all, specs, tree, is_leaf=_is_spec)


def _mesh(devices: Sequence[Any]) -> Mesh:
    return Mesh(list(devices), (AXIS,))


def _is_spec(x: Any) -> bool:
    return isinstance(x, PartitionSpec)
