"""The classes' figures at 3 km, and that flight does what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aerojax.aircraft import CLASSES, GRAVITY, build_fleet
from aerojax.performance import (
    SPEEDS,
    curves,
    instantaneous_turn_rate,
    level_speeds,
    specific_excess_power,
    sustained_turn_rate,
)
from aerojax.rules.flight import Command, direct, fly, guided
from aerojax.state import Motion

HEIGHT = 3000.0
FIGURES = {  # fastest level flight in m/s, the best sustained and the best turn in °/s
    "fighter": (318, 13.5, 20.3),
    "heavy": (305, 13.0, 16.4),
    "scout": (315, 14.0, 19.6),
    "interceptor": (348, 14.6, 19.4),
    "ace": (326, 17.0, 25.3),
    "asset": (208, 12.0, 12.0),
}
CLASS = pytest.mark.parametrize("name", list(CLASSES))


def level(v, n, throttle=1.0):
    """One aircraft in a level turn to the right."""
    values = (0.0, 0.0, HEIGHT, v, 0.0, 0.0, np.sqrt(n**2 - 1.0), 1.0, throttle)
    return Motion(*(jnp.full((1,), value, jnp.float32) for value in values))


step = jax.jit(fly, static_argnames=("guidance", "dt"))


def flown_speed(name, v, load, seconds, guidance, *orders):
    """Speed after one step of flight from the level turn."""
    fleet = build_fleet([CLASSES[name]])
    motion = level(v, load)
    command = Command(*(jnp.full((1,), value, jnp.float32) for value in orders))
    motion = step(fleet, motion, command, guidance, dt=seconds)
    return float(np.sqrt(motion.vx**2 + motion.vy**2 + motion.vz**2)[0])


@CLASS
def test_figures_at_3_km(name):
    aircraft = CLASSES[name]
    fastest, sustained, peak = FIGURES[name]
    assert level_speeds(aircraft, HEIGHT)[1] == pytest.approx(fastest, abs=0.6)
    best = np.degrees(sustained_turn_rate(aircraft, HEIGHT, SPEEDS).max())
    assert best == pytest.approx(sustained, abs=0.06)
    best = np.degrees(instantaneous_turn_rate(aircraft, HEIGHT, SPEEDS).max())
    assert best == pytest.approx(peak, abs=0.06)


@CLASS
def test_the_fastest_level_flight_keeps_its_speed(name):
    fastest = level_speeds(CLASSES[name], HEIGHT)[1]
    for v, sign in ((fastest + 5.0, -1.0), (fastest - 5.0, 1.0)):
        assert sign * (flown_speed(name, v, 1.0, 0.5, guided, 0.0, 0.0, 1.0) - v) > 0.0


@CLASS
def test_a_sustained_turn_keeps_its_speed(name):
    """Turning at the sustained rate, the aircraft neither gains nor loses speed, to 0.2 m/s²."""
    aircraft = CLASSES[name]
    v = 180.0
    rate = float(sustained_turn_rate(aircraft, HEIGHT, np.array([v]))[0])
    load = np.hypot(rate * v / GRAVITY, 1.0)
    orders = (load / aircraft.max_load, np.arccos(1.0 / load) / np.pi, 1.0)
    assert flown_speed(name, v, load, 0.5, direct, *orders) == pytest.approx(v, abs=0.1)


@CLASS
def test_excess_power_is_the_gain_of_speed_in_level_flight(name):
    v = 150.0
    power = float(specific_excess_power(CLASSES[name], HEIGHT, np.array([v]))[0])
    gain = (flown_speed(name, v, 1.0, 0.1, guided, 0.0, 0.0, 1.0) - v) / 0.1
    assert gain * v / GRAVITY == pytest.approx(power, rel=0.01, abs=0.05)


@CLASS
def test_no_turn_is_faster_than_the_instantaneous(name):
    sustained = sustained_turn_rate(CLASSES[name], HEIGHT, SPEEDS)
    assert np.all(sustained <= instantaneous_turn_rate(CLASSES[name], HEIGHT, SPEEDS))


def test_excess_power_ends_where_the_wing_stalls_and_the_structure_breaks():
    fighter = CLASSES["fighter"]
    # By hand: √(9300 g / (1.4 · ½ · 1.225 · exp(−3000/9500) · 27.87)) = 72.3 m/s.
    for v, load, flyable in ((72.0, 1.0, False), (72.7, 1.0, True), (300.0, 7.0, True)):
        power = specific_excess_power(fighter, HEIGHT, np.array([v]), load)
        assert np.isfinite(power) == flyable
    assert np.isnan(specific_excess_power(fighter, HEIGHT, np.array([300.0]), 7.1))


def test_nothing_flies_level_where_there_is_hardly_air():
    assert np.all(np.isnan(level_speeds(CLASSES["asset"], 40000.0)))
    with pytest.raises(ValueError, match=r"'asset' cannot fly level at an altitude of 40000\.0 m"):
        curves(CLASSES["asset"], 40000.0)


def test_curves_share_their_axes():
    drawn = curves(CLASSES["fighter"], HEIGHT)
    for name in ("sustained", "instantaneous", "power"):
        assert drawn[name].shape == drawn["speed"].shape
    for name in ("slowest", "fastest"):
        assert drawn[name].shape == drawn["altitude"].shape
    assert np.all(drawn["power"][1:-1] >= 0.0)
    assert drawn["power"][-1] < 0.0
    assert drawn["sustained"][0] == drawn["sustained"][-1] == 0.0
    assert np.all(drawn["slowest"] < drawn["fastest"])
