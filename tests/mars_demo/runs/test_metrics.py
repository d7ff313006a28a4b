"""Writers of metrics: every line reaches each, and a fault of one closes all."""

import json
import re
import sys
import types

import pytest
from tensorboardX.proto import event_pb2

from mars_demo.runs.metrics import JsonLines, TensorBoard, WeightsAndBiases, Writers, read_metrics
from mars_demo.runs.reading import RunError

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
    assert options["name"] == "paxmen-4-mars-seed_0"
    assert options["config"] == {"task": "paxmen-4"}
    assert logged == [("log", {"kl": 0.5}, 10), ("log", {"score": 3.0, "kl": 0.25}, 20)]
    assert last == ("finish",)


def test_weights_and_biases_knows_a_folder_again_and_no_other_for_it(tmp_path, monkeypatch):
    """Two people's folders may be called alike."""
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    folders = [tmp_path / who / "runs" / "a b#c" / "mars" / "seed_0" for who in ("mine", "yours")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
    for folder in (*folders, *folders):
        WeightsAndBiases(folder, "project").close()
    mine, yours, *again = (call[1]["id"] for call in fake.calls if call[0] == "init")
    assert mine != yours
    assert again == [mine, yours]
    assert re.fullmatch("[a-z0-9]{16}", mine)


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


def board(folder):
    """What TensorBoard finds in a folder: (when, step, name, value) of each number."""
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            event = event_pb2.Event.FromString(data[12 : 12 + size])
            data = data[12 + size + 4 :]
            found += [
                (event.wall_time, event.step, v.tag, v.simple_value) for v in event.summary.value
            ]
    return found


@pytest.mark.parametrize("keep", [0, 10])
@pytest.mark.parametrize("apart", [0.0, 60.0])
def test_tensorboard_shows_one_course_after_a_kill(tmp_path, monkeypatch, keep, apart):
    """Also where the next session begins within the same second, by which files are named."""
    now = 1e9
    monkeypatch.setattr("time.time", lambda: now)
    for kept in (0, keep):
        with Writers([JsonLines(tmp_path, kept), TensorBoard(tmp_path, kept)]) as writers:
            for line in LINES[kept // 10 :]:
                writers.write(line)
        now += apart
    found = [(step, name, value) for _, step, name, value in board(tmp_path)]
    assert found == [(10, "kl", 0.5), (20, "score", 3.0), (20, "kl", 0.25)]


def test_tensorboard_keeps_the_time_between_lines(tmp_path):
    with Writers([JsonLines(tmp_path, 0), TensorBoard(tmp_path, 0)]) as writers:
        for line, seconds in zip(LINES, (5.0, 47.0), strict=True):
            writers.write(line | {"seconds": seconds})
    TensorBoard(tmp_path, 20).close()
    first, *_, last = (when for when, *_ in board(tmp_path))
    assert last - first == pytest.approx(42.0, abs=1e-3)


@pytest.mark.parametrize(
    "text", ["5", "null", "{}", "[]", '{"step": "1"}', "nonsense", "[" * 200_000]
)
def test_a_damaged_line_is_an_error_and_a_torn_one_is_left_out(tmp_path, text):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f"{json.dumps(LINES[0])}\n{text}")
    assert read_metrics(tmp_path) == LINES[:1]
    path.write_text(f"{json.dumps(LINES[0])}\n{text}\n{json.dumps(LINES[1])}\n")
    with pytest.raises(RunError, match="line 2, is damaged") as caught:
        read_metrics(tmp_path)
    assert "\n" not in str(caught.value)


def test_metrics_of_before_there_were_two_times_are_read(tmp_path):
    old = {"step": 10, "seconds": 1.5, "score": None}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(old) + "\n")
    assert read_metrics(tmp_path) == [old]


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
