"""A critic in units of the returns' own: the scale follows them, and values stay what they were."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.networks import Critic
from mars_demo.learning.sharding import ALONE
from mars_demo.learning.value_scale import follow, identity_scale, rescale

pytestmark = pytest.mark.loose_promotion  # flax


def test_the_first_returns_set_the_scale_and_later_ones_move_it():
    scale = follow(identity_scale(), jnp.array([[90.0, 110.0]]), ALONE)
    assert (scale.mean, scale.deviation) == pytest.approx((100.0, 10.0), rel=1e-4)
    for _ in range(1000):
        scale = follow(scale, jnp.array([[-1.0, 3.0]]), ALONE)
    assert (scale.mean, scale.deviation) == pytest.approx((1.0, 2.0), rel=1e-2)


def test_equal_returns_leave_no_zero_deviation():
    assert follow(identity_scale(), jnp.full((2, 3), 7.0), ALONE).deviation > 0


def test_a_rescaled_critic_says_what_it_said():
    critic, world = Critic(8), jax.random.normal(jax.random.key(1), (5, 4))
    params = critic.init(jax.random.key(0), world)
    old = follow(identity_scale(), jnp.array([1.0, 4.0]), ALONE)
    new = follow(old, jnp.array([-300.0, 900.0]), ALONE)

    def values(params, scale):
        return scale.mean + scale.deviation * critic.apply(params, world)

    np.testing.assert_allclose(
        values(rescale(params, old, new), new), values(params, old), rtol=1e-3, atol=1e-3
    )


def test_large_returns_are_learned_in_their_own_units(toy_trainer, toy_config):
    """With rewards in their thousands Adam would take ages to reach the values as they are."""
    explained = {}
    for norm in (False, True):
        trainer = toy_trainer(toy_config.replace(value_norm=norm), reward_scale=1000.0)
        state = trainer.init(jax.random.key(0))
        history = []
        for _ in range(40):
            state, metrics = trainer.step(state)
            history.append(float(metrics["explained_variance"]))
        explained[norm] = np.mean(history[-10:])
    assert explained[True] > 0.5
    assert explained[False] < 0.1
