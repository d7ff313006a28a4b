"""Files that were edited, cut short or are somebody else's: what reads them ends in one line.

Every file that a command reads is replaced by nonsense, and every value in it by others.
"""

import copy
import hashlib
import json
import shutil
from pathlib import Path

import jax
import pytest

import mars_demo.evaluation.episodes as episodes
import mars_demo.evaluation.pretrained as teams
import mars_demo.experiments.plan as plans
import mars_demo.runs.folder as runs
from docs.experiments.ratio_figure import _columns
from mars_demo.cli.sweep import _describe
from mars_demo.evaluation.curves import curve
from mars_demo.evaluation.episodes import Trained
from mars_demo.evaluation.pretrained import read_team
from mars_demo.experiments import worker
from mars_demo.experiments.aggregates import check_sound
from mars_demo.experiments.evaluations import is_complete, read_absolute, read_evaluations
from mars_demo.experiments.plan import Job, make_plan, open_plan, read_plan
from mars_demo.experiments.report import read_report
from mars_demo.experiments.results import Cell, read_cells
from mars_demo.experiments.settings import read_settings
from mars_demo.experiments.sweep import seconds_left
from mars_demo.experiments.tuning import _late_return
from mars_demo.runs import loop
from mars_demo.runs.checkpoint import CheckpointError, _sealed, list_checkpoints, read_newest
from mars_demo.runs.metrics import _kept_id, read_metrics, steps_done
from mars_demo.runs.reading import RunError
from tests.mars_demo.conftest import TOY_CONFIG, make_toy_task, make_trainer

pytestmark = pytest.mark.loose_promotion  # flax and optax

MISTAKES = (ValueError, RunError, CheckpointError, OSError, ImportError)
"""What the command line reports in a line; all else ends in a traceback."""
CONTENTS = (
    *(b"", b"5", b"null", b"{}", b"[]", b'"x"', b"true", b"NaN", b"1e999", b"nonsense", b"[{}]"),
    *(b"\xff\xfe\x00", b"\x00" * 100, b"1" * 5000, b"[" * 200_000, b'{"a":' * 200_000),
)
VALUES = (5, -1, 1e308, float("nan"), 10**4000, None, True, "x", "a\nb", [], {}, [5], {"x": 5})


def edited(value):
    """Copies of a JSON value: with each place in turn filled by each of `VALUES`, or missing."""
    for place in places(value):
        for other in (*VALUES, None):
            changed = copy.deepcopy(value)
            around = changed
            for step in place[:-1]:
                around = around[step]
            around[place[-1]] = other
            yield changed
        del around[place[-1]]
        yield changed


def places(value, at=()):
    """The way to each value within a value; of a list, to its first."""
    inner = value.items() if isinstance(value, dict) else list(enumerate(value))[:1]
    for step, within in inner:
        yield (*at, step)
        if isinstance(within, dict | list):
            yield from places(within, (*at, step))


def read_all(*readers):
    """Calls each; what it raises must be a user's mistake, in one line."""
    for said in map(complaint, readers):
        assert said is None or (len(said) < 2000 and len(said.splitlines()) == 1), said


def complaint(read):
    try:
        read()
    except MISTAKES as error:
        return str(error)


def try_json(path, *readers, value=None):
    """Lets the readers see every edit of a JSON file, and nonsense in its place."""
    value = json.loads(path.read_bytes()) if value is None else value
    for content in (*CONTENTS, *(json.dumps(one).encode() for one in edited(value))):
        path.write_bytes(content)
        read_all(*readers)


def try_lines(path, *readers):
    """Likewise of a file of one JSON value a line, of which the second is changed."""
    first, second, *rest = path.read_bytes().splitlines()
    for content in (*CONTENTS, *(json.dumps(one).encode() for one in edited(json.loads(second)))):
        for lines in ([first, content, *rest, b""], [content]):
            path.write_bytes(b"\n".join(lines))
            read_all(*readers)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sweep's folder with a finished run of the toy task."""
    loose = jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow")
    with pytest.MonkeyPatch.context() as patch, loose[0], loose[1]:
        toy(patch)
        folder = tmp_path_factory.mktemp("made")
        plan = make_plan("smoke", ["toy"], ["mars"], 1, 3 * 16 * 8)
        open_plan(folder, plan)
        worker.train_job(next(iter(plan.jobs.values())), folder)
    return folder


def toy(patch):
    for module in (runs, worker, plans, teams):
        patch.setattr(module, "get_task", toy_named)
    for module in (runs, loop, worker, episodes):
        patch.setattr(module, "Trainer", lambda task, config: make_trainer(config))


def toy_named(name):
    if name.removeprefix("paxmen/") != "toy":  # as the real one does
        raise ValueError(f"unknown task {name!r}")
    return make_toy_task()


@pytest.fixture
def sweep(made, tmp_path, monkeypatch):
    """A copy of it."""
    toy(monkeypatch)
    return shutil.copytree(made, tmp_path / "sweep")


@pytest.fixture
def run(sweep):
    return sweep / "toy" / "mars" / "seed_0"


def test_what_is_whole_is_read(sweep, run, capsys):
    """Else nothing below would prove anything."""
    config = runs.load_run(run)[0].config
    assert is_complete(run, "toy", config)
    assert [line["step"] for line in read_metrics(run)] == [128, 256, 384]
    assert len(_columns(run)) > 3
    assert len(read_cells(sweep)[0]) == 1
    assert len(list_checkpoints(run / "checkpoints")) == 1
    loop._resumed(make_trainer(config), run)
    assert capsys.readouterr().err == ""


