"""The rules, as functions of the options and one environment's state.

Axes are counted from the front: `play` may be handed a batch behind them (`batching.batch_last`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from paxmen import draws
from paxmen.config import Config
from paxmen.layouts import EAT, look_up
from paxmen.state import State


class Words(NamedTuple):
    """The random words of one reset or respawn, uint32."""

    dots: Array  # (words a room, R)
    start: Array  # (words,): the level, and the agents' cells


def spawn(config: Config, key: Array, level: ArrayLike | None = None) -> State:
    """A fresh episode: dots and agents drawn uniformly, and the level too if it is left out."""
    return _start(config, _draw(config, key), level)


def play(config: Config, state: State, actions: Array) -> tuple[State, Array]:
    """One step, before any new dots or new episode.

    Args:
        actions: int32 (n,), 0..5.

    Returns:
        The state, and each agent's share of the dots that were eaten, float32 (n,).
    """
    state = move(config, state, actions)
    state, share = eat(config, state, actions)
    return tick(config, state), share


def move(config: Config, state: State, actions: Array) -> State:
    """All agents move at once; a wall keeps an agent where it is."""
    cells = look_up(config.maze.next_cell, state.layout_id, state.agent_cells, actions)
    return replace(state, agent_cells=cells.astype(jnp.int32))


def eat(config: Config, state: State, actions: Array) -> tuple[State, Array]:
    """Agents that eat take the active dots under them, k agents on one dot 1/k each."""
    cells = state.agent_cells
    bit = cells[:, None] - look_up(config.maze.room_start, state.layout_id)[None]
    inside = (bit >= 0) & (bit < look_up(config.maze.room_cells, state.layout_id)[None])
    tries = (actions == EAT)[:, None] & inside
    bites = jnp.uint32(1) << jnp.where(tries, bit, 0).astype(jnp.uint32)
    bites = jnp.where(tries, bites, 0) & state.dots[None]
    eats = jnp.any(bites != 0, axis=1)
    together = (cells[:, None] == cells[None]) & eats[None]
    eaters = jnp.sum(together, axis=1, dtype=jnp.int32)
    share = jnp.where(eats, 1 / jnp.maximum(eaters, 1).astype(jnp.float32), 0)
    eaten = jax.lax.reduce(bites, jnp.uint32(0), jax.lax.bitwise_or, (0,))
    return replace(state, dots=state.dots & ~eaten), share


def tick(config: Config, state: State) -> State:
    """The clock: an episode is over after `max_steps` steps."""
    step = state.step + 1
    return replace(state, step=step, done=step >= config.max_steps)


def rewards(config: Config, share: Array) -> Array:
    """float32 (n,): each agent's own, what it ate or else the penalty."""
    return jnp.where(share > 0, share, -config.penalty)


def dots_return(config: Config, state: State) -> Array:
    """bool (): dots come back now, in one room or in all."""
    empty = state.dots == 0
    if config.respawn == "all":
        return jnp.all(empty)
    if config.respawn == "room":
        return jnp.any(empty & _rooms(config, state))
    return jnp.bool_(False)


def respawn(config: Config, state: State, key: Array) -> State:
    """New dots, those of `spawn(config, key, state.layout_id)`, in the rooms that draw now."""
    return _refill(config, state, _draw(config, key))


def restart_or_respawn(config: Config, state: State, key: Array) -> State:
    """A fresh episode if this one is over, else new dots: the same words serve for both."""
    words = _draw(config, key)
    fresh, ongoing = _start(config, words, None), _refill(config, state, words)
    return jax.tree.map(lambda new, old: jnp.where(state.done, new, old), fresh, ongoing)


# --- Draws ----------------------------------------------------------------------------------------


def _draw(config: Config, key: Array) -> Words:
    rooms, dots = config.maze.num_rooms, len(_dot_groups(config))
    words = jax.random.bits(key, (rooms * dots + len(_start_groups(config)),), jnp.uint32)
    return Words(words[: rooms * dots].reshape(dots, rooms), words[rooms * dots :])


def _start(config: Config, words: Words, level: ArrayLike | None) -> State:
    num_layouts = config.maze.num_layouts
    layout_id = (words.start[0] % num_layouts).astype(jnp.int32)
    if level is not None:
        layout_id = jnp.asarray(level, jnp.int32)
    hub = look_up(config.maze.hub_cells, layout_id).astype(jnp.uint32)
    radices = [num_layouts, *(hub - agent for agent in range(config.num_agents))]
    _, *ranks = draws.digits(words.start, radices, _start_groups(config))
    return State(
        layout_id=layout_id,
        agent_cells=draws.distinct(jnp.stack(ranks).astype(jnp.int32)),
        dots=_dots(config, words, layout_id),
        step=jnp.int32(0),
        done=jnp.bool_(False),
    )


def _refill(config: Config, state: State, words: Words) -> State:
    dots = _dots(config, words, state.layout_id)
    if config.respawn == "room":
        dots = jnp.where(state.dots == 0, dots, state.dots)
    if config.respawn == "never":
        dots = state.dots
    return replace(state, dots=dots)


def _dots(config: Config, words: Words, layout_id: Array) -> Array:
    """uint32 (R,): new dots in every room of a level."""
    sizes = look_up(config.maze.room_cells, layout_id)
    drawn = draws.subset(
        words.dots,
        jnp.maximum(sizes, config.dots_per_room).astype(jnp.uint32),
        config.dots_per_room,
        _dot_groups(config),
    )
    return jnp.where(sizes > 0, drawn, 0)


def _rooms(config: Config, state: State) -> Array:
    """bool (R,): the rooms that the level has."""
    return look_up(config.maze.room_cells, state.layout_id) > 0


def _dot_groups(config: Config) -> tuple[tuple[int, ...], ...]:
    return draws.subset_groups(int(config.maze.room_cells.max()), config.dots_per_room)


def _start_groups(config: Config) -> tuple[tuple[int, ...], ...]:
    hub = int(config.maze.hub_cells.max())
    return draws.group_radices(
        (config.maze.num_layouts, *(hub - agent for agent in range(config.num_agents)))
    )
