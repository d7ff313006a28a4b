"""What an objective is: how a task starts, how a step is judged, what of it is seen."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from aerojax.aircraft import Fleet, is_number
from aerojax.batching import per_environment
from aerojax.draws import Draws
from aerojax.rules.formation import reach
from aerojax.rules.geometry import Relation, across, frame, in_yaw_frame
from aerojax.rules.world import world_of
from aerojax.state import Motion, State

if TYPE_CHECKING:
    from aerojax.config import Config


class Events(NamedTuple):
    """What happened to the aircraft in one step."""

    damage: Array  # float32 (N,), hit points lost to guns
    crashed: Array  # bool (N,), died of the ground, the bounds, an obstacle or a collision
    before: Relation  # from team A to team B, at the step's start
    after: Relation  # the same at its end


class Points(NamedTuple):
    """Places of a task. Every field is float32 (P,), in metres."""

    x: Array
    y: Array
    z: Array


class Verdict(NamedTuple):
    """How an objective judges one step."""

    task: Any  # the objective's fields after the step
    removed: Array  # bool (N,): taken out of the game, such as by capture
    terms_a: dict[str, Array]  # float32 () each: what the reward of team A is made of
    terms_b: dict[str, Array]
    win_a: Array  # bool ()
    win_b: Array
    over: Array  # bool (): the episode terminates


@dataclass(frozen=True)
class Objective:
    """What the teams are there for.

    The fields of a subclass are its `settings` and the weights of its reward's terms, which carry
    the same names: a team's reward is the sum of weight times term. A new objective is a subclass
    with `start` and `judge`, and the class attributes that differ. What cannot be a weight raises
    ValueError.

    The shapes below are those of one environment. A batch of environments may follow as the last
    axis of every array, given and returned, so axes are counted from the front: a sum over the
    aircraft names `axis=0`. `aerojax.conformance` checks it when an environment is made.
    """

    settings: ClassVar[tuple[str, ...]] = ()  # the fields that are no weights
    guns: ClassVar[bool] = False  # whether aircraft shoot
    needs_enemies: ClassVar[bool] = True
    takes_enemies: ClassVar[bool] = True
    num_points: ClassVar[int] = 0  # P; a field where it varies
    point_radius: ClassVar[float] = 0.0  # m, at which a point counts as reached
    convoy: ClassVar[tuple[str, ...]] = ()  # classes of scripted members of team A
    script: ClassVar[str] = "pursuit"  # the script that plays this task for team A
    score: ClassVar[str] = "win"  # the entry of `info` whose sum over an episode is its score

    def __post_init__(self) -> None:
        for name in self.term_names:
            weight = getattr(self, name)
            if not is_number(weight):
                where = f"{type(self).__name__}'s weight {name}"
                raise ValueError(f"{where} must be a finite number, got {weight!r}")

    def arrange(self, config: Config, motion: Motion, axis: Array, draws: Draws) -> Motion:
        """Moves aircraft that start elsewhere than their teams.

        Args:
            config: the task.
            motion: the teams abreast, before they are turned; team B lies ahead of A along x.
            axis: float32 (), the angle by which all will be turned, radians.
            draws: uniform numbers.
        """
        del config, axis, draws
        return motion

    def reach(self, config: Config) -> float:
        """How far from the arena's middle aircraft may start, m."""
        return max(reach(config.num_allies), reach(config.num_enemies))

    def start(self, config: Config, state: State, relation: Relation, draws: Draws) -> Any:
        """The task's own fields at an episode's start.

        Args:
            config: the task.
            state: the state with no task in it yet.
            relation: from team A to team B.
            draws: uniform numbers.
        """
        raise NotImplementedError

    def judge(
        self,
        config: Config,
        fleet: Fleet,
        before: State,
        after: State,
        events: Events,
        draws: Draws,
    ) -> Verdict:
        """Judges one step.

        Args:
            config: the task.
            fleet: the slots' coefficients.
            before: the state before the step.
            after: the state after flight and guns, with the task still as before.
            events: what happened in between.
            draws: uniform numbers.
        """
        raise NotImplementedError

    def points(self, config: Config, task: Any) -> Points:
        """The places that every aircraft knows; none by default."""
        del config, task
        nothing = jnp.zeros((0,), jnp.float32)
        return Points(nothing, nothing, nothing)

    def num_features(self, config: Config) -> int:
        """How many numbers `features` gives each aircraft."""
        del config
        return 5 * self.num_points

    def features(self, config: Config, state: State, rows: Motion) -> Array:
        """float32 (num_features, n): how the task looks from each of `rows`.

        For each point, feature by feature: unit vector forward, right and up, r/8000 and
        1/(1 + r/1000). No number may be larger than 16, or smaller than -16.
        """
        if not self.num_points:
            return jnp.zeros((0, *rows.x.shape), jnp.float32)
        points = self.points(config, state.task)
        x, y, z = across(points.x, rows.x), across(points.y, rows.y), across(points.z, rows.z)
        x, y, z = (-axis.swapaxes(0, 1) for axis in (x, y, z))
        distance = jnp.sqrt(x**2 + y**2 + z**2 + 1e-6)
        forward, right = in_yaw_frame(frame(rows), x, y)
        per = 1.0 / distance
        blocks = [forward * per, right * per, z * per, distance / 8000.0, 1000.0 / (distance + 1e3)]
        return jnp.concatenate([block.swapaxes(0, 1) for block in blocks])

    def num_world_features(self, config: Config) -> int:
        """How many numbers `world_features` gives."""
        del config
        return 3 * self.num_points

    def world_features(self, config: Config, state: State) -> Array:
        """float32 (num_world_features,): the task in the arena's frame."""
        if not self.num_points:
            return jnp.zeros((0, *state.step.shape), jnp.float32)
        points = self.points(config, state.task)
        radius = per_environment(world_of(config, state).radius, points.x)
        return jnp.concatenate([points.x / radius, points.y / radius, points.z / 5000.0])

    @property
    def term_names(self) -> tuple[str, ...]:
        """The terms of the reward."""
        return tuple(field.name for field in fields(self) if field.name not in self.settings)

    def reward(self, terms: dict[str, Array]) -> Array:
        """float32 (): the sum of weight times term."""
        return sum(
            (getattr(self, name) * terms[name] for name in self.term_names),
            start=jnp.zeros((), jnp.float32),
        )


def check_discount(objective: Any) -> None:
    """Raises ValueError unless the objective's `discount` lies in [0, 1]."""
    discount = objective.discount
    if not is_number(discount) or not 0.0 <= discount <= 1.0:
        raise ValueError(
            f"{type(objective).__name__}'s discount must lie in [0, 1], got {discount!r}"
        )


def share(members: Array) -> Array:
    """float32 (): the fraction of a team, bool (n,), for which it is true."""
    return jnp.mean(members.astype(jnp.float32), axis=0)


def lost(before: State, after: State) -> Array:
    """bool (N,): died or was removed in this step."""
    return before.alive & ~after.alive


def nearest(distance: Array, valid: Array) -> Array:
    """float32 (n,): the least of each row (n, m) among the valid columns; infinite without any."""
    return jnp.min(jnp.where(valid, distance, jnp.inf), axis=1, initial=jnp.inf)


def negated(terms: dict[str, Array]) -> dict[str, Array]:
    """The other team's view of a gain."""
    return {name: -term for name, term in terms.items()}
