"""Plans of sweeps: what is in them, what is refused, and that a folder has but one."""

import dataclasses
import json

import pytest

import mars_demo.experiments.plan as plans
from mars_demo.experiments.plan import TIERS, make_plan, open_plan, read_plan
from mars_demo.runs.folder import RunError
from mars_demo.tasks.registry import SUITE

pytestmark = pytest.mark.loose_promotion  # other packages' environments

SPREAD, MAZE = "mpe/spread-3", "paxmen/paxmen-4"


def test_tiers_are_of_the_size_that_they_are_said_to_be():
    assert {task.partition("/")[0] for task in TIERS["smoke"].tasks} == set(SUITE)
    assert len(TIERS["smoke"].tasks) == 8
    assert len(set(TIERS["mini"].tasks)) == 12
    assert len(set(TIERS["full"].tasks)) == 47
    assert set(TIERS["mini"].tasks) < set(TIERS["full"].tasks)


def test_the_mini_tier_is_tasks_by_algorithms_by_seeds():
    plan = make_plan("mini")
    assert len(plan.jobs) == 12 * 3 * 3
    assert {job.config.total_steps for job in plan.jobs.values()} == {500_000}
    assert list(plan.jobs)[:2] == [
        f"{TIERS['mini'].tasks[0]}/{algo}/seed_0" for algo in ("mars", "mappo")
    ]
    assert list(plan.jobs)[-1].endswith("/maspo/seed_2")


def test_the_smoke_tier_takes_two_updates():
    plan = make_plan("smoke", [SPREAD, MAZE], ["mars"])
    assert [job.config.num_updates for job in plan.jobs.values()] == [2, 2]


def test_what_is_given_replaces_what_the_tier_says():
    plan = make_plan("mini", ["spread-3", "paxmen-4"], ["mars"], 2, 1000)
    assert list(plan.jobs) == [f"{task}/mars/seed_{n}" for n in (0, 1) for task in (SPREAD, MAZE)]
    job = plan.jobs[f"{MAZE}/mars/seed_1"]
    assert job.config.total_steps == 1000
    assert job.steps == job.config.steps_per_update  # whole updates
    assert job.config.eps == 1.0  # the preset's


def test_settings_change_presets_and_steps_and_seeds_may_begin_anywhere():
    settings = {"*": {"eps": 0.2}, "paxmen/*": {"total_steps": 10_000}}
    plan = make_plan("mini", [SPREAD, MAZE], ["mars"], 2, 9000, [settings], first_seed=1000)
    assert [job.config.seed for job in plan.jobs.values()] == [1000, 1000, 1001, 1001]
    assert {job.config.eps for job in plan.jobs.values()} == {0.2}
    assert plan.jobs[f"{SPREAD}/mars/seed_1000"].config.total_steps == 9000
    assert plan.jobs[f"{MAZE}/mars/seed_1000"].config.total_steps == 10_000


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"settings": [{"lbf/*": {"eps": 0.2}}]}, r"'lbf/\*' matches none of mpe/spread-3/mars"),
        ({"settings": [{"*": {"eps": -1.0}}]}, r"eps must be .*got -1"),
        ({"settings": [{"*/mars": {"total_steps": 7}}]}, "must have equal environment steps"),
        ({"first_seed": -1}, "first_seed must be"),
        ({"tasks": ["mpe/spread-4"]}, "unknown task 'mpe/spread-4'; valid: mpe/spread-"),
        ({"algos": ["mapo"]}, "unknown algorithm 'mapo'; valid: mappo, maspo"),
        ({"tasks": [SPREAD, "spread-3"]}, "task mpe/spread-3 is named twice"),
        ({"algos": ["mars", "mars"]}, "algorithm mars is named twice"),
        ({"algos": []}, "needs at least one algorithm"),
        ({"seeds": 0}, r"seeds must be .*got 0; nearest: 1"),
        ({"total_steps": 0}, r"total_steps must be .*got 0; nearest: 1"),
        ({"tier": "midi"}, "unknown tier 'midi'; valid: mini"),
    ],
)
def test_impossible_plans_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        make_plan(**{"tier": "mini", "tasks": [SPREAD]} | asked)


def test_algorithms_with_other_budgets_are_refused(monkeypatch, toy_task, toy_config):
    def preset(algo):
        return toy_config.replace(algo=algo, num_envs=16 if algo == "mars" else 32)

    other = dataclasses.replace(toy_task(), preset=preset)
    monkeypatch.setattr(plans, "get_task", lambda name: other)
    with pytest.raises(
        ValueError, match=r"equal environment steps, got \{'mars': 128, 'mappo': 256"
    ):
        make_plan("mini", ["toy"], ["mars", "mappo"], total_steps=100)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = make_plan("smoke", [SPREAD, MAZE], seeds=2)
    open_plan(tmp_path / "sweep", plan)
    written = (tmp_path / "sweep" / "plan.json").read_bytes()
    assert read_plan(tmp_path / "sweep") == plan
    open_plan(tmp_path / "sweep", plan)
    assert (tmp_path / "sweep" / "plan.json").read_bytes() == written


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        ({"seeds": 3}, r"seeds is \[0, 1\] there, \[0, 1, 2\] here"),
        ({"tasks": [MAZE]}, "mpe/spread-3 is there only"),
        ({"algos": ["mars", "mappo"]}, "mpe/spread-3 mappo is here only"),
        ({"total_steps": 7}, "mpe/spread-3 mars total_steps is 4096 there, 7 here"),
        ({"tier": "mini", "total_steps": 4096}, "tier is smoke there, mini here"),
    ],
)
def test_a_folder_of_another_plan_is_refused(tmp_path, asked, difference):
    first = {"tier": "smoke", "tasks": [SPREAD], "algos": ["mars"], "seeds": 2}
    open_plan(tmp_path, make_plan(**first))
    before = (tmp_path / "plan.json").read_bytes()
    with pytest.raises(RunError, match=f"of another plan: {difference}"):
        open_plan(tmp_path, make_plan(**first | asked))
    assert (tmp_path / "plan.json").read_bytes() == before


def test_a_plan_of_other_versions_is_refused(tmp_path):
    plan = make_plan("smoke", [SPREAD])
    open_plan(tmp_path, plan)
    about = json.loads((tmp_path / "plan.json").read_text())
    about["versions"]["jax"] = "0.1"
    (tmp_path / "plan.json").write_text(json.dumps(about))
    with pytest.raises(RunError, match=r"versions jax is 0\.1 there, .* here"):
        open_plan(tmp_path, plan)


def test_folders_that_are_no_sweeps(tmp_path):
    with pytest.raises(RunError, match=r"no plan\.json"):
        read_plan(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="holds something that is no sweep"):
        open_plan(tmp_path, make_plan("smoke", [SPREAD]))
    for text in ("{", "[]", '{"tier": "mini"}', '{"tier": 1, "seeds": [0], "configs": {"a": 1}}'):
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(RunError, match="is damaged"):
            read_plan(tmp_path)
