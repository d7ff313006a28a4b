"""A critic in units of the returns' own: the scale follows them, and values stay what they were."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.networks import Critic
from mars_demo.learning.sharding import ALONE, AXIS, Shards
from mars_demo.learning.value_scale import DECAY, ValueScale, identity_scale, rescale, update_scale
from mars_demo.runs.checkpoint import from_arrays

pytestmark = pytest.mark.loose_promotion  # flax


@partial(jax.jit, static_argnums=1)
def followed(batches, shards=ALONE):
    """The scales after each of the batches (n, ...) of returns, from none at all."""

    def step(scale, returns):
        scale = update_scale(scale, returns, shards)
        return scale, scale

    return jax.lax.scan(step, identity_scale(), batches)[1]


@pytest.mark.parametrize(
    ("mean", "deviation"), [(-10.0, 0.005), (200.0, 0.05), (1000.0, 0.1), (10_000.0, 1.0)]
)
def test_a_small_deviation_far_from_zero_is_found(mean, deviation):
    drawn = np.random.default_rng(0).normal(mean, deviation, (300, 16, 16))
    scales = followed(jnp.asarray(drawn, jnp.float32))
    np.testing.assert_allclose(scales.deviation, deviation, rtol=0.1)
    np.testing.assert_allclose(scales.mean, mean, atol=0.1 * deviation)


def test_moments_are_those_of_all_returns_weighted_by_their_age():
    batches = np.random.default_rng(1).normal([[1.0], [5.0], [-3.0]], [[1.0], [0.1], [2.0]], (3, 8))
    scale = jax.tree.map(lambda x: x[-1], followed(jnp.asarray(batches, jnp.float32)))
    weights = np.repeat(DECAY ** np.array([[2.0], [1.0], [0.0]]), 8, axis=1)
    mean = np.average(batches, weights=weights)
    assert scale.mean == pytest.approx(mean, rel=1e-5)
    variance = np.average((batches - mean) ** 2, weights=weights)
    assert scale.deviation == pytest.approx(np.sqrt(variance), rel=1e-5)


def test_shards_follow_what_all_of_them_saw():
    batches = jnp.asarray(np.random.default_rng(2).normal(50.0, 0.1, (2, 5, 8)), jnp.float32)
    whole = followed(jnp.moveaxis(batches, 0, 1))
    split = jax.vmap(partial(followed, shards=Shards(2)), axis_name=AXIS)(batches)
    for ours, expected in zip(split, whole, strict=True):
        np.testing.assert_allclose(ours, np.broadcast_to(expected, (2, 5)), rtol=1e-5)


def test_the_first_returns_set_the_scale_and_later_ones_move_it():
    scale = update_scale(identity_scale(), jnp.array([[90.0, 110.0]]), ALONE)
    assert (scale.mean, scale.deviation) == pytest.approx((100.0, 10.0), rel=1e-4)
    for _ in range(1000):
        scale = update_scale(scale, jnp.array([[-1.0, 3.0]]), ALONE)
    assert (scale.mean, scale.deviation) == pytest.approx((1.0, 2.0), rel=1e-2)


def test_equal_returns_leave_no_zero_deviation():
    assert update_scale(identity_scale(), jnp.full((2, 3), 7.0), ALONE).deviation > 0


def test_a_scale_that_an_earlier_version_saved_is_read():
    """It had the mean square, too, which the other two say."""

    class State(NamedTuple):
        value_scale: ValueScale

    saved = {"mean": 3.0, "deviation": 2.0, "square": 13.0, "weight": 0.5}
    arrays = {f".value_scale.{name}": np.float32(value) for name, value in saved.items()}
    read = from_arrays(arrays, State(identity_scale())).value_scale
    assert read == ValueScale(mean=3.0, deviation=2.0, weight=0.5)


def test_a_rescaled_critic_says_what_it_said():
    critic, world = Critic(8), jax.random.normal(jax.random.key(1), (5, 4))
    params = critic.init(jax.random.key(0), world)
    params = jax.tree.map(lambda x: x + 0.3, params)  # biases start at zero and would hide mistakes
    old = update_scale(identity_scale(), jnp.array([1.0, 4.0]), ALONE)
    new = update_scale(old, jnp.array([-300.0, 900.0]), ALONE)

    def values(params, scale):
        return scale.mean + scale.deviation * critic.apply(params, world)

    np.testing.assert_allclose(
        values(rescale(params, old, new), new), values(params, old), rtol=1e-3, atol=1e-3
    )


def test_targets_are_in_the_new_scale_and_values_in_the_old(toy_trainer, toy_config):
    """The first returns are themselves the first scale: targets have mean 0 and size 1."""
    trainer = toy_trainer(toy_config.replace(value_norm=True), reward_scale=1000.0)
    state = trainer.init(jax.random.key(0))
    state = state._replace(value_scale=state.value_scale._replace(mean=jnp.float32(7.0)))
    _, rollout = jax.jit(trainer._collect)(state, jax.random.key(1))
    params, scale, batch, _ = trainer._estimate(state, rollout)
    assert float(jnp.mean(batch.value_target)) == pytest.approx(0.0, abs=1e-5)
    assert float(jnp.std(batch.value_target)) == pytest.approx(1.0, rel=1e-5)
    units = trainer.critic.apply(state.params["critic"], rollout.view.world_state)
    returns = batch.advantage + 7.0 + units  # the values as they were when it was collected
    targets = scale.mean + scale.deviation * batch.value_target
    np.testing.assert_allclose(targets, returns, rtol=1e-4)
    again = trainer.critic.apply(params["critic"], rollout.view.world_state)
    np.testing.assert_allclose(scale.mean + scale.deviation * again, 7.0 + units, atol=1e-2)


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
