"""Figures of a sweep's report, as SVG that fits light and dark pages."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mars_demo.evaluation.charts import LOOK, colours_of, label_of
from mars_demo.experiments.aggregates import TAUS, Curve, Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3  # of panels; each panel is a task
_INK = "#888888"  # legible on white and on black
_STYLE: dict[Any, Any] = LOOK | {
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "font.family": "sans-serif",
    "svg.fonttype": "none",  # text stays text: it has the page's font and can be searched
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "report",  # so that equal figures are equal files
}


def aggregates_svg(found: Mapping[str, Mapping[str, Estimate]]) -> str:
    """A panel for each aggregate, a bar with its interval for each algorithm."""
    names = list(next(iter(found.values())))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(names), sharey=True)
        for axes, name in zip(panels, names, strict=True):
            axes.set_title(name)
            _bars(axes, {algo: of[name] for algo, of in found.items()}, colours_of(found))
        panels[0].set_yticks(range(len(found)), list(map(label_of, found)))

    return _svg("Aggregate scores", draw, (9.0, 0.8 + 0.35 * len(found)))


def improvements_svg(found: Mapping[tuple[str, str], Estimate]) -> str:
    """A bar for each pair of algorithms, in the colour of the first.

    It shows the probability that a run of the first beats one of the second.
    """
    algos = colours_of(dict.fromkeys(a for a, _ in found))
    pairs = list(itertools.combinations(algos, 2))
    rows = {f"{a} > {b}": found[a, b] for a, b in pairs}
    colours = {f"{a} > {b}": algos[a] for a, b in pairs}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _bars(axes, rows, colours)
        axes.axvline(0.5, color=_INK, linestyle="--", linewidth=0.8)
        axes.set_yticks(range(len(rows)), [f"{label_of(a)} > {label_of(b)}" for a, b in pairs])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("probability of improvement")

    return _svg("Probability of improvement", draw, (5.0, 1.0 + 0.35 * len(rows)))


def profiles_svg(found: Mapping[str, Estimate]) -> str:
    """The share of runs above each normalised score."""
    return _lines(TAUS, found, "normalised score τ", "share of runs with score > τ")


def efficiency_svg(shares: np.ndarray, found: Mapping[str, Estimate]) -> str:
    """The interquartile mean (IQM) against `shares` of the budget, float64 (evaluations,)."""
    return _lines(shares, found, "share of the budget", "IQM of normalised scores")


def curves_svg(found: Mapping[str, Curve]) -> str:
    """A panel for each task: its score against millions of environment steps."""
    rows = math.ceil(len(found) / _COLUMNS)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for axes, (task, curve) in zip(panels, found.items(), strict=False):
            axes.set_title(task)
            _curves(axes, np.array(curve.steps) / 1e6, curve.means)
            axes.set_xlim(0)
            axes.locator_params(nbins=4)
        for axes in panels[len(found) :]:
            axes.set_axis_off()
        _legend(figure, panels[0])

    return _svg("Learning curves", draw, (9.0, 0.8 + 2.2 * rows))


def _bars(axes: Axes, rows: Mapping[str, Estimate], colours: Mapping[str, str]) -> None:
    axes.use_sticky_edges = False  # a margin, so that no bar looks cut off at the axis
    for i, (name, of) in enumerate(rows.items()):
        axes.barh(i, of.high - of.low, left=of.low, height=0.6, color=colours[name], alpha=0.6)
        axes.plot([of.value] * 2, [i - 0.3, i + 0.3], color=_INK, linewidth=2)
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first row at the top
    axes.locator_params(axis="x", nbins=4)


def _lines(x: np.ndarray, found: Mapping[str, Estimate], across: str, up: str) -> str:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _curves(axes, x, found)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.set_xlim(0, 1)
        _legend(figure, axes)

    return _svg(f"{up} by {across}", draw, (5.0, 3.4 + 0.25 * math.ceil(len(found) / 3)))


def _curves(axes: Axes, x: np.ndarray, found: Mapping[str, Estimate]) -> None:
    for algo, colour in colours_of(found).items():
        of = found[algo]
        axes.plot(x, of.value, color=colour, linewidth=1.8, label=label_of(algo))
        axes.fill_between(x, of.low, of.high, color=colour, alpha=0.2, linewidth=0)


def _legend(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, below them."""
    lines = axes.get_lines()
    figure.legend(handles=lines, frameon=False, loc="outside lower center", ncols=3, handlelength=1)


def _svg(title: str, draw: Any, size: Sequence[float]) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(size[0], size[1]), layout="constrained")
        draw(figure)
        file = io.StringIO()
        figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None, "Title": title}
        )
    return file.getvalue()[file.getvalue().index("<svg") :]
