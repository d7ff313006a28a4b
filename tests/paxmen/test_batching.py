"""Ways to be vectorized: the same values, under any number of vmaps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paxmen.batching import batch_last, batched_cond

OLD = {"scalar": jnp.arange(6.0), "vector": jnp.arange(18.0).reshape(6, 3)}
STEP = jnp.arange(1.0, 7.0)


def _add(old, step):
    return {"scalar": old["scalar"] + step, "vector": old["vector"] + step}


def _two_axes(tree):
    return jax.tree.map(lambda x: x.reshape(2, 3, *x.shape[1:]), tree)


@pytest.mark.parametrize("needed", [[0] * 6, [0, 1, 0, 0, 1, 1], [1] * 6], ids=["no", "few", "all"])
def test_batched_cond_updates_where_needed(needed):
    needed = jnp.array(needed, bool)
    expected = {
        "scalar": np.where(needed, OLD["scalar"] + STEP, OLD["scalar"]),
        "vector": np.where(needed[:, None], OLD["vector"] + STEP[:, None], OLD["vector"]),
    }
    update = batched_cond(_add)
    alone = [update(needed[i], jax.tree.map(lambda x, i=i: x[i], OLD), STEP[i]) for i in range(6)]
    once = jax.vmap(update)(needed, OLD, STEP)
    twice = jax.vmap(jax.vmap(update))(*_two_axes((needed, OLD, STEP)))
    jax.tree.map(np.testing.assert_array_equal, once, expected)
    jax.tree.map(np.testing.assert_array_equal, twice, _two_axes(expected))
    for i, one in enumerate(alone):
        jax.tree.map(lambda x, y, i=i: np.testing.assert_array_equal(x, y[i]), one, expected)


def test_batched_cond_takes_what_the_batch_shares():
    needed = jnp.array([True, False] * 3)
    shared = jax.vmap(batched_cond(_add), in_axes=(0, 0, None))(needed, OLD, jnp.float32(5))
    np.testing.assert_array_equal(shared["scalar"], [5, 1, 7, 3, 9, 5])
    everyone = jax.vmap(batched_cond(_add), in_axes=(None, 0, 0))(jnp.bool_(True), OLD, STEP)
    np.testing.assert_array_equal(everyone["scalar"], OLD["scalar"] + STEP)


def test_a_batch_that_needs_nothing_skips_the_update():
    runs = []

    def counted(old):
        jax.debug.callback(lambda _: runs.append(1), old)
        return old + 1

    update = jax.jit(jax.vmap(jax.vmap(batched_cond(counted))))
    old, needed = jnp.ones((2, 3)), jnp.zeros((2, 3), bool)
    np.testing.assert_array_equal(update(needed, old), old)
    jax.effects_barrier()
    assert not runs
    update(needed.at[0, 1].set(True), old)
    jax.effects_barrier()
    assert len(runs) == 6


def test_batch_last_puts_the_batch_behind():
    shapes = []

    def function(agents, shared):
        shapes.append(agents.shape)
        return agents[::-1] + shared[None], jnp.sum(agents, axis=0)

    agents, shared = jnp.arange(24.0).reshape(2, 3, 4), jnp.float32(1)
    moved = jax.vmap(jax.vmap(batch_last(function), in_axes=(0, None)), in_axes=(0, None))
    reverse, total = moved(agents, shared)
    assert shapes == [(4,), (4, 3), (4, 3, 2)]
    np.testing.assert_array_equal(reverse, agents[..., ::-1] + 1)
    np.testing.assert_array_equal(total, agents.sum(axis=-1))
