"""The marks of the top view: aircraft, their sensors and guns, and the arena they fly in.

The board is as large as `EDGE` says, whatever part of the arena it shows: a length in metres is
divided by `unit`, the metres in a unit of the board. So what is drawn larger than it is, aircraft
and letters, always looks alike. A nose points to the right until its mark is turned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aerojax.objectives.search import Search, cell_side
from aerojax.rules.sensing import CONE_COSINE
from aerojax.state import Obstacles

if TYPE_CHECKING:
    from aerojax.env import AeroJAX

Shape = dict[str, Any]

EDGE = 8.4  # of the board, from its middle to each side
STRIP = 2.3  # width of what stands to the board's right, the altitudes
CONE = 4.0  # radius of a sensor's cone, of size 1
SIGHT_ANGLE = round(math.degrees(math.acos(CONE_COSINE)))  # to both sides of the nose
FLASHES = ((0.35, 1.0), (0.55, 0.7), (0.75, 0.4), (0.9, 0.15))  # radius, opacity, frame by frame
# Teams in two of Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = {
    "beyond": {"dark": "#0a0f1e", "light": "#e6ebf4"},
    "sky": {"dark": "#101830", "light": "#f8faff"},
    "ring": {"dark": "#22304f", "light": "#d8e0ee"},
    "edge": {"dark": "#5a72ad", "light": "#7d90bb"},
    "ink": {"dark": "#c9d3ee", "light": "#46527a"},
    "team-a": {"dark": "#56b4e9", "light": "#0072b2"},
    "team-b": {"dark": "#f59331", "light": "#c85200"},
    "fire": {"dark": "#fff1a8", "light": "#b8001f"},
    "glow": {"dark": "#ffb02e", "light": "#ff8a00"},
    "wreck": {"dark": "#8d96ad", "light": "#6c7690"},
    "obstacle": {"dark": "#3c4768", "light": "#b4bed4"},
    "point": {"dark": "#00c795", "light": "#00875f"},
}
_TEAMS = {"a": "allies", "b": "enemies"}
TEAM_COLOURS = {"a": "Blue", "b": "Orange"}  # in words


def _mirrored(*sides: list[list[float]]) -> list[list[float]]:
    """An outline from one half of it, given from nose to tail."""
    half = [point for side in sides for point in side]
    return half + [[x, -y] for x, y in half[-2:0:-1]]


# Outlines, the nose to the right. A class of the user's own looks like a fighter.
_FIGHTER = [[0.42, 0], [-0.3, 0.3], [-0.16, 0], [-0.3, -0.3]]
_OUTLINES = {
    "fighter": _FIGHTER,
    "heavy": [[0.5, 0], [0.1, 0.16], [-0.28, 0.46], [-0.38, 0], [-0.28, -0.46], [0.1, -0.16]],
    "scout": [[0.42, 0], [0, 0.12], [-0.34, 0.24], [-0.34, -0.24], [0, -0.12]],
    "interceptor": [[0.56, 0], [-0.34, 0.22], [-0.22, 0], [-0.34, -0.22]],
    "ace": [[0.48, 0], [-0.36, 0.36], [-0.1, 0.1], [-0.3, 0], [-0.1, -0.1], [-0.36, -0.36]],
    "asset": _mirrored(
        [[0.6, 0], [0.5, 0.1], [0.12, 0.1], [-0.12, 0.6], [-0.26, 0.6], [-0.16, 0.1]],
        [[-0.42, 0.1], [-0.54, 0.26], [-0.62, 0.26], [-0.58, 0]],
    ),
}
_BADGES = {
    "scout": {"shape": "circle", "x": -0.12, "y": 0, "radius": 0.2, "outline": 0.07},
    "ace": {"shape": "circle", "x": 0.5, "y": 0, "radius": 0.09},
}
_TRAIL_FRAMES = 16
_STRIP_END = 8.0  # the strip's ends, above and below the board's middle


def team_sizes(env: AeroJAX) -> tuple[int, int]:
    """Slots of team A, which may have an asset beside its agents, and of team B."""
    enemies = env.config.num_enemies
    return len(env.slot_names) - enemies, enemies


def team_of(env: AeroJAX, slot: int) -> str:
    """ "a" or "b"."""
    return "a" if slot < team_sizes(env)[0] else "b"


def strip_x(ours: NDArray) -> NDArray:
    """Where a team's altitudes stand in the strip to the board's right."""
    return EDGE + np.where(ours, 0.7, 1.34)


def strip_y(env: AeroJAX, altitude: NDArray) -> NDArray:
    """Where an altitude in metres lies in the strip."""
    return _STRIP_END * (1 - 2 * altitude / env.config.ceiling)


def arena(env: AeroJAX, obstacles: Obstacles, unit: float) -> list[Shape]:
    """What does not move: the disc with range rings, the obstacles, the strip of altitudes."""
    radius = env.config.radius
    apart = 1000 if unit < 600 else 2000
    beyond = {"x": 0, "y": 0, "width": 4 * EDGE, "height": 4 * EDGE, "fill": "beyond"}
    rings = np.arange(apart, radius, apart).tolist()
    return [
        {"shape": "rectangle", **beyond},
        _disc(radius / unit, "sky"),
        *(_disc(ring / unit, "ring", outline=0.04) for ring in rings),
        *(_text(0, 0.25 - ring / unit, f"{ring / 1000:.0f} km", "edge") for ring in rings[1::2]),
        _disc(radius / unit, "edge", outline=0.07),
        *_cylinders(obstacles, unit),
    ]


def _text(x: float, y: float, text: str, fill: str) -> Shape:
    return {"shape": "text", "x": x, "y": y, "text": text, "height": 0.45, "fill": fill}


def _cylinders(obstacles: Obstacles, unit: float) -> list[Shape]:
    fields = (obstacles.x, obstacles.y, obstacles.radius, obstacles.height)
    shapes = []
    for x, y, radius, height in np.stack(fields, axis=-1).astype(float).tolist():
        place = {"x": x / unit, "y": -y / unit}
        shapes += [
            _disc(radius / unit, "obstacle") | place,
            _disc(radius / unit, "edge", outline=0.06) | place,
            _text(x / unit, -y / unit, f"{height / 1000:.1f}", "ink"),
        ]
    return shapes


def _strip(env: AeroJAX) -> list[Shape]:
    """The scale of altitudes around the middle of what stands to the board's right."""
    column = {"shape": "rectangle", "x": -0.13, "y": 0, "width": 1.4}
    panel = {"x": 0, "width": STRIP, "height": 2 * EDGE, "fill": "beyond"}
    shapes = [column | panel, column | {"height": 2 * _STRIP_END, "corner": 0.1, "fill": "sky"}]
    altitudes = np.arange(0.0, env.config.ceiling + 1, 2000)
    for altitude, y in zip(altitudes.tolist(), strip_y(env, altitudes).tolist(), strict=True):
        shapes.append(column | {"y": y, "height": 0.04, "fill": "ring"})
        shapes.append(_text(0.83, 0.985 * y, f"{altitude / 1000:.0f}", "edge"))
    shapes.append(_text(-0.13, 0.3 - _STRIP_END, "km up", "edge"))
    return shapes


