"""An episode for Tacview: a scene's `space` as text of the format ACMI 2.2.

Places are in degrees around 0° N 0° E, with x to the east and y to the north, and again in metres
as U and V. A body is what its team's colour says; who fires at whom, who dies, and how the episode
ended are events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wrappers.viewing.scene import Scene
from wrappers.viewing.scene_3d import Body

_DEGREE = 111_319.49  # m of the equator
_COLOURS = ("Blue", "Red", "Green", "Orange", "Violet", "Cyan")  # of teams, as they appear
_OBSTACLES, _POINTS = 0x1000, 0x2000  # where their numbers begin; bodies are 1, 2, ...


def acmi_text(scene: Scene) -> str:
    """The file's text.

    Raises:
        ValueError: the scene has no `space`.
    """
    if "space" not in scene:
        raise ValueError("only an episode in three dimensions can be an ACMI file: no 'space'")
    return "\n".join(_lines(scene, scene["space"])) + "\n"


def _lines(scene: Scene, space: Any) -> Iterator[str]:
    bodies, frames = space["bodies"], len(scene["frames"])
    step = space.get("time_step", 1.0 / scene["rate"])
    yield from ("FileType=text/acmi/tacview", "FileVersion=2.2")
    yield "0,ReferenceTime=2000-01-01T00:00:00Z"
    yield from ("0,ReferenceLongitude=0", "0,ReferenceLatitude=0")
    yield f"0,Title={_escaped(scene['title'])}"
    for time in range(frames):
        yield f"#{time * step:g}"
        if not time:
            yield from _obstacles(space["obstacles"])
            yield from _introduced(bodies)
        yield from _points(space, time)
        for number, body in enumerate(bodies, 1):
            yield from _moment(number, body, time)
        for shooter, target, first, _ in space["shots"]:
            if first == time:
                ids, name = f"{shooter + 1:x}|{target + 1:x}", bodies[target]["name"]
                yield f"0,Event=Message|{ids}|fires at {_escaped(name)}"
    result = "; ".join(f"{label} {texts[-1]}" for label, texts in scene["readouts"].items())
    yield f"0,Event=Bookmark|{_escaped(f'End: {result}')}"


def _introduced(bodies: Sequence[Body]) -> Iterator[str]:
    """What each body is."""
    teams = list(dict.fromkeys(body["colour"] for body in bodies))
    for number, body in enumerate(bodies, 1):
        team = teams.index(body["colour"])
        yield (
            f"{number:x},Type=Air+FixedWing,Name={_escaped(body['kind'])},"
            f"Pilot={_escaped(body['name'])},Coalition={_escaped(body['colour'])},"
            f"Color={_COLOURS[team % len(_COLOURS)]}"
        )


def _moment(number: int, body: Body, time: int) -> Iterator[str]:
    """Where a body is; in its first dead frame that it is destroyed, and nothing from then on."""
    died = body["died"]
    if died is not None and time > died:
        return
    attitude = body["bank"][time], body["pitch"][time], (90.0 - body["yaw"][time]) % 360.0
    place = _place(body["x"][time], body["y"][time], body["z"][time], attitude)
    yield f"{number:x},T={place},Health={body['health'][time]:g}"
    if time == died:
        yield f"0,Event=Destroyed|{number:x}|{_escaped(body['name'])} is lost"
        yield f"-{number:x}"


def _place(x: float, y: float, z: float, attitude: Sequence[float] | None = None) -> str:
    """Longitude, latitude, altitude; roll, pitch and yaw, if there are any; and U and V."""
    turned = "||" if attitude is None else "|".join(f"{angle:g}" for angle in attitude)
    return f"{x / _DEGREE:.7f}|{y / _DEGREE:.7f}|{z:g}|{turned}|{x:g}|{y:g}"


def _obstacles(cylinders: Sequence[Sequence[float]]) -> Iterator[str]:
    for number, (x, y, radius, height) in enumerate(cylinders, _OBSTACLES):
        size = f"Length={2 * radius:g},Width={2 * radius:g},Height={height:g}"
        yield f"{number:x},T={_place(x, y, 0)},Type=Ground+Static+Building,Name=obstacle,{size}"


def _points(space: Mapping[str, Any], time: int) -> Iterator[str]:
    """The places to go to, when they are new or elsewhere."""
    now, before = space["points"][time], space["points"][time - 1] if time else []
    for index, (x, y, z) in enumerate(now):
        if index >= len(before) or list(before[index]) != [x, y, z]:
            yield (
                f"{_POINTS + index:x},T={_place(x, y, z)},Type=Navaid+Static+Waypoint,"
                f"Name=point,Color=Green,Radius={space['point_radius']:g}"
            )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("\n", " ")
