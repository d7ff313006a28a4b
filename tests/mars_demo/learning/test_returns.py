"""Advantages by hand, with gamma = lambda = 1/2: every factor is a power of two."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.returns import generalised_advantages, moments, normalise
from mars_demo.learning.sharding import AXIS, Shards

NO, YES = False, True


def advantages(reward, value, next_value, terminated, done):
    return np.asarray(
        generalised_advantages(
            jnp.array(reward, jnp.float32),
            jnp.array(value, jnp.float32),
            jnp.array(next_value, jnp.float32),
            jnp.array(terminated),
            jnp.array(done),
            gamma=0.5,
            gae_lambda=0.5,
        )
    )


def test_without_an_end():
    # delta = (1 + 4/2 - 2, 2 + 8/2 - 4, 0 + 2/2 - 8) = (1, 2, -7)
    # A_2 = -7; A_1 = 2 - 7/4 = 0.25; A_0 = 1 + 0.25/4 = 1.0625
    got = advantages([1, 2, 0], [2, 4, 8], [4, 8, 2], [NO] * 3, [NO] * 3)
    np.testing.assert_array_equal(got, [1.0625, 0.25, -7.0])


def test_termination_is_worth_nothing_afterwards():
    # The episode ends in step 1: delta_1 = 2 - 4 = -2, and nothing flows back over the end.
    # A_2 = -7; A_1 = -2; A_0 = 1 - 2/4 = 0.5
    got = advantages([1, 2, 0], [2, 4, 8], [4, 100, 2], [NO, YES, NO], [NO, YES, NO])
    np.testing.assert_array_equal(got, [0.5, -2.0, -7.0])


def test_truncation_bootstraps_from_the_last_observation():
    # The same end as a time limit: delta_1 = 2 + 100/2 - 4 = 48, though the next value in the
    # rollout, 8, belongs to a new episode. A_1 = 48; A_0 = 1 + 48/4 = 13
    got = advantages([1, 2, 0], [2, 4, 8], [4, 100, 2], [NO] * 3, [NO, YES, NO])
    np.testing.assert_array_equal(got, [13.0, 48.0, -7.0])


@pytest.mark.parametrize("done", [NO, YES])
def test_environments_do_not_mix(done):
    both = advantages(
        [[1, 5], [2, 6]], [[2, 1], [4, 3]], [[4, 3], [8, 9]], [[NO, NO]] * 2, [[NO, done]] * 2
    )
    alone = advantages([1, 2], [2, 4], [4, 8], [NO, NO], [NO, NO])
    np.testing.assert_array_equal(both[:, 0], alone)


def test_moments_by_hand():
    assert moments(jnp.array([[1.0, 3.0], [5.0, 7.0]])) == (4.0, 5.0)


def test_moments_keep_their_digits_far_from_zero():
    drawn = jnp.asarray(np.random.default_rng(0).normal(1e5, 1.0, 65_536), jnp.float32)
    mean, variance = moments(drawn)
    assert variance == pytest.approx(np.var(np.asarray(drawn, np.float64)), rel=1e-3)
    assert mean == pytest.approx(np.mean(np.asarray(drawn, np.float64)), abs=0.02)


def test_moments_of_shards_are_those_of_the_whole():
    parts = jnp.array([[1.0, 3.0], [5.0, 7.0]])
    mean, variance = jax.vmap(lambda x: moments(x, Shards(2)), axis_name=AXIS)(parts)
    np.testing.assert_array_equal(mean, [4.0, 4.0])
    np.testing.assert_array_equal(variance, [5.0, 5.0])


def test_normalisation_counts_each_advantage_by_its_deciders():
    # Mean (1 * 2 + 4 * 1) / 3 = 2, variance (1 * 2 + 4 * 1) / 3 = 2; nobody decided on the third.
    got = normalise(jnp.array([1.0, 4.0, 100.0]), jnp.array([2.0, 1.0, 0.0]))
    np.testing.assert_allclose(got, np.array([-1, 2, 98]) / np.sqrt(2), rtol=1e-6)


def test_normalisation_without_any_decision_is_finite():
    assert np.all(np.isfinite(normalise(jnp.array([1.0, 4.0]), jnp.zeros(2))))
