"""The tasks: what the trainer is told about AeroJAX."""

import jax.numpy as jnp
import pytest

from mars_demo.learning.config import check_config
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.tasks.registry import TASKS, get_task, list_tasks

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
