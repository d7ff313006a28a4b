"""Two small problems on which the objectives part ways, and a figure of them.

Both ask what an objective does to one softmax policy whose advantages are known, so that nothing
is left to sampling or to a network. The policy maximises E[L(log r, A)] over π_old's actions.

- **Drift**: a policy that has left the trust region on every action. MAPPO's gradient is exactly
  zero and it stays there; MASPO comes back slowly; MARS comes back fast.
- **Collapse**: a rare action with a small positive advantage beside two common ones with large
  ones. The best that MASPO can do is to remove it, at a finite cost; MARS keeps it.

Run it: `python docs/experiments/demonstrations.py objectives.png`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tyro.conf import Positional

from mars_demo.cli.parsing import run_program
from mars_demo.evaluation.charts import LOOK, colours_of, label_of, save_figure
from mars_demo.learning.objectives import OBJECTIVES, Objective
from mars_demo.runs.outputs import check_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EPS = 0.2
METHODS = ("mappo", "maspo", "mars")

DRIFT_POLICY = (0.4, 0.3, 0.2, 0.1)
DRIFT_ADVANTAGE = (1.0, -0.5, -1.0, -0.5)  # zero on average under the policy
DRIFT_START = (2.1, 0.33, 0.225, 0.05)  # ratios, to be normalised
DRIFT_STEP_SIZE = 0.05
DRIFT_RECOVERED = 1.5  # the ratio within which, or its reciprocal, every action has to be

COLLAPSE_POLICY = (0.6, 0.39, 0.01)
COLLAPSE_ADVANTAGE = (1.0, -1.539, 0.02)


class Drift(NamedTuple):
    """A policy's way back from outside the trust region.

    Attributes:
        distance: float32 (steps,), max |log r| over the actions before each step.
        first_gradient: the largest element of the first step's gradient.
        steps: steps until every ratio is within `DRIFT_RECOVERED`; None if it never is.
    """

    distance: np.ndarray
    first_gradient: float
    steps: int | None


def drift(name: str, num_steps: int = 2000) -> Drift:
    """Gradient ascent on the logits of a drifted policy under one objective of `OBJECTIVES`."""
    distance, gradient = _ascend(name, num_steps)
    distance = np.asarray(distance)
    recovered = np.flatnonzero(distance <= math.log(DRIFT_RECOVERED))
    return Drift(distance, float(gradient[0]), int(recovered[0]) if recovered.size else None)


@partial(jax.jit, static_argnums=(0, 1))
def _ascend(name: str, num_steps: int) -> tuple[Array, Array]:
    """Distance and size of the gradient before each step, each float32 (steps,)."""
    log_old = jnp.log(jnp.asarray(DRIFT_POLICY, jnp.float32))
    advantage = jnp.asarray(DRIFT_ADVANTAGE, jnp.float32)

    def log_ratio(logits: Array) -> Array:
        return jax.nn.log_softmax(logits) - log_old

    def expected(logits: Array) -> Array:
        return jnp.sum(jnp.exp(log_old) * OBJECTIVES[name](log_ratio(logits), advantage, EPS))

    def ascend(logits: Array, _) -> tuple[Array, tuple[Array, Array]]:
        gradient = jax.grad(expected)(logits)
        before = jnp.max(jnp.abs(log_ratio(logits))), jnp.max(jnp.abs(gradient))
        return logits + DRIFT_STEP_SIZE * gradient, before

    start = log_old + jnp.log(jnp.asarray(DRIFT_START, jnp.float32))
    return jax.lax.scan(ascend, start, length=num_steps)[1]


def collapse(name: str) -> np.ndarray:
    """The ratios (3,) of the best policy on the simplex under a strictly concave objective.

    There, every action's ∂L/∂r is one price, except where the ratio is zero. Both the ratios at a
    price and the price at which the probabilities sum to one are found by bisection: slopes fall
    as ratios rise, and ratios fall as the price rises.
    """
    return np.asarray(_optimum(name))


@partial(jax.jit, static_argnums=0)
def _optimum(name: str) -> Array:
    policy = jnp.asarray(COLLAPSE_POLICY, jnp.float32)
    advantage = jnp.asarray(COLLAPSE_ADVANTAGE, jnp.float32)
    slope_in_x = jax.grad(lambda x: jnp.sum(OBJECTIVES[name](x, advantage, EPS)))

    def ratios(price: Array) -> Array:
        low, high = jnp.full_like(policy, -30.0), jnp.full_like(policy, 3.0)
        return jnp.exp(_bisect(lambda x: slope_in_x(x) / jnp.exp(x) > price, low, high))

    def too_cheap(price: Array) -> Array:
        return jnp.sum(policy * ratios(price)) > 1.0

    return ratios(_bisect(too_cheap, jnp.float32(-10.0), jnp.float32(10.0)))


def _bisect(rises, low: Array, high: Array) -> Array:
    """The point up to which `rises` holds, elementwise between `low` and `high`."""

    def halve(_, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = (bounds[0] + bounds[1]) / 2.0
        go_up = rises(middle)
        return jnp.where(go_up, middle, bounds[0]), jnp.where(go_up, bounds[1], middle)

    return jax.lax.fori_loop(0, 40, halve, (low, high))[0]


# Dashes tell the algorithms apart in print.
_DASHES = {"mappo": (0, (5, 1.5)), "maspo": (0, (4, 1.2, 1, 1.2)), "mars": "-"}
STYLES: dict[str, dict[str, Any]] = {
    name: {"label": label_of(name), "color": colour, "linestyle": _DASHES[name]}
    for name, colour in colours_of(_DASHES).items()
}
OFFSET: dict[str, Any] = {"textcoords": "offset points"}
RULE: dict[str, Any] = {"color": "0.6", "linewidth": 0.7, "zorder": 0}


def draw_demonstrations(path: str | Path) -> None:
    """Draw the objectives, their gradients and the two demonstrations.

    Args:
        path: where to write; the suffix names the format, such as `.png` or `.pdf`.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with rc_context(LOOK):
        canvas = Figure(
            figsize=(10.0, 5.8), layout=ConstrainedLayoutEngine(wspace=0.06, hspace=0.06)
        )
        panels = canvas.subplots(2, 3)
        for row, advantage in zip(panels, (1.0, -1.0), strict=True):
            _draw_values(row[0], advantage)
            _draw_slopes(row[1], advantage)
        _draw_drift(panels[0, 2])
        _draw_collapse(panels[1, 2])
        for letter, panel in zip("abcdef", panels.flat, strict=True):
            panel.set_title(f"({letter})  {panel.get_title(loc='left')}")
        lines = panels[0, 0].get_lines()
        canvas.legend(handles=lines, loc="outside upper center", ncols=3, frameon=False)
        save_figure(canvas, path, dpi=120)


