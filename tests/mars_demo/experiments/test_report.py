"""The report of a sweep: what its page, its text and its data hold."""

import dataclasses
import json
import re

import pytest

from mars_demo.cli import main as cli
from mars_demo.experiments import bounds
from mars_demo.experiments.aggregates import UnsoundError
from mars_demo.experiments.report import read_report, write_report
from mars_demo.experiments.tables import Row, Table, best_of, to_html, to_markdown
from tests.browser import DESKTOP, PHONE, changed, colours
from tests.mars_demo.experiments.test_aggregates import BOUNDS, CELLS, without


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    pytest.importorskip("rliable")
    return write_report(CELLS, BOUNDS, tmp_path_factory.mktemp("report"))


def test_the_page_stands_alone(report):
    page = report.read_text()
    assert page.count("<svg") == 5
    assert not re.search(r"(src|href)=\"http", page)
    assert "2 tasks, 2 algorithms, 4 seeds" in page


def test_tables_have_means_with_intervals(report):
    # Scores 8, 9, 10, 7: mean 8.5, deviation 1.29, and Student's t of 3 degrees is 3.18.
    text = report.with_name("report.md").read_text()
    assert "8.50 ± 2.05" in text
    assert "5.00 ± 0.00" in text
    page = report.read_text()  # on the other task their intervals, 0.26 and 0.54 wide, meet
    assert page.count("class=best>") == page.count("class=best>8.50 ± 2.05") == 1


def test_how_far_an_update_goes_is_told(report):
    # KL of seeds: 1, 2, 3 and 4 thousandths, and four times that.
    assert "| easy | 0.00250 | 0.01000 |" in report.with_name("report.md").read_text()
    assert "<td>easy</td><td>0.00250</td><td>0.01000</td>" in report.read_text()


def test_the_best_is_far_from_all_others():
    assert best_of([(0.5, 0.1), (0.8, 0.1), (0.2, 0.3)]) == 1
    assert best_of([(0.5, 0.1), (0.8, 0.1), (0.2, 0.6)]) is None
    assert best_of([(0.5, 0.1), (0.8, 0.25)]) is None  # its own interval counts, too
    assert best_of([(0.501, 0.0), (0.499, 0.0)]) == 0  # not of rounded ones


def test_a_bar_in_a_name_does_not_end_its_column():
    table = Table(Row("task", ("mars",)), [Row("humanoid_9|8", ("<1>",))])
    assert to_markdown(table).splitlines()[2] == "| humanoid_9\\|8 | &lt;1&gt; |"
    assert "<td>humanoid_9|8</td><td>&lt;1&gt;</td>" in to_html(table)


def test_names_from_a_file_are_text(tmp_path):
    pytest.importorskip("rliable")
    bad = "<script>alert(1)</script>/a|b"
    names = {"easy": bad, "hard": "$\\frac$\n\n# b"}
    cells = [dataclasses.replace(cell, task=names[cell.task]) for cell in CELLS]
    bounds_of = {names[task]: of for task, of in BOUNDS.items()}
    write_report(cells, bounds_of, tmp_path)
    text, page = ((tmp_path / f"report.{kind}").read_text() for kind in ("md", "html"))
    assert "<script" not in text + page
    assert "\n# b" not in text
    assert "## &lt;script&gt;alert(1)&lt;\n" in text
    assert "| &lt;script&gt;alert(1)&lt;/script&gt;/a\\|b | " in text


def test_data_has_every_cell(report):
    data = json.loads(report.with_name("report.json").read_text())
    assert len(data["cells"]) == len(CELLS)
    assert data["aggregates"]["mars"]["IQM"]["value"] == pytest.approx(0.65)


def test_the_same_results_give_the_same_bytes(report, tmp_path):
    again = write_report(CELLS, BOUNDS, tmp_path)
    assert again.read_bytes() == report.read_bytes()


def test_a_report_can_be_made_again_from_its_data(report):
    assert read_report(report.with_name("report.json")) == CELLS


def ask(capsys, *words):
    """What a report that is refused says."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(["report", *map(str, words)])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_reports_of_several_sweeps_are_put_together(report, tmp_path, monkeypatch, capsys):
    data, whole = json.loads(report.with_name("report.json").read_text()), report.read_bytes()
    parts = [tmp_path / f"{algo}.json" for algo in ("mars", "mappo")]
    monkeypatch.setattr(
        bounds, "BOUNDS", {task: bounds.Bound(*of, "by hand") for task, of in BOUNDS.items()}
    )

    def write(budgets):
        for path, budget in zip(parts, budgets, strict=True):
            cells = [
                cell | {"budget": budget} for cell in data["cells"] if cell["algo"] == path.stem
            ]
            path.write_text(json.dumps({"cells": cells}))

    write((1000, 1000))
    assert "2 sweeps are combined: say where with --out" in ask(capsys, *parts)
    cli.main(["report", *map(str, parts), "--out", str(tmp_path / "both")])
    assert len((tmp_path / "both" / "report.html").read_bytes()) == len(whole)
    write((1000, 2000))
    assert "easy was trained with unequal budgets" in ask(capsys, *parts, "--out", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_what_is_no_report_is_refused(tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text("[]")
    assert f"{other} is damaged" in ask(capsys, other)
    assert f"there is no {tmp_path / 'none.json'}" in ask(capsys, tmp_path / "none.json")
    assert f"{tmp_path} holds neither a sweep nor runs" in ask(capsys, tmp_path)
    assert "name folders of sweeps" in ask(capsys)


def test_missing_cells_are_refused_unless_asked_for(tmp_path):
    pytest.importorskip("rliable")
    cells = without("hard", "mappo", 2)
    with pytest.raises(UnsoundError, match="hard mappo seed 2"):
        write_report(cells, BOUNDS, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert (
        "1 task, 2 algorithms"
        in write_report(cells, BOUNDS, tmp_path / "some", partial=True).read_text()
    )


def test_people_can_read_the_page_on_a_phone_and_on_a_desk(browser, report):
    page = browser.open(report)
    for width in (PHONE, DESKTOP):
        page.resize(width)
        shots = []
        for theme in ("light", "dark"):
            page.prefer(theme)
            page.settle()
            shots.append(page.screenshot())
            figures = page.evaluate("document.querySelectorAll('figure svg').length")
            for i in range(figures):
                figure = f"document.querySelectorAll('figure svg')[{i}]"
                page.evaluate(f"{figure}.id = 'figure-{i}', {figure}.scrollIntoView()")
                page.settle()
                assert colours(page.screenshot(f"#figure-{i}")) >= 4, "it is blank"
            page.evaluate("scrollTo(0, 0)")
        assert changed(*shots) > 0.5, "the theme changes nothing"
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.errors == []
    page.close()
