"""Poses of a body between its frames, interpolated along curves that follow its nose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wrappers.viewing.camera import axes
from wrappers.viewing.scene_3d import Body

_LAG = 0.9  # frames over which `smoothed_pose` averages


class Pose(NamedTuple):
    """A body at a time; angles in radians."""

    place: NDArray  # (3,), m
    yaw: float
    pitch: float
    bank: float
    health: float

    @property
    def axes(self) -> NDArray:
        """(3, 3): forward, right, up."""
        return axes(self.yaw, self.pitch, self.bank)


def pose(body: Body, time: float) -> Pose:
    """A body's pose at a time in frames; before the first frame, that of the first."""
    i, part = _split(time, len(body["x"]))
    j = min(i + 1, len(body["x"]) - 1)
    angles = body["yaw"], body["pitch"], body["bank"]
    yaw, pitch, bank = (_turned(angle[i], angle[j], part) for angle in angles)
    return Pose(
        _curve(place(body, i), place(body, j), nose(body, i), nose(body, j), part),
        yaw,
        pitch,
        bank,
        body["health"][i] + part * (body["health"][j] - body["health"][i]),
    )


def smoothed_pose(body: Body, time: float) -> Pose:
    """A body's pose with its direction averaged over the last frames, for a camera behind it."""
    poses = [pose(body, time - _LAG * part) for part in np.linspace(0, 1, 7)]
    ahead = np.mean([p.axes[0] for p in poses], axis=0)
    lean = float(np.mean([np.sin(p.bank) for p in poses]))
    flat = float(np.hypot(ahead[0], ahead[1]))
    return poses[0]._replace(
        yaw=float(np.arctan2(ahead[1], ahead[0])),
        pitch=float(np.arctan2(ahead[2], flat)),
        bank=lean,
    )


def place(body: Body, frame: int) -> NDArray:
    """(3,): where a body is in a frame, m."""
    return np.array([body[axis][frame] for axis in ("x", "y", "z")], float)


def nose(body: Body, frame: int) -> NDArray:
    """(3,): the direction in which a body's nose points in a frame."""
    yaw, pitch = np.radians(body["yaw"][frame]), np.radians(body["pitch"][frame])
    flat = np.cos(pitch)
    return np.array([flat * np.cos(yaw), flat * np.sin(yaw), np.sin(pitch)])


def is_alive(body: Mapping[str, Any], time: float) -> bool:
    """Whether a body lives at a time in frames; it dies when frame `died` is reached."""
    return body["died"] is None or time < body["died"]


def _split(time: float, frames: int) -> tuple[int, float]:
    index = min(max(int(np.floor(time)), 0), frames - 1)
    return index, min(max(time - index, 0.0), 1.0)


def _curve(start: NDArray, end: NDArray, leave: NDArray, reach: NDArray, part: float) -> NDArray:
    """The cubic Hermite curve between two places (3,), with directions (3,) at both ends."""
    way = float(np.linalg.norm(end - start))
    back = 1 - part
    return (
        back * back * (1 + 2 * part) * start
        + part * part * (1 + 2 * back) * end
        + part * back * way * (back * leave - part * reach)
    )


def _turned(start: float, end: float, part: float) -> float:
    """Interpolates two angles in degrees by the shorter way; the result is in radians."""
    return float(np.radians(start + part * ((end - start + 180) % 360 - 180)))
