"""The ladder's table, over games that were not played."""

import math

from docs.experiments import ladder
from docs.experiments.ladder import Games


def test_only_decided_games_count():
    assert Games(won=30, lost=10, drawn=60).share == 0.75
    assert math.isnan(Games(0, 0, 5).share)


def test_a_fair_match_lies_within_a_few_deviations():
    assert Games(50, 50, 0).sigmas == 0.0
    assert Games(60, 40, 7).sigmas == 2.0  # 20 more of 100, whose deviation is 10
    assert Games(0, 0, 5).sigmas == 0.0


def test_the_table_has_a_row_for_every_pair(tmp_path, monkeypatch):
    monkeypatch.setattr(ladder, "play_scripts", lambda env, a, b, games: Games(30, 10, games - 40))
    table = ladder.play_ladder(tmp_path / "new")
    rows = table.splitlines()[2:]
    assert len(rows) == len(ladder.PAIRS) * len(ladder.SCENARIOS)
    assert rows[0] == "| `identical_5_vs_5` | pursuit against circle | 30 | 10 | 1960 | 0.75 |"
    assert rows[3].endswith("| 0.75 (+3.2 σ) |")
    assert (tmp_path / "new" / "ladder.md").read_text() == table + "\n"
