import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.distributions import Categorical, Gaussian
from mars_demo.learning.layers import convolve
from mars_demo.learning.networks import Actor, Critic

T, E, A, F, H = 6, 3, 2, 5, 8


@pytest.fixture(scope="module")
def sequence():
    inputs = jax.random.normal(jax.random.key(1), (T, E, A, F))
    first = jax.random.bernoulli(jax.random.key(2), 0.3, (T, E, A)).at[0].set(True)
    return inputs, first


@pytest.fixture(scope="module")
def actor(sequence):
    network = Actor(Categorical(4), hidden=H, recurrent=True)
    available = jnp.ones((T, E, A, 4), bool)
    params = network.init(jax.random.key(0), network.initial_memory((E, A)), *sequence, available)
    return network, params


def test_step_by_step_equals_the_whole_sequence(actor, sequence):
    network, params = actor
    inputs, first = sequence
    available = jnp.ones((T, E, A, 4), bool)
    memory = network.initial_memory((E, A))
    whole_memory, whole = network.apply(params, memory, inputs, first, available)
    for t in range(T):
        memory, log_probs = network.apply(
            params, memory, inputs[t : t + 1], first[t : t + 1], available[t : t + 1]
        )
        np.testing.assert_allclose(log_probs[0], whole[t], atol=1e-6)
    np.testing.assert_allclose(memory, whole_memory, atol=1e-6)


def test_memory_does_not_cross_into_a_new_episode(actor, sequence):
    network, params = actor
    inputs, _ = sequence
    available = jnp.ones((T, E, A, 4), bool)
    first = jnp.zeros((T, E, A), bool).at[3].set(True)
    other_past = inputs.at[:3].set(7.0)
    memory = network.initial_memory((E, A))
    _, one = network.apply(params, memory, inputs, first, available)
    _, two = network.apply(params, memory, other_past, first, available)
    np.testing.assert_array_equal(one[3:], two[3:])
    assert np.max(np.abs(one[2] - two[2])) > 0


@pytest.mark.parametrize("left", [1, 2])
def test_masked_actions_never_happen_and_entropy_has_no_nan(actor, sequence, left):
    network, params = actor
    available = jnp.broadcast_to(jnp.arange(4) < left, (T, E, A, 4))

    def total_entropy(params):
        _, log_probs = network.apply(params, network.initial_memory((E, A)), *sequence, available)
        return jnp.sum(Categorical(4).entropy(log_probs)), log_probs

    (value, log_probs), grad = jax.value_and_grad(total_entropy, has_aux=True)(params)
    assert np.all(np.exp(log_probs[..., left:]) == 0)
    np.testing.assert_allclose(np.sum(np.exp(log_probs), axis=-1), 1.0, atol=1e-6)
    assert np.isfinite(value)
    assert value == pytest.approx(0.0, abs=1e-6) if left == 1 else value > 0
    assert all(np.all(np.isfinite(g)) for g in jax.tree.leaves(grad))


def test_networks_start_as_they_should(actor):
    """Orthogonal, of gain √2 before a ReLU, almost nothing on actions; biases are zero."""
    layers = actor[1]["params"]
    for name, gain in {"out": np.sqrt(2), "logits": 0.01}.items():
        kernel = np.asarray(layers[name]["kernel"])
        np.testing.assert_allclose(kernel.T @ kernel, gain**2 * np.eye(kernel.shape[1]), atol=1e-5)
        assert not np.any(layers[name]["bias"])
    critic = Critic(H).init(jax.random.key(0), jnp.zeros((1, F)))["params"]
    assert np.sum(np.square(critic["value"]["kernel"])) == pytest.approx(1.0, rel=1e-5)


def test_a_gaussian_policy_starts_with_a_deviation_of_one():
    actor = Actor(Gaussian((-1.0, -1.0), (1.0, 1.0)), H, recurrent=False)
    inputs = jnp.zeros((1, 3, F)), jnp.ones((1, 3), bool), jnp.ones((1, 3, 2), bool)
    memory = actor.initial_memory((3,))
    params = actor.init(jax.random.key(0), memory, *inputs)
    _, parameters = actor.apply(params, memory, *inputs)
    np.testing.assert_array_equal(parameters[..., 2:], 0.0)  # its logarithm


def test_an_image_is_seen_in_its_place():
    """The first features are the image: moving them within it matters, and the rest comes after."""
    actor = Actor(Categorical(3), H, recurrent=False, image=(4, 5, 2))
    features = jnp.zeros((1, 1, 40 + 3)).at[..., 40].set(1.0)
    rest = jnp.zeros((1, 1), bool), jnp.ones((1, 1, 3), bool)
    memory = actor.initial_memory((1,))
    params = actor.init(jax.random.key(0), memory, features, *rest)
    shapes = jax.tree.map(jnp.shape, params["params"])
    assert shapes["conv_0"]["kernel"] == (9 * 2, 16)
    assert shapes["in"]["kernel"] == (4 * 5 * 16 + 3, H)

    def seen(features):
        return actor.apply(params, memory, features, *rest)[1]

    corner, centre = (features.at[..., pixel].set(1.0) for pixel in (0, 24))
    outputs = [seen(features), seen(corner), seen(centre), seen(features.at[..., 41].set(1.0))]
    gaps = [np.max(np.abs(one - two)) for one, two in itertools.combinations(outputs, 2)]
    assert min(gaps) > 0


def test_the_critic_looks_at_images_too():
    critic = Critic(H, image=(3, 3, 1))
    params = critic.init(jax.random.key(0), jnp.zeros((2, 9)))
    assert params["params"]["conv_0"]["kernel"].shape == (9, 16)
    assert critic.apply(params, jnp.zeros((5, 2, 9))).shape == (5, 2)


def test_a_convolution_is_that_of_the_library():
    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x):
            return convolve(x, 7, 1.0, "ours")

    images = jax.random.normal(jax.random.key(0), (2, 4, 5, 3))
    params = Layer().init(jax.random.key(1), images)["params"]["ours"]
    expected = nn.Conv(7, (3, 3)).apply(
        {"params": params | {"kernel": params["kernel"].reshape(3, 3, 3, 7)}}, images
    )
    ours = Layer().apply({"params": {"ours": params}}, images)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
