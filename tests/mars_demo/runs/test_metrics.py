"""Writers of metrics: every line reaches each, and a fault of one closes all."""

import json
import sys
import types

import pytest

from mars_demo.runs.metrics import JsonLines, TensorBoard, WeightsAndBiases, Writers, read_metrics

LINES = [{"step": 10, "score": None, "kl": 0.5}, {"step": 20, "score": 3.0, "kl": 0.25}]


class FakeWandb(types.SimpleNamespace):
    """What the writer uses of the package `wandb`."""

    def __init__(self):
        super().__init__(calls=[])

    def init(self, **options):
        self.calls.append(("init", options))
        return self

    def log(self, numbers, step):
        self.calls.append(("log", numbers, step))

    def finish(self):
        self.calls.append(("finish",))


def test_weights_and_biases_gets_the_numbers_and_the_description(tmp_path, monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    folder = tmp_path / "paxmen-4" / "mars" / "seed_0"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"task": "paxmen-4"}))
    with Writers([WeightsAndBiases(folder, "mine")]) as writers:
        for line in LINES:
            writers.write(line)
    (_, options), *logged, last = fake.calls
    assert options["project"] == "mine"
    assert options["id"] == "paxmen-4-mars-seed_0"
    assert options["config"] == {"task": "paxmen-4"}
    assert logged == [("log", {"kl": 0.5}, 10), ("log", {"score": 3.0, "kl": 0.25}, 20)]
    assert last == ("finish",)


def test_every_writer_gets_every_line(tmp_path):
    with Writers([JsonLines(tmp_path, 0), TensorBoard(tmp_path, 0)]) as writers:
        for line in LINES:
            writers.write(line)
    assert read_metrics(tmp_path) == LINES
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"score" in events.read_bytes()


def test_lines_that_will_come_again_are_dropped(tmp_path):
    for keep in (0, 10):
        with Writers([JsonLines(tmp_path, keep)]) as writers:
            assert [line["step"] for line in read_metrics(tmp_path)] == [10] * (keep == 10)
            for line in LINES[keep // 10 :]:
                writers.write(line)
    assert read_metrics(tmp_path) == LINES


def test_all_are_closed_though_one_fails():
    closed = []

    class Failing:
        def __init__(self, name):
            self.name = name

        def write(self, line):
            raise OSError("full")

        def close(self):
            closed.append(self.name)
            raise OSError("full")

    with pytest.raises(OSError, match="full"), Writers([Failing(1), Failing(2)]) as writers:
        writers.write(LINES[0])
    assert sorted(closed) == [1, 2]