def test_descriptions(run):
    config = runs.read_run(run)[1]
    try_json(
        run / "run.json",
        lambda: runs.load_run(run),
        lambda: runs.check_resumable(run, make_toy_task(), config),
        lambda: worker._can_resume(run.parent / "none"),
    )


def test_metrics(sweep, run):
    plan = read_plan(sweep)
    try_lines(
        run / "metrics.jsonl",
        lambda: read_metrics(run),
        lambda: steps_done(run),
        lambda: curve(run),
        lambda: _columns(run),
        lambda: _late_return(run),
        lambda: read_cells(sweep),
        lambda: seconds_left(plan, sweep),
        lambda: _describe(plan, sweep, 2),
    )


def test_damaged_metrics_do_not_stop_who_waits_for_others(run):
    (run / "metrics.jsonl").write_text("5\n")
    assert steps_done(run) == 0


def test_evaluations(sweep, run):
    config = runs.read_run(run)[1]
    readers = lambda: is_complete(run, "toy", config), lambda: read_cells(sweep)
    whole = (run / "evaluations.jsonl").read_bytes()
    try_lines(run / "evaluations.jsonl", lambda: read_evaluations(run), *readers)
    (run / "evaluations.jsonl").write_bytes(whole)
    try_json(run / "absolute.json", lambda: read_absolute(run), *readers)


def test_plans(sweep):
    try_json(sweep / "plan.json", lambda: read_plan(sweep))


def test_manifests_that_are_sealed(run, capsys):
    """As by somebody who writes such files, not by an accident."""
    (manifest,) = list_checkpoints(run / "checkpoints")
    value = {k: v for k, v in json.loads(manifest.read_text()).items() if k != "seal"}
    value["about"]["pending"] = [{"kl": 0.5}]
    trainer = make_trainer(runs.read_run(run)[1])
    for content in (*CONTENTS, *map(_sealed, edited(value))):
        manifest.write_bytes(content)
        read_all(lambda: loop._resumed(trainer, run))


def damaged(data):
    """Copies of a safetensors file with a byte of its header changed, and cut short."""
    for place in range(0, 200, 3):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        yield bytes(flipped)
        yield data[:place]
    yield from (b"\xff" * 64, data + b"more", len(data).to_bytes(8, "little") + b"{" * len(data))


def test_arrays_of_checkpoints_with_right_checksums(run):
    (manifest,) = list_checkpoints(run / "checkpoints")
    arrays = manifest.with_suffix(".safetensors")
    about = json.loads(manifest.read_text())
    del about["seal"]
    trainer = make_trainer(runs.read_run(run)[1])
    for data in damaged(arrays.read_bytes()):
        arrays.write_bytes(data)
        manifest.write_bytes(_sealed(about | {"sha256": hashlib.sha256(data).hexdigest()}))
        read_all(lambda: read_newest(run / "checkpoints"), lambda: loop._resumed(trainer, run))


def test_best_parameters(run):
    path = run / "best.safetensors"
    candidates = run / "candidates"
    candidates.mkdir()
    step = read_absolute(run).step
    trainer = make_trainer(runs.read_run(run)[1])
    for data in (b"", b"nonsense", path.read_bytes()[:100]):
        (candidates / f"step_{step:012d}.safetensors").write_bytes(data)
        read_all(lambda: worker.finish(trainer, run))


@pytest.fixture
def team(tmp_path, run):
    """An exported team."""
    return teams.export_team(run, tmp_path / "team.json", episodes=2)[0]


def test_teams(team):
    assert isinstance(read_team(team), Trained)
    try_json(team, lambda: read_team(team))


def test_arrays_of_teams_with_right_checksums(team):
    arrays = team.with_suffix(".safetensors")
    about = json.loads(team.read_text())
    for data in damaged(arrays.read_bytes()):
        arrays.write_bytes(data)
        team.write_text(json.dumps(about | {"sha256": hashlib.sha256(data).hexdigest()}))
        read_all(lambda: read_team(team))


def test_settings(tmp_path, monkeypatch):
    toy(monkeypatch)
    path = tmp_path / "settings.json"
    value = {"*": {"eps": 0.5, "algo": "mars"}, "toy/*": {"hidden": 8}}
    try_json(path, lambda: make_plan("smoke", ["toy"], settings=[read_settings(path)]), value=value)


def test_reports(tmp_path):
    path = tmp_path / "report.json"
    cell = Cell("mpe/spread-3", "mars", 0, 100, (50, 100), (-9.5, -8.0), -8.5, 0.01)
    value = {"cells": [vars(cell) | {"steps": [50, 100], "scores": [-9.5, -8.0]}]}
    try_json(path, lambda: check_sound(read_report(path)), value=value)


def test_ids_of_weights_and_biases(tmp_path):
    path = tmp_path / "wandb.json"
    try_json(path, lambda: _kept_id(path), value={"id": "0123456789abcdef"})
    for name in ("", "a/b", "../..", "a b", "x" * 65):
        path.write_text(json.dumps({"id": name}))
        with pytest.raises(RunError, match="no id of Weights & Biases"):
            _kept_id(path)


def test_a_worker_begins_a_damaged_run_again(sweep, run, capsys):
    (run / "metrics.jsonl").write_text("5\n")
    (run / "absolute.json").unlink()
    (job,) = read_plan(sweep).jobs.values()
    assert isinstance(job, Job)
    worker.train_job(job, sweep)
    assert "it begins again" in capsys.readouterr().err
    assert is_complete(run, "toy", TOY_CONFIG.replace(total_steps=3 * 16 * 8))
    assert Path(run / "metrics.jsonl").read_bytes().count(b"\n") == 3
