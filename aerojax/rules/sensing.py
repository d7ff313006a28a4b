"""Who detects whom, and who learns of it over the datalink."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from numpy.typing import NDArray

from aerojax.batching import along_batch, per_environment
from aerojax.rules.geometry import Relation, across
from aerojax.state import Motion

CLOSE_RANGE = 3500.0  # m: detected in every direction, and always
CONE_COSINE = math.cos(math.radians(60.0))  # the radar looks this far off the nose
LINK_RANGE = 10_000.0  # m between team-mates who exchange tracks


class Sensors(NamedTuple):
    """What aircraft look with; numbers, or float32 () of each environment."""

    radar_range: Array | NDArray  # float32 (n,), m
    close_range: Array | float = CLOSE_RANGE  # m
    cone_cosine: Array | float = CONE_COSINE


def within_sensors(relation: Relation, sensors: Sensors) -> Array:
    """bool (n, m): close by, or in the radar's cone and range; rows look at columns."""
    cosine = per_environment(sensors.cone_cosine, relation.nose)
    in_cone = (relation.nose > cosine) & (relation.range < sensors.radar_range[:, None])
    return _close(relation, sensors) | in_cone


def noticed(relation: Relation, sensors: Sensors, chance: Array) -> Array:
    """bool (n, m): a chance of 1 - 0.5 (r / radar range)^4 beyond 1500 m, certain within.

    Args:
        relation: rows look at columns.
        sensors: the rows'.
        chance: float32 (n, m), uniform in [0, 1).
    """
    probability = 1.0 - 0.5 * (relation.range / sensors.radar_range[:, None]) ** 4
    return _close(relation, sensors) | (chance < probability)


def _close(relation: Relation, sensors: Sensors) -> Array:
    return relation.range < per_environment(sensors.close_range, relation.range)


def linked(team: Motion, dropped: Array, reach: Array | float = LINK_RANGE) -> Array:
    """bool (n, n): closer than `reach` and not dropped; everyone has a link to themselves.

    Args:
        team: its motion.
        dropped: bool (n, n), pairs whose link fails; the upper triangle is read.
        reach: m.
    """
    squared = (
        across(team.x, team.x) ** 2 + across(team.y, team.y) ** 2 + across(team.z, team.z) ** 2
    )
    index = jnp.arange(squared.shape[0], dtype=jnp.int32)
    index = along_batch(index[:, None], 2, squared)
    upper = index < index.swapaxes(0, 1)
    fails = jnp.where(upper, dropped, dropped.swapaxes(0, 1))
    near = squared < per_environment(reach, squared) ** 2
    return (index == index.swapaxes(0, 1)) | (near & ~fails)


def tracks(seen: Array, link: Array) -> Array:
    """bool (n, m): detected by oneself or by a team-mate to whom a link leads.

    Args:
        seen: bool (n, m), own detections of the living.
        link: bool (n, n).
    """
    return jnp.any(link[:, :, None] & seen[None], axis=1)


def detect(relation: Relation, sensors: Sensors, visible: Array, chance: Array | None) -> Array:
    """bool (n, m): detected by the row's own sensors.

    Args:
        relation: rows look at columns.
        sensors: the rows'.
        visible: bool (n, m): both alive, and nothing in between.
        chance: float32 (n, m), uniform in [0, 1); None: sensors never miss.
    """
    seen = visible & within_sensors(relation, sensors)
    return seen if chance is None else seen & noticed(relation, sensors, chance)
