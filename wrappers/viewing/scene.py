"""The scene: plain data that fits into JSON, and that all viewers here can draw.

An environment describes an episode once, and every viewer draws that description: frames for GIF,
WebP and MP4 (`wrappers.viewing.frames`), a page with a scrubber (`wrappers.viewing.replay`), vector
graphics (`wrappers.viewing.svg`) and a window (`wrappers.viewing.window`). A scene is a dict:

| key | value |
|---|---|
| `title` | a line of text |
| `box` | `[left, top, width, height]` of what is shown; x runs to the right, y down |
| `rate` | frames a second at normal speed |
| `colours` | name -> `{"dark": "#rrggbb", "light": "#rrggbb"}`, one colour for each theme |
| `background` | a list of shapes, drawn once |
| `still` | marks that stand on the background and never move, as one of `frames` |
| `marks` | name -> mark: what may appear in a frame, drawn in this order, the last on top |
| `frames` | for each moment a dict: mark name -> `[[x, y], ...]`, the places where it stands |
| `readouts` | label -> a text for each frame: step, score, ... |
| `legend` | a list of `{"label": text, "marks": [names]}`; its symbol is the last of these marks |

Optional are `events`, a list of `[frame, text, colour]`: what happened, for the scrubber and for a
line in films; and `ending`, a text that the last picture holds, such as who won.

An episode in three dimensions also has `space`, which `wrappers.viewing.scene_3d` describes: the
page then shows that in place of the picture.

A mark is `{"shapes": [...]}`, around its own origin, and optionally

| key | value |
|---|---|
| `at` | what the numbers of its places are, by default `["x", "y"]` |
| `line` | `{"fill": colour, "width": w}`: a line from each place to its `x2`, `y2` |
| `glides` | true: the i-th of one frame moves smoothly to the i-th of the next |
| `trail` | `{"frames": how many back, "fill": colour, "width": w}`: a line that fades behind it |

A line with an `"end": w` has that width at `x2`, `y2`.

Beyond `x` and `y`, `at` may name `turn` (degrees clockwise), `size` and `opacity` (factors),
`number` (which the mark's `number` shapes write), and `x2`, `y2` (where its line ends).

A shape is a dict with `shape`, `x`, `y` (its centre) and `fill` (a colour's name), optionally with
`opacity` (0 to 1) and, for a circle or a rectangle, `outline`: the width of a line along its inside
that is drawn in place of the area.

| shape | further keys |
|---|---|
| `circle` | `radius` |
| `rectangle` | `width`, `height`, optionally `corner`: the radius of its corners |
| `glow` | `radius`, at which it has faded to nothing |
| `text` | `text`, `height` of its line |
| `number` | `height` of its line; it writes the place's `number` with one decimal |
| `polygon` | `points`, `[[x, y], ...]` around its centre |
| `sector` | `radius`, `angle`: a piece of a disc, so many degrees to both sides of the right |

`Scene` and the other typed dicts below say the same to type checkers. Functions that draw take any
mapping and check it by `check_scene`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from wrappers.viewing.scene_3d import Scene3D, check_scene_3d, required_keys

Place = Sequence[float]
"""Numbers (k,): what they are, the mark's `at` says."""


class _Drawn(TypedDict):
    """What every shape has: where its centre is, and how it is painted."""

    x: float
    y: float
    fill: str
    opacity: NotRequired[float]
    outline: NotRequired[float]


class Circle(_Drawn):
    shape: Literal["circle"]
    radius: float


class Rectangle(_Drawn):
    shape: Literal["rectangle"]
    width: float
    height: float
    corner: NotRequired[float]


class Glow(_Drawn):
    shape: Literal["glow"]
    radius: float


class Text(_Drawn):
    shape: Literal["text"]
    text: str
    height: float


class Number(_Drawn):
    shape: Literal["number"]
    height: float


class Polygon(_Drawn):
    shape: Literal["polygon"]
    points: Sequence[Sequence[float]]  # (corners, 2)


class Sector(_Drawn):
    shape: Literal["sector"]
    radius: float
    angle: float  # degrees


Shape = Circle | Rectangle | Glow | Text | Number | Polygon | Sector


class Line(TypedDict):
    """How a mark's line is painted."""

    fill: str
    width: float
    end: NotRequired[float]


class Trail(TypedDict):
    """How the line behind a mark is painted, and how far back it goes."""

    fill: str
    width: float
    frames: int


class Mark(TypedDict):
    """What may stand in a frame."""

    shapes: NotRequired[Sequence[Shape]]
    at: NotRequired[Sequence[str]]
    line: NotRequired[Line]
    glides: NotRequired[bool]
    trail: NotRequired[Trail]


