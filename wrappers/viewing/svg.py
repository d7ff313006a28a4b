"""One moment of a scene as vector graphics, for papers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from wrappers.viewing.layout import (
    LABEL,
    LABEL_MIDDLE,
    NEWS,
    NEWS_LEFT,
    NEWS_TOP,
    SYMBOL,
    TITLE,
    TITLE_MIDDLE,
    VALUE,
    VALUE_MIDDLE,
    Layout,
)
from wrappers.viewing.scene import (
    PAPERS,
    Circle,
    Glow,
    Line,
    Place,
    Polygon,
    Rectangle,
    Scene,
    Sector,
    Shape,
    Text,
    Trail,
    axes_of,
    check_frame,
    check_scene,
    colours_of,
    ending,
    news,
    places,
)
from wrappers.viewing.shapes import numbered, printable, shortened, text_width

_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_EM = 0.72  # size of a font, in heights of its line
_HALF_CAPITAL = 0.36  # from the middle of a capital to the baseline, in sizes of its font
_GLOW_STOPS = 4


def render_svg(
    scene: Mapping[str, Any], frame: int = 0, *, theme: str = "dark", board: int = 672
) -> str:
    """Draws one frame of a scene as SVG, laid out as `render_frames` does.

    Each mark is defined once. A scene without title, readouts or legend has no space for them, so
    that `scene | {"title": "", "readouts": {}, "legend": []}` is the board alone.

    Args:
        scene: what to draw; `wrappers.viewing.scene` describes it.
        frame: which of its frames.
        theme: "dark" or "light".
        board: the board's longer side, in the file's pixels.

    Returns:
        the text of an SVG file.

    Raises:
        ValueError: a fault of the scene or of another argument.
    """
    checked = check_scene(scene)
    check_frame(checked, frame)
    drawing = _Drawing(checked, theme, board)
    drawing.draw_board(frame)
    drawing.draw_around(frame)
    indent(drawing.root, " ")
    return tostring(drawing.root, encoding="unicode") + "\n"


class _Drawing:
    """An SVG document that is being written."""

    def __init__(self, scene: Scene, theme: str, board: int) -> None:
        self._scene = scene
        self._colours = colours_of(scene, theme)
        self._paper, self._ink, self._faint = PAPERS[theme].values()
        self._layout = Layout(scene, board)
        width, height = self._layout.size
        self.root = Element(
            "svg",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width} {height}",
            width=str(width),
            height=str(height),
            role="img",
        )
        self.root.set("font-family", _FONT)
        _put(self.root, "title").text = printable(scene["title"])
        self._definitions = _put(self.root, "defs")
        self._defined: set[str] = set()
        _put(self.root, "rect", width=width, height=height, fill=self._paper)

    def draw_board(self, frame: int) -> None:
        """The contents of the scene's box, clipped to it."""
        left, top, width, height = self._layout.board
        clip = _put(self._definitions, "clipPath", id="board")
        _put(clip, "rect", x=left, y=top, width=width, height=height)
        board = _put(self.root, "g", clip_path="url(#board)")
        x, y = self._layout.origin
        ground = _put(board, "g", transform=f"translate({_written(x)} {_written(y)})")
        self._draw_shapes(ground, self._scene["background"], self._layout.scale)
        for name, stands in self._scene["still"].items():
            self._lay(board, name, stands)
        for name, mark in self._scene["marks"].items():
            if "trail" in mark:
                self._draw_trail(board, name, mark["trail"], frame)
            self._lay(board, name, places(self._scene, name, frame))

    def draw_around(self, frame: int) -> None:
        """The title, the readouts and the legend."""
        layout, faint = self._layout, {"fill": self._faint}
        ink = {"fill": self._ink, "font_weight": "bold"}
        self._write(layout.title, layout.title_left, TITLE_MIDDLE, TITLE, **ink)
        for column in layout.columns:
            self._write(column.label, column.left, LABEL_MIDDLE, LABEL, **faint)
            self._write(column.texts[frame], column.left, VALUE_MIDDLE, VALUE, **ink)
        left, top, width, height = layout.board
        for row, (text, colour) in enumerate(news(self._scene, frame)):
            middle = top + NEWS_TOP + row * NEWS
            self._write(text, left + NEWS_LEFT, middle, NEWS, fill=self._colours[colour])
        if text := shortened(ending(self._scene, frame), TITLE, width - 2 * NEWS_LEFT):
            self._draw_ending(text, left + width / 2, top + height / 2)
        for entry in layout.legend:
            shapes, scale = layout.symbol(entry.mark)
            place = f"translate({entry.left + SYMBOL} {entry.middle})"
            self._draw_shapes(_put(self.root, "g", transform=place), shapes, scale)
            self._write(entry.label, entry.label_left, entry.middle, LABEL, **faint)

    def _draw_ending(self, text: str, x: float, y: float) -> None:
        wide, high = text_width(text, TITLE) + 28, TITLE + 16
        box = {"x": x - wide / 2, "y": y - high / 2, "width": wide, "height": high, "rx": 8}
        _put(self.root, "rect", **box, fill=self._ink)
        look = {"fill": self._paper, "font_weight": "bold", "text_anchor": "middle"}
        self._write(text, x, y, TITLE, **look)

    def _write(self, text: str, x: float, middle: float, line: float, **look: str) -> None:
        if text:
            _put_text(self.root, text, x, middle, line, **look)

    # --- Marks --------------------------------------------------------------------------------

    def _lay(self, parent: Element, name: str, stands: Iterable[Place]) -> None:
        mark = self._scene["marks"][name]
        for place in stands:
            named = dict(zip(axes_of(mark), place, strict=True))
            if "line" in mark:
                self._draw_line(parent, mark["line"], named)
            if "number" in named:
                number = _put(parent, "g", **self._place(named))
                shapes = numbered(mark.get("shapes", ()), named["number"])
                self._draw_shapes(number, shapes, self._layout.scale)
            elif mark.get("shapes"):
                _put(parent, "use", href=self._definition(name), **self._place(named))

    def _place(self, named: Mapping[str, float]) -> dict[str, Any]:
        """A mark's place, turn, size and opacity, as attributes of an element."""
        x, y = map(_written, self._pixel(named))
        transform = f"translate({x} {y})"
        if "turn" in named:
            transform += f" rotate({_written(named['turn'])})"
        if "size" in named:
            transform += f" scale({_written(named['size'])})"
        return {"transform": transform, "opacity": named.get("opacity")}

    def _definition(self, name: str) -> str:
        """The reference to a mark, which is defined when it is first needed."""
        identifier = f"mark-{list(self._scene['marks']).index(name)}"
        if identifier not in self._defined:
            self._defined.add(identifier)
            group = _put(self._definitions, "g", id=identifier)
            shapes = self._scene["marks"][name].get("shapes", ())
            self._draw_shapes(group, shapes, self._layout.scale)
        return f"#{identifier}"

    def _draw_line(self, parent: Element, line: Line, named: Mapping[str, float]) -> None:
        (x1, y1), (x2, y2) = self._pixel(named), self._pixel({"x": named["x2"], "y": named["y2"]})
        stroke = self._stroke(line)
        if "end" in line:
            wide, narrow = (0.5 * line[w] * self._layout.scale for w in ("width", "end"))
            long = math.hypot(x2 - x1, y2 - y1) or 1.0
            dx, dy = (y1 - y2) / long, (x2 - x1) / long
            sides = [(x1, y1, wide), (x2, y2, narrow), (x2, y2, -narrow), (x1, y1, -wide)]
            corners = [f"{_written(x + w * dx)},{_written(y + w * dy)}" for x, y, w in sides]
            fill, opacity = self._colours[line["fill"]], named.get("opacity")
            _put(parent, "polygon", points=" ".join(corners), fill=fill, opacity=opacity)
            return
        _put(parent, "line", x1=x1, y1=y1, x2=x2, y2=y2, **stroke, opacity=named.get("opacity"))

    def _draw_trail(self, parent: Element, name: str, trail: Trail, frame: int) -> None:
        group = _put(parent, "g", **self._stroke(trail))
        for then in range(max(0, frame - trail["frames"]), frame):
            opacity = 0.75 * (1 - (frame - then) / (trail["frames"] + 1))
            now, following = (places(self._scene, name, time) for time in (then, then + 1))
            for start, end in zip(now, following, strict=False):
                if start[:2] != end[:2]:
                    (x1, y1), (x2, y2) = map(self._pixel, map(_xy, (start, end)))
                    _put(group, "line", x1=x1, y1=y1, x2=x2, y2=y2, opacity=opacity)

    def _stroke(self, line: Line | Trail) -> dict[str, Any]:
        width = max(1, line["width"] * self._layout.scale)
        return {"stroke": self._colours[line["fill"]], "stroke_width": width}

    def _pixel(self, named: Mapping[str, float]) -> tuple[float, float]:
        x, y = self._layout.origin
        return x + named["x"] * self._layout.scale, y + named["y"] * self._layout.scale

    # --- Shapes -------------------------------------------------------------------------------

    def _draw_shapes(self, parent: Element, shapes: Iterable[Shape], unit: float) -> None:
        for shape in shapes:
            _DRAW[shape["shape"]](self, parent, shape, unit)

    def _look(self, shape: Shape, unit: float) -> dict[str, Any]:
        colour, opacity = self._colours[shape["fill"]], shape.get("opacity")
        outline = shape.get("outline")
        if not outline:
            return {"fill": colour, "opacity": opacity}
        width = outline * unit
        stroke = {"stroke": colour, "stroke_width": width, "stroke_linejoin": "round"}
        return {"fill": "none", "opacity": opacity, **stroke}

    def _circle(self, parent: Element, shape: Circle, unit: float) -> None:
        radius = (shape["radius"] - shape.get("outline", 0) / 2) * unit
        x, y = shape["x"] * unit, shape["y"] * unit
        _put(parent, "circle", cx=x, cy=y, r=radius, **self._look(shape, unit))

    def _rectangle(self, parent: Element, shape: Rectangle, unit: float) -> None:
        line = shape.get("outline", 0)
        width, height = shape["width"] - line, shape["height"] - line
        box = {
            "x": (shape["x"] - width / 2) * unit,
            "y": (shape["y"] - height / 2) * unit,
            "width": width * unit,
            "height": height * unit,
            "rx": max(0, shape.get("corner", 0) - line / 2) * unit or None,
        }
        _put(parent, "rect", **box, **self._look(shape, unit))

    def _glow(self, parent: Element, shape: Glow, unit: float) -> None:
        identifier = f"glow-{list(self._colours).index(shape['fill'])}"
        if identifier not in self._defined:
            self._defined.add(identifier)
            fade = _put(self._definitions, "radialGradient", id=identifier)
            colour = self._colours[shape["fill"]]
            for stop in range(_GLOW_STOPS + 1):
                part = stop / _GLOW_STOPS
                alpha = {"stop_color": colour, "stop_opacity": (1 - part) ** 2}
                _put(fade, "stop", offset=part, **alpha)
        look = self._look(shape, unit) | {"fill": f"url(#{identifier})"}
        x, y, radius = (shape[name] * unit for name in ("x", "y", "radius"))
        _put(parent, "circle", cx=x, cy=y, r=radius, **look)

    def _text(self, parent: Element, shape: Text, unit: float) -> None:
        x, y, line = (shape[name] * unit for name in ("x", "y", "height"))
        look = {"font_weight": "bold", "text_anchor": "middle", **self._look(shape, unit)}
        _put_text(parent, shape["text"], x, y, line, **look)

    def _polygon(self, parent: Element, shape: Polygon, unit: float) -> None:
        corners = [
            f"{_written((shape['x'] + x) * unit)},{_written((shape['y'] + y) * unit)}"
            for x, y in shape["points"]
        ]
        _put(parent, "polygon", points=" ".join(corners), **self._look(shape, unit))

    def _sector(self, parent: Element, shape: Sector, unit: float) -> None:
        angle = math.radians(shape["angle"])
        x, y, radius = (shape[name] * unit for name in ("x", "y", "radius"))
        dx, dy = radius * math.cos(angle), radius * math.sin(angle)
        start, rim, end = (
            " ".join(map(_written, pair)) for pair in ((x, y), (x + dx, y - dy), (x + dx, y + dy))
        )
        arc = f"A{_written(radius)} {_written(radius)} 0 {int(shape['angle'] > 90)} 1 {end}"
        _put(parent, "path", d=f"M{start}L{rim}{arc}Z", **self._look(shape, unit))


_DRAW: dict[str, Callable[..., None]] = {
    "circle": _Drawing._circle,
    "rectangle": _Drawing._rectangle,
    "glow": _Drawing._glow,
    "text": _Drawing._text,
    "polygon": _Drawing._polygon,
    "sector": _Drawing._sector,
}


def _xy(place: Iterable[float]) -> dict[str, float]:
    return dict(zip(("x", "y"), place, strict=False))


def _put_text(
    parent: Element, text: str, x: float, middle: float, line: float, **look: Any
) -> None:
    """A line of text, `line` high, around a height."""
    size = _EM * line
    words = _put(parent, "text", x=x, y=middle + _HALF_CAPITAL * size, font_size=size, **look)
    words.text = printable(text)


def _put(parent: Element, tag: str, **attributes: Any) -> Element:
    """A new element; attributes that are None are left out."""
    written = {
        name.replace("_", "-"): value if isinstance(value, str) else _written(value)
        for name, value in attributes.items()
        if value is not None
    }
    return SubElement(parent, tag, written)


def _written(number: float) -> str:
    """A number with at most two decimals, without trailing zeros."""
    if not math.isfinite(number):
        raise ValueError(f"the scene has a number that cannot be drawn: {number}")
    return f"{round(number, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
