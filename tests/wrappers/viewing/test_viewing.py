"""Viewers, on a scene of four by four units that is drawn here by hand."""

import json
import os
import re
import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.wrappers.viewing.scenes import BLUE, BOARD, NASTY, RED, WHITE, Page, make_scene
from wrappers import check_scene, html_replay, render_frame, render_frames, save_scene
from wrappers.viewing import files


def board_colour(picture, x, y):
    """The colour at a place of the scene, whose board begins at the first red pixels."""
    red = np.argwhere((picture == (0xE0, 0x20, 0x20)).all(axis=-1))
    top, left = red.min(axis=0)
    red, green, blue = picture[top + round(y * 32), left + round(x * 32)].tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


# --- The format -------------------------------------------------------------------------------


def without(key):
    scene = make_scene()
    del scene[key]
    return scene


@pytest.mark.parametrize(
    ("scene", "complaint"),
    [
        (None, "a scene is a dict, got NoneType"),
        (without("still"), "the scene lacks 'still'"),
        (make_scene(box=[0, 0, 4]), r"\[left, top, width, height\], got \[0, 0, 4\]"),
        (make_scene(rate=0), "rate is positive, got 0"),
        (make_scene(frames=0), "no frames"),
        (make_scene(colours={"red": {"dark": RED}}), "colour 'red' lacks the theme 'light'"),
        (make_scene(colours={"red": {"dark": "red", "light": RED}}), "#rrggbb, got 'red'"),
        (
            make_scene(background=[{"shape": "cube"}]),
            "'cube'; valid: circle, rectangle, glow, text",
        ),
        (make_scene(background=[{"shape": "text"}]), "a text in the background lacks 'x', 'y'"),
        (make_scene(readouts={"step": ["0"]}), "'step' has 1 texts for 4 frames"),
        (make_scene(still={"cat": [[0, 0]]}), "unknown marks 'cat'"),
        (make_scene(legend=[{"label": "a", "marks": ["cat"]}]), "legend 'a' .* 'cat'"),
    ],
)
def test_a_wrong_scene_is_refused_in_one_line(scene, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        check_scene(scene)
    assert "\n" not in str(caught.value)


# --- Frames -----------------------------------------------------------------------------------


def test_marks_stand_where_the_frames_say():
    pictures = list(render_frames(make_scene(), board=BOARD))
    assert len(pictures) == 4
    for step, picture in enumerate(pictures):
        assert board_colour(picture, 0.5 + step, 1.5) == BLUE
        assert board_colour(picture, (2.5 + step) % 4, 1.5) == RED
        assert board_colour(picture, 0.5, 3.5) == WHITE
        assert picture.dtype == np.uint8
        assert picture.shape[0] % 16 == picture.shape[1] % 16 == 0


def test_what_glides_is_drawn_between_frames():
    pictures = list(render_frames(make_scene(), board=BOARD, between=2))
    assert len(pictures) == 7
    assert board_colour(pictures[1], 1, 1.5) == BLUE
    still = make_scene()
    still["marks"]["disc"]["glides"] = False
    pictures = list(render_frames(still, board=BOARD, between=2))
    assert board_colour(pictures[1], 0.5, 1.5) == BLUE
    assert board_colour(pictures[1], 1, 1.5) == RED


def test_a_trail_fades_behind_its_mark():
    scene = make_scene()
    scene["marks"]["disc"]["trail"] = {"frames": 3, "fill": "white", "width": 0.1}
    last = list(render_frames(scene, board=BOARD))[-1]
    old, young = (int(board_colour(last, x, 1.5)[3:5], 16) for x in (1, 2))
    assert 0x20 < old < young


def test_opacity_outline_and_glow():
    shape = {"shape": "circle", "x": 2, "y": 1, "radius": 0.9, "fill": "white"}

    def centre_and_rim(**changes):
        scene = make_scene(frames=1, still={})
        scene["background"].append(shape | changes)
        (picture,) = render_frames(scene, board=BOARD)
        return [int(board_colour(picture, x, 1)[3:5], 16) for x in (2, 2.8)]

    assert centre_and_rim() == [0xFF, 0xFF]
    assert centre_and_rim(opacity=0.5) == pytest.approx([0x90, 0x90], abs=2)
    assert centre_and_rim(outline=0.3) == [0x20, 0xFF]
    centre, rim = centre_and_rim(shape="glow")
    assert centre > 0xE0
    assert 0x20 < rim < 0x40


@pytest.mark.parametrize("title", ["x" * 500, "null \0 and\nline", "🦀 ÄÖ 漢字", ""])
def test_any_title_can_be_drawn(title):
    assert len(list(render_frames(make_scene(title, frames=1), board=BOARD))) == 1


def test_themes_are_two():
    dark, light = (next(render_frames(make_scene(), theme=theme)) for theme in ("dark", "light"))
    assert dark[0, 0].max() < 64
    assert light[0, 0].min() > 192


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"theme": "pink"}, "'pink'; valid: dark, light"),
        ({"board": 0}, "board"),
        ({"between": 0}, "b"),
    ],
)
def test_wrong_options_are_refused_before_drawing(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        render_frames(make_scene(), **options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"frame": 4}, "no frame 4; valid: 0 to 3"),
        ({"board": 63}, "board must be at least 64, got 63"),
        ({"theme": "pink"}, "'pink'; valid: dark, light"),
    ],
)
def test_wrong_options_of_one_frame_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        render_frame(make_scene(), **options)


