"""The 45 commands, three numbers, and which of them make sense."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerojax import actions
from aerojax.rules.flight import Command

ALL = jnp.arange(45, dtype=jnp.int32)
# Lateral is the slowest to change and throttle the fastest.
TABLE = np.array(
    list(itertools.product((-1, -1 / 3, 0, 1 / 3, 1), (-1, 0, 1), (-1, 0.2, 1))), np.float32
)
DESCENTS, CLIMBS = TABLE[:, 1] < 0, TABLE[:, 1] > 0


# --- Commands -------------------------------------------------------------------------------------


def test_each_number_is_the_command_of_the_table():
    command = actions.decode(ALL)
    np.testing.assert_allclose(np.stack(command, axis=1), TABLE)
    np.testing.assert_array_equal(TABLE[22], np.float32([0, 0, 0.2]))


def test_commands_go_round():
    np.testing.assert_array_equal(actions.encode(actions.decode(ALL)), ALL)


def test_encode_takes_the_nearest_level():
    command = Command(*jnp.float32([[0.6, -0.7, 0.1], [0.4, -0.6, 0.6], [-0.5, 0.5, 0.7]]))
    nearest = TABLE[np.asarray(actions.encode(command))]
    expected = [[1 / 3, 0, -1], [-1, -1, 0.2], [0, 1, 1]]
    np.testing.assert_allclose(nearest, np.float32(expected))


@pytest.mark.parametrize("number", [-1, 45, 1000, -(2**31), 2**31 - 1])
def test_what_is_no_command_is_the_no_op(number):
    command = actions.decode(jnp.array([number], jnp.int32))
    np.testing.assert_allclose(np.stack(command, axis=1), TABLE[22:23])


@given(st.lists(st.floats(width=32, allow_subnormal=False), min_size=6, max_size=6))
def test_three_numbers_are_clipped_and_nan_is_zero(numbers):
    given = np.float32(numbers).reshape(3, 2)
    command = np.stack(actions.clean(jnp.asarray(given)))
    np.testing.assert_array_equal(command, np.clip(np.where(np.isnan(given), 0, given), -1, 1))


# --- Masks ----------------------------------------------------------------------------------------


def _mask(z, vz, alive=True, guided=True):
    columns = jnp.float32([z]), jnp.float32([vz]), jnp.array([alive])
    return np.asarray(actions.available(*columns, 10_000.0, guided))[0]


@pytest.mark.parametrize(
    ("z", "vz", "expected"),
    [
        (3000, 0, np.ones(45, bool)),
        (300, 0, np.ones(45, bool)),  # exactly at the border
        (299, 0, ~DESCENTS),
        (500, -50, np.ones(45, bool)),  # at 300 m in 4 s
        (500, -51, ~DESCENTS),
        (200, 50, np.ones(45, bool)),  # low, but climbing
        (9700, 0, np.ones(45, bool)),
        (9701, 0, ~CLIMBS),
        (9500, 50, np.ones(45, bool)),
        (9500, 51, ~CLIMBS),
        (9900, -60, np.ones(45, bool)),  # high, but descending
    ],
)
def test_nobody_may_steer_out_of_the_arena(z, vz, expected):
    np.testing.assert_array_equal(_mask(z, vz), expected)


def test_the_dead_may_only_do_nothing():
    np.testing.assert_array_equal(_mask(3000, 0, alive=False), np.arange(45) == 22)
    np.testing.assert_array_equal(_mask(100, 0, alive=False, guided=False), np.arange(45) == 22)


def test_direct_control_is_not_masked():
    """There, the second part of an action is a bank."""
    assert _mask(100, 0, guided=False).all()


# --- At the door ----------------------------------------------------------------------------------

AGENTS = ("ally_0", "ally_1")


@pytest.mark.parametrize(
    "action", [7, np.int64(7), np.uint8([7]), jnp.int32(7), jnp.array([7], jnp.int8)]
)
def test_integers_of_any_type_are_taken(action):
    taken = actions.check_actions({"ally_1": action, "ally_0": 0}, AGENTS, discrete=True)
    assert list(taken) == list(AGENTS)
    assert (taken["ally_1"].shape, taken["ally_1"].dtype) == ((), jnp.int32)
    assert int(taken["ally_1"]) == 7


def test_wide_integers_do_not_wrap_around():
    for wide in (np.int64(2**32 + 7), np.uint64(2**63), np.uint32(2**32 - 1)):
        taken = actions.check_actions({"ally_0": wide}, AGENTS[:1], discrete=True)
        assert int(taken["ally_0"]) == actions.NO_OP


GOOD = {"ally_0": 1, "ally_1": 1}
STICK = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("given", "discrete", "error", "message"),
    [
        ([1, 1], True, TypeError, "map agent names to actions, got list"),
        ({"ally_0": 1}, True, ValueError, "no action for ally_1; the agents are ally_0, ally_1"),
        (GOOD | {"enemy_0": 1}, True, ValueError, "unknown agents enemy_0; .* ally_0, ally_1"),
        (GOOD | {"ally_1": 1.0}, True, TypeError, "ally_1 .*integer.*float64.*continuous"),
        (GOOD | {"ally_1": True}, True, TypeError, "ally_1 .*bool"),
        (GOOD | {"ally_1": [1, 2]}, True, ValueError, r"ally_1 .*\(2,\)"),
        (GOOD | {"ally_1": [[1]]}, True, ValueError, r"ally_1 .*\(1, 1\)"),
        ({"ally_0": STICK, "ally_1": 3}, False, TypeError, "ally_1 .*int64.*discrete"),
        ({"ally_0": STICK, "ally_1": STICK[:2]}, False, ValueError, r"ally_1 .*\(2,\)"),
        ({"ally_0": STICK, "ally_1": STICK[None]}, False, ValueError, r"ally_1 .*\(1, 3\)"),
        ({"ally_0": STICK, "ally_1": np.float32(1)}, False, ValueError, r"ally_1 .*\(\)"),
    ],
)
def test_bad_actions_are_refused(given, discrete, error, message):
    with pytest.raises(error, match=message):
        actions.check_actions(given, AGENTS, discrete)


def test_bad_actions_are_refused_by_step_and_under_jit(duel, state_of):
    state = state_of(duel, [(0, 0, 3000, 0, 200), (900, 0, 3000, 0, 200)])
    bad = {"ally_0": jnp.zeros(3), "enemy_0": jnp.zeros(2)}
    for step in (duel.step, duel.step_env, jax.jit(duel.step)):
        with pytest.raises(ValueError, match=r"enemy_0 .*\(2,\)"):
            step(jax.random.key(0), state, bad)
