"""The classes' figures at 3 km, and that flight does what they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aerojax.aircraft import CLASSES, GRAVITY, build_fleet
from aerojax.performance import (
    SPEEDS,
    STAGES,
    curves,
    f16,
    instantaneous_turn_rate,
    level_speeds,
    specific_excess_power,
    sustained_turn_rate,
)
from aerojax.rules.flight import Command, direct, fly, guided
from aerojax.state import Motion

HEIGHT = 3000.0
FIGURES = {  # fastest level flight in m/s, the best sustained and the best turn in °/s
    "fighter": (433, 16.7, 25.2),
    "heavy": (383, 15.7, 20.6),
    "scout": (413, 17.0, 24.9),
    "interceptor": (540, 16.3, 23.2),
    "ace": (458.5, 20.2, 29.2),
    "asset": (224, 10.7, 12.1),
}
CLASS = pytest.mark.parametrize("name", list(CLASSES))


def level(v, n, throttle=1.0, banked=False):
    """One aircraft in a level turn to the right, its wings level or banked with the turn."""
    bank = np.arccos(1.0 / n) if banked else 0.0
    up = 0.0, -np.sin(bank), np.cos(bank)
    load = (0.0, n) if banked else (np.sqrt(n**2 - 1.0), 1.0)
    values = (0.0, 0.0, HEIGHT, v, 0.0, 0.0, *up, *load, throttle)
    return Motion(*(jnp.full((1,), value, jnp.float32) for value in values))


step = jax.jit(fly, static_argnames=("guidance", "dt"))


def flown_speed(name, v, load, seconds, guidance, *orders):
    """Speed after one step of flight from the level turn."""
    fleet = build_fleet([CLASSES[name]])
    motion = level(v, load, banked=guidance is direct)
    command = Command(*(jnp.full((1,), value, jnp.float32) for value in orders))
    motion = step(fleet, motion, command, guidance, dt=seconds)
    return float(np.sqrt(motion.vx**2 + motion.vy**2 + motion.vz**2)[0])


@CLASS
def test_figures_at_3_km(name):
    aircraft = CLASSES[name]
    fastest, sustained, peak = FIGURES[name]
    assert level_speeds(aircraft, HEIGHT)[1] == pytest.approx(fastest, abs=0.6)
    best = np.degrees(sustained_turn_rate(aircraft, HEIGHT, SPEEDS).max())
    assert best == pytest.approx(sustained, abs=0.08)
    best = np.degrees(instantaneous_turn_rate(aircraft, HEIGHT, SPEEDS).max())
    assert best == pytest.approx(peak, abs=0.08)


@CLASS
def test_the_fastest_level_flight_keeps_its_speed(name):
    fastest = level_speeds(CLASSES[name], HEIGHT)[1]
    for v, sign in ((fastest + 5.0, -1.0), (fastest - 5.0, 1.0)):
        assert sign * (flown_speed(name, v, 1.0, 0.5, guided, 0.0, 0.0, 1.0) - v) > 0.0


@CLASS
def test_a_sustained_turn_keeps_its_speed(name):
    """Turning at the sustained rate, the aircraft neither gains nor loses speed, to 0.2 m/s²."""
    aircraft = CLASSES[name]
    v = 215.0 if name == "asset" else 180.0  # where thrust, not the structure, is the limit
    rate = float(sustained_turn_rate(aircraft, HEIGHT, np.array([v]))[0])
    load = np.hypot(rate * v / GRAVITY, 1.0)
    orders = (load / aircraft.max_load, 0.0, 1.0)
    assert 1.5 < load < 0.99 * min(aircraft.max_load, 9.0)
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
    # By hand: √(9358 g / (1.64 · ½ · 1.225 · (1 − 3000/42000)⁴ · 27.87)) = 66.4 m/s.
    for v, load, flyable in ((66.0, 1.0, False), (66.8, 1.0, True), (300.0, 9.0, True)):
        power = specific_excess_power(fighter, HEIGHT, np.array([v]), load)
        assert np.isfinite(power) == flyable
    assert np.isnan(specific_excess_power(fighter, HEIGHT, np.array([300.0]), 9.1))


def test_nothing_flies_level_where_there_is_hardly_air():
    assert np.all(np.isnan(level_speeds(CLASSES["asset"], 40000.0)))
    with pytest.raises(ValueError, match=r"'asset' cannot fly level at an altitude of 40000\.0 m"):
        curves(CLASSES["asset"], 40000.0)


# Beside JSBSim's F-16: docs/experiments/f16_reference.py made the table.

WITHIN = 0.1


@pytest.fixture(scope="module")
def reference():
    table = f16()
    assert set(table["altitude"]) == {1000.0, 3000.0, 6000.0, 9000.0}
    assert set(table["speed"]) == set(np.arange(110.0, 331.0, 10.0))
    assert all(len(column) == 4 * 23 for column in table.values())
    return table


def by_altitude(reference, of):
    """`of` each altitude and its speeds, in the order of the table."""
    rows = [reference["altitude"] == altitude for altitude in dict.fromkeys(reference["altitude"])]
    return np.concatenate([of(reference["altitude"][k][0], reference["speed"][k]) for k in rows])


@pytest.mark.parametrize("stage", STAGES)
def test_the_fighter_climbs_and_gains_speed_as_the_f16_does(reference, stage):
    def power(altitude, speeds):
        throttle = STAGES[stage]
        return specific_excess_power(CLASSES["fighter"], altitude, speeds, throttle=throttle)

    expected = reference[f"acceleration_{stage}"]
    assert np.all(expected > 0.8)  # relative errors mean something
    gained = by_altitude(reference, power)
    np.testing.assert_allclose(gained, reference["speed"] / GRAVITY * expected, rtol=WITHIN)


@pytest.mark.parametrize("stage", STAGES)
def test_the_fighter_keeps_up_the_turns_of_the_f16(reference, stage):
    def turn(altitude, speeds):
        return sustained_turn_rate(CLASSES["fighter"], altitude, speeds, STAGES[stage])

    rates = np.degrees(by_altitude(reference, turn))
    np.testing.assert_allclose(rates, reference[f"sustained_{stage}"], rtol=WITHIN)


def test_the_fighter_turns_as_fast_as_the_f16(reference):
    def turn(altitude, speeds):
        return instantaneous_turn_rate(CLASSES["fighter"], altitude, speeds)

    rates = np.degrees(by_altitude(reference, turn))
    np.testing.assert_allclose(rates, reference["instantaneous"], rtol=0.5 * WITHIN)


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
