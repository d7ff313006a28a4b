"""What each aircraft sees, and what there is. A batch axis may follow all others."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from aerojax.aircraft import CLASSES, GRAVITY, AircraftClass, Fleet, build_fleet
from aerojax.batching import along_batch, per_environment
from aerojax.config import Config, Sides
from aerojax.rules import flight, sensing
from aerojax.rules.geometry import Frame, across, frame, members, relate
from aerojax.rules.world import measured, world_of
from aerojax.state import Motion, State
from aerojax.variation import AIRCRAFT_FIGURES, Variation, bounds

OWN_FEATURES = 16  # under direct control one more
OTHER_FEATURES = 12
OBSTACLE_FEATURES = 4
WORLD_FEATURES = 9  # per aircraft
LARGEST = 16.0  # what a feature of the task may be
FASTEST = 1000.0  # m/s: nothing here flies that fast
LARGEST_ERROR = 10.4  # deviations along three axes: a drawn normal number is at most 6


def size(config: Config) -> int:
    """F, the length of one agent's observation."""
    return (
        _num_own_features(config)
        + OTHER_FEATURES * config.num_aircraft
        + _num_class_features(config)
        + _num_figures(config)
        + config.objective.num_features(config)
        + OBSTACLE_FEATURES * config.obstacles
    )


def world_size(config: Config) -> int:
    """W, the length of the world state."""
    aircraft = WORLD_FEATURES * config.num_aircraft
    return aircraft + 1 + config.objective.num_world_features(config) + 4 * config.obstacles


def bound(config: Config) -> float:
    """What no number of an agent's observation exceeds, nor falls below its negative."""
    drawn = config.variation or Variation()
    radius, ceiling = (
        getattr(config, name) if getattr(drawn, name) is None else bounds(getattr(drawn, name))[1]
        for name in ("radius", "ceiling")
    )
    error = LARGEST_ERROR * bounds(drawn.noise or 0.0)[1]
    longest = (math.hypot(2.0 * radius, ceiling) + error) / 8000.0
    energy = (ceiling + FASTEST**2 * (0.5 / GRAVITY)) / 1e4
    classes = [
        c for c in (*config.classes, *drawn.allies, *drawn.enemies) if not isinstance(c, str)
    ]
    health = 2.0 * max(c.hit_points for c in classes) * bounds(drawn.hit_points)[1]
    return max(LARGEST, longest, energy, health, _largest_figure(classes, drawn))


def _largest_figure(classes: list[AircraftClass], drawn: Variation) -> float:
    """What no coefficient over the fighter's exceeds, where agents see their own."""
    if drawn.observed == "nothing":
        return 0.0
    fighter, fleet = build_fleet([CLASSES["fighter"]]), build_fleet(classes)
    most = {name: bounds(getattr(drawn, name))[1] for name in AIRCRAFT_FIGURES}
    wing = most["wing_area"] / bounds(drawn.mass)[0]
    multiples = (
        most["cd0"] * wing,
        most["k"] * most["cl_max"] ** 2 * wing,
        most["cl_max"] * wing,
        most["thrust"] / bounds(drawn.mass)[0],
        most["thrust"] / bounds(drawn.mass)[0],
        *(most[name] for name in AIRCRAFT_FIGURES[-5:]),
    )
    shares = (max(mine) / one[0] for mine, one in zip(fleet, fighter, strict=True))
    return 1.001 * max(a * b for a, b in zip(shares, multiples, strict=True))


class Sight(NamedTuple):
    """Everything that is shown of a state."""

    agents: list[Array]  # float32 (F,) each: the allies', and in self-play the enemies'
    world: Array  # float32 (W,)


def observe(config: Config, fleet: Fleet, state: State) -> Sight:
    """What each agent sees, and what there is.

    All that an agent sees is zero if it is dead, and so is all about those whom it does not see.
    """
    slots = config.agent_slots

    def of_agents(values: Any) -> Any:
        return jax.tree.map(lambda x: jnp.concatenate([x[part] for part in slots]), values)

    motion, alive = of_agents(state.motion), of_agents(state.alive)
    axes = frame(motion)
    own_fleet = of_agents(fleet)
    blocks = [
        _own(config, own_fleet, motion, axes, state, of_agents((state.hp, state.hurt))),
        _classes(config, motion),
        _figures(config, own_fleet, motion),
        config.objective.features(config, state, motion),
        _obstacles(state, motion, axes),
    ]
    others = _all_others(config, fleet, state, motion, axes)

    # An array for each agent from here on: one for all is compiled to a step twice as slow.
    def row(agent: int) -> Array:
        own, *rest = (block[:, agent] for block in blocks)
        team_first = _team_first(config, others[:, :, agent], agent)
        return jnp.where(alive[agent][None], jnp.concatenate([own, team_first, *rest]), 0.0)

    return Sight([row(agent) for agent in range(config.num_agents)], world_state(config, state))


