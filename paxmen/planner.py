"""A full-information player: what a team that saw the whole maze could eat.

At most one room an agent. The agents share the rooms out so that the last dot is eaten as early as
possible, eat their room's dots in the shortest order, and wait near the middle of an empty room
until the dots come back. It is a heuristic, a figure to hold a trained team against, and no
optimum: it never plans beyond the dots that lie there now, nor beyond one room an agent.

The plan is made from every state afresh, so it needs no memory. It does not waver, because all
agents walk shortest paths: each step shortens the chosen plan by one and no other plan by more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from paxmen.env import PaxMen
from paxmen.layouts import EAT, Maze, look_up
from paxmen.mazes import Mazes, flood, next_cells
from paxmen.state import State

_MOST_DOTS = 4  # of a room, in a plan: 24 orders
# Weights of what a plan avoids first; a plan of 64 agents takes fewer steps in all than either, and
# the sums stay below 2**31.
_LEFT_OUT = 100_000  # a room with dots for which no agent is left
_TOO_LATE = 10_000_000  # an agent that takes longer than the team may
_LIMIT_BITS = 10  # no agent takes 2**10 steps to the end of its tour


@dataclass(frozen=True)
class Routes:
    """The ways into the rooms, as constant tables (R rooms, D doors, L levels, W cells).

    A door is a cell of a room that one may enter. Inside of a room, which is a rectangle, the way
    from cell to cell is as long as their rows and columns are apart.
    """

    door: NDArray[np.int32]  # (R, D, L): its cell; where there are fewer, the first once more
    steps: NDArray[np.int16]  # (R, D, L, W): moves from a cell to the door


@lru_cache(maxsize=8)
def build_routes(mazes: Mazes) -> Routes:
    """The routes of a set."""
    next_cell = next_cells(mazes)
    start, size = mazes.rooms[..., 0].astype(int), mazes.room_sizes
    room_at = np.full(mazes.cells.shape[:2], -1)
    for room in range(mazes.num_rooms):
        cell = np.arange(mazes.num_cells)
        inside = cell >= start[:, room, None]
        inside &= cell < (start + size)[:, room, None]
        room_at[inside] = room
    beside = room_at[np.arange(len(mazes))[:, None, None], next_cell]
    level, cell = np.nonzero((room_at >= 0) & (beside != room_at[..., None]).any(axis=2))
    of_room = level * mazes.num_rooms + room_at[level, cell]  # sorted, as a room's cells follow
    number = np.arange(len(cell)) - np.searchsorted(of_room, of_room)
    door = np.zeros((start.size, number.max() + 1), np.int32)
    door[of_room[number == 0]] = cell[number == 0, None]
    door[of_room, number] = cell
    levels = np.repeat(np.arange(len(mazes)), door.size // len(mazes))
    steps = flood(next_cell, levels, np.arange(door.size), door.ravel())
    shape = (len(mazes), mazes.num_rooms, -1)
    return Routes(
        np.moveaxis(door.reshape(shape), 0, 2),
        np.moveaxis(steps.reshape(*shape, mazes.num_cells), 0, 2),
    )


class _Level(NamedTuple):
    """One level of a set, whose number may be traced."""

    maze: Maze
    routes: Routes
    layout_id: Array

    def of_rooms(self, table: NDArray[np.int32], room: Array) -> Array:
        """`Maze`'s tables (R, L) of rooms, for some of them."""
        return look_up(table, self.layout_id)[room]

    def steps(self, cell: Array, room: Array, dot: Array) -> Array:
        """int32: the fewest moves from a cell to one of a room, both any; shapes broadcast."""
        across = self.apart(cell, dot, room)
        ways = []
        for door, steps in zip(
            np.moveaxis(self.routes.door, 1, 0), np.moveaxis(self.routes.steps, 1, 0), strict=True
        ):
            there = jnp.asarray(steps)[room, self.layout_id, cell].astype(jnp.int32)
            ways.append(there + self.apart(look_up(door, self.layout_id)[room], dot, room))
        start = self.of_rooms(self.maze.room_start, room)
        inside = (cell >= start) & (cell < start + self.of_rooms(self.maze.room_cells, room))
        return jnp.where(inside, across, jnp.min(jnp.stack(ways), axis=0))

    def apart(self, one: Array, other: Array, room: Array) -> Array:
        """int32: rows and columns between two cells of a room."""
        start = self.of_rooms(self.maze.room_start, room)
        cols = jnp.maximum(self.of_rooms(self.maze.room_cols, room), 1)
        (row, col), (row_2, col_2) = (jnp.divmod(cell - start, cols) for cell in (one, other))
        return jnp.abs(row - row_2) + jnp.abs(col - col_2)


