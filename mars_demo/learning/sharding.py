"""One training step on every device: each has its share of the environments.

Environments, and all that belongs to them, lie along the one axis of a mesh; parameters, optimiser
and counters are the same everywhere. A device collects from its own environments and takes its
minibatches from them; what is summed over devices is gradients, counts and metrics.
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
    """What the devices do together, seen from one of them; nothing where there is but one."""

    count: int = 1

    def mean(self, tree: Tree) -> Tree:
        """The mean over devices of every leaf."""
        return tree if self.count == 1 else jax.lax.pmean(tree, AXIS)

    def sum(self, tree: Tree) -> Tree:
        """The sum over devices of every leaf."""
        return tree if self.count == 1 else jax.lax.psum(tree, AXIS)

    def max(self, tree: Tree) -> Tree:
        """The largest over devices of every leaf."""
        return tree if self.count == 1 else jax.lax.pmax(tree, AXIS)

    def own_key(self, key: Array) -> Array:
        """A key that no other device has."""
        return key if self.count == 1 else jax.random.fold_in(key, jax.lax.axis_index(AXIS))

    def share(self, num_envs: int) -> int:
        """A device's environments."""
        return num_envs // self.count


ALONE = Shards()


def shard(
    function: Callable[..., Any],
    devices: Sequence[Any],
    in_specs: Any,
    out_specs: Any,
    **options: Any,
) -> Any:
    """`function` compiled for every one of the devices.

    Args:
        function: works on a device's share, with `Shards` where devices have to agree.
        devices: of one machine, or of all.
        in_specs: for each argument, which leaves are SHARDED and which REPLICATED.
        out_specs: likewise.
        options: further ones of `jax.jit`.
    """
    if len(devices) == 1:
        return jax.jit(function, **options)
    mesh = _mesh(devices)
    # What is replicated is so because every device computes it from the same sums: not checked,
    # because gradients would then be summed behind our back.
    mapped = jax.shard_map(
        function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )
    # Said again, because arrays of size 0 would come out replicated, and not fit in again.
    layout = jax.tree.map(partial(NamedSharding, mesh), out_specs, is_leaf=_is_spec)
    return jax.jit(mapped, out_shardings=layout, **options)


def place(tree: Tree, devices: Sequence[Any], specs: Any) -> Tree:
    """Arrays where `shard` puts them; on several hosts, each of which has them all."""
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
