"""The rules, as functions of the maze and one environment's state.

Axes are counted from the front: `play` may be handed a batch behind them (`batching.batch_last`).
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from paxmen import draws
from paxmen.layouts import EAT, ROOM_CELLS, Maze
from paxmen.lookup import look_up
from paxmen.state import State

PENALTY = 0.025


def spawn(maze: Maze, key: Array) -> State:
    """A fresh episode: layout, dots and agents drawn uniformly."""
    hub = tuple(maze.hub_cells - agent for agent in range(maze.num_agents))
    groups = draws.group_radices((maze.num_layouts, *hub))
    words = jax.random.bits(key, (maze.num_agents + len(groups),), jnp.uint32)
    layout_id, *ranks = draws.digits(words[maze.num_agents :], groups)
    return State(
        layout_id=layout_id,
        agent_cells=draws.distinct(jnp.stack(ranks)),
        dots=draws.three_of_fifteen(words[: maze.num_agents]),
        step=jnp.int32(0),
        done=jnp.bool_(False),
    )


def play(maze: Maze, state: State, actions: Array) -> tuple[State, Array]:
    """One step, before any new dots or new episode.

    Args:
        actions: int32 (n,), 0..5.

    Returns:
        The state, and each agent's share of the dots that were eaten, float32 (n,).
    """
    state = move(maze, state, actions)
    state, share = eat(maze, state, actions)
    return tick(maze, state), share


def move(maze: Maze, state: State, actions: Array) -> State:
    """All agents move at once; a wall keeps an agent where it is."""
    cells = look_up(maze.next_cell, state.layout_id, state.agent_cells, actions)
    return replace(state, agent_cells=cells)


def eat(maze: Maze, state: State, actions: Array) -> tuple[State, Array]:
    """Agents that eat take the active dots under them, k agents on one dot 1/k each."""
    cells = state.agent_cells
    bit = cells[:, None] - look_up(maze.room_start, state.layout_id)[None]
    tries = (actions == EAT)[:, None] & (bit >= 0) & (bit < ROOM_CELLS)
    bites = jnp.uint32(1) << jnp.where(tries, bit, 0).astype(jnp.uint32)
    bites = jnp.where(tries, bites, 0) & state.dots[None]
    eats = jnp.any(bites != 0, axis=1)
    together = (cells[:, None] == cells[None]) & eats[None]
    eaters = jnp.sum(together, axis=1, dtype=jnp.int32)
    share = jnp.where(eats, 1 / jnp.maximum(eaters, 1).astype(jnp.float32), 0)
    eaten = jax.lax.reduce(bites, jnp.uint32(0), jax.lax.bitwise_or, (0,))
    return replace(state, dots=state.dots & ~eaten), share


def tick(maze: Maze, state: State) -> State:
    """The clock: an episode is over after `max_steps` steps."""
    step = state.step + 1
    return replace(state, step=step, done=step >= maze.max_steps)


def reward(share: Array) -> Array:
    """float32 (): the sum of the agents' own rewards, what each ate or else the penalty."""
    return jnp.sum(jnp.where(share > 0, share, -PENALTY))


def is_empty(state: State) -> Array:
    """bool (): no dot is left."""
    return jnp.all(state.dots == 0)


def respawn(maze: Maze, state: State, key: Array) -> State:
    """Every room draws new dots, those of `spawn(maze, key)`."""
    return replace(state, dots=spawn(maze, key).dots)


def renew(maze: Maze, state: State, key: Array) -> State:
    """A fresh episode if this one is over, else new dots: the same draws serve for both."""
    fresh = spawn(maze, key)
    ongoing = replace(state, dots=fresh.dots)
    return jax.tree.map(lambda new, old: jnp.where(state.done, new, old), fresh, ongoing)
