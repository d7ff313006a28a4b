"""How episodes start: in formation, apart, alive, and with a fair chance to stay so."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

import aerojax
from aerojax.aircraft import build_fleet
from aerojax.draws import Draws, draw_words
from aerojax.env import _count_words
from aerojax.objectives.escort import Escort
from aerojax.rules import flight
from aerojax.rules.flight import Command
from aerojax.rules.formation import reach, top
from aerojax.rules.spawn import _formation, spawn
from aerojax.state import Motion

SAMPLES = 256
NAMES = list(aerojax.list_scenarios())


def _spawned(config):
    """The states of many resets, without observations: NumPy, the samples first."""
    words = _count_words(config)[0]

    @jax.jit
    @jax.vmap
    def start(key):
        return spawn(config, config.fleet, Draws(draw_words(key, words)))

    return jax.tree.map(np.asarray, start(jax.random.split(jax.random.key(0), SAMPLES)))


@pytest.fixture(scope="module")
def starts():
    """The states at the start of each scenario, and their motion a second of no-ops later."""
    configs = {name: aerojax.make(name).config for name in NAMES}
    states = {name: _spawned(config) for name, config in configs.items()}
    sizes = [states[name].alive.size for name in NAMES]
    everyone = jax.tree.map(
        lambda *parts: jnp.concatenate([part.reshape(-1) for part in parts]),
        *(states[name].motion for name in NAMES),
    )
    classes = [c for name in NAMES for c in configs[name].classes * SAMPLES]
    fleet = jax.tree.map(jnp.asarray, build_fleet(classes))
    no_op = Command(*(jnp.full_like(everyone.x, u) for u in (0.0, 0.0, 0.2)))
    fly = jax.jit(lambda motion: flight.fly(fleet, motion, no_op, flight.guided, 1.0))
    moved = jax.tree.map(lambda x: np.split(np.asarray(x), np.cumsum(sizes)[:-1]), fly(everyone))
    later = {
        name: Motion(
            *(
                getattr(moved, field.name)[i].reshape(SAMPLES, -1)
                for field in dataclasses.fields(Motion)
            )
        )
        for i, name in enumerate(NAMES)
    }
    return configs, states, later


def _closest(motion):
    """The smallest distance between any two of one sample, m."""
    place = np.stack([motion.x, motion.y, motion.z], axis=-1)
    if place.shape[1] == 1:
        return math.inf
    rows, columns = np.triu_indices(place.shape[1], 1)
    return np.linalg.norm(place[:, rows] - place[:, columns], axis=-1).min()


@pytest.mark.parametrize("name", NAMES)
def test_nobody_overlaps_or_dies_at_once(starts, name):
    """Two aircraft 100 m apart that fly at 200 m/s cannot have met in between at closing angles
    of 15 degrees."""
    config, state, later = (part[name] for part in starts)
    for motion in (state.motion, later):
        assert _closest(motion) > 100
        assert np.all(np.hypot(motion.x, motion.y) < config.radius - 100)
        assert np.all((motion.z > 500) & (motion.z < config.ceiling - 500))
        obstacles = state.obstacles
        gap = np.hypot(
            motion.x[:, :, None] - obstacles.x[:, None], motion.y[:, :, None] - obstacles.y[:, None]
        )
        assert np.all((gap > obstacles.radius[:, None]) | (obstacles.height == 0)[:, None])
    assert state.alive.all()
    assert not state.done.any()
    assert not state.step.any()
    np.testing.assert_array_equal(state.hp, np.tile(config.fleet.max_hp, (SAMPLES, 1)))


def test_teams_face_each_other_abreast(starts):
    _, state, _ = (part["identical_5_vs_5"] for part in starts)
    motion = state.motion
    place, velocity = motion.x + 1j * motion.y, motion.vx + 1j * motion.vy
    np.testing.assert_allclose(np.abs(velocity), 200, rtol=1e-5)
    assert not motion.vz.any()
    assert np.all(motion.nz == 1)
    assert np.all(motion.throttle == np.float32(0.6))
    assert 2500 <= motion.z.min() < 2510
    assert 3490 < motion.z.max() <= 3500
    # Turned so that B lies ahead of A along the real axis, the teams are 5 km apart.
    way = place[:, 5:].mean(axis=1) - place[:, :5].mean(axis=1)
    assert np.abs(way).mean() == pytest.approx(5000, rel=0.01)
    turn = (np.abs(way) / way)[:, None]
    facing = np.where(np.arange(10) < 5, 1, -1)
    off = np.degrees(np.angle(velocity * turn * facing))
    assert np.abs(off).max() < 15 + 10  # their mean place wavers by some degrees
    spacing = np.diff((place * turn).imag[:, :5], axis=1)
    assert spacing.mean() == pytest.approx(700, rel=0.02)
    assert kstest(np.angle(way), "uniform", (-math.pi, 2 * math.pi)).pvalue > 1e-3
    assert set(np.unique(state.turn)) == {-1, 1}
    assert abs(state.turn.mean()) < 3 / math.sqrt(state.turn.size)


def test_evaders_start_around_the_middle_flying_anywhere(starts):
    _, state, _ = (part["pursuit_3_vs_1"] for part in starts)
    x, y = state.motion.x[:, 3], state.motion.y[:, 3]
    assert np.hypot(x, y).max() < math.hypot(1000, 450)
    heading = np.arctan2(state.motion.vy[:, 3], state.motion.vx[:, 3])
    assert kstest(heading, "uniform", (-math.pi, 2 * math.pi)).pvalue > 1e-3


def test_escorts_fly_ahead_of_the_asset(starts):
    _, state, _ = (part["escort_4_vs_3"] for part in starts)
    place = state.motion.x + 1j * state.motion.y
    asset = place[:, 4]
    np.testing.assert_allclose(np.abs(asset), 5000, rtol=1e-4)
    to_middle = (-asset / np.abs(asset))[:, None]
    ahead = ((place[:, :4] - asset[:, None]) * to_middle.conj()).real
    assert ahead.min() > 490
    assert ahead.max() < 1110
    np.testing.assert_allclose(state.task.x + 1j * state.task.y, -asset, rtol=1e-3)


def test_a_second_rank_of_escorts_flies_ahead_too():
    config = aerojax.Config(("fighter",) * 12, ("fighter",), Escort())
    assert _closest(_spawned(config).motion) > 100


def test_sensors_have_looked_before_the_first_observation(starts):
    """5 km apart, nose to nose: most are detected at once."""
    _, state, _ = (part["identical_5_vs_5"] for part in starts)
    for seen in (state.seen_a, state.seen_b):
        assert 0.5 < seen.mean() < 1
    assert state.linked_a.all()
    assert not state.hurt.any()
    assert np.all(state.target == -1)


def test_a_hundred_against_a_hundred():
    fighters = ("fighter",) * 100
    env = aerojax.make(aerojax.Config(fighters, fighters))
    _, state = env.reset(jax.random.key(0))
    assert reach(100) - 600 < np.hypot(state.motion.x, state.motion.y).max() < reach(100)
    assert top(100) - 600 < state.motion.z.max() < top(100)
    for step in range(2):
        actions = dict.fromkeys(env.agents, jnp.int32(22))
        obs, state, rewards, dones, _ = env.step_env(jax.random.key(step), state, actions)
    assert state.alive.all()
    assert not dones["__all__"]
    for value in jax.tree.leaves((obs, rewards)):
        assert np.isfinite(value).all()
    assert _closest(jax.tree.map(lambda x: x[None], state.motion)) > 100


def test_one_team_stands_as_the_other_turned_by_half_a_turn():
    config = aerojax.make("special_5_vs_5").config
    along, across, above = _formation(config)
    own, foe = config.team_a
    np.testing.assert_allclose(along[foe], -along[own])
    np.testing.assert_allclose(across[foe], -across[own])
    np.testing.assert_allclose(above[foe], above[own])
    assert across[0] == -1400.0  # team A flies towards positive x: its first slot is its rightmost
