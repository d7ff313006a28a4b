"""The study of a device: every table has its rows, sizes end where they should."""

import pytest

import mars_demo.runs.folder as runs
from docs.experiments import device_study
from docs.experiments.device_study import study_device
from tests.mars_demo.conftest import make_toy_task

pytestmark = pytest.mark.loose_promotion  # flax and optax


@pytest.fixture(autouse=True)
def _toy_is_the_task(monkeypatch):
    monkeypatch.setattr(device_study, "TASKS", ("toy",))
    monkeypatch.setattr(device_study, "WHOLE_RUNS", ("toy",))
    for module in (device_study, runs):
        monkeypatch.setattr(module, "get_task", lambda name: make_toy_task())


def test_all_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(device_study, "SMALLEST", 16)
    text = study_device(tmp_path, largest=16)
    assert (tmp_path / "device.md").read_text() == text
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| toy")]
    assert [row[1].strip() for row in rows] == ["16", "16", "5,120"]
    for row in rows[:2]:
        assert float(row[2].replace(",", "")) > 0
        assert float(row[3]) > 0
    assert 7.0 < float(rows[2][3].split("±")[0]) <= 8.0  # right answers, of 8


def test_what_does_not_fit_is_not_tried(monkeypatch):
    monkeypatch.setattr(device_study, "free_bytes", lambda: 1)
    assert list(device_study._rows(make_toy_task(), 1024, device_study._updates)) == []


def test_running_out_of_memory_ends_a_table():
    import jax

    def too_much(task, num_envs):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    assert list(device_study._rows(make_toy_task(), 10**6, too_much)) == [
        ("toy", "256", "out of memory", "")
    ]
