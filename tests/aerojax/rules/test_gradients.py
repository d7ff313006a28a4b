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


@pytest.fixture(scope="module")
def aerobat():
    """The same under direct control, in a world of its own."""
    return aerojax.make(
        aerojax.Config(
            ("fighter",),
            objective=Waypoint(num_points=1),
            actions="continuous",
            control="direct",
            radius=50_000.0,
            ceiling=20_000.0,
            variation=aerojax.Variation(mass=(0.8, 1.2), wind=(5.0, 20.0), gusts=2.0),
        )
    )


def test_through_a_loop_and_a_drawn_world_they_match_finite_differences(aerobat, x64):
    """25 s of a constant pull with some roll, from level flight over the top and round again."""
    _, state = aerobat.reset(jax.random.key(1))
    wide = jax.tree.map(lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, state)
    figures = ("parasite", "induced", "lift", "dry_thrust", "max_thrust")

    def end(numbers):
        """The pull, the roll, the wind, and five coefficients, as multiples."""
        fleet = wide.world.fleet._replace(
            **{
                name: getattr(wide.world.fleet, name) * numbers[3 + i]
                for i, name in enumerate(figures)
            }
        )
        wind = wide.world.wind.replace(x=wide.world.wind.x * numbers[2])
        start = wide.replace(world=wide.world.replace(fleet=fleet, wind=wind))
        stick = jnp.stack([0.5 * numbers[0], 0.01 * numbers[1], jnp.float64(1.0)])

        def step(state, key):
            _, state, *_ = aerobat.step_env(key, state, {"ally_0": stick})
            return state, state.motion.vx[0]

        keys = jax.random.split(jax.random.key(0), 50)
        state, speeds = jax.lax.scan(step, start, keys)
        motion = state.motion
        far = motion.x[0] + 2.0 * motion.y[0] + 3.0 * motion.z[0] + 5.0 * motion.vx[0]
        return far / 1000.0, speeds

    count, h = 3 + len(figures), 1e-6
    moved = 1.0 + h * np.concatenate([np.zeros((1, count)), np.eye(count), -np.eye(count)])
    both = jax.jit(jax.vmap(jax.value_and_grad(end, has_aux=True)))
    (values, speeds), gradients = both(jnp.asarray(moved))
    assert values.dtype == jnp.float64
    assert (np.diff(np.sign(speeds[0])) != 0).sum() == 2, "over the top, and round"
    differences = np.asarray(values[1 : count + 1] - values[count + 1 :]) / (2 * h)
    np.testing.assert_allclose(gradients[0], differences, rtol=1e-4)
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
