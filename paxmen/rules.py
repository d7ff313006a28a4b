"""The rules, as functions of the maze and one environment's state."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array

from paxmen import draws
from paxmen.layouts import EAT, Maze
from paxmen.state import State

PENALTY = 0.025


def spawn(maze: Maze, key: Array) -> State:
    """A fresh episode: layout, dots and agents."""
    hub = tuple(maze.hub_cells - i for i in range(maze.num_agents))
    groups = draws.group_radices((maze.num_layouts, *hub))
    words = jax.random.bits(key, (maze.num_rooms + len(groups),), jnp.uint32)
    layout_id, *slots = draws.digits(words[maze.num_rooms :], groups)
    return State(
        layout_id=layout_id,
        agent_cells=draws.distinct(slots, maze.hub_cells),
        dots=draws.three_of_fifteen(words[: maze.num_rooms]),
        step=jnp.int32(0),
        done=jnp.bool_(False),
    )


def move(maze: Maze, state: State, actions: Array) -> State:
    """Every agent goes to its next cell at once."""
    cells = jnp.asarray(maze.next_cell)[state.layout_id, state.agent_cells, actions]
    return replace(state, agent_cells=cells)


def eat(maze: Maze, state: State, actions: Array) -> tuple[State, Array]:
    """Agents that eat share the dots under them; returns each agent's share, float32 (n,)."""
    room = jnp.asarray(maze.room_of)[state.layout_id, state.agent_cells]
    start = jnp.asarray(maze.room_start)[state.layout_id]
    rooms = jnp.arange(maze.num_rooms, dtype=jnp.int32)
    bit = (state.agent_cells[:, None] - start).astype(jnp.uint32)
    here = (room[:, None] == rooms) & (actions[:, None] == EAT)
    bites = jnp.where(here, jnp.uint32(1) << jnp.where(here, bit, 0), 0) & state.dots
    eats = jnp.any(bites != 0, axis=-1)
    together = (state.agent_cells[:, None] == state.agent_cells) & eats
    sharing = jnp.sum(together, axis=-1, dtype=jnp.int32)
    share = jnp.where(eats, 1.0 / jnp.maximum(sharing, 1).astype(jnp.float32), 0.0)
    eaten = jax.lax.reduce(bites, jnp.uint32(0), jax.lax.bitwise_or, (0,))
    return replace(state, dots=state.dots & ~eaten), share


def reward(share: Array) -> Array:
    """float32 (): the sum of the agents' own rewards."""
    return jnp.sum(jnp.where(share > 0, share, jnp.float32(-PENALTY)))


def respawn(maze: Maze, key: Array, state: State) -> tuple[State, Array]:
    """When no dot is left, every room draws new ones; returns whether it did, bool ()."""
    empty = jnp.all(state.dots == 0)
    words = jax.random.bits(key, (maze.num_rooms,), jnp.uint32)
    dots = jnp.where(empty, draws.three_of_fifteen(words), state.dots)
    return replace(state, dots=dots), empty


def count_step(maze: Maze, state: State) -> State:
    """The clock: the episode ends on step `max_steps`."""
    step = state.step + 1
    return replace(state, step=step, done=step >= maze.max_steps)
