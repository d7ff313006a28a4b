"""What an update did to the ratios, against samples and sums by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.diagnostics import QUANTILES, ratio_metrics, ratio_statistics
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.learning.sharding import ALONE

EPS = 0.2


def metrics_of(log_ratio, advantage, decides=None, algo="mars"):
    """Metrics of gradient steps, arrays (steps, n)."""
    decides = jnp.ones(log_ratio.shape, bool) if decides is None else decides
    steps = jax.vmap(lambda x, a, d: ratio_statistics(OBJECTIVES[algo], x, a, jnp.float32(EPS), d))(
        log_ratio, advantage, decides
    )
    return {name: float(value) for name, value in ratio_metrics(steps, ALONE).items()}


def test_quantiles_are_those_of_all_samples():
    log_ratio = 0.15 * jax.random.normal(jax.random.key(0), (4, 5000)) + 0.03
    log_ratio = jnp.where(jnp.abs(log_ratio) > 0.3, 3.0 * log_ratio, log_ratio)  # long tails
    got = metrics_of(log_ratio, jnp.ones_like(log_ratio))
    for q in QUANTILES:
        expected = float(np.quantile(log_ratio, q))
        found = np.log(got[f"ratio_q{round(100 * q):02d}"])
        assert found == pytest.approx(expected, abs=0.004 + 0.12 * abs(expected))
    assert got["ratio_min"] == pytest.approx(np.exp(np.min(log_ratio)), rel=1e-5)
    assert got["ratio_max"] == pytest.approx(np.exp(np.max(log_ratio)), rel=1e-5)


def test_divergences_between_two_known_policies():
    """Samples in exact proportion to the old policy: the estimates are the sums themselves."""
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.5, 0.1])
    log_ratio = jnp.log(jnp.array(np.repeat(new / old, [5, 3, 2]), jnp.float32))[None]
    got = metrics_of(log_ratio, jnp.ones_like(log_ratio))
    assert got["kl"] == pytest.approx(np.sum(old * np.log(old / new)), abs=1e-6)
    assert got["kl_reverse"] == pytest.approx(np.sum(new * np.log(new / old)), abs=1e-6)


def test_share_of_the_pull_beyond_the_trust_region():
    # Ratios 1, 2 and 1/3, advantage 1 each: of MAPPO's slopes r 1[r < 1.2], 1, 0 and 1/3, what is
    # beyond has a quarter; of MASPO's, r - r (r - 1) / 0.2 in size, 1, 8 and 13/9, 85/94.
    log_ratio = jnp.log(jnp.array([[1.0, 2.0, 1.0 / 3.0]]))
    for algo, share in {"mappo": 0.25, "maspo": 85 / 94}.items():
        got = metrics_of(log_ratio, jnp.ones((1, 3)), algo=algo)
        assert got["ratio_beyond"] == pytest.approx(2 / 3)
        assert got["pull_beyond"] == pytest.approx(share, abs=1e-6)


def test_estimates_of_divergence_have_little_variance():
    """Of each sample r - 1 - log r and r log r - r + 1, neither ever negative, and not log r."""
    log_ratio = np.array([[0.5, -0.2, 0.1]])
    got = metrics_of(jnp.asarray(log_ratio, jnp.float32), jnp.ones((1, 3)))
    ratio = np.exp(log_ratio)
    assert got["kl"] == pytest.approx(np.mean(ratio - 1 - log_ratio), rel=1e-5)
    assert got["kl_reverse"] == pytest.approx(np.mean(ratio * log_ratio - ratio + 1), rel=1e-5)


def test_beyond_is_outside_of_the_boundaries_and_not_on_them():
    ratios = jnp.array([[1.19, 1.21, 1 / 1.19, 1 / 1.21, 1 / 1.23]])
    got = metrics_of(jnp.log(ratios), jnp.ones_like(ratios))
    assert got["ratio_beyond"] == pytest.approx(3 / 5)


def test_only_decisions_count():
    log_ratio = jnp.array([[0.1, -0.3, 0.0, 2.0], [0.1, 0.2, 0.0, -2.0]])
    decides = jnp.array([[True, True, False, False]] * 2)
    got = metrics_of(log_ratio, jnp.ones((2, 4)), decides)
    assert got == pytest.approx(metrics_of(log_ratio[:, :2], jnp.ones((2, 2))), rel=1e-6)
    nobody = metrics_of(log_ratio * 0, jnp.ones((2, 4)), jnp.zeros((2, 4), bool))
    assert nobody["kl"] == nobody["pull_beyond"] == nobody["ratio_beyond"] == 0
    assert all(np.isfinite(value) for value in nobody.values())


def test_the_first_step_is_looked_at_on_its_own():
    log_ratio = jnp.array([[0.0, -1e-3], [0.5, 0.5]])
    assert metrics_of(log_ratio, jnp.ones((2, 2)))["first_ratio_error"] == pytest.approx(
        1e-3, rel=1e-2
    )
