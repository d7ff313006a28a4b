"""Mazes: a hub, straight arms and the rooms at their ends, turned into constant tables.

Everything here is NumPy and runs once per agent count: arms become rectangles, rectangles become
lists of open cells, and those become tables stacked over the layouts, so that a step looks things
up by `(layout, cell)` and never branches on the layout.

A *cell* is an open cell's place in the world state: the hub row by row, then for each arm its
corridor and its room, each row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

WALL, EMPTY = -1.0, 0.0
MOVES = [(-1, 0), (1, 0), (0, 1), (0, -1), (0, 0)]  # up, down, right, left, eat
NUM_ACTIONS = len(MOVES)
EAT = NUM_ACTIONS - 1
NO_OP = NUM_ACTIONS  # where every action outside 0..4 goes
VIEW_SIDE = 5
VIEW_CELLS = VIEW_SIDE**2
ROOM_LENGTH, ROOM_WIDTH = 5, 3
ROOM_CELLS = ROOM_LENGTH * ROOM_WIDTH
WORD_BITS = 32

_RADIUS = VIEW_SIDE // 2
_LONGEST_CORRIDOR = 12
_HUB_CORNER = _RADIUS + ROOM_LENGTH + _LONGEST_CORRIDOR


@dataclass(frozen=True)
class Sizes:
    """What depends on the agent count."""

    hub_side: int
    max_steps: int
    layouts: tuple[str, ...]
    """The arms of each layout, in the order of the rooms and of the world state. `N12` leaves the
    hub northwards at its centre line and is 12 cells long; of two arms on one side, `N0:12` leaves
    at -2 and `N1:4` at +2 from the centre line."""


SIZES = {
    4: Sizes(
        hub_side=3,
        max_steps=100,
        layouts=("N12 S4 E8 W8", "N4 S12 E8 W8", "N8 S8 E12 W4", "N8 S8 E4 W12"),
    ),
    5: Sizes(
        hub_side=5,
        max_steps=115,
        layouts=(
            "N0:12 N1:4 S8 E8 W8",
            "S0:12 S1:4 N8 E8 W8",
            "E0:12 E1:4 N8 S8 W8",
            "W0:12 W1:4 N8 S8 E8",
        ),
    ),
    6: Sizes(
        hub_side=7,
        max_steps=130,
        layouts=(
            "N0:12 N1:8 S0:12 S1:8 E4 W4",
            "E0:12 E1:8 W0:12 W1:8 N4 S4",
            "N0:12 N1:8 E0:12 E1:8 S4 W4",
            "S0:12 S1:8 W0:12 W1:8 N4 E4",
        ),
    ),
}


@dataclass(frozen=True)
class Rectangle:
    """A block of open cells."""

    top: int
    left: int
    height: int
    width: int

    def cells(self) -> Iterator[tuple[int, int]]:
        """Its rows and columns, row by row."""
        for row in range(self.top, self.top + self.height):
            for col in range(self.left, self.left + self.width):
                yield row, col


@dataclass(frozen=True)
class Arm:
    """A corridor, one cell wide, that leaves the hub, and the room at its end."""

    side: str  # N, S, E or W
    offset: int  # of the corridor from the hub's centre line
    length: int  # of the corridor

    @classmethod
    def parse(cls, text: str) -> Arm:
        """An arm as `Sizes.layouts` writes it."""
        which, colon, length = text[1:].rpartition(":")
        return cls(text[0], {"0": -2, "1": 2}[which] if colon else 0, int(length))

    def rectangles(self, hub: Rectangle) -> tuple[Rectangle, Rectangle]:
        """The corridor and the room."""
        upright = self.side in "NS"
        near, size = (hub.top, hub.height) if upright else (hub.left, hub.width)
        line = (hub.left if upright else hub.top) + size // 2 + self.offset
        if self.side in "NW":
            corridor = near - self.length
            room = corridor - ROOM_LENGTH
        else:
            corridor = near + size
            room = corridor + self.length
        across = line - ROOM_WIDTH // 2
        if upright:
            return (
                Rectangle(corridor, line, self.length, 1),
                Rectangle(room, across, ROOM_LENGTH, ROOM_WIDTH),
            )
        return (
            Rectangle(line, corridor, 1, self.length),
            Rectangle(across, room, ROOM_WIDTH, ROOM_LENGTH),
        )


@dataclass(frozen=True, eq=False)
class Maze:
    """Tables over L layouts, n agents and rooms, W cells, a G x G grid, and S rooms in one view.

    A room's *picture* is its cells in a window of 5 x 5 bits that starts at its corner, bit
    5 * row + col; an agent's *view* is the 5 x 5 bits around it, in the same order.
    """

    num_agents: int
    num_layouts: int
    hub_cells: int
    grid_side: int
    num_cells: int
    max_steps: int
    grid: NDArray[np.float32]  # (L, G, G): -1 wall, 0 open
    positions: NDArray[np.int32]  # (L, W, 2): row and column of a cell
    cell_at: NDArray[np.int32]  # (L, G, G): the cell there, -1 on a wall
    next_cell: NDArray[np.int32]  # (L, W, 6): where an action leads; NO_OP is the last
    room_start: NDArray[np.int32]  # (n, L): the first cell of a room
    room_stride: NDArray[np.int32]  # (n, L): the columns of a room
    walls_in_view: NDArray[np.uint32]  # (L, W)
    seen_room: NDArray[np.int32]  # (S, L, W): a room in view, or 0
    seen_turn: NDArray[np.uint32]  # (S, L, W): what rotates a word from its picture to the view
    seen_cells: NDArray[np.uint32]  # (S, L, W): its cells in the view, 0 if there is none
    place: NDArray[np.int32]  # (L, W): row and column in one number
    sight: NDArray[np.uint32]  # (2 G² + 1,): the bit of the view, by difference of places + G²
    world_bits: NDArray[np.uint32]  # (words, W): the bit of a cell in its word, 0 in the others


@cache
def build_maze(num_agents: int) -> Maze:
    """The maze of an agent count in `SIZES`."""
    sizes = SIZES[num_agents]
    side = 2 * _HUB_CORNER + sizes.hub_side
    hub = Rectangle(_HUB_CORNER, _HUB_CORNER, sizes.hub_side, sizes.hub_side)
    layouts = [_layout(hub, line.split(), side) for line in sizes.layouts]
    tables = {name: np.stack([layout[name] for layout in layouts]) for name in layouts[0]}
    place = tables["positions"] @ np.array([side, 1], np.int32)

    seen = {name: np.moveaxis(tables.pop(name), 1, 0) for name in list(tables) if "seen" in name}
    slots = np.any(seen["seen_cells"], axis=(1, 2))
    return Maze(
        num_agents=num_agents,
        num_layouts=len(layouts),
        hub_cells=sizes.hub_side**2,
        grid_side=side,
        num_cells=place.shape[1],
        max_steps=sizes.max_steps,
        room_start=tables.pop("room_start").T,
        room_stride=tables.pop("room_stride").T,
        place=place,
        sight=_sight(side),
        world_bits=_world_bits(place.shape[1]),
        **{name: table[slots] for name, table in seen.items()},
        **tables,
    )


def _layout(hub: Rectangle, arms: list[str], side: int) -> dict[str, NDArray]:
    """One layout's slice of the tables, by the names of `Maze`."""
    rectangles = [Arm.parse(arm).rectangles(hub) for arm in arms]
    rooms = [room for _, room in rectangles]
    cells = [*hub.cells()]
    room_start = []
    for corridor, room in rectangles:
        cells += corridor.cells()
        room_start.append(len(cells))
        cells += room.cells()
    positions = np.array(cells, np.int32)

    cell_at = np.full((side, side), -1, np.int32)
    cell_at[tuple(positions.T)] = np.arange(len(cells))
    targets = positions[:, None] + np.array([*MOVES, (0, 0)])
    reached = cell_at[tuple(np.moveaxis(targets, -1, 0))]
    return {
        "grid": np.where(cell_at < 0, WALL, EMPTY).astype(np.float32),
        "positions": positions,
        "cell_at": cell_at,
        "next_cell": np.where(reached < 0, cell_at[tuple(positions.T)][:, None], reached),
        "room_start": np.array(room_start, np.int32),
        "room_stride": np.array([room.width for room in rooms], np.int32),
        "walls_in_view": _walls_in_view(positions - _RADIUS, cell_at < 0),
        **_rooms_in_view(positions - _RADIUS, rooms),
    }


