"""The rules, as functions of the maze and one environment's state."""

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
    """A fresh episode: layout, dots and agents."""
    hub = tuple(maze.hub_cells - i for i in range(maze.num_agents))
    groups = draws.group_radices((maze.num_layouts, *hub))
    words = jax.random.bits(key, (maze.num_rooms + len(groups),), jnp.uint32)
    layout_id, *ranks = draws.digits(words[maze.num_rooms :], groups)
    return State(
        layout_id=layout_id,
        agent_cells=draws.distinct(jnp.stack(ranks)),
        dots=draws.three_of_fifteen(words[: maze.num_rooms]),
        step=jnp.int32(0),
        done=jnp.bool_(False),
    )


def play(maze: Maze, state: State, actions: Array) -> tuple[State, Array]:
    """Agents move, then eat; returns each agent's share of the dots, float32 (n,)."""
    return eat(maze, move(maze, state, actions), actions)


def move(maze: Maze, state: State, actions: Array) -> State:
    """Every agent goes to its next cell at once."""
    cells = look_up(maze.next_cell, state.layout_id, state.agent_cells, actions)
    return replace(state, agent_cells=cells)


def eat(maze: Maze, state: State, actions: Array) -> tuple[State, Array]:
    """Agents that eat share the dots under them; returns each agent's share, float32 (n,)."""
    cells, start = state.agent_cells, look_up(maze.room_start, state.layout_id)
    bit = cells[:, None] - start[None]
    tries = (actions == EAT)[:, None] & (bit >= 0) & (bit < ROOM_CELLS)
    bites = jnp.where(tries, jnp.uint32(1) << jnp.where(tries, bit, 0).astype(jnp.uint32), 0)
    bites &= state.dots[None]
    eats = jnp.any(bites != 0, axis=1)
    together = (cells[:, None] == cells[None]) & eats[None]
    sharing = jnp.sum(together, axis=1, dtype=jnp.float32)
    share = jnp.where(eats, 1 / jnp.maximum(sharing, 1), 0)
    eaten = jax.lax.reduce(bites, jnp.uint32(0), jax.lax.bitwise_or, (0,))
    return replace(state, dots=state.dots & ~eaten), share


def reward(share: Array) -> Array:
    """float32 (): the sum of the agents' own rewards."""
    return jnp.sum(jnp.where(share > 0, share, jnp.float32(-PENALTY)), axis=0)


def is_empty(state: State) -> Array:
    """bool (): no dot is left."""
    return jnp.all(state.dots == 0, axis=0)


def respawn(maze: Maze, key: Array, state: State) -> State:
    """Every room draws new dots."""
    return replace(state, dots=spawn(maze, key).dots)


def renew(maze: Maze, key: Array, state: State) -> State:
    """A fresh episode when this one is over, else new dots."""
    fresh = spawn(maze, key)
    ongoing = replace(state, dots=fresh.dots)
    return jax.tree.map(lambda new, old: jnp.where(state.done, new, old), fresh, ongoing)


def count_step(maze: Maze, state: State) -> State:
    """The clock: the episode ends on step `max_steps`."""
    step = state.step + 1
    return replace(state, step=step, done=step >= maze.max_steps)
