"""Writes what JSBSim's F-16 can do: the reference of AeroJAX's `fighter`.

    pip install -e '.[validate]'
    python docs/experiments/f16_reference.py aerojax/f16.csv

Static: 9358 kg, clean, elevator centred, so without trim drag. The model is set to each angle of
attack up to the 28° of its flight computer, and asked for its lift, its drag and its thrust with
the engine settled. Thrust counts along the path (T cos α); what it lifts is left out, as in
AeroJAX.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tyro.conf import Positional

from mars_demo.cli.parsing import run_program
from mars_demo.extras import require
from mars_demo.runs.outputs import check_writable

FOOT, POUND = 0.3048, 4.4482216152605  # m, N
GRAVITY = 9.80665
MASS = 9358.0  # kg
MOST_LOAD = 9.0  # g
ALTITUDES = (1000, 3000, 6000, 9000)  # m
SPEEDS = range(110, 331, 10)  # m/s
ANGLES = np.linspace(-1.0, 28.0, 117)  # degrees
STAGES = {"dry": 0.5, "wet": 1.0}  # throttle of this model: the second half burns
SETTLING = 5  # calls until the engine's speed no longer changes


@dataclass(frozen=True)
class F16Reference:
    """Write what JSBSim's F-16 can do, as a table."""

    path: Positional[Path]
    """The CSV file to write, such as aerojax/f16.csv."""

    def run(self) -> None:
        check_writable(self.path)
        model = require("jsbsim", extra="validate").FGFDMExec(None)
        model.set_debug_level(0)
        if not model.load_model("f16"):
            raise FileNotFoundError("this JSBSim has no aircraft f16")
        model["propulsion/set-running"] = -1
        model["fcs/fbw-override"] = 1  # or the flight computer would move the elevator
        with self.path.open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            heads = [
                f"{what}_{stage}" for stage in STAGES for what in ("acceleration", "sustained")
            ]
            table.writerow(["altitude", "speed", *heads, "instantaneous"])
            for altitude in ALTITUDES:
                for speed in SPEEDS:
                    row = measure(model, altitude, speed)
                    table.writerow([altitude, speed, *(f"{value:.3f}" for value in row)])


def measure(model: Any, altitude: float, speed: float) -> list[float]:
    """Level acceleration in m/s² and sustained turn in °/s of each stage, and the fastest turn."""
    forces = np.array([aerodynamics(model, altitude, speed, angle) for angle in ANGLES])
    load, drag = forces.T / MASS / [[GRAVITY], [1.0]]
    most = min(load.max(), MOST_LOAD)
    row = []
    for throttle in STAGES.values():
        along = thrust(model, altitude, speed, throttle) / MASS * np.cos(np.radians(ANGLES))
        excess = along - drag
        # Excess falls with the load factor from the angle of the least drag on.
        rising = load > 0.5
        sustained = np.interp(0.0, -excess[rising], load[rising])
        row += [np.interp(1.0, load, excess), turn_rate(min(sustained, most), speed)]
    return [float(figure) for figure in (*row, turn_rate(most, speed))]


def aerodynamics(model: Any, altitude: float, speed: float, angle: float) -> tuple[float, float]:
    """Lift and drag, N."""
    start(model, altitude, speed, angle)
    return model["forces/fwz-aero-lbs"] * POUND, model["forces/fwx-aero-lbs"] * POUND


def thrust(model: Any, altitude: float, speed: float, throttle: float) -> float:
    """Newtons, at the angle of attack 2°."""
    model["fcs/throttle-cmd-norm"] = throttle
    start(model, altitude, speed, 2.0)
    for _ in range(SETTLING):
        model.get_propulsion().get_steady_state()
    return model["propulsion/engine/thrust-lbs"] * POUND


def start(model: Any, altitude: float, speed: float, angle: float) -> None:
    for name, value in {
        "ic/h-sl-ft": altitude / FOOT,
        "ic/vt-fps": speed / FOOT,
        "ic/gamma-deg": 0.0,
        "ic/alpha-deg": angle,
        "gear/gear-cmd-norm": 0.0,
        "gear/gear-pos-norm": 0.0,
    }.items():
        model[name] = value
    model.run_ic()


def turn_rate(load: float, speed: float) -> NDArray:
    """°/s of a level turn."""
    return np.degrees(GRAVITY * np.sqrt(max(load**2 - 1.0, 0.0)) / speed)


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(F16Reference, words)


if __name__ == "__main__":
    main()
