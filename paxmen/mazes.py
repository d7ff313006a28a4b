"""Mazes as data: a set of levels, built in NumPy before anything is traced.

A level has a hub, in which agents start; rooms, rectangles in which dots lie; and corridors. Drawn:

    #  wall    .  corridor    o  room    0  hub (any digit will do)

A *cell* is an open cell's place in the world state. Drawn and generated levels count them so: the
hub row by row, then for each room, in reading order, the corridors that lead to it row by row, and
the room row by row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOVES = ((-1, 0), (1, 0), (0, 1), (0, -1))  # up, down, right, left
LARGEST_ROOM = 32  # cells: the dots of a room are the bits of one word

_WALL, _CORRIDOR, _ROOM, _HUB = "#.o0"
_SIGNS = "valid: # wall, . corridor, o room, 0 to 9 hub"
_ARRAYS = ("cells", "hub_cells", "rooms")

Place = tuple[int, int]  # row and column


class Block(NamedTuple):
    """A rectangle of open cells."""

    top: int
    left: int
    rows: int
    cols: int

    def places(self) -> Iterator[Place]:
        """Its rows and columns, row by row."""
        for row in range(self.top, self.top + self.rows):
            for col in range(self.left, self.left + self.cols):
                yield row, col


class Arm(NamedTuple):
    """A room, and the corridor cells that are counted before it."""

    corridor: list[Place]
    room: Block


class Level(NamedTuple):
    """One maze, its cells in the order in which they are counted."""

    hub: list[Place]
    arms: list[Arm]


@dataclass(frozen=True, eq=False, repr=False)
class Mazes:
    """A set of L levels on a grid of G x G cells, with up to W cells and R rooms each.

    Equal by content and hashable, whatever the name. `mazes[2]`, `mazes[:512]` and
    `mazes[[0, 3]]` are sets of some of its levels, with the same G, W and R; `len(mazes)` is L.

    Raises:
        ValueError: a content that no set of mazes has: the level, line and column, from 1, where
            its drawing goes wrong.
    """

    side: int
    """G: rows and columns of the grid. What is outside of it is wall."""
    cells: NDArray[np.int16]
    """(L, W, 2): row and column of each cell; -1 behind a level's last."""
    hub_cells: NDArray[np.int16]
    """(L,): cells of the hub, which are the first."""
    rooms: NDArray[np.int16]
    """(L, R, 3): each room's first cell, its rows and its columns; 0 behind a level's last."""
    name: str = field(default="mazes", kw_only=True)

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            array = np.array(getattr(self, name), "<i2", order="C")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        _check(self)

    @property
    def num_cells(self) -> int:
        """W: cells of the largest level."""
        return self.cells.shape[1]

    @property
    def num_rooms(self) -> int:
        """R: rooms of the level that has most."""
        return self.rooms.shape[1]

    @property
    def room_sizes(self) -> NDArray[np.int16]:
        """(L, R): cells of each room, 0 if there is no such room."""
        return self.rooms[..., 1] * self.rooms[..., 2]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal digits: the same on any machine."""
        content = hashlib.sha256(repr((self.side, self.cells.shape, self.rooms.shape)).encode())
        for name in _ARRAYS:
            content.update(getattr(self, name).tobytes())
        return content.hexdigest()

    @cached_property
    def steps_to_rooms(self) -> NDArray[np.int16]:
        """(L, R): the certificate of what can be visited, and how soon.

        The fewest moves from the hub into each room, by breadth-first search; -1 where a level has
        no such room. No team visits a room sooner.
        """
        distance = _steps_from_hub(self)
        start, size = self.rooms[..., 0, None], self.room_sizes[..., None]
        cell = np.arange(self.num_cells)
        inside = (cell >= start) & (cell < start + size)
        nearest = np.where(inside, distance[:, None], np.iinfo(np.int16).max).min(axis=2)
        return np.where(size[..., 0] > 0, nearest, -1).astype(np.int16)

    def draw(self, level: int) -> str:
        """A level as text, which `parse_mazes` reads.

        Raises:
            ValueError: there is no such level.
        """
        check_level("level", level, len(self))
        signs = np.full((self.side, self.side), _WALL)
        cells = self.cells[level]
        cells = cells[cells[:, 0] >= 0]
        signs[tuple(cells.T)] = _CORRIDOR
        signs[tuple(cells[: self.hub_cells[level]].T)] = _HUB
        for start, rows, cols in self.rooms[level].tolist():
            signs[tuple(cells[start : start + rows * cols].T)] = _ROOM
        return "\n".join("".join(line) for line in signs)

    def scene(self, *, columns: int = 4, title: str | None = None) -> dict[str, Any]:
        """The levels next to one another, for `wrappers.save_scene`.

        >>> wrappers.save_scene(mazes[:12].scene(), "mazes.png")
        """
        from paxmen.scene import mazes_scene

        return mazes_scene(self, columns, title)

    def padded(self, num_cells: int) -> Mazes:
        """The same levels with W = `num_cells`: what is more than a level's cells is not there.

        Sets of different mazes so get observations and world states of the same shapes.

        Raises:
            ValueError: fewer cells than there are.
        """
        if num_cells < self.num_cells:
            raise ValueError(f"num_cells must be at least {self.num_cells}, got {num_cells}")
        more = ((0, 0), (0, num_cells - self.num_cells), (0, 0))
        cells = np.pad(self.cells, more, constant_values=-1)
        return Mazes(self.side, cells, self.hub_cells, self.rooms, name=self.name)

    def save(self, path: str | Path) -> Path:
        """Writes a `.json` or `.npz` file, which `load_mazes` reads.

        Raises:
            ValueError: another suffix.
        """
        path = Path(path)
        about = {"name": self.name, "sha256": self.digest, "side": self.side}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if _suffix(path) == ".json":
            lists = {name: array.tolist() for name, array in arrays.items()}
            path.write_text(json.dumps(about | lists) + "\n")
        else:
            arrays["cells"] = np.diff(
                self.cells, axis=1, prepend=np.int16(0)
            )  # a third of the bytes
            np.savez_compressed(path, **about, **arrays)  # pyright: ignore[reportArgumentType]
        return path

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, levels: Any) -> Mazes:
        chosen = np.atleast_1d(np.arange(len(self))[levels])
        parts = (getattr(self, name)[chosen] for name in _ARRAYS)
        return Mazes(self.side, *parts, name=self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mazes) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return (
            f"Mazes({self.name!r}, {len(self)} levels, {self.num_rooms} rooms, "
            f"{self.num_cells} cells, sha256 {self.digest[:12]})"
        )


def load_mazes(path: str | Path) -> Mazes:
    """Reads what `Mazes.save` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file of another kind, or mazes whose digest is not the one in the file.
    """
    path = Path(path)
    is_json = _suffix(path) == ".json"
    try:
        if is_json:
            content = json.loads(path.read_text())
        else:
            with np.load(path, allow_pickle=False) as file:
                content = {name: file[name] for name in file.files}
            content["cells"] = np.cumsum(content["cells"], axis=1)
        mazes = Mazes(
            int(content["side"]), *(content[name] for name in _ARRAYS), name=str(content["name"])
        )
        digest = content["sha256"]
    except FileNotFoundError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(f"{path} holds no mazes: {reason}") from error
    if str(digest) != mazes.digest:
        raise ValueError(f"{path}: the mazes' digest is {mazes.digest}, not {digest}")
    return mazes


def parse_mazes(drawings: Sequence[str], *, name: str = "mazes") -> Mazes:
    """Reads drawn levels; this module's head has the signs.

        >>> paxmen.parse_mazes(['''
        ...     #########
        ...     #ooo#00##
        ...     #ooo.00##
        ...     #ooo#####
        ...     #########
        ... '''])

    Args:
        drawings: a text for each level, a line for each row. Blank lines and the space around a
            line do not count.
        name: what the set is called.

    Raises:
        ValueError: no drawing, or one that is no maze: the level, line and column, from 1, of an
            unknown sign, a ragged line, a room that is no rectangle or too large, or of a cell
            that cannot be reached.
    """
    if isinstance(drawings, str):
        raise ValueError("parse_mazes takes a list of drawings, not one text")
    grids = [_read(level, drawing) for level, drawing in enumerate(drawings)]
    side = max((max(grid.shape) for grid in grids), default=0)
    levels = [_find_parts(level, grid) for level, grid in enumerate(grids)]
    return assemble(side, levels, name)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (".json", ".npz"):
        raise ValueError(f"{path.name!r} has no suffix of a set of mazes; valid: .json, .npz")
    return suffix


def assemble(side: int, levels: Sequence[Level], name: str) -> Mazes:
    """The set of these levels."""
    if not levels:
        raise ValueError("a set of mazes needs at least one level")
    cells, rooms = [], []
    for level in levels:
        places, blocks = [*level.hub], []
        for corridor, room in level.arms:
            places += corridor
            blocks.append((len(places), room.rows, room.cols))
            places += room.places()
        cells.append(places)
        rooms.append(blocks)
    hub_cells = np.array([len(level.hub) for level in levels])
    return Mazes(side, _padded(cells, 2, -1), hub_cells, _padded(rooms, 3, 0), name=name)


def check_level(name: str, level: Any, num_levels: int) -> None:
    """Raises ValueError unless a level, or each of an array of levels, is one of so many."""
    given = np.asarray(level)
    if not np.issubdtype(given.dtype, np.integer) or np.any((given < 0) | (given >= num_levels)):
        raise ValueError(f"{name} must be in 0..{num_levels - 1}, got {level}")


# --- Ways through a set ---------------------------------------------------------------------------


def cell_at(mazes: Mazes, margin: int = 0) -> NDArray[np.int32]:
    """(L, G + 2 margin, G + 2 margin): the cell at a row and column, -1 where there is none."""
    side = mazes.side + 2 * margin
    grid = np.full((len(mazes), side, side), -1, np.int32)
    level, cell = np.nonzero(mazes.cells[..., 0] >= 0)
    row, col = (mazes.cells[level, cell] + margin).T
    grid[level, row, col] = cell
    return grid


def next_cells(mazes: Mazes) -> NDArray[np.int32]:
    """(L, W, 4): the cell that each move leads to; a wall leads back."""
    targets = mazes.cells[:, :, None] + np.array(MOVES, np.int16) + 1
    level = np.arange(len(mazes))[:, None, None]
    # Behind the last cell of a level all rows and columns are -1: next to (-1, -1) no cell lies.
    reached = cell_at(mazes, 1)[level, *np.moveaxis(targets, -1, 0)]
    here = np.arange(mazes.num_cells, dtype=np.int32)[:, None]
    real = (mazes.cells[..., 0] >= 0)[..., None]
    return np.where((reached < 0) | ~real, here, reached)


def flood(
    next_cell: NDArray[np.int32], level: NDArray, field: NDArray, cell: NDArray
) -> NDArray[np.int16]:
    """Breadth-first search of many fields at once.

    Args:
        next_cell: (L, W, 4), as of `next_cells`.
        level: (F,), the level of each field.
        field: (S,), the field of each source.
        cell: (S,), the cell of each source.

    Returns:
        (F, W): moves from a field's nearest source, -1 where none leads.
    """
    cells = next_cell.shape[1]
    distance = np.full((len(level), cells), -1, np.int16)
    step = 0
    while len(field):
        distance[field, cell] = step
        reached = next_cell[level[field], cell]
        place = np.repeat(field, len(MOVES)) * cells + reached.ravel()
        place = np.unique(place[distance.ravel()[place] < 0])
        field, cell = np.divmod(place, cells)
        step += 1
    return distance


def _steps_from_hub(mazes: Mazes) -> NDArray[np.int16]:
    level, cell = np.nonzero(np.arange(mazes.num_cells) < mazes.hub_cells[:, None])
    return flood(next_cells(mazes), np.arange(len(mazes)), level, cell)


# --- Checks ---------------------------------------------------------------------------------------


def _check(mazes: Mazes) -> None:
    cells, hub_cells, rooms = (getattr(mazes, name) for name in _ARRAYS)
    levels = len(cells)
    if cells.ndim != 3 or cells.shape[2] != 2 or hub_cells.shape != (levels,):
        raise ValueError(f"cells must be (L, W, 2) and hub_cells (L,), got {cells.shape} and so on")
    if rooms.ndim != 3 or rooms.shape[::2] != (levels, 3) or not rooms.size:
        raise ValueError(f"rooms must be ({levels}, R, 3), got {rooms.shape}")
    real = cells[..., 0] >= 0
    _refuse(mazes, real & ~((cells >= 0) & (cells < mazes.side)).all(axis=2), "lies outside")
    _refuse(mazes, real & (_cells_again(mazes) != np.arange(mazes.num_cells)), "comes twice")
    sizes = mazes.room_sizes
    ends = (rooms[..., 0] + sizes) > real.sum(axis=1)[:, None]
    for wrong, why in [
        (hub_cells < 1, "has no hub"),
        (sizes.max(axis=1) < 1, "has no room"),
        (ends.any(axis=1), "has a room that ends behind its last cell"),
    ]:
        for level in np.flatnonzero(wrong)[:1]:
            raise ValueError(f"maze {level} {why}")
    for level, room in np.argwhere(sizes > LARGEST_ROOM).tolist():
        row, col = cells[level, rooms[level, room, 0]].tolist()
        size = sizes[level, room]
        raise ValueError(
            f"{_where(level, row, col)}: a room has at most {LARGEST_ROOM} cells, not {size}"
        )
    for bit in range(LARGEST_ROOM):  # the i-th cell of a room lies where its rectangle has it
        level, room = np.nonzero(sizes > bit)
        start, _, cols = rooms[level, room].T
        offset = np.stack([bit // cols, bit % cols], axis=-1)
        wrong = (cells[level, start + bit] != cells[level, start] + offset).any(axis=1)
        bad = np.zeros_like(real)
        bad[level[wrong], start[wrong] + bit] = True
        _refuse(mazes, bad, "breaks its room's rectangle")
    _refuse(mazes, real & (_steps_from_hub(mazes) < 0), "cannot be reached from the hub")


def _cells_again(mazes: Mazes) -> NDArray[np.int32]:
    """(L, W): each cell, found by its row and column."""
    at = cell_at(mazes, 1)
    return at[np.arange(len(mazes))[:, None], *np.moveaxis(mazes.cells + 1, -1, 0)]


def _refuse(mazes: Mazes, bad: NDArray, why: str) -> None:
    """Raises ValueError at the first cell that is bad."""
    for level, cell in np.argwhere(bad)[:1].tolist():
        raise ValueError(f"{_where(level, *mazes.cells[level, cell].tolist())}: this cell {why}")


def _where(level: int, row: int, col: int) -> str:
    return f"maze {level}, line {row + 1}, column {col + 1}"


# --- Reading --------------------------------------------------------------------------------------


def _read(level: int, drawing: str) -> NDArray[np.str_]:
    """The signs, digits as 0; a character each."""
    lines = [line.strip() for line in drawing.splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"maze {level} is empty")
    for row, line in enumerate(lines):
        if len(line) != len(lines[0]):
            raise ValueError(
                f"maze {level}, line {row + 1}: {len(line)} columns, not {len(lines[0])} as line 1"
            )
        for col, sign in enumerate(line):
            if sign not in f"{_WALL}{_CORRIDOR}{_ROOM}0123456789":
                raise ValueError(f"{_where(level, row, col)}: unknown sign {sign!r}; {_SIGNS}")
    signs = np.array([list(line) for line in lines])
    return np.where(np.char.isdigit(signs), _HUB, signs)


def _find_parts(level: int, grid: NDArray[np.str_]) -> Level:
    hub = _places(grid == _HUB)
    rooms = [_block(level, group) for group in _groups(_places(grid == _ROOM))]
    if not hub or not rooms:
        missing = "room (o)" if hub else "hub (0)"
        raise ValueError(f"maze {level} has no {missing}")
    leading: list[list[Place]] = [[] for _ in rooms]
    for corridor in _groups(_places(grid == _CORRIDOR)):
        beside = {place for cell in corridor for place in _neighbours(cell)}
        # A corridor that leads to no room is counted with the first.
        index = next((i for i, room in enumerate(rooms) if beside & {*room.places()}), 0)
        leading[index] += corridor
    return Level(hub, [Arm(sorted(c), room) for c, room in zip(leading, rooms, strict=True)])


def _groups(places: list[Place]) -> list[list[Place]]:
    """Places that touch, group by group; both in reading order."""
    left, groups = set(places), []
    for first in places:
        group, edge = [], [first]
        while edge:
            place = edge.pop()
            if place in left:
                left.remove(place)
                group.append(place)
                edge += _neighbours(place)
        if group:
            groups.append(sorted(group))
    return groups


def _block(level: int, group: list[Place]) -> Block:
    rows, cols = zip(*group, strict=True)
    block = Block(min(rows), min(cols), max(rows) - min(rows) + 1, max(cols) - min(cols) + 1)
    for row, col in block.places():
        if (row, col) not in group:
            raise ValueError(f"{_where(level, row, col)}: a room is a rectangle; a cell is missing")
    return block


def _places(here: NDArray[np.bool_]) -> list[Place]:
    return [(row, col) for row, col in np.argwhere(here).tolist()]


def _neighbours(place: Place) -> list[Place]:
    return [(place[0] + down, place[1] + right) for down, right in MOVES]


def _padded(lists: Sequence[Iterable[Sequence[int]]], width: int, filler: int) -> NDArray[np.int16]:
    """(levels, longest, width) of lists of different lengths."""
    arrays = [np.array(rows, np.int16).reshape(-1, width) for rows in lists]
    longest = max(len(array) for array in arrays)
    return np.stack(
        [
            np.pad(array, ((0, longest - len(array)), (0, 0)), constant_values=filler)
            for array in arrays
        ]
    )