# --- Files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_a_film_shows_what_the_frames_show(tmp_path, suffix):
    path = save_scene(make_scene(), tmp_path / f"film{suffix}")
    film = list(iio.imiter(path))
    expected = list(render_frames(make_scene()))
    assert len(film) == len(expected) if suffix != ".mp4" else len(film) > 10
    # A film may blur edges and shift a colour a little; few pixels are far off.
    for shown, drawn in ((film[0], expected[0]), (film[-1], expected[-1])):
        off = np.abs(shown[..., :3].astype(int) - drawn).max(axis=-1)
        assert off.mean() < 6
        assert np.mean(off > 60) < 0.01


STANDS = [[0.5, 1.5]]  # where the disc is
MOVES = [[1.5, 1.5]]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("rate", [8, 3])
def test_a_film_has_a_picture_for_each_frame_where_nothing_moves(tmp_path, suffix, rate):
    """Encoders make one picture of those that are alike, or none that is animated."""
    for discs in ([STANDS] * 20, [STANDS, STANDS, MOVES, MOVES, MOVES, STANDS, STANDS]):
        frames = len(discs)
        scene = make_scene(frames=frames, rate=rate, readouts={"step": ["0"] * frames})
        for frame, disc in zip(scene["frames"], discs, strict=True):
            frame["disc"] = disc
        path = save_scene(scene, tmp_path / f"still{suffix}")
        with Image.open(path) as film:
            assert film.n_frames == frames
            shown, durations = [], []
            for picture in ImageSequence.Iterator(film):
                picture.load()
                shown.append(np.asarray(picture.convert("RGB")).astype(int))
                durations.append(picture.info["duration"])
        step = 1000 / rate
        assert durations[-1] == 1500
        assert durations[:-1] == pytest.approx([step] * (frames - 1), abs=10)
        assert sum(durations) == pytest.approx(step * (frames - 1) + 1500, abs=10)
        for picture, drawn in zip(shown, render_frames(scene), strict=True):
            off = np.abs(picture - drawn).max(axis=-1)
            assert off.mean() < 6
            assert np.mean(off > 60) < 0.01


def test_a_video_has_a_picture_for_each_frame_where_nothing_moves(tmp_path):
    """Three for each step at 8 steps a second, and as many as fit into a second and a half."""
    scene = make_scene(frames=20, rate=8, readouts={"step": ["0"] * 20})
    for frame in scene["frames"]:
        frame["disc"] = STANDS
    path = save_scene(scene, tmp_path / "still.mp4")
    assert len(list(iio.imiter(path))) == 1 + 19 * 3 + 36
    assert iio.immeta(path)["duration"] == pytest.approx((1 + 19 * 3) / 24 + 1.5, abs=0.05)


def test_a_video_stays_on_its_last_picture(tmp_path):
    """Ten pictures at 24 a second, and one and a half seconds more of the last."""
    path = save_scene(make_scene(), tmp_path / "film.mp4")
    assert iio.immeta(path)["duration"] == pytest.approx(10 / 24 + 1.5, abs=0.05)


