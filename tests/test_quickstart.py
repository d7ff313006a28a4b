"""docs/quickstart.ipynb: what it is made of, and that it runs as it is."""

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "quickstart.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def test_outputs_are_not_kept():
    for cell in CELLS:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_the_first_cell_installs_nothing_where_the_package_is(monkeypatch):
    ran = []
    monkeypatch.setattr("subprocess.run", lambda command, check: ran.append(command))
    exec(CODE[0], {})
    assert ran == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    exec(CODE[0], {})
    assert ran[0][1:4] == ["-m", "pip", "install"]
    assert (NOTEBOOK.parent / ran[0][-1] / "pyproject.toml").exists()


@pytest.mark.loose_promotion  # steps with JaxMARL's sampled actions
def test_the_cells_before_training_run(capsys):
    names = {}
    for code in CODE[1:3]:
        exec(code, names)
    printed = capsys.readouterr().out
    assert 0.2 < float(re.search(r"at random: ([\d.]+)", printed).group(1)) < 1.5


def test_what_it_imports_is_there():
    nodes = [node for code in CODE for node in ast.walk(ast.parse(code))]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [node for node in imports if "IPython" not in ast.unparse(node)]  # notebooks bring it
    assert len(ours) > 5
    exec("\n".join(map(ast.unparse, ours)), {})


@pytest.mark.slow
def test_it_runs_as_it_is():
    """Trained for the two million steps that it says, in a notebook's own process."""
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `docs`")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, 4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=None, resources=resources).execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    trained, random = (
        float(re.search(rf"^{policy} +([\d.]+) ±", printed, re.MULTILINE).group(1))
        for policy in ("trained", "random")
    )
    assert trained > 5.0 * random  # the plateau is at ten times it, a solved task at a hundred
    shown = notebook.cells[-2]["outputs"][-1]["data"]["text/html"]
    assert "<iframe" in shown
    assert "agent_0" in shown
