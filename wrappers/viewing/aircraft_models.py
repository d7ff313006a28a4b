"""Aircraft as polygons, a few dozen each, in metres: x to the nose, y to the right, z up."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float, float]


class Face(NamedTuple):
    """One flat piece of a model."""

    corners: tuple[int, ...]
    part: str  # "body", "wing", "fin", "glass" or "nozzle": its paint


class Model(NamedTuple):
    """An aircraft's shape."""

    points: NDArray  # (V, 3)
    faces: tuple[Face, ...]
    thirds: NDArray  # (F, 3), three corners of each face, far apart: they span it
    nozzles: NDArray  # (E, 3), where the engines' flames begin
    tips: NDArray  # (2, 3), the wing tips
    length: float  # m


class _Plan(NamedTuple):
    """The measures of an aircraft's shape, in metres."""

    nose: float  # x
    tail: float  # x
    width: float  # half of the fuselage's
    wing: tuple[Point, ...]  # outline of the right one
    tailplane: tuple[Point, ...]
    fins: tuple[tuple[Point, ...], ...]
    engines: tuple[float, ...]  # y of each
    canard: tuple[Point, ...] = ()
    pods: tuple[tuple[float, float, float], ...] = ()  # x, y, z of the front of each


_DELTA_TAIL = ((-4.6, 1.0, 0.0), (-7.0, 3.1, 0.0), (-8.2, 3.1, 0.0), (-7.4, 1.0, 0.0))
_TWIN_FINS = tuple(
    (
        (-3.9, side * 1.1, 0.7),
        (-6.3, side * 1.9, 3.4),
        (-7.5, side * 1.9, 3.4),
        (-7.2, side * 1.1, 0.7),
    )
    for side in (1.0, -1.0)
)
_ONE_FIN = (((-3.6, 0.0, 0.8), (-6.7, 0.0, 4.2), (-8.1, 0.0, 4.2), (-7.6, 0.0, 0.6)),)
_PLANS = {
    "swept": _Plan(
        9.0,
        -8.0,
        1.15,
        ((3.0, 1.0, 0.1), (-3.4, 5.6, 0.0), (-5.0, 5.6, 0.0), (-5.0, 1.0, 0.1)),
        _DELTA_TAIL,
        _TWIN_FINS,
        (0.55, -0.55),
    ),
    "broad": _Plan(
        10.0,
        -9.0,
        1.6,
        ((3.2, 1.4, 0.2), (0.2, 8.4, 0.5), (-2.2, 8.4, 0.5), (-4.0, 1.4, 0.2)),
        ((-5.6, 1.3, 0.2), (-7.6, 4.2, 0.2), (-9.0, 4.2, 0.2), (-8.6, 1.3, 0.2)),
        _TWIN_FINS,
        (0.9, -0.9),
    ),
    "straight": _Plan(
        8.0,
        -6.8,
        0.95,
        ((1.6, 0.8, 0.1), (-0.6, 6.2, 0.3), (-2.0, 6.2, 0.3), (-2.6, 0.8, 0.1)),
        ((-4.2, 0.8, 0.0), (-5.8, 2.6, 0.0), (-6.8, 2.6, 0.0), (-6.4, 0.8, 0.0)),
        tuple(tuple((x + 1.2, y, 0.9 * z) for x, y, z in fin) for fin in _ONE_FIN),
        (0.0,),
    ),
    "dart": _Plan(
        11.5,
        -8.6,
        1.0,
        ((2.4, 0.9, 0.0), (-6.0, 4.6, -0.1), (-7.0, 4.6, -0.1), (-7.2, 0.9, 0.0)),
        (),
        _ONE_FIN,
        (0.0,),
    ),
    "canard": _Plan(
        9.6,
        -7.6,
        1.1,
        ((1.4, 1.0, 0.0), (-4.8, 5.8, 0.0), (-6.4, 5.8, 0.0), (-6.6, 1.0, 0.0)),
        (),
        _TWIN_FINS,
        (0.6, -0.6),
        canard=((5.0, 0.9, 0.3), (3.2, 3.2, 0.4), (2.4, 3.2, 0.4), (3.0, 0.9, 0.3)),
    ),
    "airliner": _Plan(
        17.0,
        -17.0,
        2.4,
        ((4.0, 2.0, 1.0), (-3.0, 19.0, 1.8), (-6.0, 19.0, 1.8), (-4.0, 2.0, 1.0)),
        ((-12.5, 1.2, 1.2), (-16.0, 7.0, 1.6), (-18.0, 7.0, 1.6), (-17.0, 1.2, 1.2)),
        (((-10.5, 0.0, 2.0), (-15.5, 0.0, 8.0), (-18.0, 0.0, 8.0), (-17.0, 0.0, 1.6)),),
        (),
        pods=((3.4, 6.5, 0.0), (3.4, -6.5, 0.0), (0.6, 11.5, 0.4), (0.6, -11.5, 0.4)),
    ),
}