def test_a_gif_keeps_flat_colours_although_it_has_too_few_for_all(tmp_path):
    """Five shades close together, among tens of thousands of colours in three glows."""
    scene = make_scene()
    shades = [f"#{112 + 4 * i:02x}{80 + 2 * i:02x}{104 - 4 * i:02x}" for i in range(5)]
    for i, shade in enumerate(["#20c040", *shades]):
        scene["colours"][str(i)] = {"dark": shade, "light": shade}
        stripe = {"shape": "rectangle", "x": 0.5 * i, "y": 0.5, "width": 0.5, "height": 0.8}
        scene["background"].append(stripe | {"fill": str(i)})
    glow = {"shape": "glow", "x": 2.5, "y": 2.5, "radius": 1.5}
    scene["background"] += [
        glow | {"x": x, "fill": fill} for x, fill in ((1, "0"), (2, "white"), (3, "blue"))
    ]
    film = list(iio.imiter(save_scene(scene, tmp_path / "film.gif")))
    for shown, drawn in zip(film, render_frames(scene), strict=True):
        shown = shown[..., :3]
        for shade in (RED, BLUE, WHITE, *shades):
            flat = (drawn == [int(shade[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1)
            assert flat.sum() > 1000
            assert (shown[flat] == drawn[flat]).all()
        assert np.abs(shown.astype(int) - drawn).max() < 40


def test_an_unknown_suffix_lists_the_known_ones_nearest_first(tmp_path):
    with pytest.raises(ValueError, match=r"'film.giff' .* valid: \.gif, "):
        save_scene(make_scene(), tmp_path / "film.giff")
    with pytest.raises(ValueError, match="'film' has no suffix of a known format"):
        save_scene(make_scene(), tmp_path / "film")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4", ".html"])
def test_a_path_that_cannot_be_written(tmp_path, suffix):
    missing = tmp_path / "missing" / f"film{suffix}"
    with pytest.raises(OSError, match=f"cannot write {re.escape(str(missing))}: No such file"):
        save_scene(make_scene(), missing)
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    with pytest.raises(OSError, match="it is a folder"):
        save_scene(make_scene(), folder)


def test_what_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "film.gif"
    path.write_text("old")

    def fail(scene, path, theme):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(files._WRITERS, ".gif", fail)
    with pytest.raises(OSError, match=r"film\.gif: No space left on device"):
        save_scene(make_scene(), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["film.gif"]


def test_mp4_without_ffmpeg_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match=r'pip install "paxmen-aerojax\[video\]"'):
        save_scene(make_scene(), tmp_path / "film.mp4")
    assert not os.listdir(tmp_path)


# --- The page ---------------------------------------------------------------------------------


def test_text_cannot_break_out_of_a_page():
    scene = make_scene(NASTY, readouts={NASTY: [NASTY] * 4})
    scene["legend"][0]["label"] = NASTY
    page = Page(html_replay(scene))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.texts["title"][0].strip() == NASTY
    data = re.search(r"^const scene = (.*);$", page.texts["script"][0], re.MULTILINE)
    assert json.loads(data[1]) == scene


def test_a_page_needs_nothing_but_itself():
    page = Page(html_replay(make_scene()))
    assert not [tag for tag, attrs in page.tags if "src" in attrs or "href" in attrs]
    policies = [
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies[0].startswith("default-src 'none'")


def test_a_scene_that_is_not_json_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        html_replay(make_scene(frames=1, still={"square": [[0.5, float("nan")]]}))


def test_a_browser_plays_it_without_complaint(browser, tmp_path):
    scene = make_scene(NASTY)
    scene["legend"][0]["label"] = NASTY
    path = save_scene(scene, tmp_path / "page.html")
    page = browser.open(f"{path.as_uri()}#0", width=900, height=700)
    columns = []
    for frame in (0, 2):
        page.go(f"{path.as_uri()}#{frame}")
        assert (
            page.evaluate("document.querySelector('#board').getAttribute('aria-label')")
            == f"step {frame}"
        )
        blue = (page.screenshot() == (0x20, 0x40, 0xE0)).all(axis=-1)
        columns.append(np.argwhere(blue)[:, 1].mean())
    assert columns[1] > columns[0] + 50, "the disc walks to the right"
    assert page.evaluate("document.title") == NASTY
    assert page.evaluate("document.images.length + document.scripts.length") == 1
    assert page.errors == []
    page.close()


# --- The front door ---------------------------------------------------------------------------


def test_importing_starts_nothing_and_says_nothing():
    program = (
        "import sys, wrappers; assert {'pygame', 'jax', 'jaxmarl'}.isdisjoint(sys.modules); "
        "assert 'save_scene' in dir(wrappers); wrappers.save_scene; "
        "assert 'jax' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_happened_and_how_it_ended_is_seen():
    told = {"events": [[1, "one is down", "red"]], "ending": "Blue wins"}
    plain, news = (list(render_frames(scene)) for scene in (make_scene(), make_scene(**told)))
    changed = [bool((now != was).any()) for now, was in zip(news, plain, strict=True)]
    assert changed == [False] + [True] * (len(plain) - 1)
    with pytest.raises(ValueError, match="unknown colour 'mauve'"):
        check_scene(make_scene(events=[[1, "one is down", "mauve"]]))
    with pytest.raises(ValueError, match="no frame 99"):
        check_scene(make_scene(events=[[99, "one is down", "red"]]))