def marks(env: AeroJAX, unit: float) -> dict[str, dict]:
    """Everything that moves, from the ground upwards."""
    slots = range(len(env.slot_names))
    lines = ("seen", 0.03), ("shot", 0.22)
    return {
        "cell": {"shapes": [_cell(cell_side(env.config.radius) / unit)]},
        "point": {"shapes": _point(env.task_radius / unit)},
        "cone": _cone(0.05),
        "cone-symbol": _cone(0.6),  # for the legend, where the other would not be seen
        **{f"{kind}-{team}": _line(team, kind, width) for kind, width in lines for team in _TEAMS},
        "wreck": {"at": ["x", "y", "opacity"], "shapes": _cross(0.22, "wreck")},
        **{f"aircraft-{slot}": _aircraft(env, slot) for slot in slots},
        "hit": {"shapes": [_glow(0.9, "glow", 0.9), _disc(0.13, "fire")]},
        **{f"health-{team}": _line(team, "health", 0.12) for team in _TEAMS},
        "altitude": {
            "at": ["x", "y", "number"],
            "shapes": [{"shape": "number", "x": 0, "y": 0, "height": 0.42, "fill": "ink"}],
            "glides": True,
        },
        **{f"burst-{age}": {"shapes": _burst(*flash)} for age, flash in enumerate(FLASHES)},
        "strip": {"shapes": _strip(env)},
        **{f"strip-{team}": {"shapes": [_tick(team)], "glides": True} for team in _TEAMS},
    }


