"""Sets of mazes: drawn, saved, cut and refused; known answers drawn by hand."""

import json

import numpy as np
import pytest

import paxmen
from paxmen.classic import classic_mazes
from wrappers import check_scene, save_scene

# Two rooms: the first in reading order is the one above. Columns from 0:
#    0123456789
LOOP = """
    #####ooo..
    ####.ooo#.
    #00..ooo#.
    #00######.
    #0.......o
"""
BOARD = """
    #######
    #ooo12#
    #ooo##.
    #######
"""


@pytest.fixture(scope="module")
def drawn():
    return paxmen.parse_mazes([LOOP, BOARD.replace(".", "#")], name="two")


def test_cells_are_counted_hub_first_then_corridors_and_room_of_each_room(drawn):
    hub = [(2, 1), (2, 2), (3, 1), (3, 2), (4, 1)]
    # Both corridors lead to the first room, so both are counted before it.
    corridors = [(0, 8), (0, 9), (1, 4), (1, 9), (2, 3), (2, 4), (2, 9), (3, 9)]
    corridors += [(4, col) for col in range(2, 9)]
    first = [(row, col) for row in range(3) for col in (5, 6, 7)]
    expected = [*hub, *corridors[:8], *first, *corridors[8:], (4, 9)]
    assert drawn.cells[0].tolist() == [list(place) for place in expected]
    assert drawn.hub_cells.tolist() == [5, 2]
    assert drawn.rooms[0].tolist() == [[13, 3, 3], [29, 1, 1]]
    assert drawn.room_sizes.tolist() == [[9, 1], [6, 0]]


def test_what_a_level_has_not_is_padding(drawn):
    assert (drawn.side, drawn.num_cells, drawn.num_rooms, len(drawn)) == (10, 30, 2, 2)
    assert drawn.cells[1, :8].tolist() == [
        *([1, 4], [1, 5]),
        *([1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]),
    ]
    assert (drawn.cells[1, 8:] == -1).all()
    assert drawn.rooms[1].tolist() == [[2, 2, 3], [0, 0, 0]]


def test_the_certificate_is_the_shortest_way(drawn):
    # (2, 2) -> (2, 3), (2, 4), (2, 5); (4, 1) -> eight to the right.
    assert drawn.steps_to_rooms.tolist() == [[3, 8], [1, -1]]
    assert classic_mazes(4).steps_to_rooms.tolist() == [
        [13, 5, 9, 9],
        [5, 13, 9, 9],
        [9, 9, 13, 5],
        [9, 9, 5, 13],
    ]


def test_a_drawing_is_read_and_drawn_again(drawn):
    lines = [line.strip() for line in LOOP.split()]
    assert drawn.draw(0).split() == lines + ["#" * 10] * 5
    again = paxmen.parse_mazes([drawn.draw(0), drawn.draw(1)])
    assert again == drawn
    assert hash(again) == hash(drawn)
    assert again.digest == drawn.digest


def test_the_digest_is_the_same_on_any_machine(drawn):
    """Guards against a content that changes by accident; the literal comes from the program."""
    assert drawn.digest == ("99f8580f085f13bc1277558ee416c2afd2a78980214a1736a3d056627552efb6")
    assert paxmen.parse_mazes([BOARD.replace(".", "#")]) != drawn[1]
    assert classic_mazes(4) != classic_mazes(5)


def test_the_classic_mazes_can_be_drawn():
    """Their rooms are counted in another order than the reading one; the walls are the same."""
    classic = classic_mazes(6)
    again = paxmen.parse_mazes([classic.draw(level) for level in range(4)])
    for one, other in zip(classic.cells, again.cells, strict=True):
        assert sorted(one.tolist()) == sorted(other.tolist())
    assert classic.name == "paxmen-6"


def test_a_set_is_cut_and_padded(drawn):
    assert drawn[1].draw(0) == drawn.draw(1)
    assert drawn[[1, 0]].draw(1) == drawn.draw(0)
    assert drawn[:1].num_cells == drawn[-1:].num_cells == drawn.num_cells
    assert [one.hub_cells.tolist() for one in drawn] == [[5], [2]]
    wide = drawn.padded(40)
    assert wide.num_cells == 40
    assert [wide.draw(level) for level in range(2)] == [drawn.draw(level) for level in range(2)]
    assert wide != drawn
    with pytest.raises(ValueError, match="num_cells must be at least 30, got 29"):
        drawn.padded(29)
    with pytest.raises(IndexError):
        drawn[2]


def test_a_set_cannot_be_changed(drawn):
    for array in (drawn.cells, drawn.hub_cells, drawn.rooms):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError):
        drawn.side = 3


# --- Files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_set_is_saved_and_loaded(drawn, tmp_path, suffix):
    path = drawn.save(tmp_path / f"two{suffix}")
    again = paxmen.load_mazes(str(path))
    assert again == drawn
    assert again.name == "two"


