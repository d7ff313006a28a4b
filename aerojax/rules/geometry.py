"""Where aircraft are from one another. A batch axis may follow all others."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from aerojax.state import Motion


class Frame(NamedTuple):
    """Unit vectors of each aircraft. Every field is float32 (N,)."""

    nose_x: Array  # along the velocity
    nose_y: Array
    nose_z: Array
    ahead_x: Array  # along the velocity over the ground: the yaw frame
    ahead_y: Array
    speed: Array  # m/s
    ground_speed: Array  # m/s


class Relation(NamedTuple):
    """From each of one group (rows) to each of another (columns). Every field is float32 (n, m)."""

    x: Array  # m, of the vector from row to column
    y: Array
    z: Array
    range: Array  # m, at least 1 mm
    nose: Array  # cosine of the angle between the row's nose and the column
    facing: Array  # cosine of the angle between the column's nose and the row


def frame(motion: Motion) -> Frame:
    """The aircraft's unit vectors. An aircraft at rest points nowhere: its vectors are zero."""
    ground = motion.vx**2 + motion.vy**2 + 1e-6
    per_speed = 1.0 / jnp.sqrt(ground + motion.vz**2)
    per_ground_speed = 1.0 / jnp.sqrt(ground)
    return Frame(
        nose_x=motion.vx * per_speed,
        nose_y=motion.vy * per_speed,
        nose_z=motion.vz * per_speed,
        ahead_x=motion.vx * per_ground_speed,
        ahead_y=motion.vy * per_ground_speed,
        speed=(ground + motion.vz**2) * per_speed,
        ground_speed=ground * per_ground_speed,
    )


def members(motion: Motion, team: slice) -> Motion:
    """The motion of some slots."""
    return jax.tree.map(lambda x: x[team], motion)


def across(row: Array, column: Array) -> Array:
    """`column - row` for every pair, (n, m)."""
    return column[None, :] - row[:, None]


def relate(rows: Motion, columns: Motion) -> Relation:
    """How each of `columns` lies from each of `rows`."""
    x, y, z = across(rows.x, columns.x), across(rows.y, columns.y), across(rows.z, columns.z)
    squared = x**2 + y**2 + z**2 + 1e-6
    inverse = 1.0 / jnp.sqrt(squared)
    mine, theirs = frame(rows), frame(columns)

    def row(values: Array) -> Array:
        return values[:, None]

    def column(values: Array) -> Array:
        return values[None, :]

    return Relation(
        x=x,
        y=y,
        z=z,
        range=squared * inverse,
        nose=(x * row(mine.nose_x) + y * row(mine.nose_y) + z * row(mine.nose_z)) * inverse,
        facing=-inverse
        * (x * column(theirs.nose_x) + y * column(theirs.nose_y) + z * column(theirs.nose_z)),
    )


def reverse(relation: Relation) -> Relation:
    """The same from the other side: rows and columns change places."""
    flipped = Relation(*(jnp.swapaxes(field, 0, 1) for field in relation))
    return flipped._replace(
        x=-flipped.x, y=-flipped.y, z=-flipped.z, nose=flipped.facing, facing=flipped.nose
    )


def in_yaw_frame(rows: Frame, x: Array, y: Array) -> tuple[Array, Array]:
    """Forward and right components, (n, m), of horizontal vectors (n, m) from each row."""
    ahead_x, ahead_y = rows.ahead_x[:, None], rows.ahead_y[:, None]
    return x * ahead_x + y * ahead_y, x * ahead_y - y * ahead_x
