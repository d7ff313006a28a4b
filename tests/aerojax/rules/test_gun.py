"""The gun, against numbers computed by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerojax.rules import gun
from aerojax.rules.geometry import Relation, relate

RANGE, RATE = np.float32(2500), np.float32(0.25)


def _relation(distance, nose, facing):
    """One shooter, one target for each number."""
    columns = np.broadcast_arrays(*map(np.atleast_1d, (distance, nose, facing)))
    r, c, ct = (jnp.asarray(column, jnp.float32)[None] for column in columns)
    return Relation(r, jnp.zeros_like(r), jnp.zeros_like(r), r, c, ct)


def _rate(distance, nose, facing, gun_range=RANGE, gun_rate=RATE):
    relation = _relation(distance, nose, facing)
    return np.asarray(gun.damage_rate(relation, gun_range[None], gun_rate[None]))[0]


@pytest.mark.parametrize(
    ("distance", "degrees", "facing", "expected"),
    [
        (0.0, 0.0, -1.0, 0.25),  # from behind, dead ahead, at no range: all of 0.25 hp/s
        (0.0, 0.0, 1.0, 0.05),  # head on: a fifth
        (0.0, 0.0, 0.0, 0.15),  # from the side: 0.2 + 0.4
        (1250.0, 0.0, -1.0, 0.25 * 0.75),  # at half the range
        (0.0, 29.999, -1.0, 0.25 * 0.25),  # at the cone's edge: a quarter
        (0.0, 30.1, -1.0, 0.0),
        (2499.9, 0.0, -1.0, 0.0),
        (2600.0, 0.0, -1.0, 0.0),
        # 0.25 * (1 - 0.16) * (0.25 + 0.75 * 0.8867) * (0.2 + 0.4 * 0.5), by hand
        (1000.0, 10.0, 0.5, 0.25 * 0.84 * 0.91504 * 0.4),
    ],
)
def test_damage_by_hand(distance, degrees, facing, expected):
    rate = _rate(distance, np.cos(np.radians(degrees)), facing)
    np.testing.assert_allclose(rate, [expected], rtol=2e-4, atol=3e-5)


@given(st.floats(0, 2490, width=32), st.floats(0, 29, width=32), st.floats(0, 180, width=32))
def test_damage_falls_with_range_angle_and_aspect(distance, off_nose, off_target):
    """Further away, further off the nose, nearer to the target's nose: each hurts less."""
    nose, facing = np.cos(np.radians([off_nose, off_target]))
    worse = _rate(
        [distance, distance + 10, distance, distance],
        [nose, nose, np.cos(np.radians(off_nose + 1)), nose],
        [facing, facing, facing, min(facing + 0.01, 1.0) + 1e-4],
    )
    assert worse[0] > worse[1:].max()
    assert worse.min() >= 0


def test_no_gun_does_no_damage():
    assert _rate(100.0, 1.0, -1.0, np.float32(0), np.float32(0)) == 0


def test_everyone_fires_at_the_one_target_that_it_hurts_most():
    rate = jnp.array([[0.1, 0.3, 0.2], [0.0, 0.1, 0.0], [0.0, 0.0, 0.0], [0.2, 0.2, 0.1]])
    shots = gun.fire(rate, jnp.ones((4, 3), bool), 0.5)
    np.testing.assert_array_equal(shots.target, [1, 1, -1, 0])  # of equals the first
    np.testing.assert_allclose(shots.damage, [0.1, 0.15 + 0.05, 0.0])


def test_who_is_not_seen_is_not_hit():
    rate = jnp.array([[0.1, 0.3, 0.2], [0.3, 0.0, 0.0]])
    seen = jnp.array([[True, False, True], [False, True, True]])
    shots = gun.fire(rate, seen, 0.5)
    np.testing.assert_array_equal(shots.target, [2, -1])
    np.testing.assert_allclose(shots.damage, [0.0, 0.0, 0.1])


def test_chance_keeps_the_mean():
    """Over all chances: 1 - exp(-0.125) of the bursts hit, and those do it all."""
    rate = jnp.array([[0.1, 0.2]])
    gun_rate = jnp.array([0.25])
    chances = (jnp.arange(10_000, dtype=jnp.float32) + 0.5) / 10_000
    drawn = jax.vmap(lambda c: gun.by_chance(rate, gun_rate, c[None], 0.5))(chances)
    np.testing.assert_allclose(drawn.mean(axis=0), rate, rtol=1e-3)
    np.testing.assert_allclose((drawn[:, 0, 0] > 0).mean(), 1 - np.exp(-0.125), atol=1e-4)
    assert len(np.unique(drawn[:, 0, 0])) == 2


def test_relation_by_hand(motion_of):
    """From the origin northwards: one ahead that flies away, one abeam that flies at me."""
    me = motion_of((0, 0, 3000, 90, 200))
    others = motion_of((0, 1000, 3000, 90, 200), (1000, 0, 3000, 180, 150), (0, 300, 3400, 90, 1))
    relation = relate(me, others)
    np.testing.assert_allclose(relation.range, [[1000, 1000, 500]], rtol=1e-5)
    np.testing.assert_allclose(relation.nose, [[1, 0, 0.6]], atol=1e-5)
    np.testing.assert_allclose(relation.facing, [[-1, 1, -0.6]], atol=1e-5)


# --- In a step ------------------------------------------------------------------------------------


def _step(env, state, still):
    return env.step_env(jax.random.key(0), state, still(env))


def test_both_fire_at_once_and_both_fall(duel, state_of, still):
    state = state_of(duel, [(0, 0, 3000, 0, 200), (1000, 0, 3000, 180, 200)], hp=[0.01, 0.01])
    _, after, _, dones, info = _step(duel, state, still)
    np.testing.assert_array_equal(after.target, [1, 0])
    np.testing.assert_array_equal(after.alive, [False, False])
    np.testing.assert_allclose(after.hurt, [0.01, 0.01])  # no more than there was
    assert dones["__all__"]
    assert info["terminated"].all()
    assert not (info["win"] | info["lose"] | info["truncated"]).any()


def test_a_step_of_fire_from_behind(duel, state_of, still):
    """900 m behind, at the same speed: 0.25 * 0.5 s * (1 - 0.36^2) of one hit point."""
    state = state_of(duel, [(0, 0, 3000, 0, 200), (900, 0, 3000, 0, 200)])
    _, after, _, _, _ = _step(duel, state, still)
    np.testing.assert_array_equal(after.target, [1, -1])
    np.testing.assert_allclose(after.hp, [1, 1 - 0.125 * (1 - 0.36**2)], rtol=1e-4)


@pytest.mark.parametrize("shooter", [0, 1])
def test_the_dead_neither_fire_nor_are_hit(duel, state_of, still, shooter):
    alive = np.arange(2) == shooter
    state = state_of(
        duel, [(0, 0, 3000, 0, 200), (900, 0, 3000, 180, 200)], alive=alive, hp=alive * 1.0
    )
    _, after, _, _, _ = _step(duel, state, still)
    np.testing.assert_array_equal(after.target, [-1, -1])
    np.testing.assert_array_equal(after.hurt, [0, 0])
    dead = 1 - shooter
    assert after.motion.x[dead] == state.motion.x[dead], "the dead freeze"
