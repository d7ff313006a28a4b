"""What agents see: sets of cells as bits, unpacked to float32 at the end.

Axes are counted from the front: the bits may be computed with a batch behind them
(`batching.batch_last`).
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from paxmen.batching import batch_last
from paxmen.layouts import EMPTY, VIEW_CELLS, VIEW_SIDE, WALL, WORD_BITS, Maze
from paxmen.lookup import look_up
from paxmen.state import State

DOT, AGENT = 1.0, 0.1


def views(maze: Maze, state: State) -> Array:
    """float32 (n, 25): the 5 x 5 window around each agent, row by row."""
    words = batch_last(partial(_views_as_bits, maze))(state)
    bits = jnp.uint32(1) << jnp.arange(VIEW_CELLS, dtype=jnp.uint32)
    walls, dots, agents = (word[:, None] & bits[None] != 0 for word in words)
    floor = jnp.where(walls, jnp.float32(WALL), EMPTY)
    return jnp.where(agents, AGENT, jnp.where(dots, DOT, floor))


def world_state(maze: Maze, state: State) -> Array:
    """float32 (W,): every open cell; an agent hides a dot."""
    dots, agents = batch_last(partial(_world_as_bits, maze))(state)
    dot = jnp.where(_contains(dots, maze.world_bits), jnp.float32(DOT), EMPTY)
    return jnp.where(_contains(agents, maze.world_bits), AGENT, dot)


def _views_as_bits(maze: Maze, state: State) -> tuple[Array, Array, Array]:
    """uint32 (n,): the walls, the dots and the other agents in each agent's view."""
    walls = look_up(maze.walls_in_view, state.layout_id, state.agent_cells)
    return walls, _dots_in_view(maze, state), _agents_in_view(maze, state)


def _dots_in_view(maze: Maze, state: State) -> Array:
    pictures = _pictures(maze, state)
    dots = jnp.zeros_like(state.dots)
    for tables in zip(maze.seen_room, maze.seen_turn, maze.seen_cells, strict=True):
        room, turn, cells = (look_up(t, state.layout_id, state.agent_cells) for t in tables)
        picture = _union(jnp.where(room[None] == _numbers(room)[:, None], pictures[:, None], 0))
        dots |= _rotate(picture, turn) & cells
    return dots


def _agents_in_view(maze: Maze, state: State) -> Array:
    place = look_up(maze.place, state.layout_id, state.agent_cells)
    bits = look_up(maze.sight, place[:, None] - place[None] + len(maze.sight) // 2)
    number = _numbers(place)
    return _union(jnp.where(number[:, None] == number[None], 0, bits))


def _pictures(maze: Maze, state: State) -> Array:
    """uint32 (n,): each room's dots as its picture, five bits a row."""
    spread = jnp.zeros_like(state.dots)
    for row in range(VIEW_SIDE):
        spread |= (state.dots & (0b111 << 3 * row)) << 2 * row
    upright = look_up(maze.room_stride, state.layout_id) < VIEW_SIDE
    return jnp.where(upright, spread, state.dots)


def _world_as_bits(maze: Maze, state: State) -> tuple[Array, Array]:
    """uint32 (words,): the dots and the agents in the order of the world state."""
    word_start = WORD_BITS * np.arange(len(maze.world_bits), dtype=np.int32)
    word_start = word_start.reshape(1, -1, *(1,) * state.layout_id.ndim)
    start = look_up(maze.room_start, state.layout_id)[:, None] - word_start
    left, right = (jnp.clip(x, 0, WORD_BITS - 1).astype(jnp.uint32) for x in (start, -start))
    # A room's word has 15 bits: shifted right by more, nothing is left of it.
    dots = jnp.where(start < WORD_BITS, state.dots[:, None] << left >> right, 0)
    bit = state.agent_cells[:, None] - word_start
    inside = (bit >= 0) & (bit < WORD_BITS)
    agents = jnp.uint32(1) << jnp.where(inside, bit, 0).astype(jnp.uint32)
    return _union(dots), _union(jnp.where(inside, agents, 0))


def _contains(words: Array, bits: NDArray) -> Array:
    """bool (cells,): which of the cells a set of words holds."""
    found = jnp.zeros(bits.shape[1], jnp.uint32)
    for word, bit in zip(words, bits, strict=True):
        found |= word & jnp.asarray(bit)
    return found != 0


def _numbers(x: Array) -> Array:
    """0, 1, 2, ... along the first axis of `x`, as many axes as `x`."""
    return jnp.arange(len(x), dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))


def _rotate(word: Array, left: Array) -> Array:
    return word << left | word >> (WORD_BITS - left & WORD_BITS - 1)


def _union(words: Array) -> Array:
    """The words of the first axis put together."""
    return jax.lax.reduce(words, jnp.uint32(0), jax.lax.bitwise_or, (0,))
