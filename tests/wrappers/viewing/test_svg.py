"""Vector graphics, on the scene of four by four units that is drawn here by hand."""

from xml.etree import ElementTree

import numpy as np
import pytest

from tests.wrappers.viewing.scenes import BLUE, BOARD, NASTY, RED, WHITE, make_scene
from wrappers import render_frame, render_svg, save_scene

SVG = "{http://www.w3.org/2000/svg}"
UNIT = 32  # pixels
ALONE = {"title": "", "readouts": {}, "legend": []}


def parse(scene, **options):
    return ElementTree.fromstring(render_svg(scene, **{"board": BOARD} | options))


def places(root):
    """Where the marks stand, `(x, y)` in the scene's units, and which mark stands there."""
    left, top = (float(root.find(f".//{SVG}clipPath/{SVG}rect").get(side)) for side in "xy")
    stands = {}
    for use in root.iter(f"{SVG}use"):
        x, y = map(float, use.get("transform").removeprefix("translate(").rstrip(")").split())
        stands[(x - left) / UNIT, (y - top) / UNIT] = root.find(
            f".//*[@id='{use.get('href')[1:]}']/*"
        )
    return stands


def test_marks_stand_where_the_frame_says():
    for frame in (0, 2):
        stands = places(parse(make_scene(), frame=frame))
        assert set(stands) == {(0.5, 3.5), (0.5 + frame, 1.5)}
        disc, square = stands[0.5 + frame, 1.5], stands[0.5, 3.5]
        assert (disc.tag, disc.get("r"), disc.get("fill")) == (f"{SVG}circle", "12.8", BLUE)
        assert (square.tag, square.get("width"), square.get("fill")) == (f"{SVG}rect", "32", WHITE)


def test_a_mark_in_many_places_is_defined_once():
    scene = make_scene(still={"square": [[x + 0.5, y + 0.5] for x in range(4) for y in range(4)]})
    root = parse(scene)
    assert len(root.findall(f".//{SVG}use")) == 17
    assert len(root.findall(f"{SVG}defs/{SVG}g")) == 2


def test_places_turn_grow_and_fade_their_marks():
    at = ["x", "y", "turn", "size", "opacity"]
    scene = make_scene(frames=1)
    scene["marks"]["disc"]["at"] = at
    scene["frames"] = [{"disc": [[1, 1, 90, 2, 0.25]]}]
    (use,) = (use for use in parse(scene).iter(f"{SVG}use") if use.get("opacity"))
    assert use.get("transform").endswith("rotate(90) scale(2)")
    assert use.get("opacity") == "0.25"


def test_trails_lines_and_numbers():
    scene = make_scene(frames=3)
    scene["marks"]["disc"]["trail"] = {"frames": 3, "fill": "white", "width": 0.1}
    scene["marks"] |= {
        "ray": {"at": ["x", "y", "x2", "y2"], "line": {"fill": "white", "width": 0.5}},
        "height": {
            "at": ["x", "y", "number"],
            "shapes": [{"shape": "number", "x": 0, "y": 0, "height": 1, "fill": "white"}],
        },
    }
    scene["frames"][2] |= {"ray": [[0, 0, 4, 2]], "height": [[1, 1, 2.55]]}
    root = parse(scene, frame=2)
    old, young, ray = root.iter(f"{SVG}line")
    length = [float(old.get("x2")) - float(old.get("x1")) for old in (old, young)]
    assert length == [UNIT, UNIT]
    assert 0 < float(old.get("opacity")) < float(young.get("opacity")) < 1
    assert float(ray.get("x2")) - float(ray.get("x1")) == 4 * UNIT
    assert float(ray.get("y2")) - float(ray.get("y1")) == 2 * UNIT
    assert (ray.get("stroke"), ray.get("stroke-width")) == (WHITE, "16")
    assert "2.5" in [text.text for text in root.iter(f"{SVG}text")]


SHAPES = [
    {"shape": "circle", "radius": 0.8},
    {"shape": "circle", "radius": 0.8, "outline": 0.3, "opacity": 0.5},
    {"shape": "rectangle", "width": 1.6, "height": 1, "corner": 0.3},
    {"shape": "rectangle", "width": 1.6, "height": 1, "corner": 0.3, "outline": 0.2},
    {"shape": "glow", "radius": 0.9},
    {"shape": "polygon", "points": [[0.9, 0], [-0.6, 0.7], [-0.2, -0.7]]},
    {"shape": "polygon", "points": [[0.7, 0], [-0.6, 0.5], [-0.2, -0.7]], "outline": 0.4},
    {"shape": "sector", "radius": 0.9, "angle": 60},
    {"shape": "sector", "radius": 0.9, "angle": 140, "opacity": 0.5},
    {"shape": "text", "text": "MN", "height": 0.8},
]


