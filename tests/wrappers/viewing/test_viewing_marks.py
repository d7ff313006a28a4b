"""What marks can do beyond standing in a place: turn, grow, fade, write numbers, draw lines."""

import copy

import numpy as np
import pytest

from wrappers import check_scene, html_replay, render_frames

RED, WHITE = "#e02020", "#ffffff"
UNIT = 32  # pixels
ENDS = ["x", "y", "x2", "y2"]
ARROW = {"shape": "polygon", "x": 0, "y": 0, "points": [[1, 0], [0, 0.4], [0, -0.4]]}


def make_scene(at, *places, **mark):
    """One mark on red ground of four by four units, in a frame for each place."""
    ground = {"shape": "rectangle", "x": 2, "y": 2, "width": 4, "height": 4, "fill": "red"}
    scene = {
        "title": "Marks",
        "box": [0, 0, 4, 4],
        "rate": 8,
        "colours": {"red": dict.fromkeys(("dark", "light"), RED)}
        | {"white": dict.fromkeys(("dark", "light"), WHITE)},
        "background": [ground],
        "still": {},
        "marks": {"mark": {"at": at, "shapes": [ARROW | {"fill": "white"}], "glides": True} | mark},
        "frames": [{"mark": [list(place)]} for place in places],
        "readouts": {},
        "legend": [{"label": "mark", "marks": ["mark"]}],
    }
    return copy.deepcopy(scene)


def white(scene, **options):
    """For each picture float (128, 128): how white the board is, 0 to 1."""
    boards = []
    for picture in render_frames(scene, board=4 * UNIT, **options):
        red = np.argwhere((picture == (0xE0, 0x20, 0x20)).all(axis=-1))
        top, left = red.min(axis=0)
        green = picture[top : top + 4 * UNIT, left : left + 4 * UNIT, 1]
        boards.append((green.astype(float) - 0x20) / (0xFF - 0x20))
    return boards


def middle(board):
    """x and y of the middle of what is white, in units."""
    return np.average(np.indices(board.shape), axis=(1, 2), weights=board)[::-1] / UNIT


def test_a_mark_turns_clockwise():
    scene = make_scene(["x", "y", "turn"], (2, 2, 0), (2, 2, 90), (2, 2, 180), (2, 2, -90))
    for board, (dx, dy) in zip(white(scene), [(1, 0), (0, 1), (-1, 0), (0, -1)], strict=True):
        assert middle(board) == pytest.approx((2 + dx / 3, 2 + dy / 3), abs=0.06)
        assert board.sum() / UNIT**2 == pytest.approx(0.4, abs=0.03)


def test_a_mark_turns_to_the_nearer_side():
    boards = white(make_scene(["x", "y", "turn"], (2, 2, 170), (2, 2, -170)), between=2)
    assert middle(boards[1])[0] == pytest.approx(2 - 1 / 3, abs=0.06)


def test_size_and_opacity_are_factors():
    plain, large = white(make_scene(["x", "y", "size"], (2, 2, 1), (2, 2, 1.5)))
    assert large.sum() == pytest.approx(1.5**2 * plain.sum(), rel=0.05)
    full, half = white(make_scene(["x", "y", "opacity"], (2, 2, 1), (2, 2, 0.5)))
    assert half.sum() == pytest.approx(0.5 * full.sum(), rel=0.03)


def test_a_sector_opens_to_both_sides_of_the_right():
    sector = {"shape": "sector", "x": 0, "y": 0, "radius": 1.5, "angle": 60, "fill": "white"}
    (board,) = white(make_scene(["x", "y"], (2, 2), shapes=[sector]))
    inside = [(3.4, 2), (2.6, 2.9), (2.6, 1.1)]
    outside = [(3.6, 2), (2.3, 2.9), (2.3, 1.1), (1.9, 2)]
    assert all(board[round(y * UNIT), round(x * UNIT)] > 0.9 for x, y in inside)
    assert all(board[round(y * UNIT), round(x * UNIT)] < 0.1 for x, y in outside)


