"""Comparisons of runs, over run folders written by hand."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image, ImageColor

from docs.experiments import objective_study
from mars_demo.evaluation import curves as report
from mars_demo.evaluation.charts import COLOURS
from mars_demo.evaluation.episodes import Episodes
from mars_demo.learning.config import Config, check_config
from mars_demo.runs.folder import RunError


def write_run(folder, seed, scores, total_steps=300):
    folder.mkdir(parents=True)
    config = Config(seed=seed, total_steps=total_steps)
    about = {"task": "paxmen-4", "config": dataclasses.asdict(config)}
    (folder / "run.json").write_text(json.dumps(about))
    lines = [{"step": 100 * (i + 1), "score": score} for i, score in enumerate(scores)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Two groups of two seeds; evaluation returns ten dots times the seed."""
    write_run(tmp_path / "one" / "seed_1", 1, [None, 10.0, 60.0])
    write_run(tmp_path / "one" / "seed_2", 2, [5.0, 50.0, 70.0])
    write_run(tmp_path / "two" / "seed_1", 1, [1.0, 2.0, 3.0])
    write_run(tmp_path / "two" / "seed_3", 3, [1.0, 2.0, 55.0])

    def played(folder, episodes, seed, greedy):
        dots = 10.0 * report.read_run(folder)[1].seed
        return Episodes(*(np.full(episodes, x) for x in (0.0, dots, 100)))

    monkeypatch.setattr(report, "evaluate_run", played)
    monkeypatch.setattr(report, "reference_scores", lambda task, episodes: {})
    return tmp_path


def test_the_table_by_hand(groups):
    table = report.compare([groups / "one", groups / "two"], groups / "out", 50.0, 4)
    one, two = table.splitlines()[2:]
    # 10 and 20 dots: mean 15, s = 7.071, half-width 12.706 * 7.071 / sqrt(2) = 63.5
    assert one.startswith("| one | 2 | 15.0 ± 63.5 | 2 of 2 | 0.00 M")
    assert two.startswith("| two | 2 | 20.0 ± 127.1 | 1 of 2 |")
    assert two.endswith("to never) |")
    scores = json.loads((groups / "out" / "scores.json").read_text())
    assert [run["steps_to_threshold"] for run in scores["one"]] == [300.0, 200.0]
    assert [run["steps_to_threshold"] for run in scores["two"]] == [None, 300.0]
    assert (groups / "out" / "table.md").read_text() == table + "\n"
    assert (groups / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_different_budgets_are_not_compared(groups):
    write_run(groups / "long" / "seed_1", 1, [1.0], total_steps=900)
    with pytest.raises(RunError, match=r"900 steps"):
        report.compare([groups / "one", groups / "long"], groups / "out", 50.0, 4)
    assert not (groups / "out").exists()


def test_groups_of_one_name_are_told_apart_by_what_is_above(groups):
    write_run(groups / "deeper" / "one" / "seed_1", 1, [1.0])
    table = report.compare([groups / "one", groups / "deeper" / "one"], groups / "out", 50.0, 4)
    names = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert names == [f"{groups.name}/one", "deeper/one"]
    with pytest.raises(RunError, match="named twice"):
        report.compare([groups / "one", groups / "one"], groups / "out", 50.0, 4)


def test_a_run_is_a_group_of_its_own(groups):
    folders = [groups / "one" / "seed_1", groups / "two" / "seed_1"]
    one, two = report.compare(folders, groups / "out", 50.0, 4).splitlines()[2:]
    assert one.startswith("| one/seed_1 | 1 | 10.0 | 1 of 1 | 0.00 M")
    assert two.startswith("| two/seed_1 | 1 | 10.0 | 0 of 1 | never")


def test_a_run_draws_its_curve(groups, tmp_path):
    drawn = report.draw_run(groups / "one" / "seed_1")
    assert drawn == groups / "one" / "seed_1" / "curve.png"
    assert drawn.read_bytes().startswith(b"\x89PNG")
    write_run(tmp_path / "young", 0, [None])
    assert report.draw_run(tmp_path / "young") is None


def pixels(path, colour):
    """How many pixels of a chart's plane, left of its legend, have a colour."""
    picture = np.asarray(Image.open(path).convert("RGB"))
    plane = picture[:, : int(picture.shape[1] * 0.87)]
    return np.sum(np.all(plane == np.array(ImageColor.getrgb(colour)), axis=-1))


@pytest.mark.parametrize("scores", [[-40.0, -30.0, -25.0], [-9.0, -1.0, 20.0], [0.0] * 3, [-3.0]])
def test_every_curve_and_bar_is_seen(tmp_path, scores):
    write_run(tmp_path / "run", 0, scores)
    bars = {"random": min(scores) - 5.0, "script": max(scores) + 5.0}
    path = tmp_path / "curve.png"
    for shown, least in ({}, 0), (bars, 1000):
        report.draw_curves({"mars": [tmp_path / "run"]}, shown, "return", path)
        assert pixels(path, COLOURS[0]) > 20
        assert pixels(path, "#555555") >= least


def test_finalists_come_first_also_where_all_scores_are_negative(tmp_path, monkeypatch):
    def scores(task, base, folder, points, steps, seeds, last):
        return {name: -10.0 - i for i, name in enumerate(points)}

    monkeypatch.setattr(objective_study, "_scores", scores)
    rows = objective_study.tune("mpe/spread-3", tmp_path).splitlines()[2:]
    finals = [row.split("|")[-2].strip() for row in rows if row.startswith("| mars ")]
    assert finals[:4] == ["-10.0", "-11.0", "-12.0", ""]


def test_a_folders_name_is_text(groups):
    odd = groups / "<img src=x>|$\\frac$"
    (groups / "one").rename(odd)
    table = report.compare([odd, groups / "two"], groups / "out", 50.0, 4)
    assert table.splitlines()[2].startswith("| &lt;img src=x&gt;\\|$\\frac$ | 2 | 15.0 ")
    assert (groups / "out" / "curves.png").exists()


def test_no_episode_yet(tmp_path):
    write_run(tmp_path / "young", 0, [None])
    with pytest.raises(RunError, match="no finished episode"):
        report.curve(tmp_path / "young")


def test_studies_only_ask_for_what_is_possible():
    points = objective_study.grid_points()
    assert len(points) == np.prod([len(values) for values in objective_study.GRID.values()])
    for changes in [*points.values(), *objective_study.KNOBS.values()]:
        check_config(Config().replace(**changes))
    chosen = set(objective_study.SCREENING_SEEDS) | set(objective_study.FINAL_SEEDS)
    assert not chosen & {*objective_study.KNOB_SEEDS, *range(10)}