def test_every_shape_looks_as_the_painter_draws_it(browser, tmp_path):
    """Ten shapes, five in a row; letters are those of another font."""
    scene = make_scene(frames=1, still={}, box=[0, 0, 10, 4], **ALONE)
    ground = {"shape": "rectangle", "x": 5, "y": 2, "width": 10, "height": 4, "fill": "red"}
    grid = [
        {"x": 1 + 2 * (i % 5), "y": 1 + 2 * (i // 5), "fill": "white"} for i in range(len(SHAPES))
    ]
    scene["background"] = [
        ground,
        *(shape | place for shape, place in zip(SHAPES, grid, strict=True)),
    ]
    scene["frames"] = [{}]
    for theme in ("dark", "light"):
        painted = render_frame(scene, theme=theme)
        height, width = painted.shape[:2]
        path = save_scene(scene, tmp_path / "shapes.svg", theme=theme)
        page = browser.open(path, width=width, height=height)
        drawn = page.screenshot()
        page.close()
        assert page.errors == []
        unit = (width - 20) // 10
        for shape, place in zip(SHAPES, grid, strict=True):
            x, y = 10 + round(place["x"] * unit), 10 + round(place["y"] * unit)
            pieces = [p[y - unit : y + unit, x - unit : x + unit] for p in (painted, drawn)]
            assert (pieces[0] != pieces[0][0, 0]).any(), "there is a shape"
            far = np.abs(pieces[0].astype(int) - pieces[1]).max(axis=-1) > 128
            assert far.mean() < (0.04 if shape["shape"] == "text" else 0.0005)


def test_the_board_alone():
    root = parse(make_scene(**ALONE))
    assert not list(root.iter(f"{SVG}text"))
    assert (root.get("width"), root.get("height")) == ("160", "160")


def test_title_readouts_and_legend_are_written():
    root = parse(make_scene(), frame=3, board=400)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts == ["A small scene", "step", "3", "walker"]


@pytest.mark.parametrize(
    "title", [NASTY, "]]> <!-- -->", "\x00\x1b\ud800 \U0001f980", '"quoted" &amp; \'']
)
def test_text_cannot_break_out(title):
    scene = make_scene(title, readouts={title: [title] * 4})
    scene["legend"][0]["label"] = title
    scene["background"].append(
        {"shape": "text", "x": 2, "y": 2, "text": title, "height": 1, "fill": "white"}
    )
    root = parse(scene, board=2000)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "defs", "clipPath", "rect", "g", "circle", "text", "use"}
    readable = "".join(letter if letter.isprintable() else " " for letter in title)
    assert root.find(f"{SVG}title").text == readable
    assert [text.text for text in root.iter(f"{SVG}text")].count(readable) >= 4
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on")]


def test_themes_are_two():
    scene = make_scene()
    scene["colours"]["red"] = {"dark": RED, "light": "#ffe0e0"}
    for theme, paper, red in (("dark", "#060914", RED), ("light", "#ffffff", "#ffe0e0")):
        root = parse(scene, theme=theme)
        assert root.find(f"{SVG}rect").get("fill") == paper
        assert root.find(f"{SVG}g/{SVG}g/{SVG}rect").get("fill") == red


@pytest.mark.parametrize(
    ("changes", "options", "complaint"),
    [
        ({}, {"frame": 4}, "the scene has no frame 4; valid: 0 to 3"),
        ({}, {"frame": -1}, "the scene has no frame -1"),
        ({}, {"theme": "pink"}, "'pink'; valid: dark, light"),
        ({"frames": 0}, {}, "no frames"),
        ({"still": {"square": [[0, float("nan")]]}}, {}, "cannot be drawn: nan"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(changes, options, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        render_svg(make_scene(**changes), **options)
    assert "\n" not in str(caught.value)


# --- Files ------------------------------------------------------------------------------------


def test_one_frame_as_a_file(tmp_path):
    from PIL import Image

    scene = make_scene()
    path = save_scene(scene, tmp_path / "state.png", frame=2, theme="light")
    assert (np.asarray(Image.open(path)) == render_frame(scene, 2, theme="light")).all()
    path = save_scene(scene, tmp_path / "state.svg", frame=2)
    assert path.read_text(encoding="utf-8") == render_svg(scene, 2)
    assert save_scene(scene, path).read_text(encoding="utf-8") == render_svg(scene, 0)


def test_a_frame_is_for_formats_of_one(tmp_path):
    with pytest.raises(
        ValueError, match=r"a \.gif file has all frames; one is for \.png and \.svg"
    ):
        save_scene(make_scene(), tmp_path / "film.gif", frame=2)
    with pytest.raises(ValueError, match="no frame 9; valid: 0 to 3"):
        save_scene(make_scene(), tmp_path / "state.svg", frame=9)
    assert not list(tmp_path.iterdir())
