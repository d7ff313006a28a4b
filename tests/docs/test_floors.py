"""The table of floors: what counts as more, and its rows."""

import math

import numpy as np

from docs.experiments import floors
from docs.experiments.floors import RANDOM, SCRIPT, Floors


def some_floors(**returns):
    """All score and are paid nothing but action 7, which wins half of the games, and the script."""
    score, error, reward = np.zeros((3, SCRIPT + 1))
    score[7], error[7], score[SCRIPT], reward[SCRIPT] = 0.5, 0.1, 0.8, -9.0
    for action, value in returns.items():
        reward[int(action[1:])] = value
    return Floors(score, error, reward)


def test_what_scores_more_should_be_paid_more():
    assert some_floors().best == 7
    assert some_floors(_7=1.0).correlation == 1
    assert some_floors(_7=-1.0).correlation == -1
    assert some_floors(_7=1.0, _8=2.0).correlation == (44 - 1) / 45, "one of 45 is paid more"


def test_scores_within_two_standard_errors_are_equal():
    floors = some_floors(_7=-1.0)
    assert math.isnan(floors._replace(error=floors.error * 3).correlation)


def test_the_table_has_a_row_for_every_scenario(tmp_path, monkeypatch):
    monkeypatch.setattr(floors, "play_floors", lambda *_: some_floors(_7=1.5))
    table = floors.tabulate_floors(["escort_4_vs_3", "search_4"], 8, 0, tmp_path)
    rows = table.splitlines()[2:]
    assert rows[0] == (
        "| `escort_4_vs_3` | games won | 0.00 (0.00) | 0.50 (1.50): 7 | 0.80 (-9.00): ace | 1.00 |"
    )
    assert rows[1].startswith("| `search_4` | share found |")
    assert (tmp_path / "floors.md").read_text() == table + "\n"


def test_every_policy_plays(monkeypatch):
    """30 s of a search: the script finds more than straight flight, which outlives a dive."""
    make = floors.aerojax.make
    monkeypatch.setattr(floors.aerojax, "make", lambda name, **c: make(name, max_steps=60, **c))
    played = floors.play_floors("search_4", 4)
    assert played.score.shape == played.error.shape == played.reward.shape == (47,)
    assert played.score[SCRIPT] > played.score[22] > played.score[20] > 0
    assert played.score[RANDOM] > 0
    np.testing.assert_allclose(played.reward[22], 2 * played.score[22], rtol=1e-5)
