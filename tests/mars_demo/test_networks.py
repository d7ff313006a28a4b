import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.gru import GRU
from mars_demo.networks import Actor, entropy, sample

T, E, A, F, H = 6, 3, 2, 5, 8


@pytest.fixture(scope="module")
def sequence():
    inputs = jax.random.normal(jax.random.key(1), (T, E, A, F))
    first = jax.random.bernoulli(jax.random.key(2), 0.3, (T, E, A)).at[0].set(True)
    return inputs, first


@pytest.fixture(scope="module")
def actor(sequence):
    network = Actor(num_actions=4, hidden=H, recurrent=True)
    available = jnp.ones((T, E, A, 4), bool)
    params = network.init(jax.random.key(0), network.initial_memory((E, A)), *sequence, available)
    return network, params


def as_flax(params):
    """The same weights in the layout of flax's GRU cell."""
    p = params["params"]
    cell = {}
    for i, gate in enumerate("rzn"):
        columns = slice(i * H, (i + 1) * H)
        cell[f"i{gate}"] = {
            "kernel": p["input"]["kernel"][:, columns],
            "bias": p["input"]["bias"][columns],
        }
        cell[f"h{gate}"] = {"kernel": p["recurrent"][:, columns]}
    cell["hn"]["bias"] = p["candidate_bias"]
    return {"params": cell}


def randomised(params):
    """Every parameter drawn afresh: the biases start at zero and would hide mistakes."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(3), len(leaves))
    drawn = [0.5 * jax.random.normal(k, x.shape) for k, x in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(structure, drawn)


@pytest.mark.loose_promotion
def test_gru_is_flax_gru(sequence):
    inputs, _ = sequence
    never = jnp.zeros((T, E, A), bool)
    start = jax.random.normal(jax.random.key(4), (E, A, H))
    ours = GRU(H)
    params = randomised(ours.init(jax.random.key(0), start, inputs, never))

    def by_flax(params):
        h, outputs = start, []
        for x in inputs:
            h, y = nn.GRUCell(H).apply(as_flax(params), h, x)
            outputs.append(y)
        return jnp.stack(outputs)

    def by_us(params):
        return ours.apply(params, start, inputs, never)[1]

    np.testing.assert_allclose(by_us(params), by_flax(params), atol=1e-5)
    ours_grad = jax.grad(lambda p: jnp.sum(jnp.sin(by_us(p))))(params)
    flax_grad = jax.grad(lambda p: jnp.sum(jnp.sin(by_flax(p))))(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours_grad, flax_grad)


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
        return jnp.sum(entropy(log_probs)), log_probs

    (value, log_probs), grad = jax.value_and_grad(total_entropy, has_aux=True)(params)
    assert np.all(np.exp(log_probs[..., left:]) == 0)
    np.testing.assert_allclose(np.sum(np.exp(log_probs), axis=-1), 1.0, atol=1e-6)
    assert np.isfinite(value)
    assert value == pytest.approx(0.0, abs=1e-6) if left == 1 else value > 0
    assert all(np.all(np.isfinite(g)) for g in jax.tree.leaves(grad))


def test_entropy_by_hand():
    log_probs = jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]]))
    np.testing.assert_allclose(entropy(log_probs), [np.log(2), 0.5623351], atol=1e-6)


def test_samples_follow_their_probabilities():
    probs = np.array([0.0, 0.1, 0.0, 0.6, 0.3, 0.0], np.float32)
    log_probs = jnp.maximum(jnp.log(probs), jnp.finfo(jnp.float32).min)
    n = 100_000
    drawn = jax.jit(sample)(jax.random.key(0), jnp.tile(log_probs, (n, 1)))
    counts = np.bincount(np.asarray(drawn), minlength=6)
    deviation = np.sqrt(n * probs * (1 - probs))
    assert np.all(np.abs(counts - n * probs) <= 5 * deviation)  # of what cannot be, none


def test_extreme_draws_are_possible_actions(monkeypatch):
    # Neither the first nor the last action is possible, and ten times 0.1 is not quite one.
    log_probs = jnp.log(jnp.array([0.0, *[0.1] * 10, 0.0, 0.0]))
    for uniform, expected in [(0.0, 1), (np.float32(1 - 2**-24), 10)]:
        monkeypatch.setattr(jax.random, "uniform", lambda *_, u=uniform: jnp.full((1,), u))
        assert sample(jax.random.key(0), log_probs) == expected
