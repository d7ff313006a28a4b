"""The command line as a new user meets it: mistakes end in one line and exit code 2."""

import dataclasses
import io
import json
import os
import sys
from collections import namedtuple
from importlib.metadata import version

import pytest

from docs.experiments import (
    aircraft_figure,
    demonstrations,
    device_study,
    ladder,
    objective_study,
    ratio_figure,
    scenario_study,
)
from mars_demo.cli import team as team_commands
from mars_demo.cli.main import COMMANDS, main
from mars_demo.evaluation import curves as report
from mars_demo.evaluation import pretrained
from mars_demo.experiments import report as suite_report
from mars_demo.experiments import tuning
from mars_demo.learning.config import Config
from mars_demo.tasks.registry import get_task


def test_the_version(capsys):
    main(["--version"])
    assert capsys.readouterr() == (f"mars-demo {version('paxmen-aerojax')}\n", "")


def fails(capsys, *argv: str, start=main) -> str:
    with pytest.raises(SystemExit) as stop:
        start(argv)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("train paxmen4", "unknown task 'paxmen4'; valid: paxmen-4, "),
        ("train paxmen-7", "unknown task 'paxmen-7'; valid: paxmen-"),
        ("train paxmen-4 --algo maps", "unknown algorithm 'maps'; valid: mars, "),
        ("train paxmen-4 --minibatches 5", "nearest that does: 4"),
        (
            "train paxmen-4 --num-envs 0",
            "num_envs must be a whole number in [1, 16777216], got 0; nearest: 1",
        ),
        (
            "train paxmen-4 --eps -1",
            "eps must be a number in [0.0001, 100.0], got -1.0; nearest: 0.0001",
        ),
        (
            "train paxmen-4 --seeds 0",
            "seeds must be a whole number in [1, 1000], got 0; nearest: 1",
        ),
        ("eval nowhere", "nowhere is not a run's folder: it has no run.json"),
        ("train paxmen-4 --lr nan", "got nan; nearest: none, it is not a number"),
        ("train paxmen-4 --lr inf", "lr must be a number in [1e-08, 1.0], got inf"),
        ("train paxmen-4 --seed 4294967295 --seeds 2", "got 4294967296; nearest: 4294967295"),
        ("train paxmen-4 --num-envs 16777216 --rollout-steps 4096", "must fit into memory: they"),
        (
            "eval nowhere --episodes 0",
            "episodes must be a whole number in [1, 1000000], got",
        ),
        ("eval nowhere --seed -1", "seed must be a whole number in [0, 4294967295], got"),
        ("eval", "give either a run's folder or --pretrained, with one of: "),
        ("render nowhere --pretrained paxmen-4", "give either a run's folder or --pretr"),
        ("eval --pretrained paxmen-4 --task paxmen-9", "unknown task 'paxmen-9'; valid: paxmen-"),
        ("render --pretrained paxmen-9", "unknown pretrained team 'paxmen-9'; valid: "),
        ("eval --pretrained no.json", "no.json cannot be used: "),
        ("export nowhere here", "a team's file must end in .json, got here; nearest: here."),
        ("export nowhere here.json", "nowhere is not a run's folder: it has no run.json"),
        ("report nowhere --threshold nan", "threshold must be a number in"),
        ("render nowhere", "nowhere is not a run's folder: it has no run.json"),
        ("report nowhere", "nowhere holds neither a sweep nor runs"),
        ("report nowhere --partial", "--partial is for sweeps"),
        ("report a.json --episodes 9", "--threshold and --episodes are for runs"),
        ("report a.json nowhere", "name one kind of folder"),
        ("report", "name folders of sweeps or of runs, or the report.json of a report"),
        ("", "name a command: train, eval, "),
        ("trane paxmen-4", "unknown command 'trane'; valid: train, tune, "),
        ("train", "missing: TASK; see mars-demo train --help"),
        ("sweep", "missing: --out FOLDER; see mars-demo sweep --help"),
        ("export run", "missing: FILE; see mars-demo export --help"),
        ("train paxmen-4 --lr abc", "--lr takes FLOAT, got 'abc'; see mars-demo train --help"),
        ("train paxmen-4 --lr", "missing: a value for --lr; see mars-demo train --help"),
        ("demo --total-steps x", "--total-steps takes INT, got 'x'; see mars-demo demo --help"),
        ("train paxmen-4 --network grx", "unknown --network 'grx'; valid: gru, mlp; see "),
        ("list tosks", "unknown value 'tosks'; valid: tasks, algorithms; see "),
        ("train paxmen-4 --learning-rate 1", "unrecognized options: --learning-rate, 1; see "),
        ("render here --gif now", "unrecognized options: now; see mars-demo render --help"),
        ("eval here --episods 3", "options: --episods, 3; did you mean --episodes INT?; see "),
        ("train paxmen-4 --no-bat", "options: --no-bat; did you mean --bar, --no-bar?; see "),
        ("--sed 1", "unrecognized "),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, monkeypatch, capsys, argv, said):
    monkeypatch.chdir(tmp_path)
    error = fails(capsys, *argv.split())
    assert said in error
    assert error.startswith("mars-demo: ")
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []  # nothing written