def test_a_file_with_another_digest(drawn, tmp_path):
    path = drawn.save(tmp_path / "two.json")
    content = json.loads(path.read_text())
    content["hub_cells"][1] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"two.json: the mazes' digest is .*, not {drawn.digest}"):
        paxmen.load_mazes(path)


def test_files_that_are_no_mazes(drawn, tmp_path):
    for name in ("empty.json", "empty.npz"):
        (tmp_path / name).write_text("{}")
        with pytest.raises(ValueError, match=f"{name} holds no mazes: ") as caught:
            paxmen.load_mazes(tmp_path / name)
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "pickled.npz", cells=np.array([{}], object))
    with pytest.raises(ValueError, match=r"pickled.npz holds no mazes: .*allow_pickle=False"):
        paxmen.load_mazes(tmp_path / "pickled.npz")
    with pytest.raises(FileNotFoundError):
        paxmen.load_mazes(tmp_path / "none.npz")
    for use in (drawn.save, paxmen.load_mazes):
        with pytest.raises(ValueError, match=r"'two.pkl' has no suffix .* valid: .json, .npz"):
            use(tmp_path / "two.pkl")


# --- Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ("##\n#0x\n##", "maze 0, line 2: 3 columns, not 2 as line 1"),
        ("###\n#0x\n###", r"maze 0, line 2, column 3: unknown sign 'x'; valid: # wall, \. corr"),
        ("#####\n#0 o#\n#####", "maze 0, line 2, column 3: unknown sign ' '"),
        ("####\n#oo#\n####", r"maze 0 has no hub \(0\)"),
        ("####\n#00#\n####", r"maze 0 has no room \(o\)"),
        ("  \n\n", "maze 0 is empty"),
        ("#####\n#0oo#\n#.o.#", "maze 0, line 3, column 4: a room is a rectangle; a cell is miss"),
        ("0o#o", "maze 0, line 1, column 4: this cell cannot be reached from the hub"),
        ("0o\n##\n..", "maze 0, line 3, column 1: this cell cannot be reached from the hub"),
        ("0" + "o" * 33, "maze 0, line 1, column 2: a room has at most 32 cells, not 33"),
    ],
)
def test_drawings_that_are_no_mazes(drawing, message):
    with pytest.raises(ValueError, match=message) as caught:
        paxmen.parse_mazes([drawing])
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=message.replace("maze 0", "maze 1")):
        paxmen.parse_mazes([LOOP, drawing])


def test_what_is_no_list_of_drawings():
    with pytest.raises(ValueError, match="takes a list of drawings, not one text"):
        paxmen.parse_mazes(LOOP)
    with pytest.raises(ValueError, match="needs at least one level"):
        paxmen.parse_mazes([])


GOOD = {
    "side": 4,
    "cells": [[[0, 0], [0, 1], [0, 2], [1, 1], [1, 2]]],
    "hub_cells": [1],
    "rooms": [[[1, 2, 2]]],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 2}, "line 1, column 3: this cell lies outside"),
        ({"cells": [[[0, 0], [0, 1], [0, 1], [1, 1], [1, 2]]]}, "column 2: this cell comes twice"),
        ({"cells": [[[0, 0], [0, 1], [0, 2], [1, 1], [1, 3]]]}, "breaks its room's rectangle"),
        ({"cells": [[[3, 3], [0, 1], [0, 2], [1, 1], [1, 2]]]}, "cannot be reached from the hub"),
        ({"hub_cells": [0]}, "maze 0 has no hub"),
        ({"hub_cells": [1, 1]}, "hub_cells"),
        ({"rooms": [[[0, 0, 0]]]}, "maze 0 has no room"),
        ({"rooms": [[[2, 2, 2]]]}, "maze 0 has a room that ends behind its last cell"),
        ({"rooms": [[1, 2, 2]]}, r"rooms must be \(1, R, 3\)"),
    ],
)
def test_contents_that_are_no_mazes(change, message):
    assert len(paxmen.Mazes(**GOOD)) == 1
    with pytest.raises(ValueError, match=message):
        paxmen.Mazes(**GOOD | change)


# --- Pictures -------------------------------------------------------------------------------------


def test_a_set_is_a_picture_in_one_line(drawn, tmp_path):
    scene = drawn.scene(columns=3, title="A title")
    check_scene(json.loads(json.dumps(scene)))
    assert scene["title"] == "A title"
    # Two levels in a row, each with a wall around the largest of them: 5 x 9 cells.
    assert scene["box"] == [-0.5, -0.5, 22, 7]
    still = scene["still"]
    assert len(still["tile"]) == 30 + 8
    assert sorted(still["hub"])[:2] == [[1, 3], [1, 4]]
    assert len(still["hub"]) == 5 + 2
    assert len(still["room"]) == 10 + 6
    assert save_scene(drawn.scene(), tmp_path / "two.svg").read_text().count("A title") == 0
    with pytest.raises(ValueError, match="columns must be at least 1, got 0"):
        drawn.scene(columns=0)
