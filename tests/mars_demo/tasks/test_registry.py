"""The tasks: what the trainer is told about AeroJAX."""

from functools import partial

import jax
import jax.numpy as jnp
import jaxmarl
import pytest

import aerojax
import wrappers
from mars_demo.evaluation.episodes import evaluate, random_policy, record
from mars_demo.learning.config import Config, check_config
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.learning.task import Task, check_one_team
from mars_demo.learning.train import Trainer
from mars_demo.tasks.registry import TASKS, get_task, list_tasks, task_facts

AEROJAX = [name for name in TASKS if name.startswith("aerojax/")]


@pytest.mark.parametrize("name", TASKS)
def test_every_preset_is_possible(name):
    for algo in OBJECTIVES:
        config = get_task(name).preset(algo)
        check_config(config)
        assert config.algo == algo


@pytest.mark.parametrize("name", AEROJAX)
def test_environments_are_of_the_scenario(name):
    task = get_task(name)
    env = task.make()
    assert f"aerojax/{env.name}" == name
    assert task.episode_length == env.max_steps
    assert hash(env) == hash(task.make())
    assert task.script_make is not None
    assert task.script_make().config.actions == "continuous"


@pytest.mark.parametrize("name", [name for name in TASKS if name.startswith("paxmen-")])
def test_mazes_are_of_the_name(name):
    task = get_task(name)
    env = task.make()
    assert env.name == name
    assert task.episode_length == env.max_steps
    assert get_task(f"paxmen/{name}") is task


def test_scores_are_what_the_objective_counts():
    won = {"win": jnp.array([True, True]), "hits": jnp.array([2.0, 2.0])}
    assert float(get_task("aerojax/identical_2_vs_2").score(jnp.float32(0.0), won)) == 1.0
    assert float(get_task("aerojax/waypoint_5").score(jnp.float32(0.0), won)) == 2.0
    assert get_task("aerojax/search_4").score_name == "share found"


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match=r"'aerojax/indentical_5_vs_5'; valid: aerojax/identical"):
        get_task("aerojax/indentical_5_vs_5")


def test_ours_go_by_their_registered_names_too():
    assert get_task("paxmen/paxmen-5") is TASKS["paxmen-5"]
    assert get_task("aerojax/search_4") is TASKS["aerojax/search_4"]
    assert list_tasks()[: len(TASKS)] == list(TASKS)
    assert "paxmen/paxmen-5" not in list_tasks()


# --- Several teams, whose rewards have no mean that anybody wants -------------------------------

TWO_TEAMS = {
    "aerojax, self-play": (
        partial(aerojax.make, "1_vs_1", opponents="selfplay"),
        "2 teams, allies, enemies",
    ),
    "tag": (
        lambda: wrappers.TimeLimit(jaxmarl.make("MPE_simple_tag_v3"), 25),
        "2 teams, adversaries, good agents",
    ),
}


@pytest.mark.parametrize("name", TWO_TEAMS)
def test_two_teams_are_refused(name):
    make, teams = TWO_TEAMS[name]
    task = Task(name, make, episode_length=5, preset=lambda algo: Config(algo=algo))
    said = f"^{name}: its agents are of {teams}, which share no reward; "
    said += "to train, give --opponents self"
    for use in (
        lambda: Trainer(task, Config()),
        lambda: evaluate(task, random_policy(task), jax.random.key(0)),
        lambda: record(task, random_policy(task), jax.random.key(0)),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            use()
        assert "\n" not in str(caught.value)


def test_an_installed_environment_of_two_teams_has_to_be_told_who_learns(install):
    code = """
import aerojax
def list_envs(): return ["duel"]
def make(name): return aerojax.make("1_vs_1", opponents="selfplay")
"""
    install("arena", code)
    with pytest.raises(ValueError, match="arena/duel: its agents are of 2 teams, allies, enemies"):
        Trainer(get_task("arena/duel"), Config())
    assert task_facts("arena/duel").startswith("2 agents, observation (40,), 45 actions")


@pytest.mark.parametrize(
    "name", ["paxmen-4", "aerojax/identical_5_vs_5", "smax/2s3z", "mpe/spread-3"]
)
def test_our_tasks_are_of_one_team(name):
    check_one_team(name, get_task(name).make())
