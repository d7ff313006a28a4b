"""The sizes and the twelve layouts, by arithmetic of the tests' own."""

import jax
import numpy as np
import pytest

import paxmen

SIZES = [
    # agents, hub side, grid side, open cells, dots, episode length
    (4, 3, 41, 101, 12, 100),
    (5, 5, 43, 140, 15, 115),
    (6, 7, 45, 187, 18, 130),
]
LAYOUTS = [(num_agents, layout_id) for num_agents in (4, 5, 6) for layout_id in range(4)]

# The western arm of layout 2 of paxmen-4 (N8 S8 E12 W4) and the hub.
WEST_4 = """
    ###########.##
    #.....####...#
    #.............
    #.....####...#
    ###########.##
"""
# The northern rooms of layout 0 of paxmen-6 (N0:12 N1:8): side by side in one row.
NORTH_12_AND_8 = """
    #########
    #...#####
    #...#####
    #...#####
    #...#####
    #...#...#
    ##.##...#
    ##.##...#
    ##.##...#
    ##.##...#
    ##.###.##
    ##.###.##
"""


@pytest.mark.parametrize(
    ("name", "layout_id", "corner", "drawing"),
    [("paxmen-4", 2, (18, 9), WEST_4), ("paxmen-6", 0, (1, 18), NORTH_12_AND_8)],
    ids=["west", "north"],
)
def test_drawn_arms(name, layout_id, corner, drawing, draw):
    board = draw(name, layout_id, corner)
    parked = [(19, 19)] * board.env.num_agents
    empty = board.env.make_state(layout_id, parked, np.zeros(board.env.grid(0).shape, bool), 0)
    assert board.picture(empty, drawing).replace("0123", ".") == "\n".join(drawing.split())


@pytest.mark.parametrize(("num_agents", "hub", "side", "cells", "dots", "steps"), SIZES)
def test_sizes(num_agents, hub, side, cells, dots, steps):
    env = paxmen.make(f"paxmen-{num_agents}")
    _, state = env.reset(jax.random.key(0))
    assert env.num_agents == num_agents
    assert env.max_steps == steps
    assert env.world_state_size() == cells == hub**2 + num_agents * (8 + 15)
    assert side == hub + 2 * 12 + 2 * (5 + 2)
    assert int(np.sum(env.dots_on_grid(state))) == dots == 3 * num_agents
    for layout_id in range(4):
        grid = np.asarray(env.grid(layout_id))
        assert grid.shape == (side, side)
        assert grid.dtype == np.float32
        assert set(np.unique(grid)) == {-1.0, 0.0}
        assert np.sum(grid == 0) == cells


@pytest.mark.parametrize(("num_agents", "layout_id"), LAYOUTS)
def test_the_open_cells_are_hub_corridors_and_rooms(num_agents, layout_id, layout_of):
    layout = layout_of(num_agents, layout_id)
    grid = np.asarray(paxmen.make(f"paxmen-{num_agents}").grid(layout_id))
    assert len(set(layout.cells)) == len(layout.cells), "nothing overlaps"
    assert {tuple(cell) for cell in np.argwhere(grid == 0).tolist()} == set(layout.cells)


@pytest.mark.parametrize(("num_agents", "layout_id"), LAYOUTS)
def test_corridors_and_rooms_meet_only_where_they_should(num_agents, layout_id, layout_of):
    """A maze of one entrance a room: what is open beside a cell is of its arm or the hub."""
    layout = layout_of(num_agents, layout_id)
    arm_of = {
        cell: arm
        for arm, parts in enumerate(zip(layout.corridors, layout.rooms, strict=True))
        for cell in parts[0] + parts[1]
    }
    doors = [0] * num_agents
    for (row, col), arm in arm_of.items():
        for beside in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            assert arm_of.get(beside, arm) == arm
            doors[arm] += beside in layout.hub
    assert doors == [1] * num_agents


@pytest.mark.parametrize(("num_agents", "layout_id"), LAYOUTS)
def test_the_margin_is_two(num_agents, layout_id):
    rows, cols = np.nonzero(np.asarray(paxmen.make(f"paxmen-{num_agents}").grid(layout_id)) == 0)
    side = np.asarray(paxmen.make(f"paxmen-{num_agents}").grid(layout_id)).shape[0]
    assert min(rows.min(), cols.min()) >= 2
    assert max(rows.max(), cols.max()) <= side - 3


def test_no_layout_comes_twice():
    for num_agents in (4, 5, 6):
        env = paxmen.make(f"paxmen-{num_agents}")
        assert len({np.asarray(env.grid(i)).tobytes() for i in range(4)}) == 4
