"""Every number of an observation and of the world state, computed by hand."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.base import Points
from aerojax.objectives.waypoint import Waypoint

G = 9.80665
# Northwards at 200 m/s; the other is 400 m ahead and 300 m to the right, and flies west.
ME, OTHER = (1000, 2000, 3000, 90, 200), (1300, 2400, 3000, 180, 150)


@pytest.fixture(scope="module")
def mixed():
    """Two classes against a third, a point and an obstacle."""
    return aerojax.make(
        aerojax.Config(
            ("fighter", "scout"),
            ("heavy",),
            Waypoint(num_points=1),
            opponents="circle",
            obstacles=1,
        )
    )


@pytest.fixture(scope="module")
def aerobatic():
    return aerojax.make("1_vs_1", opponents="selfplay", actions="continuous", control="direct")


@pytest.fixture(scope="module")
def duel_obs(duel, state_of):
    state = state_of(
        duel, [ME, OTHER], hp=[1, 0.5], hurt=[0.25, 0], step=50, seen_a=[[1]], seen_b=[[1]]
    )
    return duel.get_obs(state)


def test_own_features_by_hand(duel_obs):
    lift = 1.64 * 1.225 * 27.87 / (2 * 9358 * G)  # n_avail = lift * density ratio * V^2
    available = min(9, lift * (1 - 3000 / 42000) ** 4 * 200**2)
    distance = math.hypot(1000, 2000)
    expected = [
        1,
        1,
        200 / 300,
        0,
        3000 / 5000,
        0,
        1 / 9,
        0.6,
        available / 9,
        (3000 + 200**2 / (2 * G)) / 1e4,
        -2000 / 8000,  # the middle is behind
        -1000 / 8000,  # and to the left
        distance / 8000,
        200 * 2000 / distance / 300,
        2 * 0.25,
        1 - 50 / 200,
    ]
    np.testing.assert_allclose(duel_obs["ally_0"][:16], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("bank", [0.0, 60.0, -150.0])
@pytest.mark.parametrize("climb", [0.0, 50.0])
def test_direct_control_shows_the_bank_and_the_load_along_up(aerobatic, state_of, bank, climb):
    state = state_of(aerobatic, [(*ME, climb), OTHER])
    motion = state.motion  # flies north: its right is east
    up = np.array([[0.0, 0.0], motion.up_y, motion.up_z])
    angle = np.radians(bank)
    up = np.cos(angle) * up + np.sin(angle) * np.array([[1.0], [0.0], [0.0]])
    motion = replace(motion, up_x=up[0], up_y=up[1], up_z=up[2], nz=jnp.array([-2.0, 1.0]))
    seen = aerobatic.get_obs(replace(state, motion=jax.tree.map(jnp.float32, motion)))["ally_0"]
    assert len(seen) == aerobatic.observation_space("ally_0").shape[0] == 41
    expected = np.sin(angle), -2 / 9, np.cos(angle)
    np.testing.assert_allclose(seen[jnp.array([5, 6, 16])], expected, atol=1e-5)


def test_the_others_features_by_hand(duel_obs):
    own, other = np.asarray(duel_obs["ally_0"])[16:].reshape(12, 2).T
    np.testing.assert_array_equal(own, np.zeros(12))
    expected = [
        1,
        0.8,
        0.6,
        0,
        500 / 8000,
        1 / 1.5,
        -200 / 300,  # it does not fly my way
        -150 / 300,  # and comes from the right
        0,
        0.8,
        0.6,  # 300 m of 500 along its nose
        0.5,
    ]
    np.testing.assert_allclose(other, expected, rtol=1e-5, atol=1e-6)


def test_the_other_team_sees_its_own_first(duel_obs):
    """From the enemy: 300 m ahead, 400 m to the left."""
    own, other = np.asarray(duel_obs["enemy_0"])[16:].reshape(12, 2).T
    np.testing.assert_array_equal(own, np.zeros(12))
    expected = [1, 0.6, -0.8, 0, 500 / 8000, 1 / 1.5, -150 / 300, 200 / 300, 0, 0.6, 0.8, 1]
    np.testing.assert_allclose(other, expected, rtol=1e-5, atol=1e-6)


def test_the_world_state_by_hand(duel_obs):
    expected = [
        *(1, 1),
        *(1000 / 8000, 1300 / 8000),
        *(2000 / 8000, 2400 / 8000),
        *(0.6, 0.6),
        *(0, -150 / 300),
        *(200 / 300, 0),
        *(0, 0),
        *(1, 0.5),
        *(0.6, 0.6),
        0.75,
    ]
    np.testing.assert_allclose(duel_obs["world_state"], expected, rtol=1e-5, atol=1e-6)


def test_each_team_has_a_view_of_the_world_with_its_own_first(duel, duel_obs, state_of):
    state = state_of(
        duel, [ME, OTHER], hp=[1, 0.5], hurt=[0.25, 0], step=50, seen_a=[[1]], seen_b=[[1]]
    )
    views = duel.get_world_states(state)
    assert list(views) == ["allies", "enemies"]
    np.testing.assert_array_equal(views["allies"], duel_obs["world_state"])
    pairs = np.asarray(views["allies"])[:18].reshape(9, 2)
    turned = [*pairs[:, ::-1].reshape(-1), *views["allies"][18:]]
    np.testing.assert_array_equal(views["enemies"], np.float32(turned))


def test_climb_and_height(duel, state_of):
    above = (*ME[:2], 3400, 90, 150, 30)
    state = state_of(duel, [ME, (1000, 2300, *above[2:])], seen_a=[[1]])
    obs = np.asarray(duel.get_obs(state)["ally_0"])
    other = obs[16:].reshape(12, 2)[:, 1]
    cos, sin = 150 * math.cos(math.radians(30)), 75
    expected = [1, 0.6, 0, 0.8, 500 / 8000, 1 / 1.5, (cos - 200) / 300, 0, sin / 300]
    np.testing.assert_allclose(other[:9], expected, rtol=1e-5, atol=1e-6)
    away = -(0.6 * math.cos(math.radians(30)) + 0.8 * 0.5)
    np.testing.assert_allclose(other[9:], [0.6, away, 1], rtol=1e-5)


def test_classes_points_and_obstacles_by_hand(mixed, state_of, obstacles_of):
    """The point is 600 m to the right of me and 800 m up; the obstacle 1000 m behind."""
    aircraft = [ME, (-3000, 0, 3000, 0, 200), (5000, 0, 3000, 0, 200)]
    point = Points(*jnp.float32([[1600], [2000], [3800]]))
    tower = obstacles_of((1000, 1000, 500, 3500))
    state = state_of(mixed, aircraft, task=point, obstacles=tower)
    obs = mixed.get_obs(state)
    mine, scouts = (np.asarray(obs[agent])[16 + 36 :] for agent in ("ally_0", "ally_1"))
    expected = [1, 0, 0, 0, 0.6, 0.8, 1000 / 8000, 0.5, -1, 0, 500 / 8000, 500 / 5000]
    np.testing.assert_allclose(mine, expected, atol=1e-6)
    np.testing.assert_array_equal(scouts[:3], [0, 1, 0])
    world = [1600 / 8000, 2000 / 8000, 3800 / 5000, 1000 / 8000, 1000 / 8000, 0.5, 0.7]
    np.testing.assert_allclose(obs["world_state"][-7:], world, rtol=1e-6)


def test_health_is_relative_to_the_class(mixed, state_of, obstacles_of):
    """A heavy starts with two hit points, a scout with 0.6."""
    tower = obstacles_of((5000, 5000, 500, 3500))
    points = Points(*jnp.ones((3, 1)))
    aircraft = [ME, OTHER, (0, 0, 3000, 0, 200)]
    state = state_of(
        mixed, aircraft, hp=[1, 0.3, 1], task=points, obstacles=tower, seen_a=[[1], [1]]
    )
    others = np.asarray(mixed.get_obs(state)["ally_0"])[16:52].reshape(12, 3)
    np.testing.assert_allclose(others[11], [0, 0.5, 0.5])
    assert float(mixed.get_obs(state)["ally_1"][1]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "size", "world"),
    [
        ("identical_5_vs_5", 16 + 120, 91),
        ("special_5_vs_5", 16 + 120 + 5, 91),
        ("waypoint_5", 16 + 60 + 15, 45 + 1 + 9),
        ("search_4", 16 + 48 + 16, 36 + 1 + 112),
        ("escort_4_vs_3", 16 + 96 + 4 + 5, 72 + 1 + 3),
        ("hide_and_seek_4_vs_2", 16 + 72 + 24, 54 + 1 + 24),
    ],
)
def test_sizes(name, size, world):
    env = aerojax.make(name)
    obs, _ = jax.eval_shape(env.reset, jax.random.key(0))
    assert env.observation_space("ally_0").shape == obs["ally_0"].shape == (size,)
    assert env.world_state_size() == world
    assert obs["world_state"].shape == (world,)
