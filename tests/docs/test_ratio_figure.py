"""The figure of ratios: drawn from a run's metrics, refused for those that have none."""

import dataclasses
import json

import pytest
from PIL import Image

from docs.experiments.ratio_figure import main
from mars_demo.learning.config import Config
from mars_demo.learning.diagnostics import QUANTILES


def write_run(folder, line):
    folder.mkdir()
    about = {"task": "paxmen-4", "config": dataclasses.asdict(Config())}
    (folder / "run.json").write_text(json.dumps(about))
    lines = [line | {"step": step} for step in (1000, 2000, 3000)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return str(folder)


def test_a_column_for_each_run(tmp_path, capsys):
    ratios = {f"ratio_q{round(100 * q):02d}": 0.8 + 0.4 * q for q in QUANTILES}
    line = ratios | {"ratio_min": 0.5, "ratio_max": 2.0, "ratio_beyond": 0.1, "pull_beyond": 0.4}
    runs = [write_run(tmp_path / name, line) for name in ("a", "b")]
    widths = []
    for some in (runs[:1], runs):
        main([*some, "--out", str(tmp_path / "ratios.png")])
        widths.append(Image.open(tmp_path / "ratios.png").width)
    assert widths[1] - widths[0] == 480  # 3.2 inches of 150 dots
    assert "ratios.png" in capsys.readouterr().out


def test_old_metrics_are_refused(tmp_path, capsys):
    run = write_run(tmp_path / "a", {"score": 1.0})
    with pytest.raises(SystemExit):
        main([run])
    assert "no metrics of ratios" in capsys.readouterr().err