def test_an_output_folder_that_cannot_be_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    error = fails(capsys, "train", "paxmen-4", "--out", "file/run")
    assert error.startswith("mars-demo: ")
    assert "file/run" in error
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_a_misspelt_option_in_one_line(capsys, command):
    error = fails(capsys, command, "--nonsense")
    assert error.startswith("mars-demo: ")
    assert error.endswith(f"; see mars-demo {command} --help\n")
    assert "--nonsense" in error or "missing: " in error
    assert len(error.splitlines()) == 1


def test_an_error_of_several_lines_becomes_one(capsys, monkeypatch):
    def run(self):
        raise ValueError("first\n  second")

    monkeypatch.setattr(COMMANDS["list"], "run", run)
    assert fails(capsys, "list") == "mars-demo: first second\n"


@pytest.mark.parametrize("width", ["40", "200"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_mistakes_are_one_line_in_every_terminal(monkeypatch, capsys, width, encoding):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    long = "9" * 90
    assert fails(capsys, "list", long) == (
        f"mars-demo: unknown value '{long}'; valid: tasks, algorithms; see mars-demo list --help\n"
    )
    assert os.environ["COLUMNS"] == width


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    """A folder `run` with a description, and a file `file`, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "run").mkdir()
    about = {"task": "paxmen-4", "config": dataclasses.asdict(Config()), "versions": {}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))


def work(*_, **__):
    raise AssertionError("it began to work")


@pytest.mark.parametrize(
    "words",
    [
        "export run {}/team.json",
        "render run --out {}",
        "report run --out {}",
        "report sweep.json --out {}",
        "tune --out {} --tasks mpe/spread-3",
    ],
)
def test_what_cannot_be_written_is_found_out_before_the_work(
    run_folder, monkeypatch, capsys, words
):
    trained = namedtuple("Trained", "trainer")(namedtuple("Trainer", "task")(get_task("paxmen-4")))
    monkeypatch.setattr(team_commands.Render, "team", lambda self: trained)
    for module, name in (
        (pretrained, "trained_run"),
        (report, "evaluate_run"),
        (suite_report, "read_report"),
        (tuning, "tune"),
    ):
        monkeypatch.setattr(module, name, work)
    error = fails(capsys, *words.format("file/deeper").split())
    assert error.startswith("mars-demo: cannot write file/deeper/")
    assert error.endswith("/file: Not a directory\n")


@pytest.mark.parametrize(
    ("module", "works", "words"),
    [
        (aircraft_figure, "draw_aircraft", "{}/aircraft.png"),
        (demonstrations, "draw_demonstrations", "{}/objectives.png"),
        (device_study, "study_device", "--out {}"),
        (ladder, "play_ladder", "--out {}"),
        (objective_study, "train_all", "knobs --out {}"),
        (ratio_figure, "draw_ratios", "run --out {}/ratios.png"),
        (scenario_study, "study_scenarios", "--out {}"),
    ],
)
def test_programs_of_the_pages_find_it_out_too(
    run_folder, monkeypatch, capsys, module, works, words
):
    monkeypatch.setattr(module, works, work)
    error = fails(capsys, *words.format("file/deeper").split(), start=module.main)
    assert ".py: cannot write file/deeper/" in error
    assert error.endswith("/file: Not a directory\n")


def test_a_picture_of_an_unknown_format_is_refused_before_it_is_drawn(run_folder, capsys):
    assert "unknown format of pictures 'pngg'; valid: png, " in fails(
        capsys, "run", "--out", "ratios.pngg", start=ratio_figure.main
    )


def test_nothing_of_an_exported_team_is_overwritten(run_folder, tmp_path, capsys):
    (tmp_path / "team.safetensors").write_text("mine")
    assert "team.safetensors exists already" in fails(capsys, "export", "run", "team.json")


def test_help_shows_the_preset_of_the_task_and_algorithm(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "paxmen-4", "--algo", "mappo", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "default: mappo" in text
    assert "Environments stepped side by side." in text


def test_list_names_each_task_first(capsys):
    main(["list"])
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[:4] == ["paxmen-4", "paxmen-5", "paxmen-6", "paxmen-generated-4"]
    assert "paxmen-generated-16-heldout" in names
    assert "aerojax/special_5_vs_5" in names
    assert "4 agents" in lines[0]
    assert "100 steps" in lines[0]


def test_list_algorithms(capsys):
    main(["list", "algorithms"])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[:3] == ["mars", "mappo", "maspo"]