def _team_first(config: Config, others: Array, agent: int) -> Array:
    """float32 (12 N,) of (12, N): the agent's own team first, then its opponents."""
    if agent >= config.num_allies:
        border = config.team_a.own.stop
        others = jnp.concatenate([others[:, border:], others[:, :border]], axis=1)
    return others.reshape(-1, *others.shape[2:])


def world_state(config: Config, state: State, sides: Sides | None = None) -> Array:
    """float32 (W,): every aircraft in the arena's frame, the time and the task.

    Args:
        config: the task.
        state: what there is.
        sides: whose aircraft come first; team A's if left out.
    """
    motion, alive = state.motion, state.alive
    radius = per_environment(world_of(config, state).radius, motion.x)
    blocks = [
        jnp.ones_like(motion.x),
        motion.x / radius,
        motion.y / radius,
        motion.z / 5000.0,
        motion.vx / 300.0,
        motion.vy / 300.0,
        motion.vz / 300.0,
        state.hp,
        motion.throttle,
    ]
    blocks = [jnp.where(alive, block, 0.0) for block in blocks]
    if sides is not None:
        blocks = [block[part] for block in blocks for part in sides]
    aircraft = jnp.concatenate(blocks)
    time = _time_left(config, state)[None]
    obstacles = state.obstacles
    still = [
        obstacles.x / radius,
        obstacles.y / radius,
        obstacles.radius / 1000.0,
        obstacles.height / 5000.0,
    ]
    task = config.objective.world_features(config, state)
    return jnp.concatenate([aircraft, time, task, *still])


def _time_left(config: Config, state: State) -> Array:
    return 1.0 - state.step.astype(jnp.float32) / config.max_steps


def _own(
    config: Config,
    fleet: Fleet,
    motion: Motion,
    axes: Frame,
    state: State,
    health: tuple[Array, Array],
) -> Array:
    """float32 (16, n), or (17, n) under direct control."""
    hp, hurt = health
    load = flight.available_load(fleet, motion)
    forward, right = _seen_from(axes, -motion.x, -motion.y)
    distance = jnp.sqrt(motion.x**2 + motion.y**2 + 1e-6)
    radius = per_environment(world_of(config, state).radius, motion.x)
    outward = (motion.x * motion.vx + motion.y * motion.vy) / distance
    ones = jnp.ones_like(motion.x)
    side, upright = _attitude(config, fleet, motion, axes)
    return jnp.stack(
        [
            ones,
            hp / fleet.max_hp,
            axes.speed / 300.0,
            axes.nose_z,
            motion.z / 5000.0,
            side,
            motion.nz / fleet.max_load,
            motion.throttle,
            jnp.minimum(load / fleet.max_load, 2.0),
            (motion.z + axes.speed**2 * (0.5 / GRAVITY)) / 1e4,
            forward / radius,
            right / radius,
            distance / radius,
            outward / 300.0,
            2.0 * hurt,
            ones * _time_left(config, state)[None],
            *upright,
        ]
    )


def _num_own_features(config: Config) -> int:
    return OWN_FEATURES + (config.control == "direct")


def _attitude(
    config: Config, fleet: Fleet, motion: Motion, axes: Frame
) -> tuple[Array, list[Array]]:
    """What tells the bank: the side component of the load factor, or the bank's sine and cosine.

    Under guided control wings are level, and the load factor shows the bank. Under direct control
    it has no side component, and a load factor of 0 would hide how the aircraft lies.
    """
    if config.control == "guided":
        return motion.ny / fleet.max_load, []
    ahead = motion.up_x * axes.ahead_x + motion.up_y * axes.ahead_y
    cos_climb = axes.ground_speed / axes.speed
    sine = motion.up_x * axes.ahead_y - motion.up_y * axes.ahead_x
    return sine, [motion.up_z * cos_climb - ahead * axes.nose_z]


def _all_others(config: Config, fleet: Fleet, state: State, motion: Motion, axes: Frame) -> Array:
    """float32 (12, N, n): each feature of each slot, as each agent sees it."""
    known = _known(config, state)
    if state.world is None or state.world.noise is None:
        return _others(fleet, state.hp, state.motion, motion, axes, known)
    border, allies = config.team_a.own.stop, slice(0, config.num_allies)
    exact, noisy = state.motion, measured(state, slice(0, config.num_aircraft))
    seen_by_a, seen_by_b = (
        jax.tree.map(lambda a, b: jnp.concatenate([a[:border], b[border:]]), *views)
        for views in ((exact, noisy), (noisy, exact))
    )
    views = [(seen_by_a, allies)]
    if config.selfplay:
        views.append((seen_by_b, slice(config.num_allies, config.num_agents)))
    parts = [
        _others(
            fleet,
            state.hp,
            everyone,
            members(motion, agents),
            Frame(*(unit[agents] for unit in axes)),
            known[:, agents],
        )
        for everyone, agents in views
    ]
    return jnp.concatenate(parts, axis=2)


