"""The classes' figures, their coefficients, and what is refused."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from aerojax.aircraft import CLASSES, AircraftClass, Fleet, build_fleet

FIGHTER = CLASSES["fighter"]


def test_there_are_six_classes_under_their_names():
    names = ["fighter", "heavy", "scout", "interceptor", "ace", "asset"]
    assert list(CLASSES) == names
    assert [aircraft.name for aircraft in CLASSES.values()] == names


def test_coefficients_worked_out_by_hand():
    simple = AircraftClass(
        "simple",
        mass=1000.0,
        wing_area=20.0,
        cd0=0.02,
        k=0.1,
        cl_max=1.5,
        dry_thrust=5000.0,
        max_thrust=8000.0,
        max_load=6.0,
        hit_points=2.0,
        radar_scale=1.5,
        gun_range_scale=0.5,
        damage_scale=2.0,
    )
    by_hand = Fleet(
        parasite=0.000245,  # 20 · 0.02 · 1.225 / 2000
        induced=0.00275625,  # 0.1 · 1.5² · 20 · 1.225 / 2000
        lift=0.001873729,  # 1.5 · 1.225 · 20 / (2000 · 9.80665)
        dry_thrust=5.0,
        max_thrust=8.0,
        max_load=6.0,
        max_hp=2.0,
        radar_range=9000.0,
        gun_range=1250.0,
        gun_rate=0.5,
    )
    np.testing.assert_allclose(np.ravel(build_fleet([simple])), by_hand, rtol=1e-6)


def test_a_fleet_has_one_entry_an_aircraft_in_order():
    fleet = build_fleet([CLASSES["asset"], FIGHTER, FIGHTER])
    for values in fleet:
        assert isinstance(values, np.ndarray)
        assert values.dtype == np.float32
        assert values.shape == (3,)
    np.testing.assert_array_equal(fleet.max_load, np.float32([2.5, 9.0, 9.0]))


def test_the_asset_has_no_gun():
    fleet = build_fleet([CLASSES["asset"]])
    assert fleet.gun_range == 0.0
    assert fleet.gun_rate == 0.0


@pytest.mark.parametrize("field", [f.name for f in fields(AircraftClass) if f.name != "name"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "fast", None])
def test_every_figure_is_checked(field, value):
    with pytest.raises(ValueError, match=rf"{field}.*'fighter'.*got {value!r}"):
        replace(FIGHTER, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("mass", 0.0), ("max_thrust", 0), ("radar_scale", 0.0), ("max_load", 1.0)]
)
def test_zero_of_what_flight_divides_by_is_refused(field, value):
    with pytest.raises(ValueError, match=field):
        replace(FIGHTER, **{field: value})


def test_an_afterburner_that_takes_thrust_is_refused():
    with pytest.raises(ValueError, match=r"max_thrust of .* 'fighter' .* dry_thrust 76500\.0, got"):
        replace(FIGHTER, max_thrust=70e3)


def test_no_gun_and_whole_numbers_are_fine():
    unarmed = replace(FIGHTER, gun_range_scale=0, damage_scale=0, mass=9000)
    assert build_fleet([unarmed]).gun_range == 0.0
