"""The state, and the way between it and the grid that people draw."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from paxmen.config import Config
from paxmen.layouts import EMPTY, WALL, Maze, look_up
from paxmen.mazes import LARGEST_ROOM


@struct.dataclass
class State:
    """One environment's state.

    A cell is an index into the W open cells in the order of the world state
    (`PaxMen.agent_positions` and `PaxMen.dots_on_grid` translate to rows and columns). Nothing
    checks a state again: one with other contents than these has no meaning, so make one by
    `PaxMen.make_state`.
    """

    layout_id: Array  # int32 (), the level, 0..L-1
    agent_cells: Array  # int32 (n,), the cell of each agent
    dots: Array  # uint32 (R,), one word a room: bit i is an active dot on its i-th cell, row by row
    step: Array  # int32 (), steps taken in this episode
    done: Array  # bool (), the episode is over


def agent_positions(maze: Maze, state: State) -> Array:
    """int32 (n, 2): row and column of each agent."""
    return jnp.asarray(maze.positions)[state.layout_id, state.agent_cells]


def grid(maze: Maze, layout_id: Array) -> Array:
    """float32 (..., G, G): -1 wall, 0 open, of the levels (...)."""
    return jnp.where(jnp.asarray(maze.cell_at)[layout_id] < 0, jnp.float32(WALL), EMPTY)


def room_positions(maze: Maze, layout_id: Array) -> tuple[Array, Array]:
    """Row and column, int32 (R, 32) each, of the cells of the dots' bits.

    What is no cell of the room lies outside of the grid, in row and column G.
    """
    start, size = (look_up(table, layout_id) for table in (maze.room_start, maze.room_cells))
    bit = jnp.arange(LARGEST_ROOM, dtype=jnp.int32)[None]
    cells = jnp.minimum(start[:, None] + bit, maze.num_cells - 1)
    places = jnp.asarray(maze.positions)[layout_id, cells]
    rows, cols = jnp.moveaxis(places, -1, 0)
    inside = bit < size[:, None]
    return jnp.where(inside, rows, maze.grid_side), jnp.where(inside, cols, maze.grid_side)


def dots_on_grid(maze: Maze, state: State) -> Array:
    """bool (G, G): the active dots."""
    bits = (state.dots[:, None] >> jnp.arange(LARGEST_ROOM, dtype=jnp.uint32)[None]) & 1
    at = room_positions(maze, state.layout_id)
    return jnp.zeros((maze.grid_side, maze.grid_side), bool).at[at].set(bits == 1, mode="drop")


def make_state(
    config: Config,
    layout_id: ArrayLike,
    positions: ArrayLike,
    dots: ArrayLike,
    step: ArrayLike,
) -> State:
    """The state with agents at `positions` (n, 2) and dots where `dots` (G, G) is true.

    `PaxMen.make_state` says what it refuses, and what becomes of that where it is traced.
    """
    maze = config.maze
    check_layout(maze, layout_id)
    _check_contents(maze, config.num_agents, layout_id, positions, dots)
    _check_step(config.max_steps, step)
    layout_id = nearest_layout(maze, layout_id)
    positions = jnp.asarray(positions, jnp.int32)
    rows, cols = jnp.moveaxis(jnp.clip(positions, 0, maze.grid_side - 1), -1, 0)
    inside = jnp.all((positions >= 0) & (positions < maze.grid_side), axis=-1)
    cells = jnp.where(inside, jnp.asarray(maze.cell_at)[layout_id, rows, cols], -1)
    at = room_positions(maze, layout_id)
    bits = jnp.asarray(dots, bool).at[at].get(mode="fill", fill_value=False).astype(jnp.uint32)
    places = jnp.arange(LARGEST_ROOM, dtype=jnp.uint32)
    step = jnp.clip(jnp.asarray(step, jnp.int32), 0, config.max_steps)
    return State(
        layout_id=layout_id,
        agent_cells=jnp.maximum(cells, 0),
        dots=jnp.sum(bits << places[None], axis=-1, dtype=jnp.uint32),
        step=step,
        done=step >= config.max_steps,
    )


def nearest_layout(maze: Maze, layout_id: ArrayLike) -> Array:
    """int32 (): the level, or the nearest that is there."""
    return jnp.clip(jnp.asarray(layout_id, jnp.int32), 0, maze.num_layouts - 1)


def check_layout(maze: Maze, layout_id: ArrayLike, name: str = "layout_id") -> None:
    """Raises for a level that is no integer (), or (unless traced) is not there."""
    _check_integers(name, layout_id, ())
    if _known(layout_id) and np.asarray(layout_id) not in range(maze.num_layouts):
        raise ValueError(f"{name} must be in 0..{maze.num_layouts - 1}, got {layout_id}")


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


def _check_step(max_steps: int, step: ArrayLike) -> None:
    _check_integers("step", step, ())
    if _known(step) and np.asarray(step) not in range(max_steps + 1):
        raise ValueError(f"step must be in 0..{max_steps}, got {step}")


def _check_contents(
    maze: Maze, num_agents: int, layout_id: ArrayLike, positions: ArrayLike, dots: ArrayLike
) -> None:
    side = maze.grid_side
    _check_integers("agent_positions", positions, (num_agents, 2))
    _check_shape("dots_on_grid", dots, (side, side))
    if not _known(layout_id):
        return
    layout = np.asarray(layout_id)
    cell_at = maze.cell_at[layout]
    start, cells = maze.room_start[:, layout], maze.room_cells[:, layout]
    for agent, (row, col) in enumerate(np.asarray(positions).tolist() if _known(positions) else []):
        inside = 0 <= row < side and 0 <= col < side
        if not inside or cell_at[row, col] < 0:
            raise ValueError(f"agent_{agent} stands on no open cell: row {row}, column {col}")
    for row, col in np.argwhere(dots).tolist() if _known(dots) else []:
        bit = cell_at[row, col] - start
        if not np.any((bit >= 0) & (bit < cells)):
            raise ValueError(f"a dot lies outside the rooms: row {row}, column {col}")
