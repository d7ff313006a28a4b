"""Who still sees, shoots and counts in the step in which it dies."""

import jax
import numpy as np
import pytest

import aerojax

KEY = jax.random.key(0)

# Two fly east abreast, 900 m behind two others. They detect both, those at a side 57 degrees off
# the nose and 1664 m away; for their guns that is too far off. The others detect who is behind.
AHEAD = [
    (0, 0, 3000, 0, 200),
    (0, 1400, 3000, 0, 200),
    (900, 0, 3000, 0, 200),
    (900, 1400, 3000, 0, 200),
]
FAR = (-3000, -6000, 100, 100)  # where an obstacle is out of the way


@pytest.fixture(scope="module")
def line(pairs, state_of, obstacles_of):
    def build(**fields):
        return state_of(pairs, fields.pop("aircraft", AHEAD), obstacles=obstacles_of(FAR), **fields)

    return build


def test_who_is_shot_down_sees_nobody_and_is_seen_by_nobody(pairs, line, still):
    """enemy_0 falls, enemy_1 is hit and flies on."""
    _, after, _, _, _ = pairs.step_env(KEY, line(hp=[1, 1, 0.01, 1]), still(pairs))
    np.testing.assert_array_equal(after.alive, [True, True, False, True])
    np.testing.assert_array_equal(after.target, [2, 3, -1, -1])
    np.testing.assert_array_equal(after.seen_a, [[False, True], [False, True]])
    _, unharmed, *_ = pairs.step_env(KEY, line(), still(pairs))
    np.testing.assert_array_equal(unharmed.seen_a, [[True, True], [True, True]])
    np.testing.assert_array_equal(unharmed.seen_b, [[True, True], [True, True]])
    np.testing.assert_array_equal(after.seen_b, [[False, False], [True, True]])


def test_who_crashes_shoots_nobody_and_is_shot_by_nobody(pairs, line, still):
    """All fly 20 m high, but ally_0 and enemy_1 dive: each was in somebody's sights, or had one."""
    low = [
        (0, 0, 20, 0, 200, -20),
        (0, 1400, 20, 0, 200),
        (900, 0, 20, 0, 200),
        (900, 1400, 20, 0, 200, -20),
    ]
    _, after, _, _, info = pairs.step_env(KEY, line(aircraft=low), still(pairs))
    np.testing.assert_array_equal(after.alive, [False, True, True, False])
    np.testing.assert_array_equal(after.target, [-1, -1, -1, -1])
    np.testing.assert_array_equal(after.hurt, [0, 0, 0, 0])
    np.testing.assert_array_equal(after.hp, [0, 1, 1, 0])
    np.testing.assert_array_equal(after.seen_a, [[False, False], [True, False]])
    np.testing.assert_array_equal(info["crashes"], [0.5, 0.5, 0.5, 0.5])


def test_damage_is_no_more_than_what_was_left(pairs, line, still):
    """Both allies fire at enemy_0, which has a hundredth left: a hundredth of two is dealt."""
    both = [(0, 0, 3000, 0, 200), (0, 100, 3000, 0, 200), *AHEAD[2:]]
    state = line(aircraft=both, hp=[1, 1, 0.01, 1])
    _, after, _, _, info = pairs.step_env(KEY, state, still(pairs))
    np.testing.assert_array_equal(after.target, [2, 2, -1, -1])
    np.testing.assert_allclose(after.hurt, [0, 0, 0.01, 0])
    np.testing.assert_allclose(info["damage_dealt"], [0.005, 0.005, 0, 0], atol=1e-7)
    np.testing.assert_array_equal(info["kills"], [0.5, 0.5, 0, 0])


def test_who_is_caught_is_out_in_every_respect(state_of, still):
    """A pursuer 400 m behind catches the one evader: it has no hit points and is seen no more."""
    env = aerojax.make("pursuit_3_vs_1", actions="continuous", max_steps=9)
    pursuers = [(0, 0, 3000, 0, 200), (-3000, 3000, 3000, 0, 200), (-3000, -3000, 3000, 0, 200)]
    state = state_of(env, [*pursuers, (400, 0, 3000, 0, 200)])
    _, after, _, dones, info = env.step_env(KEY, state, still(env))
    np.testing.assert_array_equal(after.alive, [True, True, True, False])
    np.testing.assert_array_equal(after.hp, [1, 1, 1, 0])
    assert not after.seen_a.any()
    assert not after.seen_b.any()
    assert after.done
    assert dones["__all__"]
    assert info["win"].all()
    assert info["terminated"].all()
    assert not info["truncated"].any()
