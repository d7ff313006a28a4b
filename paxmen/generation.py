"""Mazes drawn at random: a hub, and arms that leave it, bend, and end in rooms.

Whole numbers only, from the raw output of NumPy's PCG64: the same seed draws the same mazes on any
machine and with any version of NumPy. While a level is drawn, a set of grid cells is one Python
integer, a bit for each.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from paxmen.config import MOST_AGENTS, check_integer
from paxmen.mazes import MOVES, Arm, Block, Level, Mazes, Place, assemble

_FEWEST_CELLS, _MOST_CELLS = 9, 30  # of a room
_SHORTEST_SIDE = 3  # of a room
_TRIES = 80  # of an arm, before another one makes room
_PATIENCE = 60  # arms of a level that are tried, to those that it has
_CHUNK = 4096  # random numbers at a time

_Door = tuple[Place, tuple[int, int]]  # the first place of a corridor, and its way


def generate_mazes(
    num_agents: int,
    count: int,
    seed: int,
    *,
    hub: int | None = None,
    arms: int | None = None,
    corridors: tuple[int, int] = (4, 12),
    rooms: tuple[int, int] = (_FEWEST_CELLS, _MOST_CELLS),
    turns: int = 2,
    name: str = "mazes",
) -> Mazes:
    """Draws mazes in which every room lies at the end of its own way from the hub.

    Nothing overlaps or touches: the only ways are the corridors, so that `Mazes.steps_to_rooms` is
    one more than their lengths. The first levels of a larger `count` are those of a smaller one,
    and sets that differ only in the seed have the same shapes: a team that was trained on one can
    play on another.

        >>> train, test = (paxmen.generate_mazes(8, 1024, seed) for seed in (0, 1))

    Args:
        num_agents: agents that the hub must hold, 1 to 64.
        count: levels.
        seed: of the draws, 0 or more.
        hub: rows and columns of the hub [the fewest with room for the agents, and for half as many
            doors again as arms].
        arms: rooms with a corridor each [one an agent].
        corridors: the fewest and the most cells of a corridor.
        rooms: the fewest and the most cells of a room, within 9 to 30; its sides are 3 or longer.
        turns: the most bends of a corridor.
        name: what the set is called.

    Raises:
        ValueError: an argument that cannot be, or arms that do not fit, and why.
    """
    check_integer("num_agents", num_agents, 1, MOST_AGENTS)
    check_integer("count", count, 1, 2**20)
    check_integer("seed", seed, 0, 2**63 - 1)
    arms = num_agents if arms is None else arms
    check_integer("arms", arms, 1, MOST_AGENTS)
    hub = _usual_hub(num_agents, arms) if hub is None else hub
    check_integer("hub", hub, 1, 101)
    _check_range("corridors", corridors, 1, 64)
    _check_range("rooms", rooms, _FEWEST_CELLS, _MOST_CELLS)
    check_integer("turns", turns, 0, 16)
    if hub * hub < num_agents:
        raise ValueError(f"a hub of {hub} x {hub} cells does not hold {num_agents} agents")
    if _num_doors(hub) < arms:
        raise ValueError(
            f"a hub of {hub} x {hub} cells has {_num_doors(hub)} doors, too few for {arms} arms"
        )
    shapes = [
        (rows, cols)
        for rows in range(_SHORTEST_SIDE, _MOST_CELLS + 1)
        for cols in range(_SHORTEST_SIDE, _MOST_CELLS + 1)
        if rooms[0] <= rows * cols <= rooms[1]
    ]
    if not shapes:
        raise ValueError(f"no room of {rooms[0]} to {rooms[1]} cells has sides of 3 or more")
    pen = _Pen(hub, corridors, shapes, turns, _numbers(seed))
    levels = [_draw_level(pen, arms, level) for level in range(count)]
    cells = hub**2 + arms * (corridors[1] + rooms[1])
    return assemble(pen.side, levels, name).padded(cells)


class _Pen:
    """Draws the arms of one level after another on a grid large enough for any."""

    def __init__(
        self,
        hub: int,
        corridors: tuple[int, int],
        shapes: list[tuple[int, int]],
        turns: int,
        numbers: Iterator[int],
    ) -> None:
        corner = 1 + corridors[1] + max(max(shape) for shape in shapes)
        self.side = hub + 2 * corner
        self.hub = Block(corner, corner, hub, hub)
        self._corridors, self._shapes, self._turns = corridors, shapes, turns
        self._numbers = numbers
        self._rooms = {shape: self.bits(Block(0, 0, *shape).places()) for shape in shapes}

    def below(self, limit: int) -> int:
        """A number from 0 to before the limit; its favour for low ones is below 1e-15."""
        return next(self._numbers) % limit

    def lengths(self, arms: int) -> list[int]:
        """Of so many corridors, the longest last."""
        shortest, longest = self._corridors
        return sorted(shortest + self.below(longest - shortest + 1) for _ in range(arms))

    def arm(self, door: _Door, length: int) -> Arm:
        """A corridor from a door on, and its room; they may lie where there is no place."""
        bends = min(self.below(self._turns + 1), (length - 1) // 2)
        # The stretches between bends have two cells or more, so that no corridor is two wide.
        spare = length - 1 - 2 * bends
        cuts = sorted(self.below(spare + 1) for _ in range(bends))
        stretches = [
            end - begin + (2 if begin_at else 1)
            for begin_at, (begin, end) in enumerate(zip([0, *cuts], [*cuts, spare], strict=True))
        ]
        (row, col), (down, right) = door
        corridor = []
        for bend, stretch in enumerate(stretches):
            if bend:
                row, col = row - down, col - right
                side = 1 - 2 * self.below(2)
                down, right = side * right, side * down
                row, col = row + down, col + right
            for _ in range(stretch):
                corridor.append((row, col))
                row, col = row + down, col + right
        rows, cols = self._shapes[self.below(len(self._shapes))]
        along, across = (rows, cols) if down else (cols, rows)
        beside = self.below(across)
        if down:
            top, left = (row if down > 0 else row - along + 1), col - beside
        else:
            top, left = row - beside, (col if right > 0 else col - along + 1)
        return Arm(corridor, Block(top, left, rows, cols))

    def arm_bits(self, arm: Arm) -> int:
        """The cells of an arm."""
        room = arm.room
        shift = room.top * self.side + room.left
        return self.bits(arm.corridor) | self._rooms[room.rows, room.cols] << shift

    def bits(self, places: Iterable[Place]) -> int:
        """A set of places as an integer."""
        cells = 0
        for row, col in places:
            cells |= 1 << row * self.side + col
        return cells

    def pairs(self, cells: int) -> int:
        """How many pairs of cells touch."""
        return (cells & cells >> 1).bit_count() + (cells & cells >> self.side).bit_count()


class _Drawn(NamedTuple):
    """An arm that has found its place."""

    arm: Arm
    door: _Door
    cells: int
    pairs: int  # of its cells, and of its first and the hub's, that touch


def _draw_level(pen: _Pen, arms: int, number: int) -> Level:
    """Arms that neither overlap nor touch one another.

    The longest that is missing comes first. If it finds no place, one that has makes room.
    """
    lengths, doors = pen.lengths(arms), _doors(pen.hub)
    level = pen.bits(pen.hub.places())
    pairs = pen.pairs(level)
    drawn: list[_Drawn] = []
    for _ in range(_PATIENCE * arms):
        found = _find_place(pen, lengths[-1], doors, level, pairs)
        if found is not None:
            drawn.append(found)
            doors.remove(found.door)
            lengths.pop()
            level, pairs = level | found.cells, pairs + found.pairs
            if not lengths:
                return _at_the_corner(pen.hub, [one.arm for one in drawn])
        elif drawn:
            gone = drawn.pop(pen.below(len(drawn)))
            doors.append(gone.door)
            bisect.insort(lengths, len(gone.arm.corridor))
            level, pairs = level & ~gone.cells, pairs - gone.pairs
    raise ValueError(
        f"maze {number} has no place for {arms} arms; fewer arms, a larger hub, longer corridors, "
        "more turns or smaller rooms would fit"
    )


def _find_place(
    pen: _Pen, length: int, doors: list[_Door], level: int, pairs: int
) -> _Drawn | None:
    for _ in range(_TRIES):
        door = doors[pen.below(len(doors))]
        arm = pen.arm(door, length)
        cells = pen.arm_bits(arm)
        if cells & level:
            continue
        # A pair for each step from the hub into the room, and those of the room: if there are
        # more, something touches that must not.
        rows, cols = arm.room.rows, arm.room.cols
        own_pairs = length + 1 + rows * (cols - 1) + cols * (rows - 1)
        whole = cells.bit_count() == length + rows * cols
        if whole and pen.pairs(level | cells) == pairs + own_pairs:
            return _Drawn(arm, door, cells, own_pairs)
    return None


def _at_the_corner(hub: Block, arms: list[Arm]) -> Level:
    """The level with a row and a column of wall above and left of it, its arms in reading order."""
    places = [place for arm in arms for place in (*arm.corridor, *arm.room.places())]
    up = min(hub.top, *(row for row, _ in places)) - 1
    left = min(hub.left, *(col for _, col in places)) - 1

    def moved(block: Block) -> Block:
        return block._replace(top=block.top - up, left=block.left - left)

    return Level(
        [*moved(hub).places()],
        [
            Arm(sorted((row - up, col - left) for row, col in corridor), moved(room))
            for corridor, room in sorted(arms, key=lambda arm: arm.room)
        ],
    )


def _doors(hub: Block) -> list[_Door]:
    """The places next to every second cell of the hub's sides, and the ways out."""
    doors = []
    for down, right in MOVES:
        for along in range(0, hub.rows, 2):
            row = hub.top + (along if right else -1 if down < 0 else hub.rows)
            col = hub.left + (along if down else -1 if right < 0 else hub.cols)
            doors.append(((row, col), (down, right)))
    return doors


def _usual_hub(num_agents: int, arms: int) -> int:
    """The fewest rows, an odd number, with room for the agents and half as many doors again."""
    return next(
        side
        for side in itertools.count(3, 2)
        if side**2 >= num_agents and 2 * _num_doors(side) >= 3 * arms
    )


def _num_doors(side: int) -> int:
    return 4 * ((side + 1) // 2)


def _check_range(name: str, given: tuple[int, int], lowest: int, highest: int) -> None:
    try:
        least, most = given
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair, the fewest and the most, got {given!r}") from None
    check_integer(f"the fewest cells of {name}", least, lowest, highest)
    check_integer(f"the most cells of {name}", most, least, highest)


def _numbers(seed: int) -> Iterator[int]:
    """Whole numbers of 64 random bits."""
    source = np.random.PCG64(seed)
    while True:
        yield from source.random_raw(_CHUNK).tolist()
