"""What agents see: sets of cells as bits, unpacked into float32 at the end."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from paxmen.batching import batch_last
from paxmen.layouts import EMPTY, VIEW_CELLS, VIEW_SIDE, WALL, Maze
from paxmen.lookup import look_up
from paxmen.state import State

DOT, AGENT = 1.0, 0.1


def views(maze: Maze, state: State) -> Array:
    """float32 (n, 25): the 5x5 window around each agent, row by row."""
    words = batch_last(lambda state: _views_as_bits(maze, state))(state)
    bits = jnp.uint32(1) << jnp.arange(VIEW_CELLS, dtype=jnp.uint32)
    walls, dots, agents = (word[:, None] & bits[None] != 0 for word in words)
    floor = jnp.where(walls, jnp.float32(WALL), jnp.float32(EMPTY))
    return jnp.where(agents, AGENT, jnp.where(dots, DOT, floor))


def _views_as_bits(maze: Maze, state: State) -> tuple[Array, Array, Array]:
    """uint32 (n,): the walls, dots and other agents in each agent's window."""
    walls = look_up(maze.walls_in_view, state.layout_id, state.agent_cells)
    return walls, _dots_in_view(maze, state), _agents_in_view(maze, state)


def _dots_in_view(maze: Maze, state: State) -> Array:
    # A room three columns wide takes five columns of the picture.
    spread = jnp.zeros_like(state.dots)
    for row in range(VIEW_SIDE):
        spread |= (state.dots & (0b111 << 3 * row)) << 2 * row
    upright = look_up(maze.room_stride, state.layout_id) < VIEW_SIDE
    pictures = jnp.where(upright, spread, state.dots)
    room, shift, mask = (
        look_up(table, state.layout_id, state.agent_cells)
        for table in (maze.seen_room, maze.seen_shift, maze.seen_mask)
    )
    picture = pictures[0]
    for index in range(1, maze.num_rooms):
        picture = jnp.where(room == index, pictures[index], picture)
    left, right = (jnp.maximum(s, 0).astype(jnp.uint32) for s in (shift, -shift))
    return _union((picture << left) >> right & mask)


def _agents_in_view(maze: Maze, state: State) -> Array:
    place = look_up(maze.place, state.layout_id, state.agent_cells)
    bits = look_up(maze.sight, place[:, None] - place[None] + len(maze.sight) // 2)
    agent = jnp.arange(maze.num_agents)
    others = agent[:, None] != agent[None]
    return _union(jnp.where(others.reshape(others.shape + (1,) * (bits.ndim - 2)), bits, 0))


def world_state(maze: Maze, state: State) -> Array:
    """float32 (W,): the hub row by row, then each arm's corridor and room."""
    cells = jnp.arange(maze.num_cells, dtype=jnp.int32)
    agents = jnp.any(state.agent_cells[:, None] == cells[None], axis=0)
    # A word has no bit 31, where the cells before and behind its room end up.
    bit = cells[None] - look_up(maze.room_start, state.layout_id)[:, None]
    dots = _union(state.dots[:, None] >> jnp.minimum(bit.astype(jnp.uint32), 31)) & 1
    return jnp.where(agents, AGENT, dots.astype(jnp.float32))


def _union(words: Array) -> Array:
    """Over the first axis."""
    return jax.lax.reduce(words, jnp.uint32(0), jax.lax.bitwise_or, (0,))
