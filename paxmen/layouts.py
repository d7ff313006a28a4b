"""A set of mazes as constant tables.

Everything here is NumPy and runs once per set and view: a step looks things up by `(layout, cell)`
and never branches on the layout. What a set's levels have not is wall: no table leads there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from paxmen.mazes import MOVES, Mazes, cell_at, next_cells

WALL, EMPTY = -1.0, 0.0
EAT = len(MOVES)
NUM_ACTIONS = EAT + 1  # up, down, right, left, eat
NO_OP = NUM_ACTIONS  # where every action outside 0..4 goes
WORD_BITS = 32

# Where the parts of an entry of `Maze.seen` begin: a room, a turn, a room's columns.
TURN, COLS = 8, 16
PART = 0xFF


@dataclass(frozen=True, eq=False)
class Maze:
    """Tables over L levels, W cells, R rooms, and views of V x V cells.

    A view is a picture of bits, row by row; rows that fit into one word of 32 bits share it. The
    bits of a room's dots come into a view by a rotation for each row of the view: that needs no
    sign, and what comes round is no cell of the room.
    """

    mazes: Mazes
    view: int
    positions: NDArray[np.int32]  # (L, W, 2): row and column of a cell
    next_cell: NDArray[np.integer]  # (L, W, 6): where an action leads; NO_OP is the last
    hub_cells: NDArray[np.int32]  # (L,)
    room_start: NDArray[np.int32]  # (R, L): the first cell of a room
    room_cells: NDArray[np.int32]  # (R, L): how many it has, 0 if there is no such room
    room_cols: NDArray[np.int32]  # (R, L)
    place: NDArray[np.integer]  # (L, W): row and column in one number
    agents_in_view: NDArray[
        np.uint32
    ]  # (words, 2 P + 1): a bit of the view, by difference of places + P
    walls_in_view: NDArray[np.uint32]  # (words, L, W)
    seen: NDArray[np.uint32]  # (S, L, W): the S rooms in view; see `TURN`, `COLS`
    seen_cells: NDArray[np.uint32]  # (S, words, L, W): their cells in the view

    @property
    def num_layouts(self) -> int:
        """L"""
        return len(self.mazes)

    @property
    def num_rooms(self) -> int:
        """R"""
        return self.mazes.num_rooms

    @property
    def num_cells(self) -> int:
        """W"""
        return self.mazes.num_cells

    @property
    def grid_side(self) -> int:
        """G"""
        return self.mazes.side

    @cached_property
    def cell_at(self) -> NDArray[np.int32]:
        """(L, G, G): the cell there, -1 on a wall"""
        return cell_at(self.mazes)


def rows_per_word(view: int) -> int:
    """How many rows of a view share a word."""
    return min(WORD_BITS // view, view)


def look_up(table: NDArray, *index: Array) -> Array:
    """`table[..., *index]`: the indices are for the last axes and known to be in bounds.

    Each index has the axes of the one before it last, and may have more in front. A table of one
    value everywhere needs no index: the compiler sees the value.
    """
    kept = table.ndim - len(index)
    if (table == table.flat[0]).all():
        shape = (*table.shape[:kept], *index[-1].shape)
        return jnp.full(shape, table.flat[0], table.dtype)
    at = index[0]
    for size, i in zip(table.shape[kept + 1 :], index[1:], strict=True):
        at = jnp.expand_dims(at, tuple(range(i.ndim - at.ndim))) * size + i
    flat = jnp.asarray(table.reshape(*table.shape[:kept], -1))
    return flat.at[..., at].get(mode="promise_in_bounds")


@lru_cache(maxsize=32)
def build_maze(mazes: Mazes, view: int) -> Maze:
    """The tables of a set, for views of `view` x `view` cells."""
    positions = np.maximum(mazes.cells, 0).astype(np.int32)
    moves = next_cells(mazes)
    stay = np.broadcast_to(
        np.arange(mazes.num_cells, dtype=np.int32)[None, :, None], (*moves.shape[:2], 2)
    )
    start, rows, cols = np.moveaxis(mazes.rooms.astype(np.int32), -1, 0)
    radius = view // 2
    stride = mazes.side + radius  # no two cells of one view and one row have the same place
    seen, seen_cells = _rooms_in_view(mazes, view)
    return Maze(
        mazes=mazes,
        view=view,
        positions=positions,
        next_cell=_narrow(np.concatenate([moves, stay], axis=-1)),
        hub_cells=mazes.hub_cells.astype(np.int32),
        room_start=start.T,
        room_cells=(rows * cols).T,
        room_cols=cols.T,
        place=_narrow(positions @ np.array([stride, 1], np.int32)),
        agents_in_view=_agents_in_view(view, mazes.side, stride),
        walls_in_view=_walls_in_view(mazes, view),
        seen=seen,
        seen_cells=seen_cells,
    )


def _narrow(table: NDArray[np.int32]) -> NDArray[np.integer]:
    """Two bytes an entry where that will do: large sets are looked up in the processor's cache."""
    return table.astype(np.int16 if table.max() < 2**15 else np.int32)


