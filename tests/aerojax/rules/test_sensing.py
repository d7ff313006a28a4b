"""Who detects whom, who learns of it, and that nobody knows more."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.draws import Draws, draw_words
from aerojax.rules import sensing
from aerojax.rules import step as rules
from aerojax.rules.geometry import relate

RADAR = sensing.Sensors(jnp.array([6000.0]))
SAMPLES = 4096


def _features(env, obs, agent, slot):
    """The 12 numbers that an agent has about a slot of the others."""
    count = env.config.num_aircraft
    return np.asarray(obs[agent])[16 : 16 + 12 * count].reshape(12, count)[:, slot]


# --- Sensors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "degrees", "expected"),
    [
        (3499, 180, True),  # close by: in every direction
        (3501, 180, False),
        (3501, 59, True),
        (3501, 61, False),
        (5999, 0, True),
        (6001, 0, False),
        (5999, -59, True),
    ],
)
def test_detection_by_hand(motion_of, distance, degrees, expected):
    angle = np.radians(30 + degrees)
    other = (distance * np.cos(angle), distance * np.sin(angle), 3000, 0, 200)
    relation = relate(motion_of((0, 0, 3000, 30, 200)), motion_of(other))
    assert bool(sensing.within_sensors(relation, RADAR)[0, 0]) == expected


def test_the_cone_is_around_the_nose_in_three_dimensions(motion_of):
    climbing = motion_of((0, 0, 3000, 0, 200, 50))
    relation = relate(climbing, motion_of((100, 0, 7000, 0, 200), (4000, 0, 2000, 0, 200)))
    np.testing.assert_array_equal(sensing.within_sensors(relation, RADAR), [[True, False]])


def test_the_dead_and_hidden_are_not_detected(motion_of):
    relation = relate(motion_of((0, 0, 3000, 0, 200)), motion_of((1000, 0, 3000, 0, 200)))
    for visible in (True, False):
        detected = sensing.detect(relation, RADAR, jnp.array([[visible]]), None)
        assert bool(detected[0, 0]) == visible


def test_links_reach_10_km_and_everyone_has_one_to_oneself(motion_of):
    team = motion_of((-5000, 0, 3000, 0, 200), (4999, 0, 3000, 0, 200), (5001, 0, 3000, 0, 200))
    none_dropped = jnp.zeros((3, 3), bool)
    expected = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
    np.testing.assert_array_equal(sensing.linked(team, none_dropped), expected)
    np.testing.assert_array_equal(sensing.linked(team, ~none_dropped), np.eye(3, dtype=bool))


def test_a_link_fails_both_ways(motion_of):
    team = motion_of(*[(x, 0, 3000, 0, 200) for x in (0, 1000, 2000)])
    dropped = jnp.zeros((3, 3), bool).at[0, 2].set(True).at[1, 0].set(True)
    expected = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
    np.testing.assert_array_equal(sensing.linked(team, dropped), expected)


def test_tracks_are_ones_own_and_those_of_linked_mates():
    seen = jnp.array([[True, False], [False, True], [False, False]])
    link = jnp.array([[True, False, False], [False, True, True], [False, True, True]])
    expected = [[True, False], [False, True], [False, True]]
    np.testing.assert_array_equal(sensing.tracks(seen, link), expected)


# --- Chance ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chances(state_of):
    """Detections and links of many looks: targets at 4500 m, at 3400 m, and behind at 4000 m."""
    config = aerojax.Config(
        ("fighter",) * 3,
        ("fighter",) * 3,
        opponents="selfplay",
        stochastic_sensors=True,
        link_dropout=0.3,
    )
    env = aerojax.make(config)
    mine = [(0, y, 3000, 0, 200) for y in (-100, 0, 100)]
    state = state_of(env, [*mine, *((x, 0, 3000, 0, 200) for x in (4500, 3400, -4000))])

    @jax.jit
    @jax.vmap
    def look(key):
        relation = rules.relate_teams(config, state.motion)
        looked = rules.look(config, config.fleet, state, relation, Draws(draw_words(key, 100)))
        return looked.seen_a, looked.seen_b, looked.linked_a, looked.linked_b

    return [np.asarray(x) for x in look(jax.random.split(jax.random.key(0), SAMPLES))]


def _share(samples, probability):
    assert abs(samples.mean() - probability) < 3 * np.sqrt(probability * (1 - probability) / 4096)


def test_distant_aircraft_are_sometimes_missed(chances):
    seen = chances[0]
    for row in range(3):
        _share(seen[:, row, 0], 1 - 0.5 * (4500 / 6000) ** 4)
    assert seen[:, :, 1].all(), "never within 3500 m"
    assert not seen[:, :, 2].any(), "never out of the cone"
    both = (seen[:, 0, 0] & seen[:, 1, 0]).mean()
    assert both == pytest.approx((1 - 0.5 * 0.75**4) ** 2, abs=0.03), "each on its own"


def test_links_drop_by_pairs(chances):
    for linked in chances[2:]:
        np.testing.assert_array_equal(linked, linked.swapaxes(1, 2))
        assert linked[:, np.arange(3), np.arange(3)].all()
        for i, j in ((0, 1), (0, 2), (1, 2)):
            _share(linked[:, i, j], 0.7)
    assert (chances[2] != chances[3]).any()


# --- What is not seen -----------------------------------------------------------------------------

# ally_0 looks east, at enemy_0; ally_1 far behind it looks west; enemy_1 is out of range.
LINE = [
    (-1500, 0, 2000, 0, 200),
    (-7000, 0, 2000, 180, 200),
    (1500, 0, 2000, 180, 200),
    (7500, 0, 2000, 180, 200),
]


@pytest.fixture(scope="module")
def pillar(obstacles_of):
    """An obstacle in the middle, and the same without height."""
    return [obstacles_of((0, 0, 500, height)) for height in (3000, 0)]


def test_who_is_unseen_leaves_exact_zeros(pairs, state_of, look, pillar):
    hidden, free = (look(pairs, state_of(pairs, LINE, obstacles=o)) for o in pillar)
    for state, seen in ((hidden, False), (free, True)):
        obs = pairs.get_obs(state)
        for agent in ("ally_0", "ally_1"):  # ally_1 by way of the datalink
            features = _features(pairs, obs, agent, 2)
            assert features[0] == seen
            assert bool(features.any()) == seen
            assert not _features(pairs, obs, agent, 3).any(), "out of range"
    moved = dataclasses.replace(
        hidden.motion, y=hidden.motion.y.at[3].add(300), vx=hidden.motion.vx.at[2].add(30)
    )
    same = pairs.get_obs(dataclasses.replace(hidden, motion=moved))
    for agent in ("ally_0", "ally_1"):
        np.testing.assert_array_equal(same[agent], pairs.get_obs(hidden)[agent])


@pytest.mark.parametrize(("apart", "shared"), [(9900, True), (10_100, False)])
def test_the_datalink_reaches_10_km(pairs, state_of, look, pillar, apart, shared):
    aircraft = [*LINE]
    aircraft[0] = (6000, 0, 2000, 180, 200)
    aircraft[1] = (6000 - apart, 0, 2000, 180, 200)
    aircraft[2] = (4000, 0, 2000, 180, 200)
    state = look(pairs, state_of(pairs, aircraft, obstacles=pillar[1]))
    assert state.seen_a[0, 0]
    assert not state.seen_a[1, 0]
    obs = pairs.get_obs(state)
    assert bool(_features(pairs, obs, "ally_1", 2).any()) == shared
    assert bool(_features(pairs, obs, "ally_1", 0).any()) == shared, "nor the team-mate itself"


def test_without_links_everyone_is_alone(pairs, state_of, pillar):
    state = state_of(pairs, LINE, obstacles=pillar[1], seen_a=[[1, 0], [0, 0]], linked_a=np.eye(2))
    obs = pairs.get_obs(state)
    assert _features(pairs, obs, "ally_0", 2).any()
    assert not _features(pairs, obs, "ally_1", 2).any()
    assert not _features(pairs, obs, "ally_1", 0).any()


def test_the_dead_share_nothing_and_are_not_seen(pairs, state_of, look, pillar):
    """ally_0, who sees enemy_0, dies; then enemy_0 itself."""
    for dead in (0, 2):
        alive = np.arange(4) != dead
        state = look(pairs, state_of(pairs, LINE, obstacles=pillar[1], alive=alive))
        obs = pairs.get_obs(state)
        assert not _features(pairs, obs, "ally_1", 2).any()
        assert not _features(pairs, obs, "ally_1", dead).any()
        names = [*pairs.agents]
        assert not np.any(obs[names[dead]]), "the dead see nothing at all"
