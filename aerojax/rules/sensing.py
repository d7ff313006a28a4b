"""Who detects whom, and who learns of it over the datalink."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import Array
from numpy.typing import NDArray

from aerojax.rules.geometry import Relation, across
from aerojax.state import Motion

CLOSE_RANGE = 1500.0  # m: detected in every direction, and always
CONE_COSINE = math.cos(math.radians(60.0))  # the radar looks this far off the nose
LINK_RANGE = 10_000.0  # m between team-mates who exchange tracks


def within_sensors(relation: Relation, radar_range: Array | NDArray) -> Array:
    """bool (n, m): close by, or in the radar's cone and range.

    Args:
        relation: rows look at columns.
        radar_range: float32 (n,), m.
    """
    in_cone = (relation.nose > CONE_COSINE) & (relation.range < radar_range[:, None])
    return (relation.range < CLOSE_RANGE) | in_cone


def noticed(relation: Relation, radar_range: Array | NDArray, chance: Array) -> Array:
    """bool (n, m): a chance of 1 - 0.5 (r / radar range)^4 beyond 1500 m, certain within.

    Args:
        relation: rows look at columns.
        radar_range: float32 (n,), m.
        chance: float32 (n, m), uniform in [0, 1).
    """
    probability = 1.0 - 0.5 * (relation.range / radar_range[:, None]) ** 4
    return (relation.range < CLOSE_RANGE) | (chance < probability)


def linked(team: Motion, dropped: Array) -> Array:
    """bool (n, n): closer than 10 km and not dropped; everyone has a link to themselves.

    Args:
        team: its motion.
        dropped: bool (n, n), pairs whose link fails; the upper triangle is read.
    """
    squared = (
        across(team.x, team.x) ** 2 + across(team.y, team.y) ** 2 + across(team.z, team.z) ** 2
    )
    index = jnp.arange(squared.shape[0], dtype=jnp.int32)
    index = index.reshape(-1, 1, *(1,) * (squared.ndim - 2))
    upper = index < index.swapaxes(0, 1)
    fails = jnp.where(upper, dropped, dropped.swapaxes(0, 1))
    return (index == index.swapaxes(0, 1)) | ((squared < LINK_RANGE**2) & ~fails)


def tracks(seen: Array, link: Array) -> Array:
    """bool (n, m): detected by oneself or by a team-mate to whom a link leads.

    Args:
        seen: bool (n, m), own detections of the living.
        link: bool (n, n).
    """
    return jnp.any(link[:, :, None] & seen[None], axis=1)


def detect(
    relation: Relation,
    radar_range: Array | NDArray,
    visible: Array,
    chance: Array | None,
) -> Array:
    """bool (n, m): detected by the row's own sensors.

    Args:
        relation: rows look at columns.
        radar_range: float32 (n,), m.
        visible: bool (n, m): both alive, and nothing in between.
        chance: float32 (n, m), uniform in [0, 1); None: sensors never miss.
    """
    seen = visible & within_sensors(relation, radar_range)
    return seen if chance is None else seen & noticed(relation, radar_range, chance)
