"""Packing: a pytree comes back as it was, from NumPy and from JAX, alone and in a batch."""

import jax
import jax.numpy as jnp
import numpy as np

from wrappers.gymnasium.host_transfer import fetch, pack

TREE = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "ab": np.zeros((0, 2), np.float32),
    "b": [np.array(True), np.int32(7)],
    "c": {"d": np.array([1.5], np.float32), "none": {}},
}


def same(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for one, two in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        assert (one.shape, one.dtype) == (two.shape, two.dtype)
        np.testing.assert_array_equal(one, two)


def test_one_vector_for_each_dtype():
    packed = pack(TREE, np)
    np.testing.assert_array_equal(packed.vectors[0], [0, 1, 2, 3, 4, 5, 1.5])
    assert [vector.dtype for vector in packed.vectors] == [np.float32, np.bool_, np.int32]
    same(packed.unpack(), TREE)


def test_from_host_to_device_and_back():
    back = fetch(jax.jit(lambda packed: pack(packed.unpack()))(pack(TREE, np)))
    same(back, TREE)
    for leaf in jax.tree.leaves(back):
        assert isinstance(leaf, np.ndarray)
        assert leaf.flags.writeable


def test_a_batch_has_its_axis_in_front():
    batch = jax.tree.map(lambda x: jnp.stack([x, x, x]), TREE)
    same(fetch(jax.vmap(pack)(batch)), jax.tree.map(np.asarray, batch))