def test_an_outline_leaves_the_inside_free():
    hollow = [ARROW | {"fill": "white", "outline": 0.1}]
    (board,) = white(make_scene(["x", "y"], (2, 2), shapes=hollow))
    assert board[2 * UNIT, round(2.3 * UNIT)] < 0.1
    assert board[2 * UNIT, 2 * UNIT] > 0.5


def test_a_number_is_written_where_it_stands():
    number = {"shape": "number", "x": 0, "y": 0, "height": 1, "fill": "white"}
    scene = make_scene(["x", "y", "number"], (1, 1, 1.04), (3, 3, 88.8), shapes=[number])
    narrow, wide = white(scene)
    assert middle(narrow) == pytest.approx((1, 1), abs=0.15)
    assert middle(wide) == pytest.approx((3, 3), abs=0.15)
    assert wide.sum() > 1.5 * narrow.sum()


@pytest.mark.parametrize("width", [0.01, 0.2])
def test_a_line_goes_from_a_place_to_its_end(width):
    line = {"line": {"fill": "white", "width": width}, "shapes": []}
    faded = [*ENDS, "opacity"]
    scene = make_scene(faded, (1, 1, 3, 3, 1), (1, 1, 3, 3, 0.5), **line)
    full, half = white(scene)
    assert middle(full) == pytest.approx((2, 2), abs=0.05)
    assert full[2 * UNIT, 2 * UNIT] == 1
    assert full[UNIT, 3 * UNIT] == full[round(0.8 * UNIT), round(0.8 * UNIT)] == 0
    assert half[2 * UNIT, 2 * UNIT] == pytest.approx(0.5, abs=0.02)
    assert half.sum() == pytest.approx(0.5 * full.sum(), rel=0.15)  # its edges are drawn twice


LINE = {"line": {"fill": "white", "width": 1}}
NUMBER = {"shapes": [{"shape": "number", "x": 0, "y": 0, "height": 1, "fill": "white"}]}


@pytest.mark.parametrize(
    ("scene", "complaint"),
    [
        (make_scene(["x", "y", "spin"], (2, 2, 0)), "'mark' has 'spin'; valid: x, y, turn, size"),
        (make_scene(["x", "turn"], (2, 0)), "`at` of mark 'mark' lacks 'y'"),
        (make_scene(["x", "y"], (2, 2), **LINE), "has a line, lacks 'x2', 'y2'"),
        (make_scene(["x", "y"], (2, 2), **NUMBER), "writes a number, lacks 'number'"),
        (make_scene(ENDS, (2, 2, 0, 0), line={"fill": "white"}), "mark 'mark' lacks 'width'"),
        (make_scene(["x", "y", "turn"], (2, 2)), r"frame 0 is \[x, y, turn\], got \[2, 2\]"),
    ],
)
def test_wrong_marks_are_refused(scene, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_scene(scene)


def test_the_page_draws_the_same(browser, tmp_path):
    line = {"line": {"fill": "white", "width": 0.2}}
    at = ["x", "y", "turn", "size", "opacity", "number", "x2", "y2"]
    number = {"shape": "number", "x": 0, "y": 0, "height": 0.5, "fill": "red"}
    shapes = [ARROW | {"fill": "white"}, number]
    scene = make_scene(at, (2, 2, 90, 1.5, 0.8, 3.14, 1, 1), shapes=shapes, **line)
    path = tmp_path / "page.html"
    path.write_text(html_replay(scene), encoding="utf-8")
    page = browser.open(path, width=700, height=700)
    picture = page.screenshot()
    assert page.errors == []
    page.close()
    red = np.argwhere((picture == (0xE0, 0x20, 0x20)).all(axis=-1))
    (top, left), (bottom, right) = red.min(axis=0), red.max(axis=0) + 1
    board = picture[top:bottom, left:right, 1].astype(float)
    shown = resized((board - 0x20) / (0xFF - 0x20))
    (drawn,) = white(scene)
    assert np.abs(shown - drawn).mean() < 0.02


def resized(board):
    """The nearest of its pixels, as many as the frames have."""
    rows, columns = ((np.arange(4 * UNIT) + 0.5) * side / (4 * UNIT) for side in board.shape)
    return board[rows.astype(int)][:, columns.astype(int)]