def plan(env: PaxMen, state: State) -> dict[str, Array]:
    """Every agent's action, an int32 () each, as `env.step` takes them.

    It sees the whole state, draws nothing, and may be jitted and vmapped over states.
    """
    level = _Level(env.maze, build_routes(env.config.mazes), state.layout_id)
    walks, firsts = _shortest_tours(level, state.agent_cells, _dots(env, state))
    dots = jax.lax.population_count(state.dots).astype(jnp.int32)
    exists = look_up(env.maze.room_cells, state.layout_id) > 0
    room = _share_out(jnp.where(exists[None], walks + dots[None], 0), dots > 0)
    # Where there are fewer rooms than agents, some have none and stay where they are.
    last = len(dots) - 1
    idle, room = (room > last) | ~exists[jnp.minimum(room, last)], jnp.minimum(room, last)
    target = jnp.take_along_axis(firsts, room[:, None], axis=1)[:, 0]
    moves = jnp.asarray(env.maze.next_cell)[state.layout_id, state.agent_cells, :EAT].astype(
        jnp.int32
    )
    after = level.steps(moves, room[:, None], target[:, None])
    # Two moves may be as good: the first is taken, always.
    stay = idle | (state.agent_cells == target)
    actions = jnp.where(stay, EAT, jnp.argmin(after, axis=1).astype(jnp.int32))
    return {agent: actions[i] for i, agent in enumerate(env.agents)}


def _dots(env: PaxMen, state: State) -> Array:
    """The cells (R, k) to visit in each room, row by row.

    Where fewer dots are left the last one is named again, which makes no tour longer; in an empty
    room it is where to wait.
    """
    start, size, cols = (
        look_up(table, state.layout_id)
        for table in (env.maze.room_start, env.maze.room_cells, env.maze.room_cols)
    )
    # Row 1 and column 1 of the room, beside its middle: three new dots of a classic room are 5.60
    # moves away from there on average, from the middle 5.74.
    wait = jnp.clip(cols + 1, 0, jnp.maximum(size - 1, 0))
    word, bit = state.dots, jnp.uint32(1) << wait.astype(jnp.uint32)
    cells = []
    for _ in range(min(env.config.dots_per_room, _MOST_DOTS)):
        bit = jnp.where(word == 0, bit, word & (~word + 1))
        word &= ~bit
        cells.append(start + jax.lax.population_count(bit - 1).astype(jnp.int32))
    return jnp.stack(cells, axis=-1)


def _shortest_tours(level: _Level, agent_cells: Array, dots: Array) -> tuple[Array, Array]:
    """The shortest way of each agent through the dots (R, k) of each room.

    Returns:
        its moves, int32 (n, R), and its first dot's cell, int32 (n, R).
    """
    orders = np.array(list(permutations(range(dots.shape[1]))))
    ways = dots[:, orders]  # (R, orders, k)
    rooms = jnp.arange(len(dots), dtype=jnp.int32)
    between = level.apart(ways[..., :-1], ways[..., 1:], rooms[:, None, None])
    there = level.steps(agent_cells[:, None, None], rooms[None, :, None], dots[None])
    moves = there[..., orders[:, 0]] + jnp.sum(between, axis=-1)[None]  # (n, R, orders)
    best = jnp.argmin(moves, axis=-1)
    return jnp.min(moves, axis=-1), ways[rooms[None], best, 0]


