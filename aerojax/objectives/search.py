"""Search: look at the whole arena from low altitude."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from aerojax.aircraft import Fleet
from aerojax.batching import along_batch
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Objective, Verdict, lost, share
from aerojax.rules.geometry import Relation, frame
from aerojax.rules.world import world_of
from aerojax.state import Motion, State

if TYPE_CHECKING:
    from aerojax.config import Config

CELLS_ACROSS = 12
SIGHT = 800.0  # m over the ground within which a cell is seen
TOP = 4000.0  # m: from above nothing is seen
RINGS = (3000.0, 8000.0)  # m: outer radii of the two rings in which unseen cells are counted
OCTANTS = 8
DONE_AT = 0.95  # the share of the cells that completes the search


@dataclass(frozen=True)
class Search(Objective):
    """See 95 % of the cells of a 12 x 12 grid, those whose middle lies in the arena."""

    found: float = 2.0
    """Fraction of the cells that are seen for the first time."""
    win: float = 1.0
    """95 % of the cells are seen."""
    losses: float = -0.1
    """Fraction of the team lost in this step."""

    needs_enemies: ClassVar[bool] = False
    takes_enemies: ClassVar[bool] = False
    script: ClassVar[str] = "search"
    score: ClassVar[str] = "found"

    def start(self, config: Config, state: State, relation: Relation, draws: Draws) -> Array:
        """bool (K,): the cells already seen."""
        del relation, draws
        return jnp.any(_sees(config, state), axis=1)

    def judge(
        self,
        config: Config,
        fleet: Fleet,
        before: State,
        after: State,
        events: Events,
        draws: Draws,
    ) -> Verdict:
        del fleet, events, draws
        own = config.team_a.own
        seen = before.task | jnp.any(_sees(config, after), axis=1)
        complete = share(seen) >= DONE_AT
        gone = ~jnp.any(after.alive[own], axis=0)
        terms = {
            "found": share(seen & ~before.task),
            "win": complete.astype(jnp.float32),
            "losses": share(lost(before, after)[own]),
        }
        never = jnp.zeros_like(gone)
        return Verdict(
            task=seen,
            removed=jnp.zeros_like(after.alive),
            terms_a=terms,
            terms_b=terms,
            win_a=complete,
            win_b=never,
            over=complete | gone,
        )

    def num_features(self, config: Config) -> int:
        del config
        return OCTANTS * len(RINGS)

    def features(self, config: Config, state: State, rows: Motion) -> Array:
        """float32 (16, n): unseen cells in 8 octants of 2 rings around each aircraft.

        Octants are counted clockwise from the nose to the right, the inner ring's first; a number
        is 16 times the share of all cells that lies there unseen.
        """
        dx, dy = offsets(config, state, rows)
        ahead = frame(rows)
        forward = dx * ahead.ahead_x[None] + dy * ahead.ahead_y[None]
        right = dx * ahead.ahead_y[None] - dy * ahead.ahead_x[None]
        octant = _octant(forward, right)
        squared = dx**2 + dy**2
        unseen = ~state.task[:, None]
        rings = [squared < RINGS[0] ** 2, (squared >= RINGS[0] ** 2) & (squared < RINGS[1] ** 2)]
        count = num_cells()
        return jnp.stack(
            [
                jnp.sum(unseen & ring & (octant == i), axis=0).astype(jnp.float32) * (16.0 / count)
                for ring in rings
                for i in range(OCTANTS)
            ]
        )

    def num_world_features(self, config: Config) -> int:
        del config
        return num_cells()

    def world_features(self, config: Config, state: State) -> Array:
        del config
        return state.task.astype(jnp.float32)


def cells(radius: float) -> NDArray:
    """float32 (K, 2): x and y of the middles of the cells that lie in the arena, m."""
    return (radius * _cells_of_unit_arena()).astype(np.float32)


@cache
def _cells_of_unit_arena() -> NDArray:
    """float64 (K, 2): the same in an arena of radius 1."""
    middles = (np.arange(CELLS_ACROSS) - (CELLS_ACROSS - 1) / 2) * cell_side(1.0)
    grid = np.stack(np.meshgrid(middles, middles, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid[np.hypot(*grid.T) < 1.0]


def num_cells() -> int:
    """K, which is the same in an arena of any size."""
    return len(_cells_of_unit_arena())


def cell_side(radius: float) -> float:
    """The side of a cell, m."""
    return 2.0 * radius / CELLS_ACROSS


def offsets(config: Config, state: State, rows: Motion) -> tuple[Array, Array]:
    """x and y, float32 (K, n), from each aircraft to each cell, m."""
    radius = world_of(config, state).radius
    if isinstance(radius, float):  # rounded once, as they are drawn
        x, y = (along_batch(axis[:, None], 1, rows.x) for axis in jnp.asarray(cells(radius)).T)
    else:
        unit = _cells_of_unit_arena().T.astype(np.float32)
        x, y = (along_batch(axis[:, None], 1, rows.x) * radius[None, None] for axis in unit)
    return x - rows.x[None], y - rows.y[None]


def _sees(config: Config, state: State) -> Array:
    """bool (K, n): which cells each aircraft sees."""
    rows = state.motion
    dx, dy = offsets(config, state, rows)
    return (dx**2 + dy**2 < SIGHT**2) & (state.alive & (rows.z < TOP))[None]


def _octant(forward: Array, right: Array) -> Array:
    """int32: 0..7 clockwise from the nose, without an arc tangent."""
    to_right = right >= 0.0
    ahead = forward >= 0.0
    steep = jnp.abs(right) > jnp.abs(forward)
    quadrant_right = jnp.where(ahead, jnp.where(steep, 1, 0), jnp.where(steep, 2, 3))
    quadrant_left = jnp.where(ahead, jnp.where(steep, 6, 7), jnp.where(steep, 5, 4))
    return jnp.where(to_right, quadrant_right, quadrant_left)
