"""Pursuit: catch every evader."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp
from jax import Array

from aerojax.aircraft import Fleet
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Objective, Verdict, nearest, negated, share
from aerojax.rules.formation import reach
from aerojax.rules.geometry import Relation
from aerojax.state import Motion, State

if TYPE_CHECKING:
    from aerojax.config import Config

CAPTURE_RANGE = 600.0  # m
CAPTURE_COSINE = 0.5  # of the angle between the pursuer's nose and the evader
NEARNESS_RANGE = 4000.0  # m
_SPACING = 1000.0  # m between evaders at the start, and the arena's middle between them
_SPREAD = (1000.0, 450.0)  # m along the axis and across it


@dataclass(frozen=True)
class Pursuit(Objective):
    """Be within 600 m and 60 degrees ahead of every evader once; it is then out of the game."""

    captures: float = 2.0
    """Fraction of the evaders captured in this step."""
    win: float = 4.0
    """No evader is left."""
    lose: float = -0.1
    """No pursuer is left."""
    closing: float = 0.75
    """Gain of the pursuers' mean nearness to the nearest evader, exp(-r/4000); 0 of the dead.

    Their nearness is never negative, so no crash is worth more than what it puts an end to.
    """
    time: float = -0.0005
    """Every step."""
    crashes: float = -0.1
    """Fraction of the team that crashed or collided."""

    script: ClassVar[str] = "pursuit"

    def arrange(self, config: Config, motion: Motion, axis: Array, draws: Draws) -> Motion:
        """Puts the evaders around the middle, flying anywhere."""
        del axis
        foe = config.team_a.foe
        count = config.num_enemies
        along = draws.uniform((count,), -_SPREAD[0], _SPREAD[0])
        across = draws.uniform((count,), -_SPREAD[1], _SPREAD[1])
        lane = jnp.arange(count, dtype=jnp.float32) - (count - 1) / 2
        across = across + _SPACING * lane.reshape(-1, *(1,) * (across.ndim - 1))
        heading = draws.uniform((count,), -jnp.pi, jnp.pi)
        speed = jnp.sqrt(motion.vx[foe] ** 2 + motion.vy[foe] ** 2)
        return replace(
            motion,
            x=motion.x.at[foe].set(along),
            y=motion.y.at[foe].set(across),
            vx=motion.vx.at[foe].set(speed * jnp.cos(heading)),
            vy=motion.vy.at[foe].set(speed * jnp.sin(heading)),
        )

    def reach(self, config: Config) -> float:
        lanes = _SPACING * (config.num_enemies - 1) / 2
        return max(reach(config.num_allies), math.hypot(_SPREAD[0], _SPREAD[1] + lanes))

    def start(self, config: Config, state: State, relation: Relation, draws: Draws) -> tuple:
        del config, state, relation, draws
        return ()

    def judge(
        self,
        config: Config,
        fleet: Fleet,
        before: State,
        after: State,
        events: Events,
        draws: Draws,
    ) -> Verdict:
        del fleet, draws
        own, foe = config.team_a
        flies, evades = after.alive[own], after.alive[foe]
        caught = jnp.any(
            (events.after.range < CAPTURE_RANGE)
            & (events.after.nose > CAPTURE_COSINE)
            & flies[:, None]
            & evades[None, :],
            axis=0,
        )
        win_a = ~jnp.any(evades & ~caught, axis=0)
        win_b = ~win_a & ~jnp.any(flies, axis=0)
        approach = {
            "captures": share(caught),
            "win": win_a.astype(jnp.float32),
            "lose": win_b.astype(jnp.float32),
            "closing": _closing(events, before.alive[foe], before.alive[own], flies),
        }
        time = jnp.ones_like(approach["win"])
        return Verdict(
            task=(),
            removed=jnp.concatenate([jnp.zeros_like(flies), caught]),
            terms_a=approach | {"time": time, "crashes": share(events.crashed[own])},
            terms_b=negated(approach) | {"time": -time, "crashes": share(events.crashed[foe])},
            win_a=win_a,
            win_b=win_b,
            over=win_a | win_b,
        )


def _closing(events: Events, evading: Array, flew: Array, flies: Array) -> Array:
    """float32 (): how much the pursuers' mean nearness to the nearest evader grew.

    The evaders are those of the step's start, so that a capture does not move the goal.
    """

    def nearness(relation: Relation, flying: Array) -> Array:
        near = jnp.exp(-nearest(relation.range, evading[None, :]) / NEARNESS_RANGE)
        return jnp.mean(jnp.where(flying, near, 0.0), axis=0)

    return nearness(events.after, flies) - nearness(events.before, flew)
