"""Every setting is checked at the door: the message names the value, the rule, what would do."""

import dataclasses
import math
import re
from typing import get_type_hints

import pytest

from mars_demo.learning.config import Config, check_config, check_name, check_number

NAN, INF = math.nan, math.inf
# Setting, impossible values with the nearest that is possible (as the message has it).
NUMBERS = {
    "eps": {0.0: "0.0001", -1.0: "0.0001", INF: "100.0", 1e9: "100.0"},
    "seed": {-1: "0", 2**32: "4294967295", 1.5: "2"},
    "total_steps": {0: "1", -5: "1", 10**12: "999999999999", 2.5: "2"},
    "num_envs": {0: "1", -1: "1", 10**9: "16777216", 7.6: "8"},
    "rollout_steps": {0: "1", 10**9: "1048576"},
    "epochs": {0: "1", 10**6: "1000"},
    "minibatches": {0: "1", -4: "1"},
    "lr": {0.0: "1e-08", -1e-3: "1e-08", 5.0: "1.0", INF: "1.0"},
    "gamma": {-0.1: "0.0", 1.01: "1.0"},
    "gae_lambda": {-0.1: "0.0", 95.0: "1.0"},
    "entropy": {-0.01: "0.0", INF: "10.0"},
    "max_grad_norm": {0.0: "1e-06", INF: "1000000.0"},
    "hidden": {0: "1", 10**6: "16384"},
}


def test_what_may_be_may_be():
    check_config(Config())
    for name in NUMBERS:
        assert isinstance(getattr(Config(), name), (int, float))


def test_every_number_is_checked():
    kinds = get_type_hints(Config)
    assert {name for name, kind in kinds.items() if kind in (int, float)} == NUMBERS.keys()


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [(name, value, near) for name, values in NUMBERS.items() for value, near in values.items()],
)
def test_a_number_out_of_range(name, value, nearest):
    said = (
        rf"^{name} must be a .*number in \[.*\], got {re.escape(repr(value))}; nearest: {nearest}$"
    )
    with pytest.raises(ValueError, match=said):
        check_config(Config().replace(**{name: value}))
    whole = {"seed", "total_steps", "minibatches", "num_envs"} & {name}
    check_config(Config(minibatches=1).replace(**{name: int(nearest) if whole else eval(nearest)}))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [NAN, None, "1", True])
def test_what_is_no_number(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be a .*got .*it is not a number"):
        check_config(Config().replace(**{name: value}))


@pytest.mark.parametrize(
    "name", [f.name for f in dataclasses.fields(Config) if f.name not in (*NUMBERS, "opponents")]
)  # opponents: valid are those of the task, which the trainer asks
@pytest.mark.parametrize("value", ["mapo", None, 1, NAN, "True"])
def test_what_is_no_choice(name, value):
    said = rf"^unknown {name.replace('algo', 'algorithm')} .*; valid: "
    with pytest.raises(ValueError, match=said):
        check_config(Config().replace(**{name: value}))


def test_the_likeliest_name_comes_first():
    with pytest.raises(ValueError, match="unknown fruit 'aple'; valid: apple, pear"):
        check_name("fruit", "aple", ["pear", "apple"])


@pytest.mark.parametrize(("minibatches", "nearest"), [(5, 4), (13, 16), (200, 256), (300, 256)])
def test_minibatches_that_do_not_divide(minibatches, nearest):
    said = rf"must divide num_envs \(256\), got {minibatches}; nearest that does: {nearest}"
    with pytest.raises(ValueError, match=said):
        check_config(Config(num_envs=256, minibatches=minibatches))
    check_config(Config(num_envs=256, minibatches=nearest))


def test_more_gradient_steps_than_can_be_counted():
    config = Config(num_envs=1, rollout_steps=1, epochs=1, minibatches=1)
    check_config(config.replace(total_steps=2**31 - 1))
    with pytest.raises(ValueError, match=r"got 2147483648; nearest: 2147483647"):
        check_config(config.replace(total_steps=2**31))


def test_a_run_is_whole_updates():
    config = Config(num_envs=8, rollout_steps=5, total_steps=81)
    assert (config.steps_per_update, config.num_updates) == (40, 3)
    assert config.replace(total_steps=80).num_updates == 2


def test_ends_of_a_range_belong_to_it():
    for value in (1, 3):
        check_number("n", value, 1, 3)
    check_number("x", 2.5, 1, 3, whole=False)
