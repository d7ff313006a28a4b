"""Actions of every kind of space: densities that integrate to one, draws that follow them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.spaces import Box, Dict, Discrete, MultiDiscrete

from mars_demo.learning.distributions import (
    Categorical,
    Gaussian,
    MultiCategorical,
    make_distribution,
)

LOW, HIGH = (-1.0, 0.0), (1.0, 10.0)
NO_SCALES = jnp.zeros(0)


def test_one_kind_for_each_space():
    assert make_distribution(Discrete(4)) == Categorical(4)
    assert make_distribution(MultiDiscrete([2, 3])) == MultiCategorical((2, 3))
    space = Box(jnp.array(LOW), jnp.array(HIGH), (2,))
    assert make_distribution(space, "clip") == Gaussian(LOW, HIGH, "clip")


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Dict({}), "Dict; valid: Discrete"),
        (Box(-jnp.inf, 1.0, (2,)), "finite"),
        (Box(1.0, 1.0, (2,)), "finite"),
        (Box(0.0, 1.0, (2, 2)), "a vector"),
    ],
)
def test_what_cannot_be_is_refused(space, message):
    with pytest.raises(ValueError, match=message):
        make_distribution(space)


# --- Categorical ------------------------------------------------------------------------------


def test_entropy_by_hand():
    log_probs = jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]]))
    np.testing.assert_allclose(Categorical(2).entropy(log_probs), [np.log(2), 0.5623351], atol=1e-6)


def test_samples_follow_their_probabilities():
    probs = np.array([0.0, 0.1, 0.0, 0.6, 0.3, 0.0], np.float32)
    log_probs = jnp.maximum(jnp.log(probs), jnp.finfo(jnp.float32).min)
    n = 100_000
    drawn = jax.jit(Categorical(6).sample)(jax.random.key(0), jnp.tile(log_probs, (n, 1)))
    counts = np.bincount(np.asarray(drawn), minlength=6)
    deviation = np.sqrt(n * probs * (1 - probs))
    assert np.all(np.abs(counts - n * probs) <= 5 * deviation)  # of what cannot be, none


def test_extreme_draws_are_possible_actions(monkeypatch):
    # Neither the first nor the last action is possible, and the sum is rounded to less than one.
    log_probs = jnp.log(jnp.array([0.0, *[0.099999] * 10, 0.0, 0.0]))
    for uniform, expected in [(0.0, 1), (np.float32(1 - 2**-24), 10)]:
        monkeypatch.setattr(jax.random, "uniform", lambda *_, u=uniform: jnp.full((1,), u))
        assert Categorical(13).sample(jax.random.key(0), log_probs) == expected


# --- Several at once ----------------------------------------------------------------------------


def test_several_choices_are_one_with_all_their_pairs():
    kind = MultiCategorical((2, 3))
    available = jnp.array([True, True, True, False, True])
    parameters = kind.parameters(jnp.array([0.3, -0.5, 1.0, 9.0, 0.2]), NO_SCALES, available)
    pairs = jnp.array([(a, b) for a in range(2) for b in range(3)])
    probs = np.exp(kind.log_prob(jnp.tile(parameters, (6, 1)), pairs))
    assert probs.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(probs[[1, 4]], 0.0)  # the second's action 1 is masked
    possible = probs[probs > 0]
    assert kind.entropy(parameters) == pytest.approx(-np.sum(possible * np.log(possible)), abs=1e-6)
    np.testing.assert_array_equal(kind.mode(parameters), pairs[np.argmax(probs)])


def test_each_choice_is_drawn_on_its_own():
    kind = MultiCategorical((2, 2))
    drawn = kind.sample(jax.random.key(0), jnp.full((4000, 4), jnp.log(0.5)))
    counts = np.bincount(np.asarray(drawn) @ [2, 1], minlength=4)
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(750))


def test_one_open_choice_is_a_choice():
    kind = MultiCategorical((2, 3))
    masks = jnp.array([[1, 0, 0, 1, 0], [1, 0, 0, 1, 1]], bool)
    np.testing.assert_array_equal(kind.has_choice(masks), [False, True])
    drawn = kind.uniform(jax.random.key(0), jnp.tile(masks[:1], (50, 1)))
    np.testing.assert_array_equal(drawn, np.tile([0, 1], (50, 1)))


# --- Gaussian -----------------------------------------------------------------------------------


@pytest.fixture(params=["tanh", "clip"])
def gaussian(request):
    kind = Gaussian(LOW, HIGH, request.param)
    available = jnp.ones(2, bool)
    return kind, kind.parameters(jnp.array([0.4, -0.8]), jnp.array([-0.3, 0.2]), available)


def test_density_integrates_to_one(gaussian):
    """Over the action as the environment gets it if squashed, over the Gaussian's if clipped."""
    kind, parameters = gaussian
    u = jnp.linspace(-8.0, 8.0, 801)
    grid = jnp.stack(jnp.meshgrid(u, u, indexing="ij"), axis=-1)
    density = np.exp(kind.log_prob(jnp.broadcast_to(parameters, (801, 801, 4)), grid))
    if kind.squash == "clip":
        area = (u[1] - u[0]) ** 2
    else:
        slopes = jax.vmap(jax.grad(lambda x: kind.to_env(jnp.stack([x, x]))[0]))(u)
        slopes_1 = jax.vmap(jax.grad(lambda x: kind.to_env(jnp.stack([x, x]))[1]))(u)
        area = (u[1] - u[0]) ** 2 * slopes[:, None] * slopes_1[None, :]
    assert np.sum(density * area) == pytest.approx(1.0, abs=2e-3)


