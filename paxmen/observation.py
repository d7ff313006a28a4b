"""What agents see: sets of cells as bits, unpacked into float32 at the end."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from paxmen.layouts import EMPTY, ROOM_CELLS, VIEW_CELLS, VIEW_SIDE, WALL, Maze
from paxmen.state import State, agent_positions

DOT, AGENT = 1.0, 0.1
_WORD = 32


def views(maze: Maze, state: State) -> Array:
    """float32 (n, 25): the 5x5 window around each agent, row by row."""
    at = (state.layout_id, state.agent_cells)
    walls = jnp.asarray(maze.walls_in_view)[at]
    dots = _dots_in_view(maze, state)
    agents = _agents_in_view(maze, state)
    bits = jnp.arange(VIEW_CELLS, dtype=jnp.uint32)

    def shows(words: Array) -> Array:
        return (words[:, None] >> bits) & 1 == 1

    floor = jnp.where(shows(walls), jnp.float32(WALL), jnp.float32(EMPTY))
    return jnp.where(shows(agents), AGENT, jnp.where(shows(dots), DOT, floor))


def _dots_in_view(maze: Maze, state: State) -> Array:
    """uint32 (n,): the dots in each agent's window."""
    at = (state.layout_id, state.agent_cells)
    room = jnp.asarray(maze.seen_room)[at]
    stride = jnp.asarray(maze.room_stride)[state.layout_id, room]
    word = state.dots[room]
    # A room three columns wide takes five columns of the picture.
    spread = jnp.zeros_like(word)
    for row in range(VIEW_SIDE):
        spread |= (word & jnp.uint32(0b111 << 3 * row)) << 2 * row
    picture = jnp.where(stride == VIEW_SIDE, word, spread)
    shift = jnp.asarray(maze.seen_shift)[at]
    left, right = (jnp.maximum(s, 0).astype(jnp.uint32) for s in (shift, -shift))
    seen = (picture << left) >> right & jnp.asarray(maze.seen_mask)[at]
    return jax.lax.reduce(seen, jnp.uint32(0), jax.lax.bitwise_or, (1,))


def _agents_in_view(maze: Maze, state: State) -> Array:
    """uint32 (n,): the other agents in each agent's window."""
    positions = agent_positions(maze, state)
    offset = positions - positions[:, None] + VIEW_SIDE // 2
    inside = jnp.all((offset >= 0) & (offset < VIEW_SIDE), axis=-1)
    inside &= ~jnp.eye(maze.num_agents, dtype=bool)
    bit = jnp.where(inside, VIEW_SIDE * offset[..., 0] + offset[..., 1], 0).astype(jnp.uint32)
    bits = jnp.where(inside, jnp.uint32(1) << bit, 0)
    return jax.lax.reduce(bits, jnp.uint32(0), jax.lax.bitwise_or, (1,))


def world_state(maze: Maze, state: State) -> Array:
    """float32 (W,): the hub row by row, then each arm's corridor and room."""
    cells = jnp.arange(maze.num_cells, dtype=jnp.int32)
    agents = jnp.any(state.agent_cells[:, None] == cells, axis=0)
    start = jnp.asarray(maze.room_start)[state.layout_id]
    bits = (state.dots[:, None] >> jnp.arange(ROOM_CELLS, dtype=jnp.uint32)) & 1
    places = start[:, None] + jnp.arange(ROOM_CELLS, dtype=jnp.int32)
    dots = jnp.zeros(maze.num_cells, bool).at[places].set(bits == 1)
    return jnp.where(agents, AGENT, jnp.where(dots, jnp.float32(DOT), jnp.float32(EMPTY)))
