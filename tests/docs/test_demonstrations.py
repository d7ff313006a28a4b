"""The two demonstrations against the figures that docs/algorithms.md states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageColor

from docs.experiments.demonstrations import (
    COLLAPSE_ADVANTAGE,
    COLLAPSE_POLICY,
    DRIFT_ADVANTAGE,
    DRIFT_POLICY,
    DRIFT_RECOVERED,
    EPS,
    collapse,
    draw_demonstrations,
    drift,
)
from mars_demo.evaluation.charts import COLOURS
from mars_demo.learning.objectives import OBJECTIVES


def test_advantages_are_zero_on_average():
    """As advantages are: what is left is rounding of the third digit."""
    assert np.dot(DRIFT_POLICY, DRIFT_ADVANTAGE) == pytest.approx(0.0, abs=1e-12)
    assert np.dot(COLLAPSE_POLICY, COLLAPSE_ADVANTAGE) == pytest.approx(0.0, abs=1e-4)


def test_drifted_mappo_stands_still():
    run = drift("mappo")
    assert run.first_gradient == 0.0
    assert run.steps is None
    assert np.all(run.distance == run.distance[0])
    # The farthest ratio, 0.05, after (2.1, .33, .225, .05) is scaled to sum to one: Σπr = 0.989.
    assert run.distance[0] == pytest.approx(-np.log(0.05 / 0.989), rel=1e-5)


@pytest.mark.parametrize(("name", "steps"), [("maspo", 802), ("mars", 104)])
def test_drifted_maspo_and_mars_come_back(name, steps):
    run = drift(name)
    assert run.steps == pytest.approx(steps, rel=0.01)
    assert run.distance[run.steps - 1] > np.log(DRIFT_RECOVERED) >= run.distance[run.steps]


@pytest.mark.parametrize(
    ("name", "ratios"), [("maspo", (1.163, 0.776, 0.0)), ("mars", (1.132, 0.811, 0.448))]
)
def test_collapse(name, ratios):
    """MASPO removes the rare action, though its advantage is positive. MARS keeps it."""
    found = collapse(name)
    np.testing.assert_allclose(found, ratios, atol=6e-4)
    assert np.dot(COLLAPSE_POLICY, found) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", ["maspo", "mars"])
def test_no_small_move_of_probability_improves_on_the_optimum(name):
    policy, advantage = jnp.asarray(COLLAPSE_POLICY), jnp.asarray(COLLAPSE_ADVANTAGE)

    @jax.vmap
    def expected(probability):
        return jnp.sum(policy * OBJECTIVES[name](jnp.log(probability / policy), advantage, EPS))

    best = jnp.asarray(collapse(name)) * policy
    moves = 1e-3 * np.asarray([(i, j, -i - j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    moved = best[None] + jnp.asarray(moves, jnp.float32)
    moved = moved[jnp.all(moved > 0, axis=1)]  # those that stay on the simplex
    assert len(moved) >= 4
    assert jnp.all(expected(moved) <= expected(best[None]) + 1e-6)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    path = tmp_path_factory.mktemp("figure") / "objectives.png"
    draw_demonstrations(path)
    return path


def test_figure_is_drawn(drawn):
    with Image.open(drawn) as image:
        assert image.size == (1200, 696)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20)}
    assert set(map(ImageColor.getrgb, COLOURS[:3])) <= colours  # each method's line
    assert drawn.stat().st_size < 200_000


def test_figure_writes_what_the_suffix_says(tmp_path):
    draw_demonstrations(tmp_path / "objectives.pdf")
    assert (tmp_path / "objectives.pdf").read_bytes().startswith(b"%PDF")
