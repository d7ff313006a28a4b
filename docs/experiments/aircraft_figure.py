"""A figure of what classes of aircraft can do: turns, excess power, and speeds over height.

Run it: `python docs/experiments/aircraft_figure.py aircraft.png`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tyro.conf import Positional

from mars_demo.cli.parsing import run_program
from mars_demo.evaluation.charts import COLOURS, LOOK, save_figure
from mars_demo.runs.outputs import check_picture
from mars_demo.tasks.registry import aircraft_curves, aircraft_reference

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Mapping[str, Mapping[str, np.ndarray]]
"""By class and name: `speed` m/s with `sustained` rad/s, `instantaneous` rad/s and `power` m/s at
full throttle, `sustained_dry` and `power_dry` without afterburner; `altitude` m with `slowest` m/s
and `fastest` m/s."""

SUSTAINED: dict[str, Any] = {"linestyle": "-", "linewidth": 1.8}
INSTANTANEOUS: dict[str, Any] = {"linestyle": (0, (3, 1.5)), "linewidth": 1.2}
DRY: dict[str, Any] = {"linestyle": (0, (1, 1)), "linewidth": 1.4}
GREY: dict[str, Any] = {"color": "0.3"}
POINTS: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.0, "color": "black"}


def draw_aircraft(
    curves: Curves, path: str | Path, reference: Mapping[str, np.ndarray] | None = None
) -> None:
    """Draw up to six classes' curves.

    Args:
        curves: the figures of each class, in the order of the legend.
        path: where to write; the suffix names the format, such as `.png` or `.pdf`.
        reference: a real aircraft's points, by the names of `Curves`, against which the first class
            is drawn without afterburner, too.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    with rc_context(LOOK):
        canvas = Figure(figsize=(10.0, 4.3), layout=ConstrainedLayoutEngine(wspace=0.06))
        turn, power, envelope = canvas.subplots(1, 3)
        for colour, of in zip(COLOURS, curves.values(), strict=False):
            turn.plot(of["speed"], np.degrees(of["instantaneous"]), color=colour, **INSTANTANEOUS)
            turn.plot(of["speed"], np.degrees(of["sustained"]), color=colour, **SUSTAINED)
            power.plot(of["speed"], of["power"], color=colour, **SUSTAINED)
            kilometres = of["altitude"] / 1e3
            for edge in ("slowest", "fastest"):
                envelope.plot(of[edge], kilometres, color=colour, **SUSTAINED)
        if reference:
            first = next(iter(curves.values()))
            flown = first["sustained_dry"] > 0.0
            rate = np.degrees(first["sustained_dry"])
            turn.plot(first["speed"][flown], rate[flown], color=COLOURS[0], **DRY)
            power.plot(first["speed"], first["power_dry"], color=COLOURS[0], **DRY)
            for name in ("instantaneous", "sustained", "sustained_dry"):
                turn.plot(reference["speed"], np.degrees(reference[name]), **POINTS)
            for name in ("power", "power_dry"):
                power.plot(reference["speed"], reference[name], **POINTS)
        turn.set(title="(a)  Turn rate", ylabel="°/s", ylim=(0, 32))
        power.set(title="(b)  Specific excess power", ylabel="m/s", ylim=(0, 350))
        envelope.set(
            title="(c)  Slowest and fastest level flight", ylabel="height, km", ylim=(0, 10)
        )
        for panel, fastest in ((turn, 460), (power, 460), (envelope, 700)):
            _finish(panel, fastest)
        styles = {"instantaneous": INSTANTANEOUS, "sustained": SUSTAINED}
        if reference:
            styles |= {"sustained, dry": DRY, "F-16 (JSBSim)": POINTS}
        turn.legend(
            handles=[
                Line2D([], [], label=label, **GREY | style) for label, style in styles.items()
            ],
            loc="upper right",
            frameon=False,
            fontsize=10,
        )
        classes = [
            Line2D([], [], color=colour, label=name, **SUSTAINED)
            for colour, name in zip(COLOURS, curves, strict=False)
        ]
        canvas.legend(
            handles=classes, loc="outside upper center", ncols=len(classes), frameon=False
        )
        save_figure(canvas, path, dpi=120)


def _finish(panel: Axes, fastest: float) -> None:
    panel.set(xlabel="speed, m/s", xlim=(50, fastest))
    panel.grid(alpha=0.25)


@dataclass(frozen=True)
class AircraftFigure:
    """Draw what each class of aircraft can do, as docs/aerojax.md shows it."""

    path: Positional[Path]
    """The picture to write, such as aircraft.png."""

    def run(self) -> None:
        check_picture(self.path)
        draw_aircraft(aircraft_curves(), self.path, aircraft_reference())
        print(self.path)


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(AircraftFigure, words)


if __name__ == "__main__":
    main()
