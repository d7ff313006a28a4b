"""A full-information player: what a team that saw the whole maze could eat.

One room per agent. The agents share the rooms out so that the last dot is eaten as early as
possible, eat their room's dots in the shortest order, and wait near the middle of the room until
the dots come back. It is a heuristic, a figure to hold a trained team against, and no optimum:
it never plans beyond the dots that lie there now.

The plan is made anew from every state, so it needs no memory. It does not waver, because all agents
walk shortest paths: each step shortens the chosen plan by one and no other plan by more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from paxmen.env import PaxMen
from paxmen.layouts import EAT, build_maze
from paxmen.state import State

_DOTS_PER_ROOM = 3
_MORE_THAN_ALL_STEPS = 10_000  # of a team, to the end of its tours


@dataclass(frozen=True)
class Routes:
    """Shortest paths between the open cells, as constant tables (L layouts, W cells)."""

    distance: NDArray[np.uint8]  # (L, W, W): steps from the first cell to the second
    action: NDArray[np.uint8]  # (L, W, W): the first action on that way; on the spot, eat


@cache
def build_routes(num_agents: int) -> Routes:
    """The routes of an agent count's maze."""
    next_cell = build_maze(num_agents).next_cell[..., :EAT]
    distance = np.stack([_distances(layout) for layout in next_cell])
    # (L, W, moves, W): what would be left after each move. Two moves may be as good: the first is
    # taken, always.
    left = np.stack([d[after] for d, after in zip(distance, next_cell, strict=True)])
    action = np.where(distance == 0, EAT, left.argmin(axis=2))
    return Routes(distance.astype(np.uint8), action.astype(np.uint8))


def plan(env: PaxMen, state: State) -> dict[str, Array]:
    """Every agent's action, an int32 () each, as `env.step` takes them.

    It sees the whole state, draws nothing, and may be jitted and vmapped over states.
    """
    routes = build_routes(env.num_agents)
    dots, dots_left = _dots(env, state)
    walks, firsts = _shortest_tours(jnp.asarray(routes.distance), state, dots)
    room = _share_out(walks + dots_left[None])
    target = jnp.take_along_axis(firsts, room[:, None], axis=1)[:, 0]
    actions = jnp.asarray(routes.action)[state.layout_id, state.agent_cells, target]
    return {agent: actions[i].astype(jnp.int32) for i, agent in enumerate(env.agents)}


def _distances(next_cell: NDArray) -> NDArray:
    """(W, W) steps between cells, by breadth-first search from all cells at once."""
    cells = len(next_cell)
    reached = np.eye(cells, dtype=bool)
    distance = np.full((cells, cells), -1)
    step = 0
    while (distance < 0).any():
        distance[reached & (distance < 0)] = step
        reached |= reached[:, next_cell].any(axis=2)
        step += 1
    return distance


def _dots(env: PaxMen, state: State) -> tuple[Array, Array]:
    """The cells (n, 3) to visit in each room, and the number (n,) of dots there.

    Where fewer than three dots are left the last one is named again, which makes no tour longer;
    in an empty room it is where to wait.
    """
    start = jnp.asarray(env.maze.room_start)[:, state.layout_id]
    # Row 1 and column 1 of the room, beside its middle: three new dots are 5.60 moves away from
    # there on average, from the middle 5.74.
    wait = jnp.asarray(env.maze.room_stride)[:, state.layout_id] + 1
    word, bit = state.dots, jnp.uint32(1) << wait.astype(jnp.uint32)
    cells = []
    for _ in range(_DOTS_PER_ROOM):
        bit = jnp.where(word == 0, bit, word & (~word + 1))
        word &= ~bit
        cells.append(start + jax.lax.population_count(bit - 1).astype(jnp.int32))
    return jnp.stack(cells, axis=-1), jax.lax.population_count(state.dots).astype(jnp.int32)


def _shortest_tours(distance: Array, state: State, dots: Array) -> tuple[Array, Array]:
    """The shortest way of each agent through the dots of each room.

    Returns:
        its moves, int32 (agents, rooms), and its first dot's cell, int32 (agents, rooms).
    """
    orders = np.array(list(permutations(range(_DOTS_PER_ROOM))))
    ways = dots[:, orders]  # (rooms, orders, 3)
    between = distance[state.layout_id, ways[..., :-1], ways[..., 1:]].astype(jnp.int32)
    there = distance[state.layout_id, state.agent_cells[:, None, None], ways[None, ..., 0]]
    moves = there.astype(jnp.int32) + jnp.sum(between, axis=-1)[None]  # (agents, rooms, orders)
    best = jnp.argmin(moves, axis=-1)
    rooms = jnp.arange(len(dots), dtype=jnp.int32)[None]
    return jnp.min(moves, axis=-1), ways[rooms, best, 0]


def _share_out(steps: Array) -> Array:
    """The room (n,) for each agent, given the steps (agents, rooms) that it would take there.

    Of all assignments those that end soonest, and of these the one with the fewest steps in all.
    """
    agents = len(steps)
    assignments = np.array(list(permutations(range(agents))), np.int32)
    taken = steps[np.arange(agents)[None], assignments]  # (n!, n)
    rank = jnp.max(taken, axis=-1) * _MORE_THAN_ALL_STEPS + jnp.sum(taken, axis=-1)
    return jnp.asarray(assignments)[jnp.argmin(rank)]
