"""Wind, gusts and what is measured of opponents."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax import Variation
from aerojax.draws import Draws, draw_words
from aerojax.rules.world import in_gust, later
from aerojax.state import Noise, Wind

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def windy():
    """One against one under direct control, in wind and with errors of measurement."""
    return aerojax.make(
        "1_vs_1",
        opponents="selfplay",
        actions="continuous",
        control="direct",
        variation=Variation(wind=10.0, gusts=0.0, noise=50.0),
    )


@pytest.fixture(scope="module")
def meeting(windy, state_of):
    state = state_of(windy, [(0, 0, 3000, 30, 200), (1000, 200, 3200, 200, 210)])
    return replace(state, world=windy.draw_world(KEY))


def _air(world, x=0.0, y=0.0, gust_x=0.0, gust_y=0.0):
    parts = (jnp.float32(part) for part in (x, y, 0.0, gust_x, gust_y))
    return world.replace(wind=Wind(*parts))


def test_wind_carries_all_alike_and_changes_nothing_else(windy, meeting):
    """Twenty steps of a rolling pull, in still air and in wind: Galilei's ship."""
    sticks = jax.random.uniform(KEY, (20, 2, 3), minval=-0.3, maxval=0.5)

    @jax.jit
    @jax.vmap
    def fly(x, y):
        def step(state, stick):
            actions = dict(zip(windy.agents, stick, strict=True))
            _, state, *_ = windy.step_env(KEY, state, actions)
            return state, None

        start = replace(meeting, world=_air(meeting.world, x, y))
        return jax.lax.scan(step, start, sticks)[0]

    end = fly(jnp.float32([0.0, 20.0]), jnp.float32([0.0, -30.0]))
    still, wind = (jax.tree.map(lambda leaf, i=i: leaf[i], end) for i in range(2))
    assert still.alive.all()
    moved = replace(still.motion, x=still.motion.x + 10 * 20.0, y=still.motion.y - 10 * 30.0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=0.02), wind.motion, moved)
    np.testing.assert_array_equal(wind.seen_a, still.seen_a)


def test_a_gust_changes_the_speed_through_the_air_and_not_that_over_the_ground(meeting):
    before, now = _air(meeting.world, 5.0, 5.0), _air(meeting.world, 5.0, 5.0, -3.0, 4.0)
    motion = in_gust(meeting.motion, before, now)
    np.testing.assert_allclose(motion.vx, meeting.motion.vx + 3.0, rtol=1e-6)
    np.testing.assert_allclose(motion.vy, meeting.motion.vy - 4.0, rtol=1e-6)
    np.testing.assert_array_equal(motion.vz, meeting.motion.vz)
    up = np.stack([motion.up_x, motion.up_y, motion.up_z])
    velocity = np.stack([motion.vx, motion.vy, motion.vz])
    np.testing.assert_allclose((up * up).sum(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose((up * velocity).sum(axis=0), 0.0, atol=1e-4)


def test_gusts_keep_their_deviation_and_fade_in_five_seconds(meeting):
    """4096 gusts that have blown for long, and a step later."""
    fields = {"gusts": jnp.full(4096, 3.0)}
    fields |= {name: jnp.zeros(4096) for name in ("x", "y", "gust_x", "gust_y")}
    world = meeting.world.replace(wind=Wind(**fields), noise=None)
    series = []
    for step in range(40):
        words = draw_words(jax.random.fold_in(KEY, step), 4 * 4096).reshape(4, 4096)
        world = later(world, Draws(words), 0.5)
        series.append(np.asarray(world.wind.gust_x))
    deviation = 3.0 * np.sqrt(1.0 - np.exp(-2 * 20.0 / 5.0))
    assert series[-1].std() == pytest.approx(deviation, rel=0.05)
    correlation = np.corrcoef(series[-1], series[-3])[0, 1]
    assert correlation == pytest.approx(np.exp(-1.0 / 5.0), abs=0.02)
    assert abs(np.corrcoef(world.wind.gust_x, world.wind.gust_y)[0, 1]) < 0.05


def test_agents_and_scripts_see_opponents_where_they_are_measured(windy, meeting):
    """What A sees of B is off by B's error, and what B sees of A by A's; detections are not."""
    seen = jnp.ones((1, 1), bool)
    state = replace(meeting, seen_a=seen, seen_b=seen)
    error = {"x": jnp.float32([300.0, 0.0]), "y": jnp.float32([0.0, -200.0])}
    noise = Noise(jnp.float32(50.0), z=jnp.float32([0.0, 100.0]), **error)
    measured = replace(state, world=state.world.replace(noise=noise))
    exact = replace(state, world=state.world.replace(noise=jax.tree.map(jnp.zeros_like, noise)))
    motion = state.motion
    for agent, slot in (("ally_0", 1), ("enemy_0", 0)):
        moved = {
            axis: getattr(motion, axis).at[slot].add(getattr(noise, axis)[slot]) for axis in "xyz"
        }
        there = replace(exact, motion=replace(motion, **moved))
        np.testing.assert_allclose(
            windy.get_obs(measured)[agent], windy.get_obs(there)[agent], atol=1e-6
        )
        assert np.abs(windy.get_obs(measured)[agent] - windy.get_obs(exact)[agent]).max() > 0.01
    there = replace(
        exact,
        motion=replace(
            motion,
            y=motion.y + jnp.float32([0.0, -200.0]),
            z=motion.z + jnp.float32([0.0, 100.0]),
        ),
    )
    wanted = windy.script_actions(there, "pursuit")["ally_0"]
    np.testing.assert_allclose(
        windy.script_actions(measured, "pursuit")["ally_0"], wanted, atol=1e-6
    )
    assert np.abs(wanted - windy.script_actions(exact, "pursuit")["ally_0"]).max() > 0.01


def test_errors_are_new_in_each_step_and_touch_no_rule(windy, meeting, still):
    quiet = replace(
        meeting,
        world=meeting.world.replace(noise=jax.tree.map(jnp.zeros_like, meeting.world.noise)),
    )
    _, loud, *loud_rest = windy.step_env(KEY, meeting, still(windy))
    _, after, *rest = windy.step_env(KEY, quiet, still(windy))
    assert np.abs(loud.world.noise.x - meeting.world.noise.x).min() > 0.0
    np.testing.assert_array_equal(after.world.noise.x, 0.0)
    jax.tree.map(
        np.testing.assert_array_equal, replace(loud, world=None), replace(after, world=None)
    )
    jax.tree.map(np.testing.assert_array_equal, loud_rest, rest)
