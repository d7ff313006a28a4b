"""The state of one environment: who is where, who sees whom, and how the task stands."""

from __future__ import annotations

from typing import Any, TypedDict

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike

from aerojax.aircraft import Fleet


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
    world: World | None = None  # the figures of this episode; None: the configuration's


@struct.dataclass
class Obstacles:
    """Vertical cylinders that stand on the ground. Every field is float32 (K,), in metres."""

    x: Array
    y: Array
    radius: Array
    height: Array


@struct.dataclass
class World:
    """The figures by which an episode goes. Every field is float32, () unless another is named.

    Those of a configuration that varies nothing are numbers of Python and NumPy, and constants of
    the program: `aerojax.rules.world.world_of` gives a state's, whichever they are.
    """

    fleet: Fleet  # the slots' coefficients, (N,) each
    present: Array  # (N,), 1: an aircraft flies in the slot; 0: nobody does
    radius: Array  # m, of the arena
    ceiling: Array  # m
    collision_range: Array  # m
    close_range: Array  # m, within which sensors look in every direction
    radar_cosine: Array  # cosine of the angle off the nose to which they look beyond
    gun_cosine: Array  # cosine of the angle off the nose to which a gun reaches
    link_range: Array  # m
    wind: Wind | None  # None: the air is still
    noise: Noise | None  # None: tracks are exact


@struct.dataclass
class Wind:
    """Air that moves over the ground, the same everywhere. Every field is float32 ()."""

    x: Array  # m/s, of the constant part
    y: Array
    gusts: Array  # m/s, the deviation of each component of the gusts
    gust_x: Array  # m/s, the gust of this step
    gust_y: Array


@struct.dataclass
class Noise:
    """Errors of what a team measures of its opponents' positions."""

    deviation: Array  # float32 (), m, of each component
    x: Array  # float32 (N,), m, the error in this step of what opponents measure of the slot
    y: Array
    z: Array


class Made(TypedDict, total=False):
    """The fields of `State` that `AeroJAX.make_state` takes; the others follow from them."""

    motion: Motion
    hp: ArrayLike
    alive: ArrayLike
    hurt: ArrayLike
    target: ArrayLike
    turn: ArrayLike
    obstacles: Obstacles
    task: Any
    step: ArrayLike
    world: World


def checked(name: str, given: Any, valid: Any) -> Any:
    """A pytree as arrays, once it has the fields, shapes and kinds of another.

    Args:
        name: what it is called in a message.
        given: its leaves are arrays of JAX or NumPy, or numbers.
        valid: the shapes and dtypes that it must have. Wider floating-point arrays are taken.

    Raises:
        ValueError: a field too many or too few, or one of another shape or kind.
    """
    if isinstance(valid, jax.ShapeDtypeStruct):
        return _taken(name, given, valid)
    leaves, wanted = _named_leaves(given), _named_leaves(valid)
    for field in [*wanted, *leaves]:
        if not (field in wanted and field in leaves):
            problem = "has no field" if field in wanted else "has an unknown field"
            raise ValueError(f"the {name} {problem} {field!r}; valid: {', '.join(wanted)}")
    taken = [_taken(f"{name}.{field}", leaf, wanted[field]) for field, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(valid), taken)


def _named_leaves(tree: Any) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _taken(name: str, leaf: Any, valid: jax.ShapeDtypeStruct) -> Array:
    try:
        array = leaf if isinstance(leaf, Array) else jnp.asarray(leaf, valid.dtype)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {valid.dtype} {valid.shape}, got {leaf!r}") from None
    kinds = [jnp.issubdtype(dtype, jnp.floating) for dtype in (array.dtype, valid.dtype)]
    if array.shape != valid.shape or not (all(kinds) or array.dtype == valid.dtype):
        raise ValueError(
            f"{name} must be {valid.dtype} {valid.shape}, got {array.dtype} {array.shape}"
        )
    return array
