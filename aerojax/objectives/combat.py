"""Combat: the last team that flies wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp
from flax import struct
from jax import Array

from aerojax.aircraft import Fleet
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Objective, Verdict, check_discount, lost, share
from aerojax.rules.geometry import Relation
from aerojax.state import State

if TYPE_CHECKING:
    from aerojax.config import Config

POTENTIAL_RANGE = 4000.0  # m


@struct.dataclass
class CombatTask:
    """The positional advantage of each team, float32 ()."""

    advantage_a: Array
    advantage_b: Array


@dataclass(frozen=True)
class Combat(Objective):
    """Shoot all opponents down. A draw at the time limit, or if the last of both fall at once."""

    damage_dealt: float = 1.0
    """Damage to the opponents, as a fraction of all their hit points."""
    damage_taken: float = -0.5
    """Damage to the team, as a fraction of all its hit points."""
    kills: float = 1.0
    """Fraction of the opponents lost in this step, of whatever cause."""
    losses: float = -0.5
    """Fraction of the team lost in this step."""
    crashes: float = -0.2
    """Fraction of the team that crashed or collided."""
    win: float = 2.0
    lose: float = -1.0
    shaping: float = 2.0
    """discount * advantage' - advantage: a potential, which leaves the best policy what it is."""
    discount: float = 0.99
    """The learner's discount, with which the potential telescopes. """

    settings: ClassVar[tuple[str, ...]] = ("discount",)
    guns: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_discount(self)

    def start(self, config: Config, state: State, relation: Relation, draws: Draws) -> CombatTask:
        del draws
        return _advantages(config, state, relation)

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
        (own, foe), alive = config.team_a, after.alive
        a_flies, b_flies = jnp.any(alive[own], axis=0), jnp.any(alive[foe], axis=0)
        win_a, win_b = a_flies & ~b_flies, b_flies & ~a_flies
        over = ~(a_flies & b_flies)
        task = _advantages(config, after, events.after)
        gain_a = potential_gain(before.task.advantage_a, task.advantage_a, over, self.discount)
        gain_b = potential_gain(before.task.advantage_b, task.advantage_b, over, self.discount)
        terms_a = combat_terms(own, foe, fleet, before, after, events)
        terms_b = combat_terms(foe, own, fleet, before, after, events)
        return Verdict(
            task=task,
            removed=jnp.zeros_like(alive),
            terms_a=terms_a | _ends(win_a, win_b) | {"shaping": gain_a},
            terms_b=terms_b | _ends(win_b, win_a) | {"shaping": gain_b},
            win_a=win_a,
            win_b=win_b,
            over=over,
        )


def combat_terms(
    own: slice, foe: slice, fleet: Fleet, before: State, after: State, events: Events
) -> dict[str, Array]:
    """What a team did and suffered, each as a fraction of its total."""

    def damage(team: slice) -> Array:
        return jnp.sum(events.damage[team], axis=0) / jnp.sum(fleet.max_hp[team], axis=0)

    gone = lost(before, after)
    return {
        "damage_dealt": damage(foe),
        "damage_taken": damage(own),
        "kills": share(gone[foe]),
        "losses": share(gone[own]),
        "crashes": share(events.crashed[own]),
    }


def positional_advantages(
    relation: Relation, own_alive: Array, foe_alive: Array
) -> tuple[Array, Array]:
    """float32 () each: how well the rows' team is placed, and the columns'; in [-1, 1].

    From the true state: the mean over a team of the best, over its opponents, of
    (cos A - cos B)/2 * exp(-r/4000), with A the angle off one's own nose and B that off the
    opponent's. The dead count 0.
    """
    pair = 0.5 * (relation.nose - relation.facing) * jnp.exp(-relation.range / POTENTIAL_RANGE)
    both = own_alive[:, None] & foe_alive[None, :]

    def mean_best(pair: Array, axis: int) -> Array:
        best = jnp.max(jnp.where(both, pair, -1.0), axis=axis)
        return jnp.mean(jnp.where(jnp.any(both, axis=axis), best, 0.0), axis=0)

    return mean_best(pair, 1), mean_best(-pair, 0)


def potential_gain(before: Array, after: Array, over: Array, discount: float) -> Array:
    """float32 (): discount * after - before; a terminal state has no potential."""
    return discount * jnp.where(over, 0.0, after) - before


def _advantages(config: Config, state: State, relation: Relation) -> CombatTask:
    own, foe = state.alive[config.team_a.own], state.alive[config.team_a.foe]
    return CombatTask(*positional_advantages(relation, own, foe))


def _ends(win: Array, lose: Array) -> dict[str, Array]:
    return {"win": win.astype(jnp.float32), "lose": lose.astype(jnp.float32)}
