"""docs/your_own_environment.md: its code runs as it stands, and another's package is trained."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from mars_demo.cli.main import main
from mars_demo.tasks.registry import get_task

PAGE = (Path(__file__).parents[1] / "docs" / "your_own_environment.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
MODULE = PYTHON[0] + next(code for code in PYTHON if "def list_envs" in code)
SMALL = "--num-envs 4 --rollout-steps 5 --epochs 1 --hidden 8 --no-bar --total-steps 40"


@pytest.fixture
def rings(install):
    """The page's package, installed as its `pyproject.toml` says."""
    project = tomllib.loads(next(code for language, code in BLOCKS if language == "toml"))
    assert project["project"]["entry-points"]["marl_envs"] == {"rings": "rings"}
    assert project["tool"]["setuptools"]["py-modules"] == ["rings"]
    install("rings", MODULE)


def test_it_has_50_lines():
    assert len([line for line in PYTHON[0].splitlines() if line.strip()]) <= 50


def test_the_code_prints_what_the_page_says(rings, capsys):
    names, said = {}, []
    for language, code in BLOCKS:
        if language == "python" and code not in MODULE:
            exec(code, names)
        elif language == "bash":
            break
        elif language == "text":
            said.append(code)
    assert len(said) == 3
    assert capsys.readouterr().out == "".join(said)
    assert names["env"].cells == 12


@pytest.mark.loose_promotion  # optax mixes dtypes
def test_the_commands_train_and_evaluate_a_team(rings, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train, evaluate = (
        shlex.split(line)
        for line in next(code for language, code in BLOCKS if language == "bash").splitlines()
    )
    assert train[0] == evaluate[0] == "mars-demo"
    main([*train[1:], *SMALL.split()])
    main([*evaluate[1:], "--episodes", "2"])
    printed = capsys.readouterr().out
    assert re.search(r"^policy +return +return +episodes\ntrained ", printed, re.MULTILINE)
    assert (tmp_path / "runs/rings/run.json").exists()


def test_list_shows_it(rings, capsys):
    main(["list"])
    line = next(line for line in capsys.readouterr().out.splitlines() if "ring-3" in line)
    assert line.split(maxsplit=1) == [
        "rings/ring-3",
        "3 agents, observation (3, 8), 3 actions, 20 steps, score: return",
    ]


def test_the_default_preset_is_its_preset(rings, capsys):
    with pytest.raises(SystemExit):
        main(["train", "rings/ring-2", "--help"])
    assert re.search(r"--eps FLOAT.*?default: 0\.2", capsys.readouterr().out, re.DOTALL)


def test_a_task_without_a_length_is_refused(install, capsys):
    code = MODULE.replace("self.cells, self.max_steps, ", "self.cells, self.limit, ")
    install("rings", code.replace("self.max_steps", "self.limit"))
    with pytest.raises(ValueError, match=r"rings/ring-2 does not say .* wrappers\.TimeLimit"):
        get_task("rings/ring-2")
    main(["list"])
    listed = " ".join(capsys.readouterr().out.split())
    assert "rings/ring-2 cannot be trained on: rings/ring-2 does not" in listed


def test_a_task_that_breaks_the_contract_is_refused(install):
    install("rings", MODULE.replace('"__all__"', '"all"'))
    with pytest.raises(ValueError, match=r"Ring.step_env: dones lacks '__all__'"):
        get_task("rings/ring-2")
