"""Policy objectives: MARS, MAPPO, MASPO, and ablations that isolate how they differ.

Notation: x = log r is the log of the probability ratio r = π_new(a|o) / π_old(a|o), A the joint
advantage of the sample, s = sign A, ε the half-width of the trust region and δ = log(1 + ε).

Every objective is one pure function of `(log_ratio, advantage, eps)`:

- `log_ratio` and `advantage` are float arrays of one shape; `eps` is a positive scalar.
- The result has that shape and is to be **maximised**. It is zero at r = 1: where the literature
  writes r·A, this file writes (r − 1)·A. The gradient is the same, and the values of different
  objectives can be compared.
- Values and gradients are finite for |x| ≤ 1e10. No objective clips x, since that would remove the
  gradient that brings a drifted policy back. Far from x = 0 it is continued along its tangent.
- Samples that should not count (dead agents) are masked on `log_ratio` before the objective,
  `jnp.where(alive, log_ratio, 0.0)`, not on the result: 0 · inf is NaN in the gradient.

**The formula of MARS is this project's reconstruction.** The abstract of the paper
(arXiv 2605.09212) fixes only its properties: a multiplicatively symmetric geometric barrier that
preserves corrective gradients and assigns unbounded cost as probability ratios approach zero.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

Scalar = Array | float
Objective = Callable[[Array, Array, Scalar], Array]

# |x − sδ| up to which MARS follows its barrier, and |x| up to which `mars_raw` does; e⁴ = 55.
# Beyond it a steeper slope would let one sample outweigh the rest of the batch.
BARRIER_LINEAR_BEYOND = 4.0

# x up to which the other objectives follow e^x. A ratio continued along its tangent from here to
# x = 1e10 can still be squared in float32. e¹⁶ = 9e6 is far above the ratios of a working update.
RATIO_LINEAR_BEYOND = 16.0

# Upper over lower ε of the decoupled ablations: 0.28 / 0.2, the values of DAPO (arXiv 2503.14476).
DECOUPLING = 1.4


def mars(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """Reciprocal barrier: b(r) = b(1/r), infinite as r → 0, corrective gradient everywhere.

    Like all objectives it maps `log_ratio` (...), `advantage` (...) and a scalar `eps` to (...).

        L = r·A − |A|·λ_s·(r + 1/r − 2),   λ₋ = 1/((1 + ε)² − 1),   λ₊ = 1 + λ₋

    This is the only weighting of the barrier r + 1/r − 2 that makes the whole objective symmetric,
    L(A, r) = L(−A, 1/r) up to a constant, with its maximum at exactly (1 + ε)^s. The code computes
    it without the constant A:

        L = −|A|·(cosh(x − sδ) − cosh δ) / sinh δ,     ∂L/∂x = −|A|·sinh(x − sδ) / sinh δ

    Any ε > 0 is allowed. Source: this project's reconstruction, see the module's docstring.
    """
    delta = jnp.log1p(eps)
    distance = jnp.abs(log_ratio - jnp.sign(advantage) * delta)
    near = jnp.minimum(distance, BARRIER_LINEAR_BEYOND)
    far = jnp.maximum(distance - BARRIER_LINEAR_BEYOND, 0.0)
    # cosh u − cosh δ as a product, which is exactly zero at r = 1; the difference is rounded.
    rise = 2.0 * jnp.sinh((near + delta) / 2.0) * jnp.sinh((near - delta) / 2.0)
    rise = rise + math.sinh(BARRIER_LINEAR_BEYOND) * far
    return -jnp.abs(advantage) * rise / jnp.sinh(delta)


def mappo(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """Additive clip: min(r·A, clip(r, 1 − ε, 1 + ε)·A), PPO's objective (arXiv 1707.06347).

    Beyond the clip the gradient is exactly zero, so a policy that drifted is not brought back.
    """
    return _clipped(log_ratio, advantage, eps, eps)


def maspo(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """Soft quadratic: r·A − |A|·(r − 1)²/(2ε), SPO's objective (arXiv 2401.16025).

    The maximum is at 1 + sε. The cost of r = 0 is finite, so probabilities can collapse.
    """
    return _quadratic(log_ratio, advantage, eps)


def mappo_geo(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MAPPO with MARS's boundaries: clip to [1/(1 + ε), 1 + ε]. Isolates the boundary."""
    return _clipped(log_ratio, advantage, _reciprocal_width(eps), eps)


