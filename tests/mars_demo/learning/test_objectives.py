"""The objectives against values worked out by hand, and against their plain formulas."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mars_demo.learning.objectives import OBJECTIVES

EPS = 0.2
SLOTS = 16  # one shape for all, so that each objective compiles once


@cache
def compiled(name: str):
    return jax.jit(jax.vmap(jax.value_and_grad(OBJECTIVES[name]), in_axes=(0, 0, None)))


def evaluate(name, log_ratio, advantage, eps=EPS) -> tuple[np.ndarray, np.ndarray]:
    """L and ∂L/∂x, elementwise, of up to 16 samples."""
    samples = np.broadcast_arrays(*(np.asarray(x, np.float32) for x in (log_ratio, advantage)))
    filled = [np.pad(np.atleast_1d(x), (0, SLOTS - x.size)) for x in samples]
    return tuple(np.asarray(out)[: samples[0].size] for out in compiled(name)(*filled, eps))


def slope(name: str, ratio, advantage) -> np.ndarray:
    return evaluate(name, np.log(ratio), advantage)[1]


# ∂L/∂x = r·∂L/∂r at ε = 0.2, |A| = 1, by hand:
#   clip       r·s inside the bounds or where the clip is the larger side, else 0
#   quadratic  r·(s − (r − 1)/w), w the half-width of that sign
#   mars       −(r/q − q/r)/(q − 1/q) with q = 1.2^s, over s: (1.2 − 1/1.2) = 0.3667 below
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
    found = slope(name, [0.1, 0.1, 2.0, 2.0], [1.0, -1.0, 1.0, -1.0])
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
        before, after = slope(name, [ratio * 0.999, ratio * 1.001], advantage)
        assert before > 0 > after


# Where the clipped objectives stop pulling: below it the one for A < 0, above it that for A > 0.
CLIPS = {"mappo": (0.8, 1.2), "mappo-geo": (1 / 1.2, 1.2), "mappo-dec": (0.8, 1.28)}


@pytest.mark.parametrize("name", CLIPS)
def test_clip_bounds(name):
    lower, upper = CLIPS[name]
    inside, outside = slope(name, [upper * 0.999, upper * 1.001], 1.0)
    assert inside > 0
    assert outside == 0
    inside, outside = slope(name, [lower * 1.001, lower * 0.999], -1.0)
    assert inside < 0
    assert outside == 0


ratios = st.floats(0.05, 20.0)
advantages = st.floats(-10.0, 10.0)
widths = st.floats(0.01, 2.0)


@given(ratio=ratios, advantage=advantages, eps=widths)
def test_mars_is_symmetric(ratio, advantage, eps):
    """L(A, r) = L(−A, 1/r), with no constant left because L is zero at r = 1."""
    x = np.log(ratio)
    values, slopes = evaluate("mars", [x, -x], [advantage, -advantage], eps)
    np.testing.assert_allclose(values[0], values[1], rtol=1e-6)
    np.testing.assert_allclose(slopes[0], -slopes[1], rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if not name.startswith("mappo")])
@given(first=ratios, second=ratios, advantage=advantages)
def test_one_maximum_from_either_side(name, first, second, advantage):
    """The slope in r never rises: no objective but the clipped ones has a second hill or a flat."""
    low, high = sorted((first, second))
    slopes = slope(name, [low, high], advantage) / np.asarray([low, high])
    if name == "mars-log":  # a parabola in x, which in r is a single hill and not concave
        slopes = slopes * np.asarray([low, high])
    assert slopes[0] >= slopes[1] - 1e-4 * abs(slopes).max()


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
    ratio, advantage = (
        grid.ravel()
        for grid in np.meshgrid(np.exp(np.linspace(-3.0, 3.0, 101)), [-2.0, -1e-3, 0.0, 0.5, 3.0])
    )
    found = OBJECTIVES[name](jnp.log(ratio), jnp.asarray(advantage), eps)
    expected = plain(ratio, advantage, eps) - advantage
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("advantage", "peak"), [(1.0, 1.2), (-1.0, 1 / 1.2)])
def test_low_is_mars_below_and_the_well_above(advantage, peak):
    """To a constant: what it rises by between two ratios on one side, its half rises by."""
    for half, pair in (("mars", [peak * 0.5, peak]), ("maspo-geo", [peak, peak * 2])):
        low = evaluate("mars-low", np.log(pair), advantage)[0]
        its_half = evaluate(half, np.log(pair), advantage)[0]
        np.testing.assert_allclose(np.diff(low), np.diff(its_half), rtol=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_zero_and_pulling_at_ratio_one(name):
    """At r = 1 each is 0, and its slope is A: the policy gradient."""
    advantage = [-1.5, 0.0, 2.5]
    values, slopes = evaluate(name, 0.0, advantage)
    assert not np.any(values)
    np.testing.assert_allclose(slopes, advantage, rtol=1e-5)


# Far on both sides, past where float32's e^x overflows (88) and vanishes (−104), and the seams.
FAR = np.asarray([1e10, 1e4, 200.0, 100.0, 89.0, 88.0, 16.0, 4.0])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_finite_however_far(name):
    for advantage in (-5.0, -1e-8, 0.0, 1e-8, 5.0):
        values, slopes = evaluate(name, np.concatenate([-FAR, FAR]), advantage)
        assert values.dtype == slopes.dtype == np.float32
        assert np.all(np.isfinite(values))
        assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if not name.startswith("mappo")])
def test_the_way_back_is_never_silent(name):
    """Beyond the maximum the slope points back, at every distance that float32 can tell."""
    for advantage in (-1.0, 1.0):
        assert np.all(evaluate(name, FAR, advantage)[1] < 0)
        if name.startswith("mars"):  # SPO's well is flat at r = 0, which is its collapse
            assert np.all(evaluate(name, -FAR, advantage)[1] > 0)


def test_where_they_are_straight_lines():
    """MARS from 4 beyond its maximum, the others from x = 16: values and slopes of the tangents."""
    delta = np.log1p(EPS)
    for advantage in (1.0, -1.0):
        for side in (-1.0, 1.0):
            x = advantage * delta + side * 7.0
            value, slope = evaluate("mars", x, advantage)
            rise = np.cosh(4.0) + 3.0 * np.sinh(4.0) - np.cosh(delta)
            np.testing.assert_allclose(value, -rise / np.sinh(delta), rtol=1e-5)
            np.testing.assert_allclose(slope, -side * np.sinh(4.0) / np.sinh(delta), rtol=1e-5)
    # (r - 1) is e^16 (1 + 2) - 1 at x = 18, and its slope e^16.
    change, grown = 3.0 * np.exp(16.0) - 1.0, np.exp(16.0)
    value, slope = evaluate("mappo", 18.0, -1.0)
    np.testing.assert_allclose((value[0], slope[0]), (-change, -grown), rtol=1e-5)
    value, slope = evaluate("maspo", 18.0, 1.0)
    expected = change - change**2 / (2 * EPS), grown - change * grown / EPS
    np.testing.assert_allclose((value[0], slope[0]), expected, rtol=1e-5)
    # mars-raw bends both r and 1/r, at 4: at x = 6, r - 1 is e^4 (1 + 2) - 1.
    value, slope = evaluate("mars-raw", 6.0, 1.0)
    change = 3.0 * np.exp(4.0) - 1.0
    expected = change - (change + np.expm1(-6.0)) / (2 * EPS)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    expected = np.exp(4.0) - (np.exp(4.0) - np.exp(-6.0)) / (2 * EPS)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)


def test_slope_keeps_its_digits_at_rare_actions():
    """MASPO's r·(1 + (1 − r)/ε) at r = 1e-10: tiny, and not rounded to nothing."""
    assert slope("maspo", 1e-10, 1.0) == pytest.approx(6e-10, rel=1e-4)


def test_mars_costs_without_bound_as_the_ratio_vanishes():
    mars, _ = evaluate("mars", -FAR, 1.0)  # from the farthest to the nearest
    assert np.all(np.diff(mars) > 0)
    assert mars[0] < -1e11
    maspo, _ = evaluate("maspo", -FAR, 1.0)
    assert maspo[0] == pytest.approx(-1 - 1 / (2 * EPS))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_elementwise_on_arrays_of_any_rank(name):
    x, a = np.meshgrid(np.linspace(-5.0, 5.0, 4), [-1.0, 0.0, 2.0])
    found = OBJECTIVES[name](jnp.asarray(x, jnp.float32), jnp.asarray(a, jnp.float32), EPS)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(found.ravel(), evaluate(name, x.ravel(), a.ravel())[0], rtol=1e-5)
