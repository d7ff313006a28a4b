"""The command line as a new user meets it: mistakes end in one line and exit code 2."""

import pytest

from mars_demo.cli.main import main


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
        (
            "train paxmen-4 --num-envs 0",
            "error: num_envs must be a whole number in [1, 16777216], got 0; nearest: 1",
        ),
        (
            "train paxmen-4 --eps -1",
            "error: eps must be a number in [0.0001, 100.0], got -1.0; nearest: 0.0001",
        ),
        (
            "train paxmen-4 --seeds 0",
            "error: seeds must be a whole number in [1, 1000], got 0; nearest: 1",
        ),
        ("eval nowhere", "error: nowhere is not a run's folder: it has no run.json"),
        ("train paxmen-4 --lr nan", "got nan; nearest: none, it is no number"),
        ("train paxmen-4 --lr inf", "error: lr must be a number in [1e-08, 1.0], got inf"),
        ("train paxmen-4 --seed 4294967295 --seeds 2", "got 4294967296; nearest: 4294967295"),
        ("train paxmen-4 --num-envs 16777216 --rollout-steps 4096", "must fit into memory: they"),
        (
            "eval nowhere --episodes 0",
            "error: episodes must be a whole number in [1, 1000000], got",
        ),
        ("eval nowhere --seed -1", "error: seed must be a whole number in [0, 4294967295], got"),
        ("eval", "error: give either a run's folder or --pretrained, with one of: "),
        ("render nowhere --pretrained paxmen-4", "error: give either a run's folder or --pretr"),
        ("render --pretrained paxmen-9", "error: unknown pretrained team 'paxmen-9'; valid: "),
        ("eval --pretrained no.json", "error: no.json cannot be used: "),
        ("export nowhere here", "error: a team's file must end in .json, got here; nearest: here."),
        ("export nowhere here.json", "error: nowhere is not a run's folder: it has no run.json"),
        ("compare nowhere --threshold nan", "error: threshold must be a number in"),
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
