"""The gun: it fires by itself, at the best target that its own sensors detect."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from numpy.typing import NDArray

from aerojax.batching import along_batch, per_environment
from aerojax.rules.geometry import Relation

CONE_COSINE = math.cos(math.radians(30.0))  # the gun reaches this far off the nose


class Fire(NamedTuple):
    """One team's shots of one step."""

    damage: Array  # float32 (m,), hit points that each opponent is about to lose
    target: Array  # int32 (n,), the opponent that each fires at; -1: none


def damage_rate(
    relation: Relation,
    gun_range: Array | NDArray,
    gun_rate: Array | NDArray,
    cone_cosine: Array | float = CONE_COSINE,
) -> Array:
    """float32 (n, m): hit points a second that each row would do to each column.

    rate * (1 - r^2/Rw^2) * (1/4 + 3/4 (c - cos w)/(1 - cos w)) * (1/5 + 2/5 (1 - ct)), with c the
    cosine off the shooter's nose, w = 30 degrees, and ct that off the target's nose: from behind
    (ct = -1) a gun does five times the damage that it does head on. Zero out of range or cone.

    Args:
        relation: rows shoot at columns.
        gun_range: float32 (n,), m.
        gun_rate: float32 (n,), hit points a second.
        cone_cosine: cos w, a number or float32 ().
    """
    cosine = per_environment(cone_cosine, relation.nose)
    reach, rate = gun_range[:, None], gun_rate[:, None]
    near = 1.0 - relation.range**2 / jnp.maximum(reach, 1.0) ** 2
    aim = 0.25 + 0.75 * (relation.nose - cosine) / (1.0 - cosine)
    aspect = 0.2 + 0.4 * (1.0 - relation.facing)
    possible = (relation.range < reach) & (relation.nose > cosine)
    return jnp.where(possible, rate * near * aim * aspect, 0.0)


def fire(rate: Array, seen: Array, dt: float) -> Fire:
    """Everyone shoots for `dt` seconds at the seen opponent whom it hurts most.

    Args:
        rate: float32 (n, m), of `damage_rate`.
        seen: bool (n, m).
        dt: s.
    """
    possible = jnp.where(seen, rate, 0.0)
    best = jnp.argmax(possible, axis=1).astype(jnp.int32)
    columns = along_batch(jnp.arange(rate.shape[1], dtype=jnp.int32)[None], 2, rate)
    chosen = jnp.where(columns == best[:, None], possible, 0.0)
    fires = jnp.any(possible > 0.0, axis=1)
    return Fire(jnp.sum(chosen, axis=0) * dt, jnp.where(fires, best, -1))


def by_chance(rate: Array, gun_rate: Array | NDArray, chance: Array, dt: float) -> Array:
    """`damage_rate` made a matter of luck, with the same mean: bursts hit or miss.

    In a step a burst hits with the probability 1 - exp(-gun_rate * dt).

    Args:
        rate: float32 (n, m), of `damage_rate`.
        gun_rate: float32 (n,), hit points a second.
        chance: float32 (n,), uniform in [0, 1).
        dt: s.
    """
    probability = 1.0 - jnp.exp(-gun_rate * dt)
    hits = chance < probability
    return jnp.where(hits[:, None], rate / jnp.maximum(probability, 1e-6)[:, None], 0.0)
