"""Gradients of continuous actions, through flight for a whole episode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.waypoint import Waypoint

STEPS = 60
KNOTS = 4  # the stick moves in straight lines between so many positions

# The fleet's constants are float32, and a float64 state mixes with them.
pytestmark = pytest.mark.loose_promotion


@pytest.fixture(scope="module")
def env():
    """Alone, and with room: no limit of the arena is near."""
    return aerojax.make(
        aerojax.Config(
            ("fighter",),
            objective=Waypoint(num_points=1),
            actions="continuous",
            radius=50_000.0,
            max_steps=STEPS,
        )
    )


def _final(env, state):
    """knots (KNOTS, 3) -> a smooth function of where the flight ends."""
    weights = np.maximum(
        1 - np.abs(np.linspace(0, KNOTS - 1, STEPS)[:, None] - np.arange(KNOTS)), 0
    )

    def of(knots):
        def step(state, stick):
            _, state, *_ = env.step_env(jax.random.key(0), state, {"ally_0": stick})
            return state, None

        sticks = jnp.asarray(weights, knots.dtype) @ knots
        end = jax.lax.scan(step, state, sticks)[0].motion
        return (end.x[0] + 2.0 * end.y[0] + 3.0 * end.z[0] + 5.0 * end.vx[0]) / 1000.0

    return of


KNOT = np.array([[0.1, 0.2, 0.3], [0.2, -0.1, 0.5], [-0.1, 0.1, 0.2], [0.15, 0.0, 0.4]])


def test_they_match_finite_differences_in_float64(env, x64):
    _, state = env.reset(jax.random.key(0))
    wide = jax.tree.map(lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, state)
    final = _final(env, wide)
    value_and_grad = jax.jit(jax.vmap(jax.value_and_grad(final)))
    h = 1e-4
    moved = KNOT + h * np.concatenate([np.eye(12), -np.eye(12)]).reshape(24, KNOTS, 3)
    values, gradients = value_and_grad(jnp.asarray(np.concatenate([KNOT[None], moved])))
    assert values.dtype == jnp.float64
    differences = np.asarray(values[1:13] - values[13:]).reshape(KNOTS, 3) / (2 * h)
    np.testing.assert_allclose(gradients[0], differences, rtol=1e-3, atol=1e-4)
    assert np.abs(differences).min() > 1e-3, "every number matters"


def test_they_are_finite_in_float32_and_under_vmap(env):
    """From wild starts too: at the limits, where there is a kink, it is one side's."""
    _, state = env.reset(jax.random.key(0))
    wild = np.random.default_rng(0).uniform(-1.2, 1.2, (6, KNOTS, 3))
    knots = jnp.asarray(np.concatenate([KNOT[None], wild]), jnp.float32)
    gradients = jax.jit(jax.vmap(jax.grad(_final(env, state))))(knots)
    assert np.isfinite(gradients).all()
    assert np.abs(gradients).max(axis=(1, 2)).min() > 1e-3
    assert np.abs(gradients).max() < 1e3
