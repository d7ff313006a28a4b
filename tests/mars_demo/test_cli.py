"""The command line as a new user meets it: mistakes end in one line and exit code 2."""

import pytest

from mars_demo.cli import main


def fails(capsys, *argv: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("train paxmen4", "error: unknown task 'paxmen4'; valid: paxmen-4, "),
        ("train paxmen-7", "error: unknown task 'paxmen-7'; valid: paxmen-"),
        ("train paxmen-4 --algo maps", "error: unknown algorithm 'maps'; valid: mars, "),
        ("train paxmen-4 --minibatches 5", "nearest that does: 4"),
        ("train paxmen-4 --num-envs 0", "error: num_envs must be at least 1, got 0"),
        ("train paxmen-4 --eps -1", "error: eps must be positive, got -1.0"),
        ("train paxmen-4 --seeds 0", "error: seeds must be at least 1, got 0"),
        ("eval nowhere", "error: nowhere is not a run's folder: it has no run.json"),
        ("eval nowhere --episodes 0", "error: episodes must be at least 1, got 0"),
        ("render nowhere", "error: nowhere is not a run's folder: it has no run.json"),
        ("compare nowhere", "error: nowhere holds no run folders"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, monkeypatch, capsys, argv, said):
    monkeypatch.chdir(tmp_path)
    error = fails(capsys, *argv.split())
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []  # nothing written


def test_an_output_folder_that_cannot_be_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    error = fails(capsys, "train", "paxmen-4", "--out", "file/run")
    assert error.startswith("error: ")
    assert "file/run" in error
    assert (tmp_path / "file").read_text() == "mine"


def test_an_unknown_command_or_option(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["trane", "paxmen-4"])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        main(["train", "paxmen-4", "--learning-rate", "1"])
    assert stop.value.code == 2


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
    assert names[:4] == ["paxmen-4", "paxmen-5", "paxmen-6", "aerojax/waypoint_5"]
    assert "aerojax/special_5_vs_5" in names
    assert "4 agents" in lines[0]
    assert "100 steps" in lines[0]


def test_list_algorithms(capsys):
    main(["list", "algorithms"])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[:3] == ["mars", "mappo", "maspo"]
