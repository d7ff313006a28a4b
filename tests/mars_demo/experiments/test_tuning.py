"""Tuning: what is tried and in which order, what is chosen, and what is written."""

import json

import pytest

from mars_demo.experiments.plan import Job
from mars_demo.experiments.tuning import EPS, TRIALS, Trial, late_returns, tune, write_tuning
from mars_demo.learning.config import Config
from mars_demo.runs.folder import RunError

PRESETS = {
    "lbf/a/mars": Config(lr=1e-3, epochs=4),
    "lbf/a/mappo": Config(algo="mappo", lr=4e-3, epochs=1),
}


def test_each_knob_is_tried_with_the_best_before_it():
    asked = []

    def measure(settings, label):
        asked.append((label, settings))
        return {name: _score(name, changes) for name, changes in settings.items()}

    trials = tune(PRESETS, measure)
    assert [label for label, _ in asked] == [
        *(f"eps={eps:g}" for eps in EPS),
        *("lrx0.5", "lrx2", "epochsx0.5", "epochsx2"),
    ]
    assert dict(asked)["lrx2"] == {
        "lbf/a/mars": {"eps": 0.5, "lr": 2e-3},
        "lbf/a/mappo": {"eps": 0.1, "lr": 8e-3},
    }
    # Epochs are whole, and at least one.
    assert dict(asked)["epochsx0.5"] == {
        "lbf/a/mars": {"eps": 0.5, "lr": 2e-3, "epochs": 2},
        "lbf/a/mappo": {"eps": 0.1, "epochs": 1},
    }
    assert [len(of) for of in trials.values()] == [TRIALS, TRIALS]
    assert trials["lbf/a/mars"][0].changes == {"eps": 0.5, "lr": 2e-3, "epochs": 8}
    assert trials["lbf/a/mappo"][0].changes == {"eps": 0.1}


def _score(name, changes):
    """MARS likes ε 0.5 and more of everything, MAPPO ε 0.1 and the rest as it is."""
    if name == "lbf/a/mappo":
        return -abs(changes["eps"] - 0.1) - len(changes)
    return -abs(changes["eps"] - 0.5) + changes.get("lr", 1e-3) + changes.get("epochs", 4) / 100


def _run(folder, *lines):
    folder.mkdir(parents=True)
    texts = [
        json.dumps({"step": step, "episodes": n, "return": mean}) + "\n"
        for step, (n, mean) in enumerate(lines, start=1)
    ]
    (folder / "metrics.jsonl").write_text("".join(texts))


def test_what_counts_is_the_episodes_of_the_second_half_and_of_all_seeds(tmp_path):
    _run(tmp_path / "0", (9, 5.0), (9, 5.0), (3, 1.0), (1, 2.0))  # (3 + 2) / 4
    _run(tmp_path / "1", (9, 5.0), (9, 5.0), (0, None), (2, 3.75))
    jobs = {name: Job("lbf/a", Config()) for name in "01"}
    assert late_returns(jobs, tmp_path) == {"lbf/a/mars": 2.5}
    _run(tmp_path / "2", (9, 5.0), (0, None))
    with pytest.raises(RunError, match="2: no episode ended in its second half"):
        late_returns({"2": Job("lbf/a", Config())}, tmp_path)


def test_the_best_is_for_the_whole_environment(tmp_path):
    trials = {"lbf/a/mars": [Trial({"eps": 0.5, "lr": 0.002}, 0.7), Trial({"eps": 0.1}, 0.2)]}
    path = write_tuning(trials, tmp_path)
    assert json.loads(path.read_text()) == {"lbf/*/mars": {"eps": 0.5, "lr": 0.002}}
    write_tuning(trials, tmp_path, [{"*/mars": {"lr": 0.1, "num_envs": 8}, "*/mappo": {"eps": 1}}])
    assert json.loads(path.read_text()) == {"lbf/*/mars": {"lr": 0.002, "num_envs": 8, "eps": 0.5}}
    assert (tmp_path / "tuning.md").read_text().splitlines()[2:] == [
        "| lbf/a | mars | eps 0.5, lr 0.002 | 0.700 |",
        "| lbf/a | mars | eps 0.1 | 0.200 |",
    ]
    write_tuning({"of/a|<b>/mars": [Trial({"eps": 0.5}, 0.7)]}, tmp_path)
    line = (tmp_path / "tuning.md").read_text().splitlines()[2]
    assert line == "| of/a\\|&lt;b&gt; | mars | eps 0.5 | 0.700 |"
