"""The pages: their Python runs as it stands, and their commands are ones that there are."""

import re
import shlex
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import tyro

from aerojax.scenarios import SCENARIOS
from mars_demo.cli import main
from mars_demo.objectives import OBJECTIVES
from mars_demo.tasks import get_task

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
LANGUAGES = {
    "python": "run by the tests",
    "py": "needs another library, or hangs on purpose",
    "sh": "parsed by the tests",
    "bash": "parsed by the tests",
    "text": "printed or drawn",
    "toml": "a file",
    "json": "a file",
}
OWN_TEST = "docs/your_own_environment.md"  # tests/test_your_own_environment.py runs all of it


def blocks(page: str, *languages: str) -> list[str]:
    wanted = "|".join(languages)
    return re.findall(rf"^```(?:{wanted})\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


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


def commands(page: str) -> list[list[str]]:
    """The commands of a page's blocks, as words: continued lines and quotes joined."""
    found, begun = [], ""
    for line in "".join(blocks(page, "sh", "bash")).replace("\\\n", " ").splitlines():
        begun += line + "\n"
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:  # a quotation that goes on in the next line
            continue
        begun = ""
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if words:
            cut = next((i for i, word in enumerate(words) if word.startswith("$(")), None)
            found.append(words[words[0] == "srun" : cut])
    assert not begun, f"{page}: {begun}"
    return found


ALL_COMMANDS = [(page, words) for page in PAGES for words in commands(page)]
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
        with pytest.raises(ParsedError):
            main(words)

    return run


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param(page, words, id=" ".join(words))
        for page, words in ALL_COMMANDS
        if words[0] == "mars-demo" and page != OWN_TEST
    ],
)
def test_commands_of_ours_are_understood(page, words, parse):
    parse(words[1:])
    if words[1] == "train":
        get_task(words[2])


def test_a_wrong_command_is_not_understood(parse, capsys):
    with pytest.raises(SystemExit):
        parse(["train", "paxmen-4", "--algorithm", "mars"])


def test_other_commands_are_ones_that_there_are():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for page, words in ALL_COMMANDS:
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
