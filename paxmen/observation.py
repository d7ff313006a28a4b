"""What agents see: sets of cells as bits, unpacked to float32 at the end.

`plain_views` says in a few lines what `views` computes.

Axes are counted from the front: the bits may be computed with a batch behind them
(`batching.batch_last`).
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from paxmen import state as states
from paxmen.batching import batch_last
from paxmen.config import Config
from paxmen.layouts import COLS, EMPTY, PART, TURN, WALL, WORD_BITS, Maze, look_up, rows_per_word
from paxmen.state import State

DOT, AGENT = 1.0, 0.1
# Every cell is looked for in every word while these are few: vector units do that faster than they
# spread the bits of one word over its cells.
_FEW_WORDS = 8


def views(config: Config, state: State) -> Array:
    """float32 (n, V * V): the window of V x V cells around each agent, row by row."""
    words = batch_last(partial(_views_as_bits, config.maze))(state)
    count = rows_per_word(config.view) * config.view
    walls, dots, agents = (
        _bits(jnp.moveaxis(word, 0, -1), count)[:, : config.view**2] for word in words
    )
    floor = jnp.where(walls, jnp.float32(WALL), EMPTY)
    return jnp.where(agents, AGENT, jnp.where(dots, DOT, floor))


def plain_views(config: Config, state: State) -> Array:
    """What `views` gives, by cutting each window out of the grid: to be read, and to test against.

    Returns:
        float32 (n, V * V).
    """
    maze, radius = config.maze, config.view // 2
    walls = states.grid(maze, state.layout_id)
    scene = jnp.pad(
        jnp.where(states.dots_on_grid(maze, state), DOT, walls), radius, constant_values=WALL
    )
    places = states.agent_positions(maze, state)

    def window(agent: Array) -> Array:
        others = jnp.delete(places, agent, axis=0, assume_unique_indices=True) + radius
        seen = scene.at[others[:, 0], others[:, 1]].set(AGENT)
        row, col = places[agent]
        return jax.lax.dynamic_slice(seen, (row, col), (config.view, config.view)).reshape(-1)

    return jax.vmap(window)(jnp.arange(config.num_agents))


def world_state(config: Config, state: State) -> Array:
    """float32 (W,): every open cell; an agent hides a dot."""
    words = batch_last(partial(_world_as_bits, config.maze))(state)
    dots, agents = (_cells(word, config.maze.num_cells) for word in words)
    return jnp.where(agents, AGENT, jnp.where(dots, jnp.float32(DOT), EMPTY))


def _views_as_bits(maze: Maze, state: State) -> tuple[Array, Array, Array]:
    """uint32 (words, n): the walls, the dots and the other agents in each agent's view."""
    walls = [look_up(word, state.layout_id, state.agent_cells) for word in maze.walls_in_view]
    return jnp.stack(walls), _dots_in_view(maze, state), _agents_in_view(maze, state)


def _dots_in_view(maze: Maze, state: State) -> Array:
    """A row of the view starts `view` bits after the one above it, a row of a room `cols` bits.

    So each row of the view turns the room's word by another difference.
    """
    view, together = maze.view, rows_per_word(maze.view)
    words = [jnp.zeros_like(state.agent_cells, jnp.uint32) for _ in maze.walls_in_view]
    for table, cells in zip(maze.seen, maze.seen_cells, strict=True):
        seen = look_up(table, state.layout_id, state.agent_cells)
        room, turn, cols = (seen >> part & PART for part in (0, TURN, COLS))
        here = room[None] == _numbers(state.dots)[:, None]
        dots = _union(jnp.where(here, state.dots[:, None], 0))
        picture = [jnp.zeros_like(dots) for _ in words]
        for row in range(view):
            word, begin = row // together, row % together * view
            ones = np.uint32(((1 << view) - 1) << begin)
            picture[word] |= _rotate(dots, turn + begin - row * cols) & ones
        for word, table in enumerate(cells):
            words[word] |= picture[word] & look_up(table, state.layout_id, state.agent_cells)
    return jnp.stack(words)


def _agents_in_view(maze: Maze, state: State) -> Array:
    place = look_up(maze.place, state.layout_id, state.agent_cells).astype(jnp.int32)
    apart = place[:, None] - place[None] + maze.agents_in_view.shape[1] // 2
    number = _numbers(place)
    oneself = number[:, None] == number[None]
    return jnp.stack(
        [_union(jnp.where(oneself, 0, look_up(bits, apart))) for bits in maze.agents_in_view]
    )


def _world_as_bits(maze: Maze, state: State) -> tuple[Array, Array]:
    """uint32 (words,): the dots and the agents in the order of the world state."""
    word_start = np.arange(0, maze.num_cells, WORD_BITS, dtype=np.int32)
    word_start = word_start.reshape(1, -1, *(1,) * state.layout_id.ndim)
    start = look_up(maze.room_start, state.layout_id)[:, None] - word_start
    left, right = (jnp.clip(x, 0, WORD_BITS - 1).astype(jnp.uint32) for x in (start, -start))
    dots = jnp.where(jnp.abs(start) < WORD_BITS, state.dots[:, None] << left >> right, 0)
    bit = state.agent_cells[:, None] - word_start
    inside = (bit >= 0) & (bit < WORD_BITS)
    agents = jnp.uint32(1) << jnp.where(inside, bit, 0).astype(jnp.uint32)
    return _union(dots), _union(jnp.where(inside, agents, 0))


def _cells(words: Array, count: int) -> Array:
    """bool (count,): which of the cells 0, 1, ... the bits of a few or many words hold."""
    if len(words) > _FEW_WORDS:
        return _bits(words, WORD_BITS)[:count]
    cell = np.arange(count)
    found = jnp.zeros(count, jnp.uint32)
    for number, word in enumerate(words):
        bit = np.uint32(1) << (cell % WORD_BITS).astype(np.uint32)
        found |= word & jnp.asarray(np.where(cell // WORD_BITS == number, bit, np.uint32(0)))
    return found != 0


def _bits(words: Array, count: int) -> Array:
    """bool (..., words * count): the lowest bits of each word, word after word."""
    bit = jnp.uint32(1) << jnp.arange(count, dtype=jnp.uint32)
    found = words[..., None] & bit.reshape(*(1,) * words.ndim, count) != 0
    return found.reshape(*words.shape[:-1], -1)


def _numbers(x: Array) -> Array:
    """0, 1, 2, ... along the first axis of `x`, as many axes as `x`."""
    return jnp.arange(len(x), dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))


def _rotate(word: Array, left: Array) -> Array:
    left &= WORD_BITS - 1
    return word << left | word >> (WORD_BITS - left & WORD_BITS - 1)


def _union(words: Array) -> Array:
    """The words of the first axis put together."""
    return jax.lax.reduce(words, jnp.uint32(0), jax.lax.bitwise_or, (0,))
