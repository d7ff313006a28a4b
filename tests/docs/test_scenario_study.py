"""The study of AeroJAX's benchmark: what it would run, and how it tells what came out."""

import json

import pytest

from docs.experiments import scenario_study as study
from mars_demo.learning.config import check_config
from mars_demo.tasks.registry import MIXED_SCENARIOS, SCENARIOS, get_task


def test_the_benchmark_has_seven_scenarios_two_of_them_mixed():
    assert len(SCENARIOS) == 7
    assert MIXED_SCENARIOS == ["aerojax/special_5_vs_5", "aerojax/escort_4_vs_3"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_run_of_the_plan_is_possible(name, tmp_path):
    runs = study._runs(tmp_path, name)
    assert len(runs) == len(study.SEEDS) * (2 if name in MIXED_SCENARIOS else 1)
    for folder, config in runs.items():
        check_config(config)
        assert folder.parts[-3:] == (name.replace("/", "-"), config.policies, folder.name)
        assert folder.name == f"seed_{config.seed}"
        assert config.replace(seed=0, policies="shared") == get_task(name).preset("mars")


def test_the_table_shows_every_policy():
    name = "aerojax/escort_4_vs_3"
    scores = {"random": [0.1], "ace script": [0.75], "shared": [0.8, 0.9], "class": [1.0, 1.0]}
    row = study._table({name: scores}).splitlines()[2]
    assert row.startswith(f"| {name} | games won | 0.10 | 0.75 | 0.85 ± ")
    assert row.endswith("| 1.00 ± 0.00 |")


def test_the_curves_are_drawn(tmp_path):
    scores = {}
    for name in SCENARIOS:
        for run in study._runs(tmp_path, name):
            run.mkdir(parents=True)
            lines = [{"step": step, "score": step / 3e6} for step in (1_000_000, 2_000_000)]
            (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        script = get_task(name).script_name
        scores[name] = {"random": [0.1], script: [0.5], "shared": [0.6], "class": [0.7]}
    study._draw(tmp_path, scores)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