def _others(
    fleet: Fleet, hp: Array, everyone: Motion, motion: Motion, axes: Frame, known: Array
) -> Array:
    """The same of some agents, `motion`, to whom `everyone` seems to fly as given."""
    known = known.astype(jnp.float32)
    relation = relate(everyone, motion)  # (N, n), from the other to oneself
    axes = Frame(*(unit[None] for unit in axes))
    forward, right = _seen_from(axes, -relation.x, -relation.y)
    vx, vy, vz = (
        -across(getattr(everyone, axis), getattr(motion, axis)) for axis in ("vx", "vy", "vz")
    )
    v_forward, v_right = _seen_from(axes, vx, vy)
    per = known / relation.range
    return jnp.stack(
        [
            known,
            forward * per,
            right * per,
            -relation.z * per,
            relation.range * known / 8000.0,
            known * (1000.0 / (relation.range + 1000.0)),
            v_forward * known / 300.0,
            v_right * known / 300.0,
            vz * known / 300.0,
            relation.facing * known,
            relation.nose * known,
            (hp / fleet.max_hp)[:, None] * known,
        ]
    )


def _seen_from(axes: Frame, x: Array, y: Array) -> tuple[Array, Array]:
    """Forward and right components of horizontal vectors."""
    return x * axes.ahead_x + y * axes.ahead_y, x * axes.ahead_y - y * axes.ahead_x


def _known(config: Config, state: State) -> Array:
    """bool (N, n): which slots each agent has a track of, or a link to; nobody of themselves."""
    own, foe = config.team_a
    alive_a, alive_b = state.alive[own], state.alive[foe]
    known = _known_to(state.seen_a, state.linked_a, alive_a, alive_b, config.num_allies)
    if not config.selfplay:
        return jnp.concatenate(known)
    mates, foes = _known_to(state.seen_b, state.linked_b, alive_b, alive_a, config.num_enemies)
    return jnp.concatenate([jnp.concatenate(known), jnp.concatenate([foes, mates])], axis=1)


def _known_to(
    seen: Array, link: Array, mates: Array, foes: Array, agents: int
) -> tuple[Array, Array]:
    """bool (n_own, n) and (n_foe, n): the team-mates and opponents known to a team's agents."""
    count = mates.shape[0]
    other = along_batch(~np.eye(count, agents, dtype=bool), 1, mates)
    of_mates = link[:agents].swapaxes(0, 1) & mates[:, None] & other
    of_foes = sensing.tracks(seen, link[:agents]).swapaxes(0, 1) & foes[:, None]
    return of_mates, of_foes


def _num_class_features(config: Config) -> int:
    return len(config.class_names) if _mixed(config) else 0


def _mixed(config: Config) -> bool:
    """Whether the agents of a team are of more than one class, always the same."""
    if config.variation is not None and config.variation.rosters:
        return False
    a = config.num_allies
    teams = [config.classes[:a]] + ([config.enemies] if config.selfplay else [])
    return any(len(set(team)) > 1 for team in teams)


def _classes(config: Config, motion: Motion) -> Array:
    """float32 (C, n): one-hot, where a team's agents are not all alike."""
    if not _mixed(config):
        return jnp.zeros((0, *motion.x.shape), jnp.float32)
    names = [aircraft.name for part in config.agent_slots for aircraft in config.classes[part]]
    table = np.array([[name == mine for mine in names] for name in config.class_names], np.float32)
    return jnp.broadcast_to(along_batch(table, 1, motion.x), (len(table), *motion.x.shape))


def _num_figures(config: Config) -> int:
    shown = config.variation is not None and config.variation.observed == "own"
    return len(Fleet._fields) if shown else 0


def _figures(config: Config, fleet: Fleet, motion: Motion) -> Array:
    """float32 (10, n), or (0, n): the agents' own coefficients over those of the fighter."""
    if not _num_figures(config):
        return jnp.zeros((0, *motion.x.shape), jnp.float32)
    fighter = build_fleet([CLASSES["fighter"]])
    return jnp.stack([mine / one[0] for mine, one in zip(fleet, fighter, strict=True)])


def _obstacles(state: State, motion: Motion, axes: Frame) -> Array:
    """float32 (4 K, n), feature by feature."""
    obstacles = state.obstacles
    x, y = -across(obstacles.x, motion.x), -across(obstacles.y, motion.y)
    forward, right = _seen_from(Frame(*(unit[None] for unit in axes)), x, y)
    distance = jnp.sqrt(x**2 + y**2 + 1e-6)
    return jnp.concatenate(
        [
            forward / distance,
            right / distance,
            (distance - obstacles.radius[:, None]) / 8000.0,
            across(motion.z, obstacles.height).swapaxes(0, 1) / 5000.0,
        ]
    )