def legend(env: AeroJAX) -> list[dict]:
    """One entry a class of each team, and one for each thing that can be switched off."""
    entries: dict[str, list[str]] = {}
    for slot, kind in enumerate(env.slot_classes):
        label = f"{_TEAMS[team_of(env, slot)]}: {kind}"
        entries.setdefault(label, []).append(f"aircraft-{slot}")
    entries["allies' sensors"] = ["cone", "cone-symbol"]
    entries["who sees whom"] = ["seen-b", "seen-a"]
    entries["gunfire"] = ["hit", "shot-b", "shot-a"]
    entries["health"] = ["health-b", "health-a"]
    entries["altitude in km"] = ["altitude", "strip-b", "strip-a"]
    objective = env.config.objective
    if objective.num_points:
        entries["places to reach"] = ["point"]
    if isinstance(objective, Search):
        entries["not yet seen"] = ["cell"]
    return [{"label": label, "marks": names} for label, names in entries.items()]


def _aircraft(env: AeroJAX, slot: int) -> dict:
    kind, fill = env.slot_classes[slot], f"team-{team_of(env, slot)}"
    outline = _OUTLINES.get(kind, _FIGHTER)
    shapes = [{"shape": "polygon", "x": 0, "y": 0, "points": outline, "fill": fill}]
    if kind in _BADGES:
        shapes.append(_BADGES[kind] | {"fill": "ink"})
    return {
        "at": ["x", "y", "turn", "size"],
        "shapes": shapes,
        "glides": True,
        "trail": {"frames": _TRAIL_FRAMES, "fill": fill, "width": 0.07},
    }


def _cone(opacity: float) -> dict:
    sector = {"shape": "sector", "x": 0, "y": 0, "radius": CONE, "angle": SIGHT_ANGLE}
    return {
        "at": ["x", "y", "turn", "size"],
        "shapes": [sector | {"fill": "team-a", "opacity": opacity}],
        "glides": True,
    }


def _line(team: str, kind: str, width: float) -> dict:
    axes = ["x", "y", "x2", "y2", "opacity"]
    line = {"fill": f"team-{team}", "width": width}
    return {
        "at": axes[:-1] if kind == "shot" else axes,
        "line": line | ({"end": 0.04} if kind == "shot" else {}),  # thick at the muzzle
        "shapes": [],
        "glides": True,
    }


def _disc(radius: float, fill: str, **more: float) -> Shape:
    return {"shape": "circle", "x": 0, "y": 0, "radius": radius, "fill": fill, **more}


def _glow(radius: float, fill: str, opacity: float) -> Shape:
    return {"shape": "glow", "x": 0, "y": 0, "radius": radius, "fill": fill, "opacity": opacity}


def _cross(reach: float, fill: str) -> list[Shape]:
    arm, thin = reach, 0.2 * reach
    points = np.array([[arm, thin], [-arm, thin], [-arm, -thin], [arm, -thin]])
    half = np.sqrt(0.5)
    turns = [np.array([[half, half], [-half, half]]), np.array([[half, -half], [half, half]])]
    bar = {"shape": "polygon", "x": 0, "y": 0, "fill": fill}
    return [bar | {"points": (points @ turn).round(3).tolist()} for turn in turns]


def _burst(radius: float, opacity: float) -> list[Shape]:
    return [
        _glow(2 * radius, "glow", opacity),
        _disc(radius, "fire", outline=0.1, opacity=opacity),
    ]


def _point(radius: float) -> list[Shape]:
    return [_disc(radius, "point", opacity=0.15), _disc(radius, "point", outline=0.07)]


def _cell(side: float) -> Shape:
    square = {"shape": "rectangle", "x": 0, "y": 0, "width": side - 0.1, "height": side - 0.1}
    return square | {"corner": 0.08, "fill": "point", "opacity": 0.14}


def _tick(team: str) -> Shape:
    size = {"width": 0.5, "height": 0.13}
    return {"shape": "rectangle", "x": 0, "y": 0, **size, "corner": 0.05, "fill": f"team-{team}"}
