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
MOVES = np.array([(-1, 0), (1, 0), (0, 1), (0, -1), (0, 0)])  # up, down, right, left, eat
NUM_ACTIONS = len(MOVES)
EAT = NUM_ACTIONS - 1
NO_OP = NUM_ACTIONS  # where every action outside 0..4 is sent
VIEW_SIDE = 5
VIEW_CELLS = VIEW_SIDE**2

_VIEW_RADIUS = VIEW_SIDE // 2
_ROOM_LENGTH, _ROOM_WIDTH = 5, 3
ROOM_CELLS = _ROOM_LENGTH * _ROOM_WIDTH
_LONGEST_CORRIDOR = 12
_HUB_CORNER = _VIEW_RADIUS + _ROOM_LENGTH + _LONGEST_CORRIDOR


@dataclass(frozen=True)
class Sizes:
    """What depends on the agent count alone."""

    hub_side: int
    max_steps: int
    layouts: tuple[str, ...]
    """One line per layout: its arms, in the order of the dots and of the world state. `N12` leaves
    the hub northwards at the centre line, 12 cells long; of two arms on one side, `N0:4` leaves
    at -2 and `N1:4` at +2 from the centre."""


SIZES = {
    4: Sizes(3, 100, ("N12 S4 E8 W8", "N4 S12 E8 W8", "N8 S8 E12 W4", "N8 S8 E4 W12")),
    5: Sizes(
        5,
        115,
        (
            "N0:12 N1:4 S8 E8 W8",
            "S0:12 S1:4 N8 E8 W8",
            "E0:12 E1:4 N8 S8 W8",
            "W0:12 W1:4 N8 S8 E8",
        ),
    ),
    6: Sizes(
        7,
        130,
        (
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
        """Its (row, col) pairs, row by row."""
        for row in range(self.top, self.top + self.height):
            for col in range(self.left, self.left + self.width):
                yield row, col


@dataclass(frozen=True)
class Arm:
    """A straight corridor that leaves the hub, with a room at its end."""

    side: str  # N, S, E or W
    offset: int  # of the corridor from the hub's centre line
    length: int

    @classmethod
    def parse(cls, text: str) -> Arm:
        """`N12` -> an arm to the north on the centre line, `N1:4` -> the second of two."""
        side, rest = text[0], text[1:]
        exit_, colon, length = rest.rpartition(":")
        return cls(side, {"0": -2, "1": 2}[exit_] if colon else 0, int(length))

    def rectangles(self, hub: Rectangle) -> tuple[Rectangle, Rectangle]:
        """The corridor and the room."""
        line = (hub.left if self.side in "NS" else hub.top) + hub.width // 2 + self.offset
        across = line - _ROOM_WIDTH // 2
        if self.side in "NS":
            start = hub.top - self.length if self.side == "N" else hub.top + hub.height
            room = start - _ROOM_LENGTH if self.side == "N" else start + self.length
            return (
                Rectangle(start, line, self.length, 1),
                Rectangle(room, across, _ROOM_LENGTH, _ROOM_WIDTH),
            )
        start = hub.left - self.length if self.side == "W" else hub.left + hub.width
        room = start - _ROOM_LENGTH if self.side == "W" else start + self.length
        return (
            Rectangle(line, start, 1, self.length),
            Rectangle(across, room, _ROOM_WIDTH, _ROOM_LENGTH),
        )


@dataclass(frozen=True)
class Maze:
    """The layouts of one agent count as constant tables (L layouts, G side, W cells, n rooms)."""

    num_agents: int
    num_rooms: int
    num_layouts: int
    hub_cells: int
    grid_side: int
    num_cells: int
    max_steps: int
    grids: NDArray[np.float32]  # (L, G, G): -1 wall, 0 open
    positions: NDArray[np.int32]  # (L, W, 2): row and column of a cell
    cell_at: NDArray[np.int32]  # (L, G, G): the cell there, -1 on a wall
    next_cell: NDArray[np.int32]  # (L, W, actions + 1): where an action leads, NO_OP last
    room_start: NDArray[np.int32]  # (n, L): a room's first cell
    room_stride: NDArray[np.int32]  # (n, L): columns of a room
    room_of: NDArray[np.int32]  # (L, W): the room that a cell lies in, 0 if none
    dot_of: NDArray[np.uint32]  # (L, W): the bit of a dot there in its room's word, 0 if none
    place: NDArray[np.int32]  # (L, W): row and column in one number
    sight: NDArray[np.uint32]  # the bit of the view by difference of places, 0 out of sight
    walls_in_view: NDArray[np.uint32]  # (L, W): bit 5 * row + col of the view
    seen_room: NDArray[np.int32]  # (K, L, W): the rooms in view, K the most that any view shows
    seen_shift: NDArray[np.int32]  # (K, L, W): from a room's 5-wide picture to the view, left > 0
    seen_mask: NDArray[np.uint32]  # (K, L, W): the room's cells in view, 0 if there is no room


@cache
def build_maze(num_agents: int) -> Maze:
    """The maze of an agent count that `SIZES` lists."""
    sizes = SIZES[num_agents]
    hub = Rectangle(_HUB_CORNER, _HUB_CORNER, sizes.hub_side, sizes.hub_side)
    side = 2 * _HUB_CORNER + sizes.hub_side
    layouts = [_Layout.build(hub, line, side) for line in sizes.layouts]

    def stack(name: str, dtype: type[np.generic]) -> NDArray:
        return np.stack([getattr(layout, name) for layout in layouts]).astype(dtype)

    most_rooms = max(np.count_nonzero(layout.seen_mask, axis=1).max() for layout in layouts)
    return Maze(
        num_agents=num_agents,
        num_rooms=num_agents,
        num_layouts=len(layouts),
        hub_cells=sizes.hub_side**2,
        grid_side=side,
        num_cells=len(layouts[0].positions),
        max_steps=sizes.max_steps,
        grids=stack("grid", np.float32),
        positions=stack("positions", np.int32),
        cell_at=stack("cell_at", np.int32),
        next_cell=stack("next_cell", np.int32),
        room_start=stack("room_start", np.int32).T,
        room_stride=stack("room_stride", np.int32).T,
        room_of=stack("room_of", np.int32),
        dot_of=stack("dot_of", np.uint32),
        place=(stack("positions", np.int32) @ np.array([side, 1])).astype(np.int32),
        sight=_sight(side),
        walls_in_view=stack("walls_in_view", np.uint32),
        seen_room=np.moveaxis(stack("seen_room", np.int32), -1, 0)[:most_rooms],
        seen_shift=np.moveaxis(stack("seen_shift", np.int32), -1, 0)[:most_rooms],
        seen_mask=np.moveaxis(stack("seen_mask", np.uint32), -1, 0)[:most_rooms],
    )


@dataclass(frozen=True)
class _Layout:
    """One layout's slice of the tables; see `Maze`."""

    grid: NDArray
    positions: NDArray
    cell_at: NDArray
    next_cell: NDArray
    room_start: NDArray
    room_stride: NDArray
    room_of: NDArray
    dot_of: NDArray
    walls_in_view: NDArray
    seen_room: NDArray
    seen_shift: NDArray
    seen_mask: NDArray

    @classmethod
    def build(cls, hub: Rectangle, line: str, side: int) -> _Layout:
        arms = [Arm.parse(word).rectangles(hub) for word in line.split()]
        rooms = [room for _, room in arms]
        open_cells = list(hub.cells())
        room_start = []
        for corridor, room in arms:
            open_cells.extend(corridor.cells())
            room_start.append(len(open_cells))
            open_cells.extend(room.cells())
        positions = np.array(open_cells)

        cell_at = np.full((side, side), -1)
        cell_at[tuple(positions.T)] = np.arange(len(positions))
        wall = cell_at < 0

        targets = positions[:, None] + np.append(MOVES, [(0, 0)], axis=0)
        reached = cell_at[tuple(np.moveaxis(targets, -1, 0))]
        next_cell = np.where(reached < 0, np.arange(len(positions))[:, None], reached)

        room_of, dot_of = (np.zeros(len(positions), np.int64) for _ in range(2))
        for index, start in enumerate(room_start):
            room_of[start : start + ROOM_CELLS] = index
            dot_of[start : start + ROOM_CELLS] = 1 << np.arange(ROOM_CELLS)

        seen_room, seen_shift, seen_mask = _rooms_in_view(positions, rooms)
        return cls(
            grid=np.where(wall, WALL, EMPTY),
            positions=positions,
            cell_at=cell_at,
            next_cell=next_cell,
            room_start=np.array(room_start),
            room_stride=np.array([room.width for room in rooms]),
            room_of=room_of,
            dot_of=dot_of,
            walls_in_view=_walls_in_view(positions, wall),
            seen_room=seen_room,
            seen_shift=seen_shift,
            seen_mask=seen_mask,
        )


def _sight(side: int) -> NDArray:
    """(2 * side**2 + 1,), the difference 0 in the middle."""
    bits = np.zeros(2 * side**2 + 1, np.uint32)
    offsets = range(-_VIEW_RADIUS, _VIEW_RADIUS + 1)
    for bit, (row, col) in enumerate((row, col) for row in offsets for col in offsets):
        bits[side**2 + side * row + col] = 1 << bit
    return bits


def _walls_in_view(positions: NDArray, wall: NDArray) -> NDArray:
    """(W,) bits of the walls around each cell."""
    bits = np.zeros(len(positions), np.uint32)
    for cell, (row, col) in enumerate(positions - _VIEW_RADIUS):
        window = wall[row : row + VIEW_SIDE, col : col + VIEW_SIDE].ravel()
        bits[cell] = np.sum(window << np.arange(VIEW_CELLS))
    return bits


def _rooms_in_view(positions: NDArray, rooms: list[Rectangle]) -> tuple[NDArray, NDArray, NDArray]:
    """(W, rooms) each: the rooms in each cell's view and how to cut them out, empty ones last."""
    shape = (len(positions), len(rooms))
    seen, shift, mask = (np.zeros(shape, np.int64) for _ in range(3))
    for cell, (top, left) in enumerate(positions - _VIEW_RADIUS):
        slot = 0
        for index, room in enumerate(rooms):
            bits = [
                VIEW_SIDE * (row - top) + col - left
                for row, col in room.cells()
                if top <= row < top + VIEW_SIDE and left <= col < left + VIEW_SIDE
            ]
            if bits:
                seen[cell, slot], mask[cell, slot] = index, sum(1 << bit for bit in bits)
                shift[cell, slot] = VIEW_SIDE * (room.top - top) + room.left - left
                slot += 1
    return seen, shift, mask
