"""The objectives against values worked out by hand, and against their plain formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mars_demo.objectives import OBJECTIVES

EPS = 0.2


def slope(name: str, ratio: float, advantage: float, eps: float = EPS) -> float:
    """∂L/∂x at one ratio."""
    objective = OBJECTIVES[name]
    log_ratio = jnp.log(jnp.asarray([ratio]))
    return float(
        jax.grad(lambda x: jnp.sum(objective(x, jnp.asarray([advantage]), eps)))(log_ratio)[0]
    )


# ∂L/∂x = r·∂L/∂r at ε = 0.2, |A| = 1, by hand:
#   clip       r·s inside the bounds or where the clip is the larger side, else 0
#   quadratic  r·(s − (r − 1)/w), w the half-width of that sign
#   mars       −(r/q − q/r)/(q − 1/q) with q = 1.2^s
#   mars-raw   r·s − 2.5·(r − 1/r)
#   mars-log   −(log r − s·log 1.2)/log 1.2
#             name         r = 0.1: A > 0  A < 0    r = 2: A > 0  A < 0
SLOPES = {
    "mappo": (0.1, 0.0, 0.0, -2.0),
    "maspo": (0.55, 0.35, -8.0, -12.0),
    "mars": (32.5, 22.4, -2.909, -5.409),
    "mappo-geo": (0.1, 0.0, 0.0, -2.0),
    "mappo-dec": (0.1, 0.0, 0.0, -2.0),
    "maspo-dec": (0.4214, 0.35, -5.143, -12.0),
    "maspo-geo": (0.55, 0.44, -8.0, -14.0),
    "mars-raw": (24.85, 24.65, -1.75, -5.75),
    "mars-log": (13.629, 11.629, -2.802, -4.802),
    "mars-low": (32.5, 22.4, -8.0, -14.0),
}


def test_every_objective_has_its_slopes_worked_out():
    assert SLOPES.keys() == OBJECTIVES.keys()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_slopes_known_by_hand(name):
    points = [(0.1, 1.0), (0.1, -1.0), (2.0, 1.0), (2.0, -1.0)]
    found = [slope(name, *point) for point in points]
    np.testing.assert_allclose(found, SLOPES[name], rtol=1e-3, atol=1e-6)


# Where the slope changes sign, for A > 0 and for A < 0.
MAXIMA = {
    "maspo": (1.2, 0.8),
    "mars": (1.2, 1 / 1.2),
    "maspo-dec": (1.28, 0.8),
    "maspo-geo": (1.2, 1 / 1.2),
    "mars-raw": (0.6**-0.5, 1.4**-0.5),
    "mars-log": (1.2, 1 / 1.2),
    "mars-low": (1.2, 1 / 1.2),
}


@pytest.mark.parametrize("name", MAXIMA)
def test_maxima(name):
    for advantage, ratio in zip((1.0, -1.0), MAXIMA[name], strict=True):
        assert slope(name, ratio * 0.999, advantage) > 0 > slope(name, ratio * 1.001, advantage)


# Where the clipped objectives stop pulling: below it the one for A > 0, above it that for A < 0.
CLIPS = {"mappo": (0.8, 1.2), "mappo-geo": (1 / 1.2, 1.2), "mappo-dec": (0.8, 1.28)}


@pytest.mark.parametrize("name", CLIPS)
def test_clip_bounds(name):
    lower, upper = CLIPS[name]
    assert slope(name, upper * 0.999, 1.0) > 0
    assert slope(name, upper * 1.001, 1.0) == 0
    assert slope(name, lower * 1.001, -1.0) < 0
    assert slope(name, lower * 0.999, -1.0) == 0


ratios = st.floats(0.05, 20.0)
advantages = st.floats(-10.0, 10.0)
widths = st.floats(0.01, 2.0)


@given(ratio=ratios, advantage=advantages, eps=widths)
def test_mars_is_symmetric(ratio, advantage, eps):
    """L(A, r) = L(−A, 1/r), with no constant left because L is zero at r = 1."""
    x, a = jnp.log(jnp.asarray([ratio])), jnp.asarray([advantage])
    mars = OBJECTIVES["mars"]
    np.testing.assert_allclose(mars(x, a, eps), mars(-x, -a, eps), rtol=1e-6)


def plain_mars(ratio, advantage, eps):
    lower = 1 / ((1 + eps) ** 2 - 1)
    weight = np.where(advantage > 0, 1 + lower, lower)
    return ratio * advantage - np.abs(advantage) * weight * (ratio + 1 / ratio - 2)


def plain_mappo(ratio, advantage, eps):
    return np.minimum(ratio * advantage, np.clip(ratio, 1 - eps, 1 + eps) * advantage)


def plain_maspo(ratio, advantage, eps):
    return ratio * advantage - np.abs(advantage) / (2 * eps) * (ratio - 1) ** 2


@pytest.mark.parametrize(
    ("name", "plain"), [("mars", plain_mars), ("mappo", plain_mappo), ("maspo", plain_maspo)]
)
@pytest.mark.parametrize("eps", [0.05, 0.2, 1.0])
def test_plain_formula_in_float64(name, plain, eps, x64):
    """The formulas as they are published, which are A and not zero at r = 1."""
    ratio = np.exp(np.linspace(-3.0, 3.0, 101))
    for advantage in (-2.0, -1e-3, 0.0, 0.5, 3.0):
        a = np.full_like(ratio, advantage)
        found = OBJECTIVES[name](jnp.log(ratio), jnp.asarray(a), eps)
        np.testing.assert_allclose(found, plain(ratio, a, eps) - a, rtol=1e-11, atol=1e-11)


def test_low_is_mars_below_and_the_well_above():
    """To a constant: the differences between two ratios on one side are those of its half."""
    for advantage, peak in ((1.0, 1.2), (-1.0, 1 / 1.2)):
        for half, pair in (("mars", [peak * 0.5, peak]), ("maspo-geo", [peak, peak * 2])):
            x, a = jnp.log(jnp.asarray(pair)), jnp.full(2, advantage)
            low, its_half = OBJECTIVES["mars-low"](x, a, EPS), OBJECTIVES[half](x, a, EPS)
            np.testing.assert_allclose(low[1] - low[0], its_half[1] - its_half[0], rtol=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_zero_and_pulling_at_ratio_one(name):
    """At r = 1 each is 0, and its slope is A: the policy gradient."""
    x, a = jnp.zeros(3), jnp.asarray([-1.5, 0.0, 2.5])
    assert not jnp.any(OBJECTIVES[name](x, a, EPS))
    gradient = jax.grad(lambda x: jnp.sum(OBJECTIVES[name](x, a, EPS)))(x)
    np.testing.assert_allclose(gradient, a, rtol=1e-5)


# Far on both sides, past where float32's e^x overflows (88) and vanishes (−104), and the seams.
FAR = [1e10, 1e4, 200.0, 100.0, 89.0, 88.0, 16.0, 4.0]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_finite_however_far(name):
    x = jnp.asarray([sign * distance for sign in (-1, 1) for distance in FAR])
    for advantage in (-5.0, -1e-8, 0.0, 1e-8, 5.0):
        a = jnp.full_like(x, advantage)
        value, pullback = jax.vjp(lambda x, a=a: OBJECTIVES[name](x, a, EPS), x)
        assert value.dtype == jnp.float32
        assert jnp.all(jnp.isfinite(value))
        assert jnp.all(jnp.isfinite(pullback(jnp.ones_like(x))[0]))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if not name.startswith("mappo")])
def test_the_way_back_is_never_silent(name):
    """Beyond the maximum the slope points back, at every distance that float32 can tell."""
    for advantage in (-1.0, 1.0):
        a = jnp.full(len(FAR), advantage)
        gradient = jax.grad(lambda x, a=a: jnp.sum(OBJECTIVES[name](x, a, EPS)))
        assert jnp.all(gradient(jnp.asarray(FAR)) < 0)
        if name.startswith("mars"):  # SPO's well is flat at r = 0, which is its collapse
            assert jnp.all(gradient(-jnp.asarray(FAR)) > 0)


def test_slope_keeps_its_digits_at_rare_actions():
    """MASPO's r·(1 + (1 − r)/ε) at r = 1e-10: tiny, and not rounded to nothing."""
    assert slope("maspo", 1e-10, 1.0) == pytest.approx(6e-10, rel=1e-4)


def test_mars_costs_without_bound_as_the_ratio_vanishes():
    x, a = -jnp.asarray(FAR[::-1]), jnp.ones(len(FAR))
    assert jnp.all(jnp.diff(OBJECTIVES["mars"](x, a, EPS)) < 0)
    assert float(OBJECTIVES["mars"](x, a, EPS)[-1]) < -1e11
    assert float(OBJECTIVES["maspo"](x, a, EPS)[-1]) == pytest.approx(-1 - 1 / (2 * EPS))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_compiled_batched_and_traced_eps_change_nothing(name):
    objective = OBJECTIVES[name]
    x, a = jnp.linspace(-5.0, 5.0, 12).reshape(3, 4), jnp.linspace(-1.0, 2.0, 12).reshape(3, 4)
    expected = objective(x, a, EPS)
    np.testing.assert_allclose(jax.jit(objective)(x, a, jnp.float32(EPS)), expected, rtol=1e-5)
    row_by_row = jax.vmap(objective, in_axes=(0, 0, None))(x, a, EPS)
    np.testing.assert_allclose(row_by_row, expected, rtol=1e-5)