def _bit(view: int, row: int, col: int) -> tuple[int, np.uint32]:
    """The word of a view's cell, and its bit there."""
    word, row = divmod(row, rows_per_word(view))
    return word, np.uint32(1 << view * row + col)


def _words(view: int, shape: tuple[int, ...]) -> NDArray[np.uint32]:
    return np.zeros((-(-view // rows_per_word(view)), *shape), np.uint32)


def _walls_in_view(mazes: Mazes, view: int) -> NDArray[np.uint32]:
    is_wall = cell_at(mazes, view) < 0
    level = np.arange(len(mazes))[:, None]
    rows, cols = np.moveaxis(mazes.cells.astype(np.int32) + view - view // 2, -1, 0)
    walls = _words(view, rows.shape)
    for row in range(view):
        for col in range(view):
            word, bit = _bit(view, row, col)
            walls[word] |= np.where(is_wall[level, rows + row, cols + col], bit, np.uint32(0))
    return walls


def _rooms_in_view(mazes: Mazes, view: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """`Maze.seen` and `Maze.seen_cells`: the rooms in each cell's view, in their order."""
    corner = mazes.cells.astype(np.int32) - view // 2
    found = []
    slots = np.zeros(corner.shape[:2], int)  # rooms that are in view so far
    for room in range(mazes.num_rooms):
        start, rows, cols = mazes.rooms[:, room].astype(np.int32).T
        down, right = np.moveaxis(  # from the view's corner to the room's
            mazes.cells[np.arange(len(mazes)), start][:, None] - corner, -1, 0
        )
        rows, cols = rows[:, None], cols[:, None]
        meets = (down < view) & (down + rows > 0) & (right < view) & (right + cols > 0)
        at = np.nonzero(meets & (rows > 0) & (mazes.cells[..., 0] >= 0))
        shape = rows[at[0], 0], cols[at[0], 0]
        found.append((room, at, slots[at], down[at], right[at], *shape))
        slots[at] += 1
    seen = np.zeros((max(1, slots.max()), *slots.shape), np.uint32)
    seen_cells = np.stack([_words(view, slots.shape) for _ in seen])
    for room, at, slot, down, right, rows, cols in found:
        turn = (right + down * cols) % WORD_BITS
        seen[slot, *at] = room | turn << TURN | cols << COLS
        in_a_row = _ones(right, right + cols, view)
        for row in range(view):
            word, first = _bit(view, row, 0)
            here = (row >= down) & (row < down + rows)
            seen_cells[slot, word, *at] |= np.where(here, in_a_row * first, np.uint32(0))
    return seen, seen_cells


def _ones(begin: NDArray, end: NDArray, most: int) -> NDArray[np.uint32]:
    """Words whose bits from `begin` to before `end` are set, of the lowest `most`."""
    begin, end = (np.clip(x, 0, most).astype(np.uint32) for x in (begin, end))
    return (np.uint32(1) << end) - (np.uint32(1) << begin)


def _agents_in_view(view: int, side: int, stride: int) -> NDArray[np.uint32]:
    farthest = (side - 1) * stride + side - 1
    bits = _words(view, (2 * farthest + 1,))
    radius = view // 2
    for row in range(view):
        for col in range(view):
            word, bit = _bit(view, row, col)
            index = farthest + stride * (row - radius) + col - radius
            if 0 <= index < bits.shape[1]:
                bits[word, index] = bit
    return bits