def test_entropy_is_the_mean_log_density(gaussian):
    kind, parameters = gaussian
    many = jnp.tile(parameters, (200_000, 1))
    log_density = kind.log_prob(many, kind.sample(jax.random.key(0), many))
    assert kind.entropy(parameters) == pytest.approx(-float(jnp.mean(log_density)), abs=0.02)


def test_actions_stay_within_bounds(gaussian):
    kind, _ = gaussian
    actions = kind.to_env(jnp.array([[0.0, 0.0], [50.0, 50.0], [-50.0, -50.0]]))
    np.testing.assert_array_equal(actions, [[0.0, 5.0], HIGH, LOW])
    drawn = np.asarray(kind.uniform(jax.random.key(0), jnp.ones((1000, 2), bool)))
    assert np.all((drawn >= np.array(LOW)) & (drawn <= np.array(HIGH)))
    np.testing.assert_allclose(drawn.mean(0), [0.0, 5.0], atol=0.4)


def test_far_actions_leave_no_nan(gaussian):
    kind, parameters = gaussian
    value, grad = jax.value_and_grad(kind.log_prob)(parameters, jnp.array([60.0, -60.0]))
    assert np.isfinite(value)
    assert np.all(np.isfinite(grad))


def scales_of(raw):
    """The log standard deviations that a policy's own numbers (n,) stand for."""
    n = len(raw)
    outputs, available = jnp.zeros(n), jnp.ones(n, bool)
    return Gaussian((-1.0,) * n, (1.0,) * n).parameters(outputs, raw, available)[n:]


def test_scales_are_what_they_are_until_they_near_their_limits():
    raw = jnp.linspace(-4.0, 1.0, 101).at[80].set(0.0)
    np.testing.assert_array_equal(scales_of(raw), raw)
    # One and four beyond where they bend: of the last unit, half and four fifths are gone.
    bent = scales_of(jnp.array([-5.0, -8.0, 2.0, 5.0]))
    np.testing.assert_allclose(bent, [-4.5, -4.8, 1.5, 1.8], rtol=1e-6)


def test_scales_far_out_can_come_back():
    """However far: never beyond the limits, and never without a slope."""
    far = 10.0 ** jnp.arange(0.0, 9.0)
    raw = jnp.concatenate([-far[::-1], jnp.linspace(-6.0, 3.0, 91), far])
    scales = scales_of(raw)
    assert np.all((scales >= -5.0) & (scales <= 2.0))
    slopes = jax.grad(lambda x: jnp.sum(scales_of(x)))(raw)
    assert np.all(slopes > 0)
    assert np.all(slopes <= 1)
    distance = far[1:] - 1.0  # from where the upper ones begin to bend
    np.testing.assert_allclose(slopes[-8:], 1 / (1 + distance) ** 2, rtol=1e-5)


def test_the_dead_have_no_choice(gaussian):
    kind, _ = gaussian
    masks = jnp.array([[True, True], [False, False]])
    np.testing.assert_array_equal(kind.has_choice(masks), [True, False])
