"""Escort: bring an unarmed aircraft through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp
from flax import struct
from jax import Array

from aerojax.aircraft import Fleet
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Objective, Points, Verdict, check_discount, negated
from aerojax.objectives.combat import combat_terms, positional_advantages, potential_gain
from aerojax.rules.formation import ABREAST, DISTANCE, formation, reach
from aerojax.rules.geometry import Relation
from aerojax.state import Motion, State

if TYPE_CHECKING:
    from aerojax.config import Config

ROUTE = 10_000.0  # m from the asset's start to its destination
ASSET_SPEED = 150.0  # m/s
ALTITUDE = 3000.0  # m
_AHEAD = 800.0  # m by which the escorts start before the asset


@struct.dataclass
class EscortTask:
    """Where the asset must go, and the teams' positional advantages, all float32 ()."""

    x: Array
    y: Array
    advantage_a: Array
    advantage_b: Array


@dataclass(frozen=True)
class Escort(Objective):
    """Keep the asset alive until it arrives, or until no attacker is left."""

    damage_dealt: float = 2.0
    damage_taken: float = -0.2
    kills: float = 2.0
    losses: float = -0.2
    crashes: float = -0.1
    asset_damage: float = -1.0
    """Damage to the asset, as a fraction of its hit points."""
    arrival: float = 4.0
    """The asset arrived, or no attacker is left."""
    asset_lost: float = -2.0
    shaping: float = 3.0
    """As in Combat, of the escorts."""
    discount: float = 0.99
    """The learner's discount."""

    settings: ClassVar[tuple[str, ...]] = ("discount",)
    guns: ClassVar[bool] = True
    convoy: ClassVar[tuple[str, ...]] = ("asset",)
    num_points: ClassVar[int] = 1
    point_radius: ClassVar[float] = 600.0
    script: ClassVar[str] = "ace"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_discount(self)

    def arrange(self, config: Config, motion: Motion, axis: Array, draws: Draws) -> Motion:
        """The asset 5 km from the middle, the last rank of its escorts 800 m ahead of it."""
        del axis, draws
        asset = config.num_allies
        escorts = slice(0, asset)
        start = -ROUTE / 2
        deep = float(formation(config.num_allies)[:, 0].max())
        x = motion.x.at[escorts].add(DISTANCE + start + _AHEAD + deep).at[asset].set(start)
        still = jnp.zeros_like(motion.vy[asset])
        return replace(
            motion,
            x=x,
            y=motion.y.at[escorts]
            .set(motion.y[escorts] - jnp.mean(motion.y[escorts], axis=0)[None])
            .at[asset]
            .set(still),
            z=motion.z.at[asset].set(still + ALTITUDE),
            vx=motion.vx.at[asset].set(still + ASSET_SPEED),
            vy=motion.vy.at[asset].set(still),
        )

    def reach(self, config: Config) -> float:
        last_rank = reach(min(config.num_allies, ABREAST), ROUTE / 2 - _AHEAD)
        return max(ROUTE / 2, last_rank, reach(config.num_allies), reach(config.num_enemies))

    def start(self, config: Config, state: State, relation: Relation, draws: Draws) -> EscortTask:
        del draws
        asset = config.num_allies
        motion = state.motion
        per_speed = ROUTE / jnp.sqrt(motion.vx[asset] ** 2 + motion.vy[asset] ** 2)
        advantage_a, advantage_b = _advantages(config, state, relation)
        return EscortTask(
            x=motion.x[asset] + per_speed * motion.vx[asset],
            y=motion.y[asset] + per_speed * motion.vy[asset],
            advantage_a=advantage_a,
            advantage_b=advantage_b,
        )

    def points(self, config: Config, task: EscortTask) -> Points:
        del config
        return Points(task.x[None], task.y[None], jnp.full_like(task.x[None], ALTITUDE))

    def judge(
        self,
        config: Config,
        fleet: Fleet,
        before: State,
        after: State,
        events: Events,
        draws: Draws,
    ) -> Verdict:
        del draws
        asset, foe = config.num_allies, config.team_a.foe
        escorts = slice(0, asset)
        motion, task = after.motion, before.task
        away = (motion.x[asset] - task.x) ** 2 + (motion.y[asset] - task.y) ** 2
        arrived = after.alive[asset] & (away < self.point_radius**2)
        safe = after.alive[asset] & ~jnp.any(after.alive[foe], axis=0)
        win_a, win_b = arrived | safe, ~after.alive[asset]
        over = win_a | win_b
        advantage_a, advantage_b = _advantages(config, after, events.after)
        fate = {
            "arrival": win_a.astype(jnp.float32),
            "asset_lost": win_b.astype(jnp.float32),
            "asset_damage": events.damage[asset] / fleet.max_hp[asset],
        }
        gain_a = potential_gain(task.advantage_a, advantage_a, over, self.discount)
        gain_b = potential_gain(task.advantage_b, advantage_b, over, self.discount)
        terms_a = combat_terms(escorts, foe, fleet, before, after, events)
        terms_b = combat_terms(foe, escorts, fleet, before, after, events)
        return Verdict(
            task=replace(task, advantage_a=advantage_a, advantage_b=advantage_b),
            removed=jnp.zeros_like(after.alive),
            terms_a=terms_a | fate | {"shaping": gain_a},
            terms_b=terms_b | negated(fate) | {"shaping": gain_b},
            win_a=win_a,
            win_b=win_b,
            over=over,
        )


def _advantages(config: Config, state: State, relation: Relation) -> tuple[Array, Array]:
    """The escorts' advantage over the attackers, and the attackers' over all of team A."""
    own, foe = state.alive[config.team_a.own], state.alive[config.team_a.foe]
    escorts = slice(0, config.num_allies)
    of_escorts = Relation(*(field[escorts] for field in relation))
    return (
        positional_advantages(of_escorts, own[escorts], foe)[0],
        positional_advantages(relation, own, foe)[1],
    )
