"""The style of charts: colours, axis limits, fonts."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mars_demo.learning.objectives import OBJECTIVES
from wrappers.atomic import replacing

# The palette of all figures: Okabe and Ito's hues, which the colour-blind can distinguish, each as
# dark as words must be on white (a contrast of 4.5).
COLOURS = ("#0072B2", "#BF4B00", "#007A58", "#A8497F", "#8A6000", "#5C53B5", "#6E6E6E", "#000000")


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name: an algorithm's own, and for other names the unused ones in turn."""
    names = list(names)
    own = {algo: c for algo, c in zip(OBJECTIVES, COLOURS, strict=False) if algo in names}
    left = itertools.cycle([c for c in COLOURS if c not in own.values()] or COLOURS)
    return {name: own[name] if name in own else next(left) for name in names}


def label_of(name: str) -> str:
    """An algorithm's name as texts spell it: MARS, but the ablation mars-raw. Others are kept."""
    return name.upper() if name in OBJECTIVES and "-" not in name else name


def save_figure(figure: Any, path: str | Path, dpi: int) -> None:
    """Writes a figure atomically, in the format of the path's suffix.

    Args:
        figure: matplotlib's.
        path: the file to write.
        dpi: dots an inch.
    """
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary, dpi=dpi)


def score_limits(values: Iterable[float]) -> tuple[float, float]:
    """The lower and upper end of an axis that shows all finite scores.

    The lower end is 0 if no score is negative. Otherwise it depends on the scores alone, because 0
    may be far from them.
    """
    scores = np.array([value for value in values if np.isfinite(value)] or [0.0])
    low, high = float(scores.min()), float(scores.max())
    if low >= 0.0:
        return 0.0, 1.1 * high or 1.0
    margin = 0.1 * (high - low) or 0.1 * abs(high)
    return low - margin, high + margin


LOOK: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "font.size": 11,
    "mathtext.fontset": "stix",
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""Matplotlib's settings for the documentation's figures."""
