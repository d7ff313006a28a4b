"""A scene in three dimensions: what `scene["space"]` holds, as plain data that fits into JSON.

Lengths are in metres, x and y are horizontal and z points up; angles are in degrees. Times are
indices of frames. A colour is the name of one of the scene's. `space` is a dict:

| key | value |
|---|---|
| `radius`, `ceiling` | of the arena, a cylinder around the origin |
| `bodies` | a list of bodies, below |
| `shots`, `sights` | `[[from, to, first, last], ...]`: bodies' indices, frames both included |
| `obstacles` | `[[x, y, radius, height], ...]`: cylinders that stand on the ground |
| `points` | for each frame `[[x, y, z], ...]`: places to go to |
| `point_radius` | of the spheres around the points |
| `cells` | `[[x, y, first, last], ...]`: squares of the ground that are still to be searched |
| `cell_side` | of these squares |
| `time_step` | optional: seconds from a frame to the next, where `rate` is not real time |

A body is a dict:

| key | value |
|---|---|
| `name`, `kind`, `colour` | what it is called, what it is (a word), and its team's colour |
| `shape` | what it looks like: one of `wrappers.viewing.aircraft_models.AIRFRAMES` |
| `x`, `y`, `z` | a number for each frame |
| `yaw`, `pitch`, `bank` | a number for each frame: from x towards y, nose up, right wing down |
| `health` | a number for each frame, 0 to 1 |
| `died` | the first frame at which it is dead, or null |
| `sight` | `[range, half angle]` of its sensor |
| `reach` | optional: `[range, half angle]` within which it can hit others |
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from wrappers.viewing.aircraft_models import AIRFRAMES


class Body(TypedDict):
    """An aircraft; a list has a number for each of the T frames."""

    name: str
    kind: str
    shape: str
    colour: str
    died: int | None
    sight: Sequence[float]  # (2,)
    reach: NotRequired[Sequence[float]]  # (2,)
    x: Sequence[float]  # (T,), m
    y: Sequence[float]
    z: Sequence[float]
    yaw: Sequence[float]  # (T,), degrees
    pitch: Sequence[float]
    bank: Sequence[float]
    health: Sequence[float]  # (T,)


class Scene3D(TypedDict):
    """What `scene["space"]` holds."""

    radius: float  # m
    ceiling: float  # m
    bodies: Sequence[Body]
    shots: Sequence[Sequence[int]]  # (any number, 4)
    sights: Sequence[Sequence[int]]  # (any number, 4)
    obstacles: Sequence[Sequence[float]]  # (any number, 4), m
    points: Sequence[Sequence[Sequence[float]]]  # (T, any number, 3), m
    point_radius: float  # m
    cells: Sequence[Sequence[float]]  # (any number, 4)
    cell_side: float  # m
    time_step: NotRequired[float]  # s


_PER_FRAME = ("x", "y", "z", "yaw", "pitch", "bank", "health")


def check_scene_3d(space: Any, colours: Mapping[str, Any], frames: int) -> None:
    """Checks a scene's `space` against its colours and its number of frames.

    Raises:
        ValueError: the fault and where it is, in one line.
    """
    if not isinstance(space, Mapping):
        raise ValueError(f"a scene's space is a dict, got {type(space).__name__}")
    _check_keys("the space", required_keys(Scene3D), space)
    for name in ("radius", "ceiling", "time_step"):
        if not space.get(name, 1.0) > 0:
            raise ValueError(f"the space's {name} is positive, got {space[name]!r}")
    for body in space["bodies"]:
        _check_body(body, colours, frames)
    if len(space["points"]) != frames:
        raise ValueError(f"the space has points for {len(space['points'])} of {frames} frames")
    for name in ("shots", "sights"):
        _check_pairs(name, space[name], len(space["bodies"]), frames)
    for cell in space["cells"]:
        _check_interval("cells", cell, frames)


def required_keys(kind: type) -> list[str]:
    """The keys that a TypedDict must have, in the order in which its class names them."""
    return [key for key in kind.__annotations__ if key in kind.__required_keys__]


def _check_keys(where: str, needed: Iterable[str], given: Mapping[str, Any]) -> None:
    missing = [name for name in needed if name not in given]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(map(repr, missing))}")


def _check_body(body: Mapping[str, Any], colours: Mapping[str, Any], frames: int) -> None:
    where = f"body {body.get('name')!r}"
    _check_keys(where, required_keys(Body), body)
    if body["colour"] not in colours:
        raise ValueError(f"{where} has an unknown colour {body['colour']!r}")
    if body["shape"] not in AIRFRAMES:
        valid = ", ".join(AIRFRAMES)
        raise ValueError(f"{where} has an unknown shape {body['shape']!r}; valid: {valid}")
    for name in _PER_FRAME:
        if len(body[name]) != frames:
            raise ValueError(f"{where} has {len(body[name])} numbers of {name} for {frames} frames")


def _check_pairs(name: str, pairs: Iterable, bodies: int, frames: int) -> None:
    for pair in pairs:
        _check_interval(name, pair, frames)
        if not all(0 <= body < bodies for body in pair[:2]):
            raise ValueError(f"{pair!r} in {name} names a body that is none of the {bodies}")


def _check_interval(name: str, entry: Any, frames: int) -> None:
    if len(entry) != 4 or not 0 <= entry[2] <= entry[3] < frames:
        raise ValueError(f"{entry!r} in {name} ends on frames that are none of the {frames}")
