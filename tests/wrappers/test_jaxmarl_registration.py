"""JaxMARL's `make` after the opt-in; each test in a state of JaxMARL's modules of its own."""

import jaxmarl
import pytest
from jaxmarl import registration
from jaxmarl.wrappers import baselines

import paxmen
from wrappers import RolloutManager, jaxmarl_registration, register_with_jaxmarl


@pytest.fixture
def registered(monkeypatch):
    names = list(registration.registered_envs)
    for module in (jaxmarl, registration):
        monkeypatch.setattr(module, "registered_envs", names)
    for module in (jaxmarl, registration):
        monkeypatch.setattr(module, "make", registration.make)
    monkeypatch.setattr(baselines, "CTRolloutManager", baselines.CTRolloutManager)
    register_with_jaxmarl()


@pytest.mark.parametrize("name", ["paxmen/paxmen-4", "paxmen-4"])
def test_jaxmarl_makes_ours(registered, name):
    assert jaxmarl.make(name) == registration.make(name) == paxmen.make("paxmen-4")
    assert name in jaxmarl.registered_envs


def test_options_are_passed_on(registered):
    env = jaxmarl.make("aerojax/1_vs_1", opponents="ace")
    assert env.config.opponents == "ace"


def test_jaxmarls_own_stay(registered):
    assert jaxmarl.make("MPE_simple_spread_v3", num_agents=2).num_agents == 2
    with pytest.raises(ValueError, match="nothing_such"):
        jaxmarl.make("nothing_such")


def test_twice_is_once(registered):
    before, names = jaxmarl.make.theirs, list(jaxmarl.registered_envs)
    register_with_jaxmarl()
    assert jaxmarl.make.theirs is before
    assert jaxmarl.registered_envs == names
    assert len(set(names)) == len(names)
    assert jaxmarl.make("paxmen-4") == paxmen.make("paxmen-4")


def test_the_baselines_get_our_rollout_manager(registered):
    assert baselines.CTRolloutManager is RolloutManager
    register_with_jaxmarl()
    assert RolloutManager.__mro__[1] is not RolloutManager


def test_short_names_are_those_that_nobody_else_has(monkeypatch):
    monkeypatch.setattr(
        jaxmarl_registration, "list_envs", lambda: ["a/x", "b/x", "a/y", "a/hanabi"]
    )
    assert jaxmarl_registration._names(["hanabi", "storm"]) == {
        name: name for name in ("a/x", "b/x", "a/y", "a/hanabi")
    } | {"y": "a/y"}
