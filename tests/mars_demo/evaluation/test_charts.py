"""Charts: nothing is left out, however much there is."""

from itertools import permutations

import numpy as np
import pytest

from mars_demo.evaluation.charts import COLOURS, colours_of, label_of, score_limits
from mars_demo.evaluation.curves import draw_curves
from mars_demo.experiments.aggregates import Estimate
from mars_demo.experiments.figures import aggregates_svg, efficiency_svg, improvements_svg
from mars_demo.learning.objectives import OBJECTIVES

ALGOS = [f"algo-{i}" for i in range(len(COLOURS) + 2)]
BAR, BAND = "opacity: 0.6", "fill-opacity: 0.2"  # what tells them from all else in an SVG
ESTIMATE = Estimate(0.5, 0.25, 0.75)


def test_colours_come_again():
    colours = list(colours_of(ALGOS).values())
    assert colours[: len(COLOURS)] == list(COLOURS)
    assert colours[len(COLOURS) :] == list(COLOURS[:2])


def test_an_algorithm_keeps_its_colour():
    mixed = colours_of(["mappo-dec", "mars", "another"])
    assert mixed["mars"] == colours_of(["mappo", "mars"])["mars"] == COLOURS[0]
    assert mixed["mappo-dec"] == colours_of(["mars", "mappo", "mappo-dec"])["mappo-dec"]


@pytest.mark.parametrize("names", [list(OBJECTIVES), ["another", *list(OBJECTIVES)[:7]]])
def test_eight_colours_are_used_before_one_comes_again(names: list[str]):
    assert set(colours_of(names).values()) == set(COLOURS)


def test_colours_can_be_read_on_white():
    for colour in COLOURS:
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, colour


def test_figures_spell_algorithms_as_texts_do():
    assert label_of("mars") == "MARS"
    assert label_of("mars-raw") == "mars-raw"
    assert label_of("another") == "another"
    found = {a: {"IQM": ESTIMATE, "mean": ESTIMATE} for a in ("mars", "mars-raw")}
    drawn = aggregates_svg(found)
    assert all(f">{label}<" in drawn for label in ("MARS", "mars-raw"))
    assert "<title>Aggregate scores</title>" in drawn


def test_every_algorithm_is_drawn():
    pytest.importorskip("matplotlib")
    line = Estimate(*np.full((3, 2), 0.5))
    curves = efficiency_svg(np.array([0.0, 1.0]), dict.fromkeys(ALGOS, line))
    assert curves.count(BAND) == len(ALGOS)
    bars = aggregates_svg({algo: {"IQM": ESTIMATE, "mean": ESTIMATE} for algo in ALGOS})
    assert bars.count(BAR) == 2 * len(ALGOS)


def test_a_curve_is_not_drawn_through_a_link(tmp_path):
    """A folder from elsewhere may have links under names that once were those of our drafts."""
    pytest.importorskip("matplotlib")
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    path = tmp_path / "curve.png"
    for name in ("curve.png", ".curve.png.tmp.png"):
        (tmp_path / name).symlink_to(theirs)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "score": 2.0}\n')
    draw_curves({"mars": [tmp_path]}, {}, "score", path)
    assert theirs.read_bytes() == b"theirs"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert not path.is_symlink()


def test_every_pair_is_drawn():
    pytest.importorskip("matplotlib")
    svg = improvements_svg(dict.fromkeys(permutations(ALGOS, 2), ESTIMATE))
    assert svg.count(BAR) == 45


@pytest.mark.parametrize(
    ("scores", "ends"),
    [
        ([0.0, 10.0], (0.0, 11.0)),
        ([5.0, float("nan"), 10.0], (0.0, 11.0)),
        ([-40.0, -20.0], (-42.0, -18.0)),  # not up to 0, which may be far away
        ([-5.0, 15.0], (-7.0, 17.0)),
        ([-30.0, -30.0], (-33.0, -27.0)),
        ([0.0, 0.0], (0.0, 1.0)),
        ([], (0.0, 1.0)),
    ],
)
def test_an_axis_shows_every_score(scores, ends):
    assert score_limits(scores) == pytest.approx(ends)
