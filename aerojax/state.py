"""The state of one environment: who is where, who sees whom, and how the task stands."""

from __future__ import annotations

from typing import Any

from flax import struct
from jax import Array


@struct.dataclass
class Motion:
    """Point masses in flight, one entry an aircraft. Every field is float32 (N,).

    x and y are horizontal and z points up. `up` is the aircraft's own: a unit vector across the
    velocity, out of the cockpit's roof. The load factor's components are measured in g across the
    velocity: `nz` along `up`, `ny` to the right of it, along velocity × `up`.
    """

    x: Array  # m
    y: Array  # m
    z: Array  # m above the ground
    vx: Array  # m/s
    vy: Array  # m/s
    vz: Array  # m/s
    up_x: Array
    up_y: Array
    up_z: Array
    ny: Array  # g
    nz: Array  # g
    throttle: Array  # 0 to 1


@struct.dataclass
class State:
    """One environment's state. Slots 0..nA-1 are team A, the rest are team B; N = nA + nB."""

    motion: Motion
    hp: Array  # float32 (N,), hit points left; 0 of the dead
    alive: Array  # bool (N,)
    hurt: Array  # float32 (N,), hit points lost in the last step
    target: Array  # int32 (N,), slot at which the gun fired in the last step; -1: it did not
    seen_a: Array  # bool (nA, nB): A's i detects B's j itself
    seen_b: Array  # bool (nB, nA): B's i detects A's j itself
    linked_a: Array  # bool (nA, nA): i receives from j over the datalink; true of oneself
    linked_b: Array  # bool (nB, nB)
    turn: Array  # float32 (N,), +1 or -1: the side to which a script circles
    obstacles: Obstacles
    task: Any  # the objective's own fields, a pytree
    step: Array  # int32 (), steps taken in this episode
    done: Array  # bool (), the episode is over


@struct.dataclass
class Obstacles:
    """Vertical cylinders that stand on the ground. Every field is float32 (K,), in metres."""

    x: Array
    y: Array
    radius: Array
    height: Array
