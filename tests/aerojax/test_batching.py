"""The batch axis goes behind all others, and nobody can tell from the values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aerojax.batching import batch_last

PAIRS = jnp.arange(24.0).reshape(2, 3, 4)


def _spread(aircraft, shared):
    """Counts its axes from the front: reversed aircraft, and their sum."""
    return aircraft[::-1] + shared[None], jnp.sum(aircraft**2, axis=0)


def test_the_batch_comes_last():
    shapes = []

    def recorded(aircraft, shared):
        shapes.append(aircraft.shape)
        return _spread(aircraft, shared)

    function = jax.vmap(batch_last(recorded), in_axes=(0, None))
    reverse, total = jax.vmap(function, in_axes=(0, None))(PAIRS, jnp.float32(1))
    assert (4, 3, 2) in shapes
    np.testing.assert_array_equal(reverse, PAIRS[..., ::-1] + 1)
    np.testing.assert_array_equal(total, jnp.sum(PAIRS**2, axis=-1))


@pytest.mark.parametrize("jitted", [False, True])
def test_alone_it_is_the_function_itself(jitted):
    function = jax.jit(batch_last(_spread)) if jitted else batch_last(_spread)
    for got, expected in zip(
        function(PAIRS[0, 0], jnp.float32(2)), _spread(PAIRS[0, 0], jnp.float32(2)), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


def test_any_argument_may_have_the_batch():
    plain, moved = _spread, batch_last(_spread)
    shared = jnp.arange(3.0)
    for axes, args in (
        ((0, 0), (PAIRS[0], shared)),
        ((None, 0), (PAIRS[0, 0], shared)),
        ((1, None), (PAIRS[0], shared[0])),
    ):
        got, expected = (jax.vmap(f, in_axes=axes)(*args) for f in (moved, plain))
        jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_arguments_without_elements_are_allowed():
    """Such as the obstacles of an arena that has none."""

    def function(nothing, aircraft):
        return nothing, aircraft * 2

    nothing, double = jax.vmap(batch_last(function))(jnp.zeros((3, 0)), PAIRS[0])
    assert nothing.shape == (3, 0)
    np.testing.assert_array_equal(double, 2 * PAIRS[0])


def test_derivatives_pass_in_both_directions():
    def loss(function, aircraft):
        reverse, total = function(aircraft, jnp.float32(0))
        return jnp.sum(reverse[0] ** 3) + total

    moved, plain = batch_last(_spread), _spread
    for grad in (jax.grad, jax.jacfwd):
        one = grad(loss, argnums=1)(moved, PAIRS[0, 0])
        np.testing.assert_allclose(one, grad(loss, argnums=1)(plain, PAIRS[0, 0]))
        many = jax.jit(jax.vmap(lambda x, grad=grad: grad(loss, argnums=1)(moved, x)))(PAIRS[0])
        each = jnp.stack([grad(loss, argnums=1)(plain, x) for x in PAIRS[0]])
        np.testing.assert_allclose(many, each)


def test_a_scan_over_a_batch():
    moved = batch_last(lambda x: 0.5 * x[::-1])

    def loop(x):
        return jax.lax.scan(lambda x, _: (moved(x), None), x, length=3)[0]

    got = jax.jit(jax.vmap(loop))(PAIRS[0])
    np.testing.assert_allclose(got, PAIRS[0, :, ::-1] / 8)
