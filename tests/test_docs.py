"""The pages: their Python runs as it stands, and their commands are ones that there are."""

import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import tyro

from aerojax.scenarios import SCENARIOS
from mars_demo.cli import main as cli
from mars_demo.cli.main import main
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.tasks.registry import get_task
from tests.pages import COMMANDS, OWN_TEST, PAGES, ROOT, blocks, program

LANGUAGES = {
    "python": "run by the tests",
    "py": "needs another library, or hangs on purpose",
    "sh": "parsed by the tests, and run by the slow ones",
    "bash": "parsed by the tests, and run by the slow ones",
    "text": "printed or drawn",
    "toml": "a file",
    "json": "a file",
}


def test_every_block_names_what_it_is():
    for page, text in PAGES.items():
        opened = re.findall(r"^```(.*)", text, re.MULTILINE)[::2]
        assert set(opened) <= LANGUAGES.keys(), page


def test_the_landing_page_begins_as_the_readme_does():
    assert blocks("docs/index.md", "python") == blocks("README.md", "python")[:1]


@pytest.fixture
def tables():
    """What pages may add to, as it was before."""
    before = [(table, dict(table)) for table in (SCENARIOS, OBJECTIVES)]
    yield
    for table, rows in before:
        table.clear()
        table.update(rows)


@pytest.mark.loose_promotion  # the pages drive others' code
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page, "python") and page not in {OWN_TEST, "docs/index.md"}],
)
def test_examples_run(page, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"page_{Path(page).stem}")  # one that is known, so that its classes pickle
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), vars(module))


def test_level_replay_has_40_lines():
    replay = next(code for code in blocks("docs/levels.md", "python") if "def chances" in code)
    assert len([line for line in replay.splitlines() if line.strip()]) <= 40


OTHERS = ("git clone", "export JAX_", "python -c", "python rings.py")


class ParsedError(Exception):
    """A command that was understood, and is not run."""


@pytest.fixture
def parse(monkeypatch):
    """`parse(words)` does as `mars-demo` does up to where it would begin."""
    real = tyro.cli

    def only_parse(*args, **options):
        real(*args, **options)
        raise ParsedError

    monkeypatch.setattr(tyro, "cli", only_parse)

    def run(words):
        start, options = program(words)
        with pytest.raises(ParsedError):
            start(options)

    return run


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param(page, words, id=" ".join(words))
        for page, words in COMMANDS
        if program(words) and page != OWN_TEST
    ],
)
def test_commands_of_ours_are_understood(page, words, parse):
    parse(words)
    if words[1] == "train":
        get_task(words[2])


def test_a_wrong_command_is_not_understood(parse, capsys):
    with pytest.raises(SystemExit):
        parse(["mars-demo", "train", "paxmen-4", "--algorithm", "mars"])


def test_other_commands_are_ones_that_there_are():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for page, words in COMMANDS:
        line = " ".join(words)
        if words[0] == "make":
            assert set(words[1:]) <= targets, f"{page}: {line}"
        elif words[:2] == ["pip", "install"]:
            named = re.findall(r"(?:paxmen-aerojax|\.)\[(\w+)\]", line)
            assert set(named) <= extras.keys(), f"{page}: {line}"
        elif words[0] == "pytest" or line.startswith("python docs/"):
            (file,) = (word for word in words if word.endswith(".py"))
            assert (ROOT / file).exists(), f"{page}: {line}"
        else:
            assert words[0] == "mars-demo" or line.startswith(OTHERS), f"{page}: {line}"


@pytest.fixture
def help_of(capsys):
    """`help_of(command)`: what it says of its options."""

    @cache
    def ask(command):
        with pytest.raises(SystemExit) as exit:
            main([command, "--help"])
        assert exit.value.code == 0, f"there is no mars-demo {command}"
        return capsys.readouterr().out

    return ask


def test_commands_in_sentences_are_ones_that_there_are(help_of):
    for page, text in PAGES.items():
        for command, rest in re.findall(r"`mars-demo ([a-z]+)([^`]*)`", text):
            for option in re.findall(r"(?<!\S)--[a-z0-9-]+", rest):
                assert re.search(rf"{option}\b", help_of(command)), f"{page}: {command} {option}"
            assert help_of(command)


def test_programs_in_sentences_are_ones_that_there_are():
    for page, text in PAGES.items():
        for file in re.findall(r"docs/experiments/\w+\.py", text):
            assert (ROOT / file).exists(), f"{page}: {file}"


@pytest.mark.parametrize("file", sorted((ROOT / "docs/experiments").glob("*.py")), ids=str)
def test_what_makes_figures_is_one_command_each(file, capsys):
    """Each runs alone, and a mistake is one line, which names it."""
    assert "docs.experiments" not in file.read_text()
    start, _ = program(["python", str(file.relative_to(ROOT))])
    with pytest.raises(SystemExit, match="2"):
        start(["--nonsense"])
    said = capsys.readouterr().err
    assert said.startswith(f"{file.name}: ")
    assert said.endswith(f"; see {file.name} --help\n")
    assert any(file.name in text for text in PAGES.values())


def test_the_users_commands_are_few():
    assert len(cli.COMMANDS) <= 15


def test_no_command_needs_what_is_not_shipped():
    for package in ("paxmen", "aerojax", "wrappers", "mars_demo"):
        for file in (ROOT / package).rglob("*.py"):
            assert not re.search(r"(from|import) (docs|tests)\b", file.read_text()), file
