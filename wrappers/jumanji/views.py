"""Observations, world state and terminations of jumanji's environments: a `View` for each.

The only file that imports jumanji. `env` is jumanji's environment without wrappers, `seen` one of
its observations, `n` the number of agents.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jumanji.environments.routing.cleaner import constants as tile
from jumanji.environments.routing.cleaner.env import Cleaner
from jumanji.environments.routing.connector import constants as cell
from jumanji.environments.routing.connector.env import Connector
from jumanji.environments.routing.lbf.env import LevelBasedForaging
from jumanji.environments.routing.robot_warehouse.constants import _AGENTS
from jumanji.environments.routing.robot_warehouse.env import RobotWarehouse
from jumanji.wrappers import AutoResetWrapper, VmapAutoResetWrapper, VmapWrapper, Wrapper

from wrappers.jumanji.env import Step, View


def view_of(env: Any) -> View:
    """The view of one of jumanji's environments.

    Raises:
        TypeError: the environment is none of the four.
        ValueError: one that resets itself, holds a batch, or whose rules are broken.
    """
    bare = getattr(env, "unwrapped", env)
    found = [view for kind, view in VIEWS.items() if isinstance(bare, kind)]
    if not found:
        valid = ", ".join(kind.__name__ for kind in VIEWS)
        raise TypeError(f"from_jumanji takes jumanji's {valid}, not {type(bare).__name__}")
    while isinstance(env, Wrapper):
        if isinstance(env, (AutoResetWrapper, VmapAutoResetWrapper, VmapWrapper)):
            raise ValueError(
                f"from_jumanji takes one environment that does not reset itself, not one in "
                f"{type(env).__name__}; use wrappers.AutoReset and jax.vmap around the result"
            )
        env = env._env
    if isinstance(bare, Cleaner) and bare.num_rows != bare.num_cols:
        raise ValueError(
            f"Cleaner has {bare.num_rows} rows and {bare.num_cols} columns; valid: as many of each "
            "(jumanji takes one for the other in its action mask, and agents leave the maze)"
        )
    return found[0]


def _unit(env: Any) -> tuple[float, float]:
    return 0.0, 1.0


def _end_to_end(observe: Callable[[Any, Any], Array], env: Any, seen: Any) -> Array:
    """A world state (W,): all that the agents see."""
    return observe(env, seen).reshape(-1)


def _no_discount(step: Step) -> Array:
    """A truncation leaves a discount to some agent, or it would have ended before."""
    return jnp.all(step.timestep.discount == 0)


# --- RobotWarehouse --------------------------------------------------------------------------


def _warehouse(env: Any, seen: Any) -> Array:
    """(n, F): all features are 0 or 1, except the first two, the agent's row and column."""
    divisors = np.ones(int(env.num_obs_features), np.float32)
    divisors[:2] = np.subtract(env.grid_size, 1)
    return seen.agents_view.astype(jnp.float32) / divisors[None]


def _collided(step: Step) -> Array:
    """Some agent is not found where it stands: another has run into it.

    Jumanji's discount is 0 at a collision and at the time limit alike.
    """
    place = step.after.agents.position
    found = step.after.grid[_AGENTS, place.x, place.y]
    return jnp.any(found != jnp.arange(1, found.size + 1, dtype=found.dtype))


# --- LevelBasedForaging ----------------------------------------------------------------------


def _max_level(env: Any) -> int:
    """Of food: that of all agents together."""
    return env.num_agents * env._generator.max_agent_level


def _sees_grids(env: Any) -> bool:
    return len(env.observation_spec.agents_view.shape) == 4


def _foraging(env: Any, seen: Any) -> Array:
    """(n, 3 (foods + n)), rows, columns and levels; or as grids, (n, side, side, 3)."""
    level = _max_level(env)
    if _sees_grids(env):
        grids = jnp.moveaxis(seen.agents_view, 1, -1).astype(jnp.float32)
        return grids / np.array([level, level, 1], np.float32)[None, None, None]
    return seen.agents_view.astype(jnp.float32) / _foraging_divisors(env)[None]


def _foraging_divisors(env: Any) -> np.ndarray:
    last = env.grid_size - 1
    return np.tile(
        np.array([last, last, _max_level(env)], np.float32), env.num_food + env.num_agents
    )


