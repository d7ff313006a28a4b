"""States of one's own making: what follows from what is given."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax import Variation

KEY = jax.random.key(0)
CHASE = [(0, 0, 3000, 0, 200), (900, 0, 3000, 20, 200)]


def _equal(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-4), left, right)


def test_with_nothing_given_it_is_that_of_a_reset():
    env = aerojax.make("escort_4_vs_3", obstacles=2)
    _equal(env.make_state(KEY), env.reset(KEY)[1])
    _equal(env.make_state(), env.reset(jax.random.key(0))[1])


def test_what_follows_from_the_motion_is_computed(duel, motion_of, look):
    motion = motion_of(*CHASE)
    state = duel.make_state(KEY, motion=motion)
    assert state.seen_a.all()
    assert not look(
        duel, duel.make_state(KEY, motion=motion_of(CHASE[0], (9e3, 0, 0, 0, 9)))
    ).seen_a
    nose, facing = 1.0, -np.cos(np.radians(20))  # the foe 900 m ahead looks away
    advantage = 0.5 * (nose - facing) * np.exp(-900 / 4000)
    np.testing.assert_allclose(state.task.advantage_a, advantage, rtol=1e-5)
    np.testing.assert_allclose(state.task.advantage_b, -advantage, rtol=1e-5)
    _equal(state, replace(duel.make_state(KEY, motion=motion, task=state.task)))
    kept = duel.make_state(KEY, motion=motion, task=replace(state.task, advantage_a=0.25))
    assert kept.task.advantage_a == 0.25


def test_the_dead_have_no_hit_points_and_see_nobody(duel, motion_of):
    motion = motion_of(*CHASE)
    by_hp = duel.make_state(KEY, motion=motion, hp=[1, 0], step=7)
    by_alive = duel.make_state(KEY, motion=motion, alive=np.array([True, False]), step=np.int32(7))
    _equal(by_hp, by_alive)
    np.testing.assert_array_equal(by_hp.alive, [True, False])
    np.testing.assert_array_equal(by_hp.hp, [1, 0])
    assert not by_hp.seen_a.any()
    assert by_hp.step == 7
    assert by_hp.task.advantage_a == 0


def test_it_may_be_in_a_world_of_its_own_and_in_a_batch(duel, motion_of):
    env = aerojax.make(duel.config, variation=Variation())
    world = env.draw_world(KEY)

    @jax.vmap
    def make(close_range):
        own = world.replace(close_range=close_range, radar_cosine=0.9)
        return env.make_state(KEY, motion=motion_of(*CHASE[::-1]), world=own)

    states = make(jnp.float32([100.0, 2000.0]))
    np.testing.assert_array_equal(states.seen_a[:, 0, 0], [False, True])


def test_what_is_not_a_state_is_refused(duel, motion_of):
    with pytest.raises(TypeError, match=r"unknown field 'health'; valid: .*hp"):
        duel.make_state(health=[1, 1])
    with pytest.raises(ValueError, match=r"hp must be float32 \(2,\), got float32 \(3,\)"):
        duel.make_state(hp=[1, 1, 1])
    with pytest.raises(ValueError, match=r"alive must be bool \(2,\), got float32 \(2,\)"):
        duel.make_state(alive=jnp.ones(2))
    with pytest.raises(ValueError, match=r"motion.x must be float32 \(2,\), got float32 \(1,\)"):
        duel.make_state(motion=motion_of(CHASE[0]))
    with pytest.raises(ValueError, match=r"step must be int32 .*, got 'late'"):
        duel.make_state(step="late")
    with pytest.raises(ValueError, match=r"without Config.variation all episodes have one world"):
        duel.make_state(world=())