def mappo_dec(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MAPPO with decoupled ε: clip to [1 − ε, 1 + 1.4ε]. Isolates a flexible boundary."""
    return _clipped(log_ratio, advantage, eps, DECOUPLING * eps)


def maspo_dec(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MASPO with decoupled ε: 1.4ε where A > 0, ε where A < 0. Isolates a flexible boundary."""
    return _quadratic(log_ratio, advantage, jnp.where(advantage > 0, DECOUPLING * eps, eps))


def maspo_geo(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MASPO with its maximum at MARS's (1 + ε)^s: the same optimum without MARS's barrier.

    With d = r − 1 and t = (1 + ε)^s − 1 it is A·d − |A|·d²/(2|t|).
    """
    return _quadratic(log_ratio, advantage, jnp.where(advantage > 0, eps, _reciprocal_width(eps)))


def mars_raw(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MARS with SPO's coefficient, λ₊ = λ₋ = 1/(2ε), on both sides. Isolates the calibration.

    The maxima are at (1 − 2ε)^−½ for A > 0 and (1 + 2ε)^−½ for A < 0. For A > 0 and ε ≥ ½ there is
    no maximum: the barrier then grows no faster than the surrogate.
    """
    above = _change(log_ratio, BARRIER_LINEAR_BEYOND)
    below = _change(-log_ratio, BARRIER_LINEAR_BEYOND)
    return advantage * above - jnp.abs(advantage) * (above + below) / (2.0 * eps)


def mars_log(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MARS with a parabola in x: −|A|·((x − sδ)² − δ²)/(2δ). Isolates the barrier's sharpness.

    It is symmetric and has MARS's maximum. Its slope is MARS's with both sinh to first order.
    """
    delta = jnp.log1p(eps)
    other_root = 2.0 * jnp.sign(advantage) * delta  # the parabola's; the first is x = 0
    return -jnp.abs(advantage) * log_ratio * (log_ratio - other_root) / (2.0 * delta)


def mars_low(log_ratio: Array, advantage: Array, eps: Scalar) -> Array:
    """MARS below its maximum (1 + ε)^s, `maspo_geo` above it. Isolates the side of r → 0."""
    peak = jnp.sign(advantage) * jnp.log1p(eps)
    low = mars(jnp.minimum(log_ratio, peak), advantage, eps)
    high = maspo_geo(jnp.maximum(log_ratio, peak), advantage, eps)
    # Each half is constant where the other one varies. Their values at r = 1 are subtracted.
    at_one = mars(jnp.minimum(peak, 0.0), advantage, eps) + maspo_geo(
        jnp.maximum(peak, 0.0), advantage, eps
    )
    return low + high - at_one


OBJECTIVES: dict[str, Objective] = {
    "mars": mars,
    "mappo": mappo,
    "maspo": maspo,
    "mappo-geo": mappo_geo,
    "mappo-dec": mappo_dec,
    "maspo-dec": maspo_dec,
    "maspo-geo": maspo_geo,
    "mars-raw": mars_raw,
    "mars-log": mars_log,
    "mars-low": mars_low,
}


def _clipped(log_ratio: Array, advantage: Array, lower: Scalar, upper: Scalar) -> Array:
    """PPO's pessimistic minimum with r − 1 clipped to [−lower, upper], elementwise (...)."""
    change = _change(log_ratio, RATIO_LINEAR_BEYOND)
    return jnp.minimum(change * advantage, jnp.clip(change, -lower, upper) * advantage)


def _quadratic(log_ratio: Array, advantage: Array, width: Scalar) -> Array:
    """SPO's parabola in r − 1, with its maximum at r = 1 + s·width, elementwise (...)."""
    change = _change(log_ratio, RATIO_LINEAR_BEYOND)
    return advantage * change - jnp.abs(advantage) * change**2 / (2.0 * width)


def _reciprocal_width(eps: Scalar) -> Scalar:
    """1 − 1/(1 + ε), the distance from 1 to the reciprocal of 1 + ε."""
    return eps / (1.0 + eps)


def _change(x: Array, linear_beyond: float) -> Array:
    """e^x − 1, elementwise (...), continued along its tangent above `linear_beyond`.

    e^x overflows float32 at x = 88, and inf · 0 or inf − inf would then turn the gradient of a
    whole batch into NaN. The tangent keeps the gradient's direction, which is enough there.
    """
    near = jnp.minimum(x, linear_beyond)
    far = jnp.maximum(x - linear_beyond, 0.0)
    # Not expm1: JAX differentiates it as expm1(x) + 1, which rounds to 0 for a rare action.
    return jnp.exp(near) - 1.0 + math.exp(linear_beyond) * far
