"""The state, and the way between it and the grid that people draw."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from paxmen.layouts import ROOM_CELLS, Maze
from paxmen.lookup import look_up


@struct.dataclass
class State:
    """One environment's state.

    A cell is an index into the W open cells in the order of the world state
    (`PaxMen.agent_positions` and `PaxMen.dots_on_grid` translate to rows and columns). Nothing
    checks a state again: one with other contents than these has no meaning, so make one by
    `PaxMen.make_state`.
    """

    layout_id: Array  # int32 (), 0..3
    agent_cells: Array  # int32 (n,), the cell of each agent, 0..W-1
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


def grid(maze: Maze, layout_id: ArrayLike) -> Array:
    """float32 (G, G): -1 wall, 0 open; `PaxMen.grid` says what it refuses."""
    _check_layout(maze, layout_id)
    return jnp.asarray(maze.grid)[_nearest_layout(maze, layout_id)]


def make_state(
    maze: Maze,
    layout_id: ArrayLike,
    positions: ArrayLike,
    dots: ArrayLike,
    step: ArrayLike,
) -> State:
    """The state with agents at `positions` (n, 2) and dots where `dots` (G, G) is true.

    `PaxMen.make_state` says what it refuses, and what becomes of that where it is traced.
    """
    _check_layout(maze, layout_id)
    _check_contents(maze, layout_id, positions, dots)
    _check_step(maze, step)
    layout_id = _nearest_layout(maze, layout_id)
    positions = jnp.asarray(positions, jnp.int32)
    rows, cols = jnp.moveaxis(jnp.clip(positions, 0, maze.grid_side - 1), -1, 0)
    inside = jnp.all((positions >= 0) & (positions < maze.grid_side), axis=-1)
    cells = jnp.where(inside, jnp.asarray(maze.cell_at)[layout_id, rows, cols], -1)
    room_rows, room_cols = jnp.moveaxis(room_positions(maze, layout_id), -1, 0)
    bits = jnp.asarray(dots, bool)[room_rows, room_cols].astype(jnp.uint32)
    places = jnp.arange(ROOM_CELLS, dtype=jnp.uint32)
    step = jnp.clip(jnp.asarray(step, jnp.int32), 0, maze.max_steps)
    return State(
        layout_id=layout_id,
        agent_cells=jnp.maximum(cells, 0),
        dots=jnp.sum(bits << places[None], axis=-1, dtype=jnp.uint32),
        step=step,
        done=step >= maze.max_steps,
    )


def _nearest_layout(maze: Maze, layout_id: ArrayLike) -> Array:
    return jnp.clip(jnp.asarray(layout_id, jnp.int32), 0, maze.num_layouts - 1)


def _check_shape(name: str, value: ArrayLike, valid: tuple[int, ...]) -> None:
    if np.shape(value) != valid:
        raise ValueError(f"{name} must have shape {valid}, got {np.shape(value)}")


def _check_integers(name: str, value: ArrayLike, valid: tuple[int, ...]) -> None:
    _check_shape(name, value, valid)
    dtype = value.dtype if isinstance(value, jax.Array) else np.asarray(value).dtype
    if not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"{name} must be of integers, got dtype {dtype}")


def _known(*values: ArrayLike) -> bool:
    return not any(isinstance(value, Tracer) for value in values)


def _check_layout(maze: Maze, layout_id: ArrayLike) -> None:
    _check_integers("layout_id", layout_id, ())
    if _known(layout_id) and np.asarray(layout_id) not in range(maze.num_layouts):
        raise ValueError(f"layout_id must be in 0..{maze.num_layouts - 1}, got {layout_id}")


def _check_step(maze: Maze, step: ArrayLike) -> None:
    _check_integers("step", step, ())
    if _known(step) and np.asarray(step) not in range(maze.max_steps + 1):
        raise ValueError(f"step must be in 0..{maze.max_steps}, got {step}")


def _check_contents(
    maze: Maze, layout_id: ArrayLike, positions: ArrayLike, dots: ArrayLike
) -> None:
    side = maze.grid_side
    _check_integers("agent_positions", positions, (maze.num_agents, 2))
    _check_shape("dots_on_grid", dots, (side, side))
    if not _known(layout_id):
        return
    layout = np.asarray(layout_id)
    cell_at, room_start = maze.cell_at[layout], maze.room_start[:, layout]
    for agent, (row, col) in enumerate(np.asarray(positions).tolist() if _known(positions) else []):
        inside = 0 <= row < side and 0 <= col < side
        if not inside or cell_at[row, col] < 0:
            raise ValueError(f"agent_{agent} stands on no open cell: row {row}, column {col}")
    for row, col in np.argwhere(dots).tolist() if _known(dots) else []:
        bit = cell_at[row, col] - room_start
        if not np.any((bit >= 0) & (bit < ROOM_CELLS)):
            raise ValueError(f"a dot lies outside the rooms: row {row}, column {col}")