# --- Rooms to agents ------------------------------------------------------------------------------


def _share_out(steps: Array, has_dots: Array) -> Array:
    """The room (n,) for each agent, given the steps (n, R) that it would take there.

    Of all assignments that leave the fewest rooms with dots (R,) without an agent those that end
    soonest, and of these the one with the fewest steps in all. R and more stand for no room.
    """
    agents, rooms = steps.shape
    size = max(agents, rooms)
    # Rooms that are left out go to agents that there are not.
    costs = jnp.where(has_dots, _LEFT_OUT, 0)[None] * jnp.ones((size, 1), jnp.int32)
    costs = costs.at[:agents].set(steps)
    costs = jnp.pad(costs, ((0, 0), (0, size - rooms)))
    most = jnp.maximum(jnp.sum(has_dots, dtype=jnp.int32) - agents, 0)
    is_agent = jnp.arange(size, dtype=jnp.int32)[:, None] < agents

    def limited(limit: Array) -> Array:
        return jnp.where(is_agent & (costs > limit), _TOO_LATE, costs)

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds  # the least limit that can be kept is above `low`, and at most `high`
        middle = (low + high) // 2
        _, total = _assign(limited(middle))
        kept = total < (most + 1) * _LEFT_OUT
        return jnp.where(kept, low, middle), jnp.where(kept, middle, high)

    bounds = jnp.int32(-1), jnp.int32(2**_LIMIT_BITS - 1)
    _, limit = jax.lax.fori_loop(0, _LIMIT_BITS, halve, bounds)
    room, _ = _assign(limited(limit))
    return room[:agents]


def _assign(costs: Array) -> tuple[Array, Array]:
    """The assignment of rows to columns that costs least, by the Hungarian method.

    Row after row is added by the shortest alternating path to a free column, with the potentials of
    Kuhn and Munkres. Row and column 0 stand for none.

    Args:
        costs: int32 (N, N).

    Returns:
        the column of each row, int32 (N,), and the sum of the costs, int32 ().
    """
    size = len(costs)
    costs = jnp.pad(costs, ((1, 0), (1, 0)))
    columns = jnp.arange(size + 1, dtype=jnp.int32)
    none = jnp.zeros(size + 1, jnp.int32)
    far = jnp.int32(2**30)

    def add_row(row: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        of_row, of_column, row_at = carry
        row_at = row_at.at[0].set(row)

        def grow(search: tuple) -> tuple:
            column, of_row, of_column, nearest, before, used = search
            used = used.at[column].set(True)
            row = row_at[column]
            slack = costs[row] - of_row[row] - of_column
            nearer = ~used & (slack < nearest)
            nearest, before = jnp.where(nearer, slack, nearest), jnp.where(nearer, column, before)
            left = jnp.where(used, far, nearest)
            step = jnp.min(left)
            of_row = of_row.at[row_at].add(jnp.where(used, step, 0))
            of_column = jnp.where(used, of_column - step, of_column)
            nearest = jnp.where(used, nearest, nearest - step)
            return jnp.argmin(left).astype(jnp.int32), of_row, of_column, nearest, before, used

        search = jnp.int32(0), of_row, of_column, none + far, none, none > 0
        column, of_row, of_column, _, before, _ = jax.lax.while_loop(
            lambda search: row_at[search[0]] != 0, grow, search
        )

        def flip(path: tuple[Array, Array]) -> tuple[Array, Array]:
            column, row_at = path
            return before[column], row_at.at[column].set(row_at[before[column]])

        _, row_at = jax.lax.while_loop(lambda path: path[0] != 0, flip, (column, row_at))
        return of_row, of_column, row_at.at[0].set(0)

    *_, row_at = jax.lax.fori_loop(1, size + 1, add_row, (none, none, none))
    column_at = none.at[row_at].set(columns)[1:]
    return column_at - 1, jnp.sum(costs[1:][jnp.arange(size), column_at], dtype=jnp.int32)
