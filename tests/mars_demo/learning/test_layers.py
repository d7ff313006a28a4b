"""The GRU and its gradient by hand, against flax's GRU cell differentiated automatically."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.layers import GRU

T, E, A, F, H = 6, 3, 2, 5, 8

pytestmark = pytest.mark.loose_promotion  # flax's cell adds a bias to a matrix


@pytest.fixture(scope="module")
def example():
    """Parameters, the state before, inputs, and steps that start an episode: the first, too."""
    rng = np.random.default_rng(1)
    first = rng.random((T, E, A)) < 0.3
    assert 0 < np.sum(first[0]) < E * A
    state, inputs = draw(rng, E, A, H), draw(rng, T, E, A, F)
    return draw_params(rng), state, inputs, jnp.array(first)


def draw(rng, *shape):
    return jnp.array(0.7 * rng.standard_normal(shape, np.float32))


def draw_params(rng, *policies):
    """Every parameter at random: the biases start at zero and would hide mistakes."""
    dense = {"kernel": draw(rng, *policies, F, 3 * H), "bias": draw(rng, *policies, 3 * H)}
    recurrent, bias = draw(rng, *policies, H, 3 * H), draw(rng, *policies, H)
    return {"params": {"input": dense, "recurrent": recurrent, "candidate_bias": bias}}


def run_ours(params, state, inputs, first):
    return GRU(H).apply(params, state, inputs, first)


def run_flax(params, state, inputs, first):
    """The same by flax's cell."""
    p, cell = params["params"], {}
    for i, gate in enumerate("rzn"):
        columns = slice(i * H, (i + 1) * H)
        cell[f"h{gate}"] = {"kernel": p["recurrent"][:, columns]}
        cell[f"i{gate}"] = {
            "kernel": p["input"]["kernel"][:, columns],
            "bias": p["input"]["bias"][columns],
        }
    cell["hn"]["bias"] = p["candidate_bias"]

    def step(state, x_t):
        x, starts = x_t
        state = jnp.where(starts[..., None], 0.0, state)
        return nn.GRUCell(H).apply({"params": cell}, state, x)

    return jax.lax.scan(step, state, (inputs, first))


@partial(jax.jit, static_argnums=0)
def gradients(run, params, state, inputs, first):
    """Of a function of every output, with respect to parameters, first state and inputs."""

    def loss(params, state, inputs):
        last, states = run(params, state, inputs, first)
        return jnp.sum(jnp.sin(states)) + jnp.sum(jnp.cos(3.0 * last))

    return jax.grad(loss, argnums=(0, 1, 2))(params, state, inputs)


def assert_close(ours, others, tolerance=1e-5):
    def check(a, b):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)

    jax.tree.map(check, ours, others)


def test_states_and_gradients_are_those_of_flax(example):
    assert_close(jax.jit(run_ours)(*example), jax.jit(run_flax)(*example))
    by_hand, automatic = gradients(run_ours, *example), gradients(run_flax, *example)
    assert all(np.max(np.abs(g)) > 0.1 for g in jax.tree.leaves(automatic))
    assert_close(by_hand, automatic)


def test_gradients_in_double_precision(example, x64):
    double = [
        jax.tree.map(lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, part)
        for part in example
    ]
    assert_close(gradients(run_ours, *double), gradients(run_flax, *double), 1e-12)


def test_one_set_of_parameters_for_each_policy(example):
    _, state, inputs, first = example
    policies = draw_params(np.random.default_rng(2), A)  # one for each agent

    def all_together(run):
        by_policy = jax.vmap(partial(gradients, run), in_axes=(0, 1, 2, 2))
        return by_policy(policies, state, inputs, first)

    assert_close(all_together(run_ours), all_together(run_flax))


def test_chunks_in_turn_are_the_whole_sequence(example):
    size = 4  # not a divisor of T: the second chunk is shorter

    def in_chunks(params, state, inputs, first):
        parts = []
        for t in range(0, T, size):
            state, states = run_ours(params, state, inputs[t : t + size], first[t : t + size])
            parts.append(states)
        return state, jnp.concatenate(parts)

    assert_close(jax.jit(in_chunks)(*example), jax.jit(run_ours)(*example), 1e-6)
    assert_close(gradients(in_chunks, *example), gradients(run_ours, *example), 1e-5)


def test_nothing_crosses_into_a_new_episode(example):
    params, state, inputs, _ = example
    first = jnp.zeros((T, E, A), bool).at[3].set(True)

    def later(state, inputs):
        return jnp.sum(jnp.sin(run_ours(params, state, inputs, first)[1][3:]))

    of_state, of_inputs = jax.jit(jax.grad(later, argnums=(0, 1)))(state, inputs)
    assert np.all(of_state == 0)
    assert np.all(of_inputs[:3] == 0)
    assert np.all(np.any(of_inputs[3:] != 0, axis=-1))