def _draw_values(ax: Axes, advantage: float) -> None:
    _draw_against_ratio(ax, advantage, lambda f, x, a: f(x, a, EPS))
    ax.set(ylabel="objective $L$", ylim=(-4.2, 0.7), title=_titled("Objective", advantage))


def _draw_slopes(ax: Axes, advantage: float) -> None:
    def slope(objective: Objective, x: Array, a: Array) -> Array:
        return jax.grad(lambda x: jnp.sum(objective(x, a, EPS)))(x)

    _draw_against_ratio(ax, advantage, slope)
    ax.axhline(0.0, **RULE)
    ax.set_yscale("asinh", linear_width=1.0)
    ax.set(ylabel=r"$\partial L\,/\,\partial\log r$", ylim=(-70, 70))
    ax.set_yticks([-50, -10, -2, 0, 2, 10, 50], ["−50", "−10", "−2", "0", "2", "10", "50"])
    ax.set_title(_titled("Its gradient", advantage))


def _titled(what: str, advantage: float) -> str:
    return f"{what}, $A {'=' if advantage > 0 else '= −'}{abs(advantage):g}$"


def _draw_against_ratio(
    ax: Axes, advantage: float, function: Callable[[Objective, Array, Array], Array]
) -> None:
    x = jnp.linspace(math.log(0.05), math.log(5.0), 1001)
    for name in METHODS:
        y = function(OBJECTIVES[name], x, jnp.full_like(x, advantage))
        ax.plot(np.exp(x), y, **STYLES[name])
    ax.axvspan(1 / (1 + EPS), 1 + EPS, color="0.92", zorder=-1)
    ax.set_xscale("log")
    ticks = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set(xlabel="probability ratio $r$", xlim=(0.05, 5.0))


def _draw_drift(ax: Axes) -> None:
    for name in METHODS:
        run = drift(name)
        steps = np.arange(1, len(run.distance) + 1)  # from 1, for the logarithmic axis
        ax.plot(steps, run.distance, **STYLES[name])
        if run.steps is None:
            ax.annotate("gradient exactly 0", (1.2, run.distance[-1] + 0.06), va="bottom")
        else:
            recovered = run.steps + 1, run.distance[run.steps]
            ax.plot(*recovered, "o", color=STYLES[name]["color"])
            ax.annotate(f"{run.steps}", recovered, (-11, 5), ha="right", **OFFSET)
    ax.axhline(math.log(DRIFT_RECOVERED), **RULE)
    ax.annotate("$r$ within 1.5", (1.2, math.log(DRIFT_RECOVERED)), (0, -3), va="top", **OFFSET)
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    ax.set(xlabel="gradient step", ylabel=r"$\max_a\,|\log r|$", ylim=(0.0, 3.4))
    ax.set_title("Drift: the way back")


def _draw_collapse(ax: Axes) -> None:
    actions = np.arange(len(COLLAPSE_POLICY))
    for offset, name in ((-0.21, "maspo"), (0.21, "mars")):
        ratios = collapse(name)
        bars = ax.bar(actions + offset, ratios, 0.4, color=STYLES[name]["color"])
        ax.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=2)
    ax.axhline(1.0, **RULE)
    labels = zip(COLLAPSE_POLICY, COLLAPSE_ADVANTAGE, strict=True)
    ax.set_xticks(actions, [rf"$\pi_\mathrm{{old}} = {p:g}$" f"\n$A = {a:g}$" for p, a in labels])
    ax.tick_params(axis="x", length=0)
    ax.set(ylabel="ratio $r$ at the optimum", ylim=(0.0, 1.4))
    ax.set_title("Collapse: the best policy")


@dataclass(frozen=True)
class Demonstrations:
    """Draw the objectives, their gradients, drift and collapse, for docs/algorithms.md."""

    path: Positional[Path]
    """The picture to write, such as objectives.png."""

    def run(self) -> None:
        check_picture(self.path)
        draw_demonstrations(self.path)
        print(self.path)


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(Demonstrations, words)


if __name__ == "__main__":
    main()
