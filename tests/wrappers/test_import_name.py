"""`wrappers` is a generic name: the one imported is ours, from wherever Python is started."""

import subprocess
import sys
from pathlib import Path

import wrappers

ROOT = Path(__file__).parents[2]
TELL = r"""
from importlib.metadata import packages_distributions
import wrappers
print(wrappers.__file__, *packages_distributions()["wrappers"], sep="\n")
"""


def told(folder: Path, *options: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, *options, "-c", TELL], cwd=folder, capture_output=True, text=True
    )
    return [run.stderr] if run.returncode else run.stdout.splitlines()


def test_ours_is_the_one_imported(tmp_path):
    assert Path(wrappers.__file__) == ROOT / "wrappers" / "__init__.py"
    file, *distributions = told(tmp_path)
    assert Path(file).parent.name == "wrappers"
    assert set(distributions) == {"paxmen-aerojax"}


def test_a_folder_of_that_name_hides_ours_until_it_is_left_out(tmp_path):
    """As docs/wrappers.md says."""
    (tmp_path / "wrappers").mkdir()
    (tmp_path / "wrappers" / "__init__.py").touch()
    assert Path(told(tmp_path)[0]).parent == tmp_path / "wrappers"
    assert set(told(tmp_path, "-P")[1:]) == {"paxmen-aerojax"}
    assert Path(told(tmp_path, "-P")[0]).parent != tmp_path / "wrappers"
