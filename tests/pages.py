"""The project's pages, their blocks of code, and the commands in them."""

import re
import shlex
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from mars_demo.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
OWN_TEST = "docs/your_own_environment.md"  # tests/test_your_own_environment.py runs all of it


def blocks(page: str, *languages: str) -> list[str]:
    """The blocks of code of a page that are marked as one of these languages."""
    wanted = "|".join(languages)
    return re.findall(rf"^```(?:{wanted})\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


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


def program(words: Sequence[str]) -> tuple[Callable[[Sequence[str]], None], list[str]] | None:
    """The program of ours that a command runs, and its words; None of a command that is not."""
    if words[0] == "mars-demo":
        return main, list(words[1:])
    if words[0] == "python" and words[1].startswith("docs/experiments/"):
        module = words[1].removesuffix(".py").replace("/", ".")
        return import_module(module).main, list(words[2:])
    return None


COMMANDS = [(page, words) for page in PAGES for words in commands(page)]
