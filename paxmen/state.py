"""The state, and the way between it and the grid that people draw."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike
from numpy.typing import NDArray

from paxmen.layouts import ROOM_CELLS, Maze
from paxmen.lookup import look_up


@struct.dataclass
class State:
    """One environment's state.

    A cell is an index into the W open cells in the order of the world state
    (`PaxMen.agent_positions` and `PaxMen.dots_on_grid` translate to rows and columns).
    """

    layout_id: Array  # int32 (), 0..3
    agent_cells: Array  # int32 (n,), the cell of each agent
    dots: Array  # uint32 (n,), one word a room: bit i is an active dot on its i-th cell, row by row
    step: Array  # int32 (), steps taken in this episode
    done: Array  # bool (), the episode is over


def agent_positions(maze: Maze, state: State) -> Array:
    """int32 (n, 2): row and column of each agent."""
    return jnp.asarray(maze.positions)[state.layout_id, state.agent_cells]


def room_positions(maze: Maze, layout_id: Array) -> Array:
    """int32 (n, 15, 2): row and column of each room's cells, in the order of the dots' bits."""
    start = look_up(maze.room_start, layout_id)
    cells = start[:, None] + jnp.arange(ROOM_CELLS, dtype=jnp.int32)[None]
    return jnp.asarray(maze.positions)[layout_id, cells]


def dots_on_grid(maze: Maze, state: State) -> Array:
    """bool (G, G): the active dots."""
    bits = (state.dots[:, None] >> jnp.arange(ROOM_CELLS, dtype=jnp.uint32)[None]) & 1
    rows, cols = jnp.moveaxis(room_positions(maze, state.layout_id), -1, 0)
    return jnp.zeros((maze.grid_side, maze.grid_side), bool).at[rows, cols].set(bits == 1)


def make_state(
    maze: Maze,
    layout_id: ArrayLike,
    positions: ArrayLike,
    dots: ArrayLike,
    step: ArrayLike,
) -> State:
    """The state with agents at `positions` (n, 2) and dots where `dots` (G, G) is true.

    Raises:
        ValueError: a wrong shape, or (unless traced) a content that no state holds.
    """
    _check_shapes(
        maze, layout_id=layout_id, agent_positions=positions, dots_on_grid=dots, step=step
    )
    if not any(isinstance(x, Tracer) for x in (layout_id, positions, dots)):
        _check_contents(maze, *map(np.asarray, (layout_id, positions, dots)))
    layout_id, step = jnp.asarray(layout_id, jnp.int32), jnp.asarray(step, jnp.int32)
    rows, cols = jnp.moveaxis(jnp.asarray(positions, jnp.int32), -1, 0)
    room_rows, room_cols = jnp.moveaxis(room_positions(maze, layout_id), -1, 0)
    bits = jnp.asarray(dots, bool)[room_rows, room_cols].astype(jnp.uint32)
    places = jnp.arange(ROOM_CELLS, dtype=jnp.uint32)
    return State(
        layout_id=layout_id,
        agent_cells=jnp.asarray(maze.cell_at)[layout_id, rows, cols],
        dots=jnp.sum(bits << places[None], axis=-1, dtype=jnp.uint32),
        step=step,
        done=step >= maze.max_steps,
    )


def _check_shapes(maze: Maze, **given: ArrayLike) -> None:
    side = maze.grid_side
    shapes = {"agent_positions": (maze.num_agents, 2), "dots_on_grid": (side, side)}
    for name, value in given.items():
        shape, valid = np.shape(value), shapes.get(name, ())
        if shape != valid:
            raise ValueError(f"{name} must have shape {valid}, got {shape}")


def _check_contents(maze: Maze, layout_id: NDArray, positions: NDArray, dots: NDArray) -> None:
    if layout_id not in range(maze.num_layouts):
        raise ValueError(f"layout_id must be in 0..{maze.num_layouts - 1}, got {layout_id}")
    cell_at, room_start = maze.cell_at[int(layout_id)], maze.room_start[:, int(layout_id)]
    for agent, (row, col) in enumerate(positions.tolist()):
        inside = 0 <= row < maze.grid_side and 0 <= col < maze.grid_side
        if not inside or cell_at[row, col] < 0:
            raise ValueError(f"agent_{agent} stands on no open cell: row {row}, column {col}")
    for row, col in np.argwhere(dots).tolist():
        bit = cell_at[row, col] - room_start
        if not np.any((bit >= 0) & (bit < ROOM_CELLS)):
            raise ValueError(f"a dot lies outside the rooms: row {row}, column {col}")
