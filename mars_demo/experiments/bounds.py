"""The scores that count as 0 and 1 when the scores of different tasks are combined.

Bounds belong to the tasks, and are the same for all algorithms and all sweeps. Bounds chosen from
the results of a sweep would make reports of different sweeps incomparable.
"""

from __future__ import annotations

from typing import NamedTuple

from mars_demo.tasks.registry import SUITE

_SHARE = "a share: it cannot be less than 0 or more than 1"
_PLANNER = "measured over 256 episodes: the random policy, and the planner"

_SPREAD = "the random policy over 256 episodes, and no distance at all, which cannot be reached"

_DELIVERIES = (
    "nothing delivered, and the deliveries of robots in 500 steps that take requests as they come "
    "and never turn, wait or meet: each carries a shelf to a goal and back"
)

_RUNNING = (
    "the random policy, measured over 64 episodes, and a run at 4 m/s through all 1000 steps, "
    "without a cost of control"
)


class Bound(NamedTuple):
    """The scores that count as 0 and as 1 on a task, and their source."""

    low: float
    high: float
    source: str


def deliveries(robots: int, distance: float) -> float:
    """The most shelves that robots can deliver in an episode of 500 steps.

    A delivery takes twice the distance, a step to load the shelf and a step to put it down.

    Args:
        robots: how many robots.
        distance: the average distance of a shelf from a goal, in cells.
    """
    return robots * 500 / (2.0 * distance + 2.0)


def running(upright: float, forward: float) -> float:
    """The return of a robot of brax that runs at 4 m/s for all 1000 steps, without control costs.

    Args:
        upright: the reward of a step for not having fallen.
        forward: the reward of a step for each m/s forward.
    """
    return 1000.0 * (upright + 4.0 * forward)


_SHARES = ("smax", "lbf", "connector", "aerojax")

BOUNDS = {
    name: Bound(0.0, 1.0, _SHARE)
    for family in _SHARES
    for name in SUITE[family]
    if name != "aerojax/waypoint_5"
} | {
    "paxmen/paxmen-4": Bound(0.73, 102.9, _PLANNER),
    "paxmen/paxmen-5": Bound(0.63, 146.5, _PLANNER),
    "paxmen/paxmen-6": Bound(0.89, 196.7, _PLANNER),
    "mpe/spread-3": Bound(-26.7, 0.0, _SPREAD),
    "mpe/spread-5": Bound(-35.8, 0.0, _SPREAD),
    "mpe/spread-10": Bound(-55.3, 0.0, _SPREAD),
    "aerojax/waypoint_5": Bound(0.0, 17.8, "no point at all, and the script (docs/results.md)"),
    "rware/tiny-2ag": Bound(0.0, deliveries(2, 8.0), _DELIVERIES),
    "rware/tiny-2ag-hard": Bound(0.0, deliveries(2, 8.0), _DELIVERIES),
    "rware/tiny-4ag": Bound(0.0, deliveries(4, 8.0), _DELIVERIES),
    "rware/tiny-4ag-hard": Bound(0.0, deliveries(4, 8.0), _DELIVERIES),
    "rware/small-4ag": Bound(0.0, deliveries(4, 12.9), _DELIVERIES),
    "rware/small-4ag-hard": Bound(0.0, deliveries(4, 12.9), _DELIVERIES),
    "rware/medium-4ag": Bound(0.0, deliveries(4, 14.06), _DELIVERIES),
    "mabrax/hopper_3x1": Bound(118.1, running(1.0, 1.0), _RUNNING),
    "mabrax/halfcheetah_6x1": Bound(-114.7, running(0.0, 1.0), _RUNNING),
    "mabrax/walker2d_2x3": Bound(269.0, running(1.0, 1.0), _RUNNING),
    "mabrax/ant_4x2": Bound(-170.9, running(1.0, 1.0), _RUNNING),
    "mabrax/humanoid_9|8": Bound(423.2, running(5.0, 1.25), _RUNNING),
}
"""The bounds of every task of the suite, by its name."""
