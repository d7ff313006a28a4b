"""The arena: its bounds, collisions, and obstacles that block flight and sight."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from aerojax.batching import along_batch, per_environment
from aerojax.draws import Draws
from aerojax.rules.geometry import across
from aerojax.state import Motion, Obstacles

COLLISION_RANGE = 15.0  # m
OBSTACLE_RADII = (300.0, 800.0)  # m
OBSTACLE_HEIGHTS = (1500.0, 3500.0)  # m
OBSTACLE_SPREAD = 0.75  # obstacles' centres lie within this share of the arena's radius
SPAWN_CLEARANCE = 400.0  # m between an obstacle and an aircraft's start
_CANDIDATES = 4  # places that an obstacle tries


def out_of_bounds(motion: Motion, radius: Array | float, ceiling: Array | float) -> Array:
    """bool (N,): under the ground, above the ceiling or beyond the edge, m, float32 () each."""
    radius, ceiling = (per_environment(bound, motion.z) for bound in (radius, ceiling))
    beyond = motion.x**2 + motion.y**2 > radius**2
    return (motion.z < 0.0) | (motion.z > ceiling) | beyond


def collided(
    motion: Motion, alive: Array, dt: float, reach: Array | float = COLLISION_RANGE
) -> Array:
    """bool (N,): came closer than `reach` to another living aircraft within the last `dt` seconds.

    Both are taken to have flown straight: with d from one to the other now and w the velocity of
    the other seen from the one, they were closest t* = clip(d.w / (|w|^2 + 1e-3), 0, dt) ago.
    """
    place = [across(x, x) for x in (motion.x, motion.y, motion.z)]
    drift = [across(v, v) for v in (motion.vx, motion.vy, motion.vz)]
    towards = sum(d * w for d, w in zip(place, drift, strict=True))
    ago = jnp.clip(towards / (sum(w**2 for w in drift) + 1e-3), 0.0, dt)
    squared = sum((d - ago * w) ** 2 for d, w in zip(place, drift, strict=True))
    nearest = jnp.min(jnp.where(_others(alive), squared, jnp.inf), axis=1)
    return nearest < per_environment(reach, nearest) ** 2


def _others(alive: Array) -> Array:
    """bool (N, N): two different living aircraft."""
    count = alive.shape[0]
    different = along_batch(~jnp.eye(count, dtype=bool), 1, alive)
    return alive[:, None] & alive[None, :] & different


def inside(obstacles: Obstacles, motion: Motion) -> Array:
    """bool (N,): within an obstacle."""
    x = across(motion.x, obstacles.x)
    y = across(motion.y, obstacles.y)
    within = x**2 + y**2 < (obstacles.radius**2)[None, :]
    return jnp.any(within & (motion.z[:, None] < obstacles.height[None, :]), axis=1)


def in_sight(obstacles: Obstacles, rows: Motion, columns: Motion) -> Array:
    """bool (n, m): no obstacle stands between. Exact for vertical cylinders.

    The segment p + s*d is over the cylinder's base for s in an interval [s0, s1], by the quadratic
    |p + s*d - c|^2 = R^2. It is blocked if, within [0, 1], the lower end of that part lies beneath
    the cylinder's top.
    """
    dx, dy, dz = (
        across(getattr(rows, axis), getattr(columns, axis))[:, :, None] for axis in ("x", "y", "z")
    )
    px = across(obstacles.x, rows.x).swapaxes(0, 1)[:, None]  # (n, 1, K), from centre to row
    py = across(obstacles.y, rows.y).swapaxes(0, 1)[:, None]
    pz = rows.z[:, None, None]
    a = dx**2 + dy**2 + 1e-6
    b = px * dx + py * dy
    c = px**2 + py**2 - (obstacles.radius**2)[None, None]
    discriminant = b**2 - a * c
    crosses = discriminant > 0.0
    root = jnp.sqrt(jnp.where(crosses, discriminant, 1.0))
    enter, leave = jnp.maximum((-b - root) / a, 0.0), jnp.minimum((-b + root) / a, 1.0)
    lowest = pz + jnp.minimum(enter * dz, leave * dz)
    blocked = crosses & (enter < leave) & (lowest < obstacles.height[None, None])
    return ~jnp.any(blocked, axis=2)


def place_obstacles(draws: Draws, count: int, radius: Array | float, starts: Motion) -> Obstacles:
    """Draws cylinders, none of them over a start.

    Each tries four places, uniform in a disc, and takes the first that is 400 m clear of every
    start. If none is (less than one time in a hundred), the cylinder has no height and does
    nothing.

    Args:
        draws: uniform numbers.
        count: K.
        radius: the arena's, m.
        starts: where the aircraft are.
    """
    size = draws.uniform((count,), *OBSTACLE_RADII)
    height = draws.uniform((count,), *OBSTACLE_HEIGHTS)
    x, y = draws.in_disc((count, _CANDIDATES), OBSTACLE_SPREAD * radius)
    dx, dy = x[:, :, None] - starts.x[None, None], y[:, :, None] - starts.y[None, None]
    needed = size[:, None, None] + SPAWN_CLEARANCE
    clear = jnp.all(dx**2 + dy**2 > needed**2, axis=2)
    first = clear & (jnp.cumsum(clear, axis=1, dtype=jnp.int32) == 1)
    return Obstacles(
        x=jnp.sum(jnp.where(first, x, 0.0), axis=1),
        y=jnp.sum(jnp.where(first, y, 0.0), axis=1),
        radius=size,
        height=jnp.where(jnp.any(clear, axis=1), height, 0.0),
    )
