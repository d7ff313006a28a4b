"""Bounds of normalised scores, and the command that reports by them."""

import inspect
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from mars_demo.cli.main import main
from mars_demo.experiments.bounds import BOUNDS, deliveries, running
from mars_demo.experiments.results import Cell
from mars_demo.tasks.registry import SUITE, get_task


def test_bounds_are_of_the_suites_tasks_and_in_order():
    names = {name for names in SUITE.values() for name in names}
    assert BOUNDS.keys() == names
    assert all(bound.low < bound.high and bound.source for bound in BOUNDS.values())


@pytest.mark.loose_promotion  # jumanji
@pytest.mark.parametrize("name", ["rware/tiny-2ag", "rware/small-4ag", "rware/medium-4ag"])
def test_warehouses_are_bounded_by_the_mean_way_of_their_shelves(name):
    pytest.importorskip("jumanji")
    env = get_task(name).make()
    _, state = env.reset(jax.random.key(0))
    position = state.jumanji_state.shelves.position
    shelves = np.stack([position.x, position.y], axis=-1)  # row, column
    goals = np.array(env.jumanji_env.goals)[:, ::-1]
    ways = np.abs(shelves[:, None] - goals[None]).sum(axis=-1).min(axis=1)
    best = deliveries(len(env.agents), float(ways.mean()))
    assert BOUNDS[name].high == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("name", SUITE["mabrax"])
def test_robots_are_bounded_by_what_brax_pays_for_running(name):
    pytest.importorskip("brax")
    robot = get_task(name).make().env.unwrapped
    pays = {knob: of.default for knob, of in inspect.signature(type(robot)).parameters.items()}
    upright, forward = pays.get("healthy_reward", 0.0), pays.get("forward_reward_weight", 1.0)
    assert BOUNDS[name].high == running(upright, forward)


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """What a sweep's folder `anywhere` seems to hold: cells and names of missing runs."""
    held = [], []
    monkeypatch.chdir(tmp_path)
    Path("anywhere").mkdir()
    Path("anywhere/plan.json").touch()
    monkeypatch.setattr("mars_demo.experiments.results.read_cells", lambda folder: held)
    for task in ("lbf/10x10-3p-3f", "smax/2s3z"):
        for algo, score in (("mars", 0.5), ("mappo", 0.25)):
            held[0].extend(
                Cell(task, algo, seed, 100, (50, 100), (0.0, score), score + 0.1 * seed, 1e-3)
                for seed in (0, 1)
            )
    return held


def test_the_command_writes_a_report(sweep, tmp_path, capsys):
    pytest.importorskip("rliable")
    main(["report", "anywhere", "--out", str(tmp_path)])
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.html")
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["aggregates"]["mars"]["mean"]["value"] == pytest.approx(0.55)


@pytest.mark.parametrize("partial", [False, True])
def test_missing_runs_are_listed(sweep, tmp_path, capsys, partial):
    pytest.importorskip("rliable")
    cells, missing = sweep
    del cells[-1]
    missing.append("smax/2s3z/mappo/seed_1")
    command = ["report", "anywhere", "--out", str(tmp_path), *["--partial"] * partial]
    if partial:
        main(command)
        assert (tmp_path / "report.html").exists()
    else:
        with pytest.raises(SystemExit):
            main(command)
    assert "smax/2s3z/mappo/seed_1" in capsys.readouterr().err
