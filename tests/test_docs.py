"""The pages on wrappers: their Python runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"

pytestmark = pytest.mark.loose_promotion  # the pages drive others' code


@pytest.mark.parametrize("page", ["wrappers.md", "clients.md", "jumanji.md"])
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.M)
    assert blocks
    names = {"__name__": page}  # not "__main__": nothing is spawned
    for block in blocks:
        exec(compile(block, page, "exec"), names)