class LegendEntry(TypedDict):
    """A line of the legend."""

    label: str
    marks: Sequence[str]


Event = Sequence[Any]
"""What happened: the frame in which it is first seen, a text, and a colour's name."""


class Scene(TypedDict):
    """A scene, for type checkers; `check_scene` returns one."""

    title: str
    box: Sequence[float]  # (4,)
    rate: float  # frames a second
    colours: Mapping[str, Mapping[str, str]]
    background: Sequence[Shape]
    still: Mapping[str, Sequence[Place]]
    marks: Mapping[str, Mark]
    frames: Sequence[Mapping[str, Sequence[Place]]]  # T of them
    readouts: Mapping[str, Sequence[str]]  # T texts each
    legend: Sequence[LegendEntry]
    events: NotRequired[Sequence[Event]]
    ending: NotRequired[str]
    space: NotRequired[Scene3D]


# Colours around a scene: of the paper, of words on it, and of words of less importance.
PAPERS = {
    "dark": {"paper": "#060914", "ink": "#f2f5ff", "faint": "#8d9ac2"},
    "light": {"paper": "#ffffff", "ink": "#141b33", "faint": "#5a668a"},
}
THEMES = tuple(PAPERS)
_NEWS_SECONDS, _MOST_NEWS = 2.5, 3  # for how long an event is told in a film, and how many at once
SHAPES: dict[str, type] = {
    "circle": Circle,
    "rectangle": Rectangle,
    "glow": Glow,
    "text": Text,
    "number": Number,
    "polygon": Polygon,
    "sector": Sector,
}
AXES = ("x", "y", "turn", "size", "opacity", "number", "x2", "y2")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def check_scene(scene: Mapping[str, Any]) -> Scene:
    """Checks a scene before anything is drawn.

    Returns:
        the scene itself, as what type checkers then know it to be.

    Raises:
        ValueError: the fault and where it is, in one line.
    """
    if not isinstance(scene, Mapping):
        raise ValueError(f"a scene is a dict, got {type(scene).__name__}")
    _check_names("the scene lacks", required_keys(Scene), scene)
    _check_box(scene["box"])
    if not scene["rate"] > 0:
        raise ValueError(f"a scene's rate is positive, got {scene['rate']!r}")
    for name, themes in scene["colours"].items():
        _check_colour(name, themes)
    _check_shapes("the background", scene["background"], scene["colours"])
    for name, mark in scene["marks"].items():
        _check_shapes(f"mark {name!r}", mark.get("shapes", ()), scene["colours"])
        _check_axes(name, mark)
        if "line" in mark:
            _check_names(f"the line of mark {name!r} lacks", ("fill", "width"), mark["line"])
            _check_names(
                f"mark {name!r} has an unknown colour", [mark["line"]["fill"]], scene["colours"]
            )
    checked = cast(Scene, scene)
    _check_frames(checked)
    for frame, text, colour in checked.get("events", ()):
        check_frame(checked, frame)
        _check_names(f"event {text!r} has an unknown colour", [colour], scene["colours"])
    if "space" in scene:
        check_scene_3d(scene["space"], scene["colours"], len(scene["frames"]))
    return checked


def colours_of(scene: Scene, theme: str) -> dict[str, str]:
    """The scene's colours in a theme, name -> "#rrggbb".

    Raises:
        ValueError: no such theme.
    """
    if theme not in THEMES:
        raise ValueError(f"unknown theme {theme!r}; valid: {', '.join(THEMES)}")
    return {name: themes[theme] for name, themes in scene["colours"].items()}


def check_frame(scene: Scene, frame: int) -> None:
    """Checks the number of a scene's frame.

    Raises:
        ValueError: the scene has no such frame.
    """
    last = len(scene["frames"]) - 1
    if frame not in range(last + 1):
        raise ValueError(f"the scene has no frame {frame!r}; valid: 0 to {last}")


def places(scene: Scene, name: str, time: float) -> Sequence[Place]:
    """A mark's places at a time in frames; between frames, gliding marks are interpolated."""
    index = int(time)
    now = scene["frames"][index].get(name, ())
    part = time - index
    if not part or not scene["marks"][name].get("glides"):
        return now
    then = scene["frames"][index + 1].get(name, ())
    if len(now) != len(then):
        return now
    axes = axes_of(scene["marks"][name])
    return [
        [a + part * _way(axis, a, b) for axis, a, b in zip(axes, *pair, strict=True)]
        for pair in zip(now, then, strict=True)
    ]


def axes_of(mark: Mark) -> Sequence[str]:
    """What the numbers of a mark's places are."""
    return mark.get("at", AXES[:2])


