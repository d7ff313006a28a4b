"""Worlds: what may be drawn, and that one program flies many of them."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

import aerojax
from aerojax import LogUniform, Normal, Variation
from aerojax.aircraft import CLASSES, build_fleet

KEY = jax.random.key(0)
PAIR = ("fighter", "fighter")


@pytest.fixture(scope="module")
def varied():
    """Two against two, and all that can be drawn is."""
    return aerojax.make(
        "identical_2_vs_2",
        opponents="selfplay",
        actions="continuous",
        variation=Variation(
            allies=("fighter", "scout", "heavy"),
            num_allies=(1, 2),
            mass=(0.8, 1.25),
            thrust=LogUniform(0.5, 2.0),
            radius=(7000.0, 9000.0),
            ceiling=(8000.0, 12000.0),
            close_range=Normal(1500.0, 500.0, 1000.0, 2000.0),
            radar_angle=(40.0, 80.0),
            gun_angle=20.0,
            link_range=(2000.0, 12000.0),
            wind=(0.0, 20.0),
            gusts=(1.0, 5.0),
            noise=(0.0, 100.0),
            observed="own",
        ),
    )


@pytest.fixture(scope="module")
def worlds(varied):
    """512 of its worlds, as NumPy arrays."""
    drawn = jax.jit(jax.vmap(varied.draw_world))(jax.random.split(KEY, 512))
    return jax.tree.map(np.asarray, drawn)


def _equal(left, right, tolerance=0.0):
    assert jax.tree.structure(left) == jax.tree.structure(right)

    def check(a, b):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=10 * tolerance)

    jax.tree.map(check, left, right)


# --- What is drawn --------------------------------------------------------------------------------


def test_figures_are_drawn_as_they_are_described(worlds):
    assert kstest(worlds.radius, "uniform", (7000, 2000)).pvalue > 1e-3
    assert kstest(worlds.link_range, "uniform", (2000, 10000)).pvalue > 1e-3
    thrust = worlds.fleet.dry_thrust * 1.0
    fighter = build_fleet([CLASSES["fighter"]])
    share = (thrust / fighter.dry_thrust)[:, 2:] * (fighter.parasite / worlds.fleet.parasite)[:, 2:]
    assert kstest(np.log2(share).ravel(), "uniform", (-1, 2)).pvalue > 1e-3
    mass = (fighter.parasite / worlds.fleet.parasite)[:, 2:]
    assert kstest(mass.ravel(), "uniform", (0.8, 0.45)).pvalue > 1e-3
    assert worlds.close_range.min() == 1000
    assert worlds.close_range.max() == 2000
    within = worlds.close_range[(worlds.close_range > 1000) & (worlds.close_range < 2000)]
    assert kstest(within, "truncnorm", (-1, 1, 1500, 500)).pvalue > 1e-3
    angle = np.degrees(np.arccos(worlds.radar_cosine))
    assert kstest(angle, "uniform", (40, 40)).pvalue > 1e-3
    np.testing.assert_allclose(worlds.gun_cosine, np.cos(np.radians(20)), rtol=1e-6)
    np.testing.assert_array_equal(worlds.collision_range, 15.0)
    wind = np.hypot(worlds.wind.x, worlds.wind.y)
    assert kstest(wind, "uniform", (0, 20)).pvalue > 1e-3
    gust = np.concatenate([worlds.wind.gust_x, worlds.wind.gust_y]) / np.tile(worlds.wind.gusts, 2)
    assert kstest(gust, "norm").pvalue > 1e-3
    error = worlds.noise.x / worlds.noise.deviation[:, None]
    assert kstest(error.ravel(), "norm").pvalue > 1e-3


def test_rosters_are_drawn_from_those_classes(worlds):
    classes = build_fleet([CLASSES[name] for name in ("fighter", "scout", "heavy")])
    loads = worlds.fleet.max_load
    for load in classes.max_load:
        assert abs((loads[:, :2] == load).mean() - 1 / 3) < 0.06
    np.testing.assert_array_equal(loads[:, 2:], 9.0)
    scouts = loads == 8.0
    np.testing.assert_allclose(worlds.fleet.radar_range[scouts], 9600.0)
    np.testing.assert_allclose(worlds.fleet.max_hp[scouts], 0.6)


def test_the_first_slots_fly(worlds):
    np.testing.assert_array_equal(worlds.present[:, [0, 2, 3]], 1.0)
    assert abs(worlds.present[:, 1].mean() - 0.5) < 0.1
    assert set(np.unique(worlds.present)) == {0.0, 1.0}


def test_each_multiple_goes_where_the_class_has_its_figure():
    """A world of doubled figures has the coefficients of a class of doubled figures."""
    figures = {
        "mass": "mass",
        "wing_area": "wing_area",
        "cd0": "cd0",
        "k": "k",
        "cl_max": "cl_max",
        "max_load": "max_load",
        "hit_points": "hit_points",
        "radar_range": "radar_scale",
        "gun_range": "gun_range_scale",
        "gun_rate": "damage_scale",
    }
    heavy = CLASSES["heavy"]
    for name, field in figures.items():
        world = aerojax.make(
            aerojax.Config(("heavy",), ("fighter",), variation=Variation(**{name: 2.0}))
        ).draw_world(KEY)
        of_class = build_fleet([replace(heavy, **{field: 2.0 * getattr(heavy, field)})])
        got = [float(values[0]) for values in world.fleet]
        np.testing.assert_allclose(got, np.ravel(of_class), rtol=1e-6, err_msg=name)


def test_an_asset_always_flies():
    env = aerojax.make(
        "escort_4_vs_3", variation=Variation(allies=("ace", "scout"), num_allies=(1, 1))
    )
    world = env.draw_world(KEY)
    np.testing.assert_array_equal(world.present, [1, 0, 0, 0, 1, 1, 1, 1])
    assert world.fleet.max_load[4] == 2.5
    assert set(world.fleet.max_load[:4].tolist()) <= {8.0, 10.0}


# --- One program, many worlds ---------------------------------------------------------------------


def test_a_variation_of_nothing_changes_nothing(duel):
    """Nor does a drawn world change where aircraft start, or the luck of a step."""
    same = aerojax.make(duel.config, variation=Variation())
    actions = dict.fromkeys(duel.agents, jnp.array([0.3, 0.2, 0.5]))
    obs, state = duel.reset(KEY)
    other_obs, other = same.reset(KEY)
    _equal((other_obs, replace(other, world=None)), (obs, state), 1e-6)
    final = jax.tree.map(lambda x: x, state.replace(step=jnp.int32(199)))
    expected = duel.step(KEY, final, actions)
    got = same.step(KEY, replace(final, world=other.world), actions)
    _equal(got[0], expected[0], 1e-6)
    _equal(replace(got[1], world=None), expected[1], 1e-6)
    _equal(got[2:], expected[2:], 1e-6)


def test_ten_worlds_in_one_program_are_ten_by_themselves(varied):
    keys = jax.random.split(KEY, 10)

    def play(key):
        obs, state = varied.reset_with(key, varied.draw_world(jax.random.fold_in(key, 7)))
        sticks = jax.random.uniform(key, (4, 3), minval=-1.0)
        actions = dict(zip(varied.agents, sticks, strict=True))
        return obs, state, varied.step_env(key, state, actions)

    together = jax.jit(jax.vmap(play))(keys)
    alone = [jax.jit(play)(key) for key in keys]
    _equal(together, jax.tree.map(lambda *x: jnp.stack(x), *alone), 1e-4)
    assert len(set(np.asarray(together[1].world.radius).tolist())) == 10
    for agent, seen in together[0].items():
        if agent in varied.agents:
            assert np.abs(seen).max() <= np.max(varied.observation_space(agent).high)


def test_every_figure_has_its_effect(varied, state_of, still):
    """One state in many worlds; in the first all is well, in each other one figure is extreme."""
    aircraft = [(0, 0, 3000, 0, 200), (0, 900, 3000, 0, 200)]
    foes = [(1200, 0, 3000, 0, 200), (1200, 900, 3000, 0, 200)]
    plain = aerojax.make(varied.config, variation=Variation()).draw_world(KEY)
    changes = {
        "base": {},
        "radius": {"radius": 1000.0},
        "ceiling": {"ceiling": 2999.0},
        "collision_range": {"collision_range": 1000.0},
        "close_range": {"close_range": 100.0, "radar_cosine": 0.9},
        "radar_cosine": {"close_range": 100.0, "radar_cosine": 0.5},
        "gun_cosine": {"gun_cosine": 1.1},
        "link_range": {"link_range": 800.0},
    }
    names = list(changes)
    calm = varied.draw_world(KEY)
    calm = plain.replace(
        wind=jax.tree.map(jnp.zeros_like, calm.wind), noise=jax.tree.map(jnp.zeros_like, calm.noise)
    )
    worlds = [
        calm.replace(**{name: jnp.float32(value) for name, value in changes[name].items()})
        for name in names
    ]
    state = state_of(varied, [*aircraft, *foes])
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *worlds)
    step = jax.jit(jax.vmap(lambda w: varied.step_env(KEY, replace(state, world=w), still(varied))))
    after = dict(zip(names, range(len(names)), strict=True))
    states = jax.tree.map(np.asarray, step(stacked)[1])

    def of(field, name):
        return getattr(states, field)[after[name]]

    assert of("alive", "base").all()
    assert of("seen_a", "base").all()
    np.testing.assert_array_equal(of("target", "base")[:2], [2, 3])
    np.testing.assert_array_equal(of("alive", "radius"), [True, True, False, False])
    assert not of("alive", "ceiling").any()
    assert not of("alive", "collision_range").any()
    np.testing.assert_array_equal(of("seen_a", "close_range"), np.eye(2, dtype=bool))
    assert of("seen_a", "radar_cosine").all()
    np.testing.assert_array_equal(of("target", "gun_cosine"), -1)
    np.testing.assert_array_equal(of("linked_a", "link_range"), np.eye(2, dtype=bool))
    assert of("linked_a", "base").all()


def test_an_absent_aircraft_is_out_of_the_game(varied, still):
    world = varied.draw_world(KEY).replace(present=jnp.float32([1, 0, 1, 1]))
    obs, state = varied.reset_with(KEY, world)
    np.testing.assert_array_equal(state.alive, [True, False, True, True])
    assert state.hp[1] == 0
    assert not obs["ally_1"].any()
    _, after, _, dones, info = varied.step_env(KEY, state, still(varied))
    assert dones["ally_1"]
    assert not dones["ally_0"]
    assert not after.done
    np.testing.assert_array_equal(info["losses"], 0.0)


def test_agents_see_their_own_figures_if_they_may(varied):
    obs, state = varied.reset(KEY)
    hidden = aerojax.make(
        varied.config, variation=replace(varied.config.variation, observed="nothing")
    )
    size = varied.observation_space("ally_0").shape[0]
    assert hidden.observation_space("ally_0").shape == (size - 10,)
    fighter = np.ravel(build_fleet([CLASSES["fighter"]]))
    own = np.array([values[0] for values in state.world.fleet]) / fighter
    np.testing.assert_allclose(obs["ally_0"][-10:], own, rtol=1e-6)


# --- Resets ---------------------------------------------------------------------------------------


def test_an_episode_keeps_its_world_and_the_next_has_another(varied, still):
    world = varied.draw_world(jax.random.key(5)).replace(radius=8765.0)
    _, state = varied.reset_with(KEY, world)
    assert state.world.radius == 8765
    state = replace(state, step=jnp.int32(198))
    _, state, *_ = varied.step(KEY, state, still(varied))
    assert state.world.radius == 8765
    _, fresh, *_ = varied.step(KEY, state, still(varied))
    assert fresh.step == 0
    assert fresh.world.radius != 8765
    _equal(fresh, varied.reset(jax.random.split(KEY)[1])[1], 1e-5)


def test_a_reset_starts_in_the_world_that_draw_world_shows(varied):
    _, state = varied.reset(KEY)
    _equal(state.world, varied.draw_world(KEY), 1e-6)
    _equal(state, varied.reset_with(KEY, state.world)[1], 1e-6)


def test_a_world_of_another_shape_is_refused(varied, duel):
    world = varied.draw_world(KEY)
    with pytest.raises(ValueError, match=r"world.radius must be float32 \(\), got float32 \(3,\)"):
        varied.reset_with(KEY, world.replace(radius=jnp.ones(3)))
    with pytest.raises(ValueError, match=r"world.present must be float32 \(4,\), got int32 \(4,\)"):
        varied.reset_with(KEY, world.replace(present=jnp.ones(4, jnp.int32)))
    with pytest.raises(ValueError, match=r"world has no field 'wind.x'; valid: fleet.parasite, "):
        varied.reset_with(KEY, world.replace(wind=None))
    still_air = aerojax.make(varied.config, variation=Variation())
    with pytest.raises(ValueError, match=r"world has an unknown field 'wind.x'; valid: fleet"):
        still_air.reset_with(KEY, world)
    for ask in (lambda: duel.reset_with(KEY, world), lambda: duel.draw_world(KEY)):
        with pytest.raises(ValueError, match=r"with variation=aerojax.Variation\(\)"):
            ask()


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mass": (1.2, 0.8)}, r"variation.mass must have low before high, got \(1.2, 0.8\)"),
        ({"mass": LogUniform(2.0, 1.0)}, "variation.mass must have low before high"),
        ({"mass": 0.0}, r"variation.mass must lie in \[0.01, 100.0\], got 0.0"),
        ({"mass": None}, "variation.mass must be a number, a pair .* LogUniform or Normal"),
        ({"mass": (1.0, 2.0, 3.0)}, r"variation.mass must be a number, .* got \(1.0, 2.0, 3.0\)"),
        ({"mass": (1.0, float("nan"))}, "variation.mass must be a number, .* finite"),
        ({"mass": "heavy"}, "variation.mass must be a number, .* got 'heavy'"),
        ({"k": Normal(1.0, -1.0, 0.5, 2.0)}, "variation.k must have a deviation of 0 or above"),
        ({"link_range": LogUniform(0.0, 1.0)}, "variation.link_range must be above 0"),
        ({"radius": (500.0, 9000.0)}, r"variation.radius must lie in \[6000.0, inf\]"),
        ({"wind": (0.0, 80.0)}, r"variation.wind must lie in \[0.0, 50.0\], got \(0.0, 80.0\)"),
        ({"gun_angle": 190.0}, r"variation.gun_angle must lie in \[1.0, 180.0\]"),
        ({"max_load": (0.1, 1.0)}, "variation.max_load must leave every aircraft more than 1 g"),
        ({"num_allies": (0, 2)}, r"variation.num_allies .* from 1 on, .* got \(0, 2\)"),
        ({"num_allies": (2, 1)}, r"variation.num_allies must be a pair .* got \(2, 1\)"),
        ({"num_allies": (1, 3)}, r"variation.num_allies must be at most the 2 slots of the allies"),
        ({"num_enemies": (1.0, 2.0)}, "variation.num_enemies must be a pair of integers"),
        ({"num_enemies": 2}, "variation.num_enemies must be a pair of integers, got 2"),
        ({"allies": ("ace", "scout", "ace")}, "variation.allies has ace twice"),
        ({"enemies": ("bomber",)}, "unknown aircraft class 'bomber'; valid: "),
        ({"enemies": "ace"}, r"variation.enemies must be several classes, such as \('ace',\)"),
        (
            {"enemies": (replace(CLASSES["heavy"], name="fighter"),)},
            "two different aircraft classes are called 'fighter': rename one",
        ),
        ({"observed": "all"}, "unknown observed 'all'; valid: nothing, own"),
    ],
)
def test_an_impossible_variation_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        aerojax.Config(PAIR, PAIR, variation=Variation(**fields))


def test_a_variation_that_does_not_fit_the_task_is_refused():
    with pytest.raises(ValueError, match="an aerojax Variation or None, got 3"):
        aerojax.Config(PAIR, PAIR, variation=3)
    with pytest.raises(ValueError, match=r"for which the radius of 6000.0 m is too small"):
        aerojax.Config(("fighter",) * 50, PAIR, variation=Variation(radius=(6000.0, 9000.0)))
    with pytest.raises(ValueError, match=r"for which the ceiling of 5000.0 m is too low"):
        aerojax.Config(PAIR, PAIR * 26, variation=Variation(ceiling=(5000.0, 9000.0)))
    with pytest.raises(ValueError, match=r"variation.enemies needs enemies, got none"):
        aerojax.make("search_4", variation=Variation(enemies=("ace",)))


def test_equal_variations_make_equal_environments():
    one, other = (
        aerojax.make("1_vs_1", variation=Variation(mass=[0.9, 1.1], allies=names))
        for names in (["ace"], (CLASSES["ace"],))
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != aerojax.make("1_vs_1", variation=Variation(mass=(0.9, 1.1)))
    assert one != aerojax.make("1_vs_1")
