"""The study of generated levels: what it would run, and how it tells what came out."""

import json

import jax.numpy as jnp
import pytest

from docs.experiments import level_study as study
from mars_demo.learning.config import check_config


@pytest.mark.parametrize("name", study.SEEDS)
def test_every_run_of_the_plan_is_possible(name, tmp_path):
    runs = study._runs(tmp_path, name)
    assert [config.seed for config in runs.values()] == list(study.SEEDS[name])
    for folder, config in runs.items():
        check_config(config)
        assert folder == tmp_path / name / f"seed_{config.seed}"


def test_all_agents_take_the_constant_action():
    act = study.Constant(("a", "b"))
    assert act(jnp.int32(3), (), {}, None, None) == ((), {"a": 3, "b": 3})


@pytest.fixture
def scores():
    row = {"random": [0.5], "planner": [80.0], "best constant action": [0.0], "mars": [38.0, 42.0]}
    sets = dict.fromkeys(study.SETS, row)
    return {"paxmen-generated-4": sets, "paxmen-generated-8": sets}


def test_the_table_has_a_row_for_each_set(scores):
    training, held_out = study.make_table(scores).splitlines()[2:4]
    assert training.startswith("| paxmen-generated-4 | training levels | 0.5 | 0.0 | 80.0 | 40.0 ±")
    assert training.endswith("| 50% | 2 |")
    assert held_out == training.replace("training", "held-out")


def test_the_curves_are_drawn(scores, tmp_path):
    for name in scores:
        for run in study._runs(tmp_path, name):
            run.mkdir(parents=True)
            lines = [{"step": step, "score": step / 1e5} for step in (1_000_000, 2_000_000)]
            (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    study.draw(tmp_path, scores)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