def symbol_shapes(mark: Mark) -> list[Shape]:
    """A mark's shapes in a legend: without numbers, and with a stroke for its line."""
    shapes: list[Shape] = [shape for shape in mark.get("shapes", ()) if shape["shape"] != "number"]
    if "line" in mark and not shapes:
        line = mark["line"]
        start, end = (_stroke(width) for width in (line["width"], line.get("end", line["width"])))
        points = [[-1, -start], [1, -end], [1, end], [-1, start]]
        return [Polygon(shape="polygon", x=0, y=0, points=points, fill=line["fill"])]
    return shapes


def _stroke(width: float) -> float:
    """Half the width of a line in a symbol that is 2 long: wide lines are seen to be wider."""
    return min(max(2.5 * width, 0.06), 0.35)


def news(scene: Scene, time: float) -> list[tuple[str, str]]:
    """What happened lately, the latest first: texts and colours' names."""
    lasting = _NEWS_SECONDS * scene["rate"]
    told = [event for event in scene.get("events", ()) if 0 <= time - event[0] < lasting]
    latest = sorted(told, key=lambda event: -event[0])[:_MOST_NEWS]
    return [(text, colour) for _, text, colour in latest]


def ending(scene: Scene, time: float) -> str:
    """What the picture at a time holds: at the last frame, how it ended."""
    return scene.get("ending", "") if time >= len(scene["frames"]) - 1 else ""


def _way(axis: str, start: float, end: float) -> float:
    """The difference of two numbers; angles go by the shorter way."""
    way = end - start
    return (way + 180) % 360 - 180 if axis == "turn" else way


def _check_names(lacks: str, needed: Iterable[str], given: Iterable[str]) -> None:
    missing = [name for name in needed if name not in given]
    if missing:
        raise ValueError(f"{lacks} {', '.join(map(repr, missing))}")


def _check_box(box: Any) -> None:
    if len(box) != 4 or not all(side > 0 for side in box[2:]):
        raise ValueError(f"a scene's box is [left, top, width, height], got {box!r}")


def _check_colour(name: str, themes: Mapping[str, str]) -> None:
    _check_names(f"colour {name!r} lacks the theme", THEMES, themes)
    for colour in themes.values():
        if not _COLOUR.fullmatch(colour):
            raise ValueError(f"colour {name!r} must be written #rrggbb, got {colour!r}")


def _check_shapes(where: str, shapes: Iterable[Mapping], colours: Mapping) -> None:
    for shape in shapes:
        kind = shape.get("shape")
        if kind not in SHAPES:
            raise ValueError(f"{where} has an unknown shape {kind!r}; valid: {', '.join(SHAPES)}")
        _check_names(f"a {kind} in {where} lacks", required_keys(SHAPES[kind]), shape)
        _check_names(f"a {kind} in {where} has an unknown colour", [shape["fill"]], colours)


def _check_axes(name: str, mark: Mark) -> None:
    axes = axes_of(mark)
    unknown = [axis for axis in axes if axis not in AXES]
    if unknown:
        raise ValueError(f"`at` of mark {name!r} has {unknown[0]!r}; valid: {', '.join(AXES)}")
    _check_names(f"`at` of mark {name!r} lacks", AXES[:2], axes)
    if "line" in mark:
        _check_names(f"`at` of mark {name!r}, which has a line, lacks", AXES[-2:], axes)
    if any(shape["shape"] == "number" for shape in mark.get("shapes", ())):
        _check_names(f"`at` of mark {name!r}, which writes a number, lacks", ["number"], axes)


def _check_places(
    where: str, shown: Mapping[str, Sequence[Place]], marks: Mapping[str, Mark]
) -> None:
    _check_names(f"{where} shows unknown marks", shown, marks)
    for name, stands in shown.items():
        axes = axes_of(marks[name])
        for place in stands:
            if len(place) != len(axes):
                raise ValueError(
                    f"a place of {name!r} in {where} is [{', '.join(axes)}], got {place!r}"
                )


def _check_frames(scene: Scene) -> None:
    count = len(scene["frames"])
    if not count:
        raise ValueError("the scene has no frames")
    _check_places("`still`", scene["still"], scene["marks"])
    for index, frame in enumerate(scene["frames"]):
        _check_places(f"frame {index}", frame, scene["marks"])
    for label, texts in scene["readouts"].items():
        if len(texts) != count:
            raise ValueError(f"readout {label!r} has {len(texts)} texts for {count} frames")
    for entry in scene["legend"]:
        _check_names(
            f"legend {entry['label']!r} names unknown marks", entry["marks"], scene["marks"]
        )
