"""Work on demand: a batch branches as one, and the result is that of a select."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wrappers.batched_cond import batched_cond

OLD = jnp.arange(6.0).reshape(3, 2)


def update(old, key):
    return old * 10.0 + key


def needed(*flags):
    return jnp.array(flags)


@pytest.fixture
def batched():
    return jax.vmap(batched_cond(update), in_axes=(0, 0, None))


def test_only_those_in_need_change(batched):
    out = batched(needed(False, True, False), OLD, jnp.float32(1.0))
    np.testing.assert_array_equal(out, [[0.0, 1.0], [21.0, 31.0], [4.0, 5.0]])


def test_nobody_in_need_runs_nothing(batched):
    calls = []

    def counted(old, key):
        jax.debug.callback(lambda: calls.append(1))
        return update(old, key)

    run = jax.jit(jax.vmap(batched_cond(counted), in_axes=(0, 0, None)))
    out = run(needed(False, False, False), OLD, jnp.float32(1.0))
    jax.effects_barrier()
    np.testing.assert_array_equal(out, OLD)
    assert not calls
    run(needed(False, True, False), OLD, jnp.float32(1.0)).block_until_ready()
    jax.effects_barrier()
    assert calls


def test_without_a_batch_and_with_two():
    one = batched_cond(update)
    np.testing.assert_array_equal(one(jnp.bool_(True), OLD, jnp.float32(1.0)), OLD * 10 + 1)
    np.testing.assert_array_equal(one(jnp.bool_(False), OLD, jnp.float32(1.0)), OLD)
    grid = jnp.array([[True, False], [False, False], [True, True]])
    out = jax.vmap(jax.vmap(one, (0, 0, None)), (0, 0, None))(grid, OLD, jnp.float32(1.0))
    np.testing.assert_array_equal(out, np.where(grid, OLD * 10 + 1, OLD))


def test_each_of_two_batches_is_updated_alone():
    """What is updated is one entry, not a row of them."""
    center = jax.vmap(jax.vmap(batched_cond(lambda old: old - jnp.mean(old))))
    grid = jnp.array([[True, False], [True, True]])
    old = jnp.arange(12.0).reshape(2, 2, 3)
    expected = np.tile([-1.0, 0.0, 1.0], (2, 2, 1))
    expected[0, 1] = [3.0, 4.0, 5.0]
    np.testing.assert_array_equal(center(grid, old), expected)


@pytest.mark.parametrize("flags", [(False, True, False), (False, False, False)])
def test_derivatives_are_those_of_a_select(batched, flags):
    def total(old):
        return jnp.sum(batched(needed(*flags), old, jnp.float32(1.0)))

    np.testing.assert_array_equal(jax.grad(total)(OLD)[:, 0], np.where(flags, 10.0, 1.0))


def test_keys_may_be_among_the_leaves():
    def renew(old):
        return jax.tree.map(lambda key: jax.random.fold_in(key, 1), old)

    keys = jax.random.split(jax.random.key(0), 3)
    out = jax.vmap(batched_cond(renew))(needed(True, False, False), keys)
    same = jax.random.key_data(out) == jax.random.key_data(keys)
    np.testing.assert_array_equal(same.all(axis=1), [False, True, True])