AIRFRAMES = tuple(_PLANS)
"""The names of the shapes."""


@cache
def model(shape: str) -> Model:
    """The aircraft of that shape, one of `AIRFRAMES`."""
    plan = _PLANS[shape]
    points: list[Point] = []
    faces: list[Face] = []
    nose, tail, width = plan.nose, plan.tail, plan.width
    length = nose - tail
    outline = ((0.0, 0.06), (0.12, 0.42), (0.3, 0.85), (0.5, 1.0), (0.8, 1.0), (1.0, 0.72))
    hull = [(nose - share * length, width * part, 0.0) for share, part in outline]
    _loft(points, faces, hull, 0.85 * width, "body")
    _loft(
        points,
        faces,
        [
            (nose - share * length, 0.5 * width * part, 0.55 * width + 0.35 * width * part)
            for share, part in ((0.2, 0.15), (0.27, 1.0), (0.36, 1.0), (0.48, 0.2))
        ],
        0.6 * width,
        "glass",
    )
    for y in plan.engines:
        size = 0.5 * width if len(plan.engines) > 1 else 0.75 * width
        tube = [(tail + 1.2, size, 0.0), (tail - 0.8, 0.8 * size, 0.0)]
        _loft(points, faces, tube, size, "nozzle", y)
    for x, y, z in plan.pods:
        tube = [(x, 0.7, z), (x - 1.0, 1.0, z), (x - 4.5, 0.8, z)]
        _loft(points, faces, tube, 1.0, "body", y)
    for outline, part in (
        (plan.wing, "wing"),
        (plan.tailplane, "wing"),
        (plan.canard, "wing"),
    ):
        for side in (1.0, -1.0):
            _plate(points, faces, tuple((x, side * y, z) for x, y, z in outline), part)
    for fin in plan.fins:
        _plate(points, faces, fin, "fin")
    x, y, z = plan.wing[2]
    pods = [(x - 4.5, y, z) for x, y, z in plan.pods]
    return Model(
        np.array(points),
        tuple(faces),
        np.array([[f.corners[0], f.corners[1], f.corners[-1]] for f in faces]),
        np.array([(tail - 0.8, y, 0.0) for y in plan.engines] + pods),
        np.array([(x, y, z), (x, -y, z)]),
        length,
    )


def _loft(
    points: list[Point],
    faces: list[Face],
    sections: list[Point],
    height: float,
    part: str,
    y: float = 0.0,
) -> None:
    """A tube of six sides through sections, each an x, half a width, and a z."""
    widest = max(width for _, width, _ in sections)
    start = len(points)
    for x, width, z in sections:
        up = height * width / widest
        ring = (width, 0.0), (0.55 * width, up), (-0.55 * width, up)
        points += [(x, y + across, z + above) for across, above in ring]
        points += [(x, y - across, z - above) for across, above in ring]
    for section in range(len(sections) - 1):
        here = start + 6 * section
        for i in range(6):
            j = (i + 1) % 6
            faces.append(Face((here + i, here + j, here + 6 + j, here + 6 + i), part))
    for end in (start, len(points) - 6):
        faces.append(Face(tuple(range(end, end + 6)), part))


def _plate(points: list[Point], faces: list[Face], outline: tuple[Point, ...], part: str) -> None:
    if outline:
        faces.append(Face(tuple(range(len(points), len(points) + len(outline))), part))
        points += outline