def _walls_in_view(corners: NDArray, wall: NDArray) -> NDArray:
    """uint32 (W,), for the views that start at these corners."""
    windows = [wall[row : row + VIEW_SIDE, col : col + VIEW_SIDE].ravel() for row, col in corners]
    return np.array(windows) @ (np.uint32(1) << np.arange(VIEW_CELLS, dtype=np.uint32))


def _rooms_in_view(corners: NDArray, rooms: list[Rectangle]) -> dict[str, NDArray]:
    """(n, W) each: the rooms in the views that start at these corners, empty slots last.

    A turn is a rotation: that needs no sign, and what comes round is no cell of the room.
    """
    shape = (len(rooms), len(corners))
    seen_room, seen_turn, seen_cells = (np.zeros(shape, t) for t in (np.int32, "u4", "u4"))
    for cell, (top, left) in enumerate(corners):
        slot = 0
        for index, room in enumerate(rooms):
            bits = [
                VIEW_SIDE * (row - top) + col - left
                for row, col in room.cells()
                if top <= row < top + VIEW_SIDE and left <= col < left + VIEW_SIDE
            ]
            if bits:
                seen_room[slot, cell] = index
                shift = VIEW_SIDE * (room.top - top) + room.left - left
                seen_turn[slot, cell] = shift % WORD_BITS
                seen_cells[slot, cell] = sum(1 << bit for bit in bits)
                slot += 1
    return {"seen_room": seen_room, "seen_turn": seen_turn, "seen_cells": seen_cells}


def _sight(side: int) -> NDArray:
    bits = np.zeros(2 * side**2 + 1, np.uint32)
    for bit in range(VIEW_CELLS):
        row, col = divmod(bit, VIEW_SIDE)
        bits[side**2 + side * (row - _RADIUS) + col - _RADIUS] = 1 << bit
    return bits


def _world_bits(num_cells: int) -> NDArray:
    cells = np.arange(num_cells)
    words = np.arange(-(-num_cells // WORD_BITS))
    bit = np.uint32(1) << (cells % WORD_BITS).astype(np.uint32)
    return np.where(words[:, None] == cells // WORD_BITS, bit, np.uint32(0))
