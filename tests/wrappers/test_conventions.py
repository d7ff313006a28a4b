"""Which team each agent is of, however an environment says it."""

import jaxmarl
import numpy as np
import pytest
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import aerojax
import wrappers
from wrappers.conventions import teams_of

TAG = {"adversaries": ["adversary_0", "adversary_1", "adversary_2"], "good agents": ["agent_0"]}


@pytest.mark.loose_promotion  # others wrote the environments
@pytest.mark.parametrize(
    ("name", "options", "sizes"),
    [
        ("MPE_simple_tag_v3", {}, {"adversaries": 3, "good agents": 1}),
        ("MPE_simple_world_comm_v3", {}, {"adversaries": 4, "good agents": 2}),  # with a leader
        ("MPE_simple_crypto_v3", {}, {"adversaries": 1, "good agents": 2}),
        ("MPE_simple_spread_v3", {}, {"team": 3}),
        ("MPE_simple_speaker_listener_v4", {}, {"team": 2}),
        ("SMAX", {"num_allies": 2, "num_enemies": 3}, {"team 0": 2, "team 1": 3}),
        ("HeuristicEnemySMAX", {"num_allies": 2, "num_enemies": 3}, {"team 0": 2}),
    ],
)
def test_teams_of_jaxmarls_environments(name, options, sizes):
    env = jaxmarl.make(name, **options)
    teams = teams_of(env)
    assert {team: len(agents) for team, agents in teams.items()} == sizes
    assert sorted(agent for agents in teams.values() for agent in agents) == sorted(env.agents)


def test_who_is_tagged_and_who_tags():
    assert teams_of(wrappers.TimeLimit(jaxmarl.make("MPE_simple_tag_v3"), 25)) == TAG


@pytest.mark.parametrize(
    ("opponents", "names"), [("selfplay", ["allies", "enemies"]), ("pursuit", ["allies"])]
)
def test_teams_of_ours(opponents, names):
    env = aerojax.make("1_vs_1", opponents=opponents)
    assert list(teams_of(env)) == names
    assert teams_of(env) == env.teams


@pytest.mark.parametrize(
    ("teams", "expected"),
    [
        (None, {"team": ["agent_0", "agent_1"]}),
        ("two", {"team": ["agent_0", "agent_1"]}),  # of another meaning
        (np.array([1, 0]), {"team 1": ["agent_0"], "team 0": ["agent_1"]}),
        ({"a": ["agent_1", "agent_0"], "scripted": ["foe_0"]}, {"a": ["agent_0", "agent_1"]}),
        ({"a": ["agent_1"]}, {"team": ["agent_0"], "a": ["agent_1"]}),
    ],
)
def test_teams_by_hand(teams, expected):
    env = MultiAgentEnv(num_agents=2)
    env.agents = ["agent_0", "agent_1"]
    env.teams = teams
    assert teams_of(env) == expected
