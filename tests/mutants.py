"""Breaks the code on purpose, one change at a time, and sees the tests go red.

    python tests/mutants.py                 # every mutant: half an hour to an hour on two cores
    python tests/mutants.py update.py       # those whose file or line holds the word

The changes are in tests/mutants.tsv. Each is tried in a copy of the files that git tracks, by the
tests named with it. One that survives is printed, and the exit status is then 1. Tests that are red
without any change, and text that is not in its file exactly once, are errors: such a mutant proves
nothing.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
WORKERS = 2


class Mutant(NamedTuple):
    """A change that a test must notice.

    Attributes:
        file: the file that is changed.
        line: text that is in it exactly once.
        broken: what stands there instead.
        tests: what pytest runs, separated by spaces.
    """

    file: str
    line: str
    broken: str
    tests: str

    def __str__(self) -> str:
        return f"{self.file}: {self.line.strip()!r} -> {self.broken.strip()!r}"


def read_mutants(path: Path = ROOT / "tests" / "mutants.tsv") -> list[Mutant]:
    """The mutants of a file: a line each, with tabs between its fields; `\\n` is a new line."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Mutant(*(unescape(field) for field in row)) for row in rows[1:]]


def unescape(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


MUTANTS = read_mutants()


def main(words: list[str]) -> int:
    """Tries the mutants that hold every word; the number of those that survive, at most 1."""
    chosen = [mutant for mutant in MUTANTS if all(word in str(mutant) for word in words)]
    if not chosen:
        raise SystemExit(f"no mutant holds {' and '.join(words)}")
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder:
        copies: Queue[Path] = Queue()
        for number in range(WORKERS):
            copies.put(copy_tree(Path(folder) / str(number)))
        with ThreadPoolExecutor(WORKERS) as pool:
            wanted = sorted({mutant.tests for mutant in chosen})
            greens = pool.map(lambda tests: passes(copies, tests), wanted)
            for tests, green in zip(wanted, greens, strict=True):
                if not green:
                    raise SystemExit(f"red without any mutant: {tests}")
            survived = 0
            alives = pool.map(lambda mutant: survives(copies, mutant), chosen)
            for mutant, alive in zip(chosen, alives, strict=True):
                print("SURVIVED" if alive else "caught  ", mutant, flush=True)
                survived += alive
    print(f"{len(chosen) - survived} of {len(chosen)} mutants caught")
    return min(survived, 1)


def copy_tree(target: Path) -> Path:
    """A copy of what git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def survives(copies: Queue[Path], mutant: Mutant) -> bool:
    """Whether the tests stay green with the mutant in."""
    original = (ROOT / mutant.file).read_text()
    if original.count(mutant.line) != 1:
        raise SystemExit(f"{mutant}: that is {original.count(mutant.line)} times in the file")
    copy = copies.get()
    try:
        (copy / mutant.file).write_text(original.replace(mutant.line, mutant.broken))
        return run_tests(copy, mutant.tests)
    finally:
        (copy / mutant.file).write_text(original)
        copies.put(copy)


def passes(copies: Queue[Path], tests: str) -> bool:
    """Whether the tests are green as they stand."""
    copy = copies.get()
    try:
        return run_tests(copy, tests)
    finally:
        copies.put(copy)


def run_tests(copy: Path, tests: str) -> bool:
    # Bytecode would outlive a change within the same second and of the same size.
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # pytest could not run them
        raise SystemExit(f"pytest cannot run {tests}: {(done.stdout + done.stderr)[-500:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
