"""One step of everything but the agents' minds."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from aerojax.aircraft import Fleet
from aerojax.config import Config, Sides
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Verdict
from aerojax.pilots.scripts import SCRIPTS, transport
from aerojax.rules import arena, flight, gun, sensing
from aerojax.rules.flight import Command
from aerojax.rules.geometry import Relation, members, relate, reverse
from aerojax.rules.sensing import Sensors
from aerojax.rules.world import carried, in_gust, later, world_of
from aerojax.state import Motion, State

RULES_VERSION = 2
"""Scores compare within one version; docs/aerojax.md says what changed."""

TIME_STEP = 0.5  # s
DEEDS = ("hit", "killed", "was_hit", "crashed")
"""What `info` says of each agent: its gun hit, and that killed; it was hit itself; it crashed."""


class Outcome(NamedTuple):
    """What a step brought the teams whose aircraft are agents: A, and in self-play B."""

    reward: Array  # float32 (teams,)
    terms: Array  # float32 (T, teams), in the order of the objective's `term_names`
    win: Array  # bool (teams,)
    lose: Array  # bool (teams,)
    terminated: Array  # bool ()
    truncated: Array  # bool ()
    alive: Array  # bool (N,)
    deeds: Array  # bool (4, N), in the order of `DEEDS`


def play(
    config: Config, fleet: Fleet, state: State, commands: Command, draws: Draws
) -> tuple[State, Outcome]:
    """One step: everyone flies, looks and shoots, and the objective judges.

    A step after the episode's end pays nothing, is neither won nor lost, and ends it again.

    Args:
        config: the task.
        fleet: the slots' coefficients.
        state: the state before.
        commands: the agents' commands, in the order of their slots.
        draws: uniform numbers.
    """
    before = relate_teams(config, state.motion)
    commands = _everyones(config, fleet, state, commands)
    flown = _fly(config, fleet, state, commands, draws)
    crashed = state.alive & _crashed(config, flown)
    flying = state.alive & ~crashed
    after = relate_teams(config, flown.motion)
    looked = look(config, fleet, replace(flown, alive=flying), after, draws)
    damage, target = _shoot(config, fleet, looked, after, draws)
    damage = jnp.minimum(damage, state.hp)
    hp = jnp.where(flying, state.hp - damage, 0.0)
    alive = flying & (hp > 0.0)
    state_after = replace(
        looked, hp=hp, alive=alive, hurt=damage, target=target, step=state.step + 1
    )
    events = Events(damage, crashed, before, after)
    verdict = config.objective.judge(config, fleet, state, state_after, events, draws)
    alive = alive & ~verdict.removed
    own, foe = config.team_a
    truncated = ~verdict.over & (state_after.step >= config.max_steps)
    state_after = replace(
        state_after,
        alive=alive,
        hp=jnp.where(alive, hp, 0.0),
        seen_a=looked.seen_a & both(alive[own], alive[foe]),
        seen_b=looked.seen_b & both(alive[foe], alive[own]),
        task=verdict.task,
        done=state.done | verdict.over | truncated,
    )
    shot_down = (damage > 0.0) & (hp <= 0.0)
    deeds = jnp.stack([target >= 0, _of_target(shot_down, target), damage > 0.0, crashed])
    return state_after, _outcome(config, verdict, state.done, truncated, alive, deeds)


def relate_teams(config: Config, motion: Motion) -> Relation:
    """From team A to team B."""
    return relate(*(members(motion, side) for side in config.team_a))


def both(rows: Array, columns: Array) -> Array:
    """bool (n, m): true of the row and of the column."""
    return rows[:, None] & columns[None, :]


def look(config: Config, fleet: Fleet, state: State, relation: Relation, draws: Draws) -> State:
    """The state with what everyone detects, and the datalinks; `relation` is from A to B."""
    (own, foe), motion, alive = config.team_a, state.motion, state.alive
    world = world_of(config, state)
    visible = both(alive[own], alive[foe])
    if config.obstacles:
        visible &= arena.in_sight(state.obstacles, members(motion, own), members(motion, foe))

    def sensors(team: slice) -> Sensors:
        return Sensors(fleet.radar_range[team], world.close_range, world.radar_cosine)

    def chance(rows: int, columns: int) -> Array | None:
        return draws.uniform((rows, columns)) if config.stochastic_sensors else None

    a, b = own.stop - own.start, foe.stop - foe.start
    seen_a = sensing.detect(relation, sensors(own), visible, chance(a, b))
    seen_b = sensing.detect(reverse(relation), sensors(foe), visible.swapaxes(0, 1), chance(b, a))
    linked_a, linked_b = (
        _link(config, members(motion, side), world.link_range, draws) for side in (own, foe)
    )
    return replace(state, seen_a=seen_a, seen_b=seen_b, linked_a=linked_a, linked_b=linked_b)


def _link(config: Config, team: Motion, reach: Array | float, draws: Draws) -> Array:
    count = team.x.shape[0]
    if not config.link_dropout:
        none = jnp.zeros((count, count, *team.x.shape[1:]), bool)
        return sensing.linked(team, none, reach)
    return sensing.linked(team, draws.uniform((count, count)) < config.link_dropout, reach)


def _everyones(config: Config, fleet: Fleet, state: State, agents: Command) -> Command:
    """The commands of all slots: the agents' and the scripts'."""
    allies = config.num_allies
    parts = [jax.tree.map(lambda x: x[:allies], agents)]
    if config.objective.convoy:
        parts.append(transport(config, fleet, state))
    if config.selfplay:
        parts.append(jax.tree.map(lambda x: x[allies:], agents))
    elif config.num_enemies:
        parts.append(SCRIPTS[config.opponents](config, fleet, state, config.team_b))
    return jax.tree.map(lambda *x: jnp.concatenate(x), *parts)


def _fly(config: Config, fleet: Fleet, state: State, commands: Command, draws: Draws) -> State:
    """The state a step later in flight, in the air of that time; the dead stay."""
    guidance = flight.guided if config.control == "guided" else flight.direct
    world = later(state.world, draws, TIME_STEP)
    moved = in_gust(state.motion, state.world, world)
    moved = flight.fly(fleet, moved, commands, guidance, TIME_STEP)
    moved = carried(moved, world, TIME_STEP)
    moved = jax.tree.map(lambda new, old: jnp.where(state.alive, new, old), moved, state.motion)
    return replace(state, motion=moved, world=world)


def _crashed(config: Config, state: State) -> Array:
    """bool (N,): of the living who have flown a step."""
    world = world_of(config, state)
    return (
        arena.out_of_bounds(state.motion, world.radius, world.ceiling)
        | arena.collided(state.motion, state.alive, TIME_STEP, world.collision_range)
        | arena.inside(state.obstacles, state.motion)
    )


def _shoot(
    config: Config, fleet: Fleet, state: State, relation: Relation, draws: Draws
) -> tuple[Array, Array]:
    """Hit points that everyone is about to lose, and whom everyone fires at."""
    own, foe = config.team_a
    if not (config.objective.guns and config.num_enemies):
        nothing = jnp.zeros_like(fleet.max_hp)
        return nothing, nothing.astype(jnp.int32) - 1
    cosine = world_of(config, state).gun_cosine
    at_b = _fire(config, fleet, Sides(own, foe), relation, state.seen_a, cosine, draws)
    at_a = _fire(config, fleet, Sides(foe, own), reverse(relation), state.seen_b, cosine, draws)
    damage = jnp.concatenate([at_a.damage, at_b.damage])
    border = own.stop
    target_a = jnp.where(at_b.target < 0, -1, at_b.target + border)
    return damage, jnp.concatenate([target_a, at_a.target])


def _fire(
    config: Config,
    fleet: Fleet,
    sides: Sides,
    relation: Relation,
    seen: Array,
    cosine: Array | float,
    draws: Draws,
) -> gun.Fire:
    gun_rate = fleet.gun_rate[sides.own]
    rate = gun.damage_rate(relation, fleet.gun_range[sides.own], gun_rate, cosine)
    if config.stochastic_guns:
        chance = draws.uniform((sides.own.stop - sides.own.start,))
        rate = gun.by_chance(rate, gun_rate, chance, TIME_STEP)
    return gun.fire(rate, seen, TIME_STEP)


def _of_target(flags: Array, target: Array) -> Array:
    """bool (N,): whether it is true of the slot at which each one fired."""
    slots = jnp.arange(flags.shape[0], dtype=jnp.int32).reshape(1, -1, *(1,) * (flags.ndim - 1))
    return jnp.any((target[:, None] == slots) & flags[None, :], axis=1)


def _outcome(
    config: Config, verdict: Verdict, ended: Array, truncated: Array, alive: Array, deeds: Array
) -> Outcome:
    objective = config.objective

    def until_the_end(of_teams: list[Array]) -> Array:
        return jnp.where(ended, jnp.zeros((), of_teams[0].dtype), jnp.stack(of_teams))

    terms, ends = [verdict.terms_a], [verdict.win_a, verdict.win_b]
    if config.selfplay:
        terms.append(verdict.terms_b)
    teams = len(terms)
    return Outcome(
        reward=until_the_end([objective.reward(team) for team in terms]),
        terms=jnp.stack(
            [until_the_end([team[name] for team in terms]) for name in objective.term_names]
        ),
        win=until_the_end(ends[:teams]),
        lose=until_the_end(ends[::-1][:teams]),
        terminated=verdict.over | (ended & ~truncated),
        truncated=truncated,
        alive=alive,
        deeds=deeds,
    )
