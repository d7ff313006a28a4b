"""A figure of how far probability ratios went through training: what each objective lets happen.

Run it: `python docs/experiments/ratio_figure.py RUN ...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from tyro.conf import Positional

from mars_demo.cli.parsing import check_named, run_program
from mars_demo.evaluation.charts import COLOURS, LOOK, save_figure
from mars_demo.learning.diagnostics import QUANTILES
from mars_demo.runs.folder import RunError, read_run
from mars_demo.runs.metrics import read_metrics
from mars_demo.runs.outputs import check_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mars_demo.learning.config import Config

_MIDDLE, _EDGE = COLOURS[:2]
_TICKS = (0.2, 0.5, 1.0, 2.0, 5.0)
_BANDS = [*zip(QUANTILES, reversed(QUANTILES), strict=True)][: len(QUANTILES) // 2]


def draw_ratios(folders: Sequence[Path], path: Path) -> None:
    """Draws a column for each run.

    Above: quantiles and extremes of the ratios of each update, and the trust region
    [1/(1 + ε), 1 + ε]. Below: the share of decisions beyond it, and their share of the gradient.

    Args:
        folders: the runs' folders.
        path: where to write; the suffix names the format.

    Raises:
        RunError: a folder is no run's, or its metrics have none of ratios.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(LOOK):
        canvas = Figure(figsize=(1.2 + 3.2 * len(folders), 5.2), layout="constrained")
        rows = canvas.subplots(
            2, len(folders), squeeze=False, sharex="col", sharey="row", height_ratios=[3, 2]
        )
        for above, below, folder in zip(*rows, folders, strict=True):
            task, config = read_run(folder)
            above.set_title(f"{config.algo}, ε = {config.eps:g}, {task.name}")
            _draw_run(above, below, config, _columns(folder))
        rows[0][0].set_ylabel("probability ratio")
        rows[1][0].set_ylabel("beyond the trust region")
        _explain(rows[0][-1], rows[1][-1])
        save_figure(canvas, path, dpi=150)


def _columns(folder: Path) -> dict[str, np.ndarray]:
    lines = read_metrics(folder)
    if not lines or "ratio_beyond" not in lines[0]:
        raise RunError(f"{folder} has no metrics of ratios: train again to get them")
    names = [name for name, value in lines[0].items() if name.startswith(("ratio_", "pull_"))]
    try:
        return {name: np.array([line[name] for line in lines]) for name in ("step", *names)}
    except KeyError as error:
        raise RunError(f"{folder} lacks {error} in some of its metrics") from None


def _draw_run(above: Axes, below: Axes, config: Config, columns: dict[str, np.ndarray]) -> None:
    steps = columns["step"] / 1e6
    for low, high in _BANDS:
        bottom, top = (columns[f"ratio_q{round(100 * q):02d}"] for q in (low, high))
        above.fill_between(steps, bottom, top, color=_MIDDLE, alpha=0.25, linewidth=0)
    above.plot(steps, columns["ratio_q50"], color=_MIDDLE, linewidth=1.4)
    for extreme in ("ratio_min", "ratio_max"):
        above.plot(steps, columns[extreme], color=_EDGE, linewidth=0.8)
    for border in (1.0 / (1.0 + config.eps), 1.0 + config.eps):
        above.axhline(border, color="#555555", linestyle="--", linewidth=0.8)
    above.set_yscale("log")
    above.set_ylim(0.2, 5.0)  # extremes may leave the picture, so that the bulk can be seen
    above.set_yticks(_TICKS, [f"{ratio:g}" for ratio in _TICKS])
    above.minorticks_off()
    below.plot(steps, columns["ratio_beyond"], color=_MIDDLE, linewidth=1.4)
    below.plot(steps, columns["pull_beyond"], color=_EDGE, linewidth=1.4)
    below.set_yscale("log")
    below.set_ylim(1e-5, 1.0)
    below.set_xlabel("environment steps (millions)")


def _explain(above: Axes, below: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    bands: list[Any] = [
        Patch(color=_MIDDLE, alpha=1 - 0.75 ** (i + 1), label=f"{100 * (high - low):.0f} %")
        for i, (low, high) in enumerate(_BANDS)
    ]
    middle, edge = (Line2D([], [], color=colour) for colour in (_MIDDLE, _EDGE))
    border = Line2D([], [], color="#555555", linestyle="dashed")
    beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False}
    above.legend(
        [edge, *bands, middle, border],
        ["extremes", *(band.get_label() for band in bands), "median", "trust region"],
        **beside,
    )
    below.legend([middle, edge], ["of decisions", "of gradient"], **beside)


@dataclass(frozen=True)
class RatioFigure:
    """Draw how far probability ratios went through training, a column for each run."""

    folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    """Folders of runs, such as one of each algorithm."""
    out: Path = Path("ratios.png")
    """The picture to write."""

    def run(self) -> None:
        check_named(self.folders, "a run's folder")
        check_picture(self.out)
        draw_ratios(self.folders, self.out)
        print(self.out)


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(RatioFigure, words)


if __name__ == "__main__":
    main()
