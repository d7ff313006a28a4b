"""Waypoints: spheres in the air that reappear elsewhere when they are reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp
from jax import Array

from aerojax.aircraft import Fleet
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Objective, Points, Verdict, lost, nearest, share
from aerojax.rules.geometry import Relation, across
from aerojax.rules.world import world_of
from aerojax.state import Motion, State

if TYPE_CHECKING:
    from aerojax.config import Config

SPREAD = 0.7  # points lie within this share of the arena's radius
ALTITUDES = (2000.0, 4500.0)  # m


@dataclass(frozen=True)
class Waypoint(Objective):
    """Reach as many points as possible. With opponents it is a race for them."""

    hits: float = 1.0
    """Points reached in this step."""
    progress: float = 0.1
    """Mean approach of the team to the nearest point, km."""
    losses: float = -0.2
    """Fraction of the team lost in this step."""
    taken: float = -1.0
    """Points that the opponents reached."""
    num_points: int = 3  # pyright: ignore[reportIncompatibleVariableOverride]
    """Points at any time."""
    crew: int = 1
    """Aircraft that must be at a point at once."""

    settings: ClassVar[tuple[str, ...]] = ("num_points", "crew")
    needs_enemies: ClassVar[bool] = False
    point_radius: ClassVar[float] = 600.0
    script: ClassVar[str] = "waypoint"
    score: ClassVar[str] = "hits"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("num_points", self.num_points), ("crew", self.crew)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")

    def start(self, config: Config, state: State, relation: Relation, draws: Draws) -> Points:
        del relation
        return self._draw(config, state, draws)

    def points(self, config: Config, task: Points) -> Points:
        del config
        return task

    def judge(
        self,
        config: Config,
        fleet: Fleet,
        before: State,
        after: State,
        events: Events,
        draws: Draws,
    ) -> Verdict:
        del fleet, events
        points = before.task
        then, now = _distances(before.motion, points), _distances(after.motion, points)
        reached = (now < self.point_radius) & after.alive[:, None]
        closer = jnp.where(
            after.alive, nearest(then, jnp.bool_(True)) - nearest(now, jnp.bool_(True)), 0.0
        )
        gone = lost(before, after)

        def hit(team: slice) -> Array:
            return jnp.sum(reached[team], axis=0) >= self.crew

        def terms(own: slice, foe: slice) -> dict[str, Array]:
            return {
                "hits": jnp.sum(hit(own), axis=0).astype(jnp.float32),
                "taken": jnp.sum(hit(foe), axis=0).astype(jnp.float32),
                "progress": jnp.mean(closer[own], axis=0) / 1000.0,
                "losses": share(gone[own]),
            }

        own, foe = config.team_a
        opposed = config.num_enemies > 0
        fresh, taken = self._draw(config, after, draws), hit(own) | hit(foe)
        never = jnp.zeros_like(after.done)
        terms_a = terms(own, foe)
        return Verdict(
            task=Points(
                *(jnp.where(taken, new, old) for new, old in zip(fresh, points, strict=True))
            ),
            removed=jnp.zeros_like(after.alive),
            terms_a=terms_a,
            terms_b=terms(foe, own) if opposed else terms_a,
            win_a=never,
            win_b=never,
            over=~jnp.any(after.alive if config.selfplay else after.alive[own], axis=0),
        )

    def _draw(self, config: Config, state: State, draws: Draws) -> Points:
        x, y = draws.in_disc((self.num_points,), SPREAD * world_of(config, state).radius)
        return Points(x, y, draws.uniform((self.num_points,), *ALTITUDES))


def _distances(motion: Motion, points: Points) -> Array:
    """float32 (N, P), m."""
    squared = sum(
        across(place, point) ** 2
        for place, point in zip((motion.x, motion.y, motion.z), points, strict=True)
    )
    return jnp.sqrt(squared + 1e-6)