def _foraging_bounds(env: Any) -> tuple[ArrayLike, ArrayLike]:
    """What is out of sight is at row and column -1, on level 0."""
    if _sees_grids(env):
        return _unit(env)
    divisors = _foraging_divisors(env)
    hidden = np.tile(np.array([-1, -1, 0], np.float32), divisors.size // 3)
    return hidden / divisors, np.ones_like(divisors)


# --- Connector -------------------------------------------------------------------------------


def _contents(grid: Array) -> tuple[Array, Array]:
    """int32 (g, g) each: what a cell holds (EMPTY, PATH, POSITION, TARGET), and whose it is."""
    kind = jnp.where(grid == cell.EMPTY, cell.EMPTY, (grid - cell.PATH) % 3 + cell.PATH)
    return kind, (grid - cell.PATH) // 3


def _connector(env: Any, seen: Any) -> Array:
    """(n, g, g, 5), each 0 or 1: own head, own target, others' heads, others' targets, paths.

    Whose a path is makes no difference: nobody may cross it.
    """
    kind, owner = _contents(seen.grid)
    head, target, path = (kind == what for what in (cell.POSITION, cell.TARGET, cell.PATH))

    def see(agent: Array) -> Array:
        own = owner == agent
        planes = [head & own, target & own, head & ~own, target & ~own, path]
        return jnp.stack(planes, axis=-1).astype(jnp.float32)

    return jax.vmap(see)(jnp.arange(env.num_agents, dtype=jnp.int32))


def _connector_world(env: Any, seen: Any) -> Array:
    """(3 g g,): paths, heads and targets, each cell of agent i holding (i + 1) / n."""
    kind, owner = _contents(seen.grid)
    number = (owner + 1).astype(jnp.float32) / env.num_agents
    planes = [
        jnp.where(kind == what, number, 0.0) for what in (cell.PATH, cell.POSITION, cell.TARGET)
    ]
    return jnp.stack(planes, axis=-1).reshape(-1)


# --- Cleaner ---------------------------------------------------------------------------------


def _tiles_and_places(env: Any, seen: Any) -> tuple[Array, Array]:
    """float32 (rows, columns, 3), dirty, clean and wall; and (n, rows, columns), each agent."""
    tiles = [seen.grid == what for what in (tile.DIRTY, tile.CLEAN, tile.WALL)]
    row, column = (
        jax.nn.one_hot(seen.agents_locations[:, axis], size, dtype=jnp.float32)
        for axis, size in enumerate(env.grid_shape)
    )
    return jnp.stack(tiles, axis=-1).astype(jnp.float32), row[:, :, None] * column[:, None, :]


def _cleaner(env: Any, seen: Any) -> Array:
    """(n, rows, columns, 5): dirty, clean, wall, own place, share of the others that are there."""
    tiles, places = _tiles_and_places(env, seen)
    others = (jnp.sum(places, axis=0, keepdims=True) - places) / max(env.num_agents - 1, 1)
    tiles = jnp.broadcast_to(tiles, (env.num_agents, *tiles.shape))
    return jnp.concatenate([tiles, places[..., None], others[..., None]], axis=-1)


def _cleaner_world(env: Any, seen: Any) -> Array:
    """(4 rows columns,): dirty, clean, wall, share of the agents that are there."""
    tiles, places = _tiles_and_places(env, seen)
    return jnp.concatenate([tiles, jnp.mean(places, axis=0)[..., None]], axis=-1).reshape(-1)


def _cleaned_or_invalid(step: Step) -> Array:
    """All is clean, or an agent went where its mask forbids; jumanji's discount is 0 at any end."""
    legal = jnp.take_along_axis(step.before.action_mask, step.actions[:, None], axis=1)
    return ~jnp.any(step.after.grid == tile.DIRTY) | ~jnp.all(legal)


VIEWS: dict[type, View] = {
    RobotWarehouse: View(_warehouse, _unit, partial(_end_to_end, _warehouse), _collided),
    LevelBasedForaging: View(
        _foraging, _foraging_bounds, partial(_end_to_end, _foraging), _no_discount
    ),
    Connector: View(_connector, _unit, _connector_world, _no_discount),
    Cleaner: View(_cleaner, _unit, _cleaner_world, _cleaned_or_invalid),
}
