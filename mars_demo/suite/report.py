"""The report of a sweep: one page to look at, and the same as Markdown and JSON."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mars_demo.checkpoint import write_atomically
from mars_demo.statistics import mean_and_interval
from mars_demo.suite.cells import Cell
from mars_demo.suite.figures import aggregates_svg, efficiency_svg, improvements_svg, profiles_svg
from mars_demo.suite.statistics import (
    Estimate,
    aggregates,
    check_sound,
    complete_tasks,
    improvements,
    normalised,
    profiles,
    sample_efficiency,
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }}
body {{ padding: 0 1rem; }}
figure {{ margin: 1.5rem 0; overflow-x: auto; }}
figcaption {{ margin-bottom: .5rem; }} figcaption small {{ color: #888; display: block; }}
svg {{ width: 100%; height: auto; }} .broad svg {{ min-width: 40rem; }}
svg text {{ font-family: inherit !important; }}
.pair {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
.pair figure {{ flex: 1 1 22rem; max-width: 29rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .8rem; border-bottom: 1px solid #8884; }}
th, td {{ text-align: right; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
.best {{ font-weight: 700; }}
</style></head><body>
{body}
</body></html>
"""


def write_report(
    cells: Sequence[Cell],
    bounds: Mapping[str, tuple[float, float]],
    out: Path,
    partial: bool = False,
) -> Path:
    """Writes `report.html`, `report.md` and `report.json` into a folder.

    Args:
        cells: the results of a sweep.
        bounds: the scores that count as 0 and 1, by task.
        out: the folder.
        partial: report complete tasks only, instead of refusing if something is missing.

    Returns:
        the page's path.

    Raises:
        UnsoundError: the results do not bear the statistics.
    """
    check_sound(cells, partial)
    tasks = complete_tasks(cells)
    scores = normalised(cells, bounds, lambda cell: cell.absolute)
    found = aggregates(scores)
    better = improvements(scores)
    shares, efficiency = sample_efficiency(cells, bounds)
    seeds = len(next(iter(scores.values())))
    title = f"{len(tasks)} tasks, {len(scores)} algorithms, {seeds} seeds"
    tables = {family: _table(cells, of) for family, of in _families(tasks).items()}
    figures = [
        _figure("Over all tasks", _OVERALL, aggregates_svg(found), kind="broad"),
        "<div class=pair>",
        _figure("On the way", _ON_THE_WAY, efficiency_svg(shares, efficiency)),
        _figure("At the end", _AT_THE_END, profiles_svg(profiles(scores))),
        _figure("One against another", _AGAINST, improvements_svg(better)),
        "</div>",
    ]
    out.mkdir(parents=True, exist_ok=True)
    body = [f"<h1>{html.escape(title)}</h1>", f"<p>{_NOTE} {_BOLD}</p>", *figures]
    for family, rows in tables.items():
        body += [f"<h2>{html.escape(family)}</h2>", _html_table(rows)]
    text = [f"# {title}", "", _NOTE, "", *_markdown_table(_aggregate_rows(found)), ""]
    for family, rows in tables.items():
        text += [f"## {family}", "", *_markdown_table(rows), ""]
    data = {
        "tasks": tasks,
        "aggregates": found,
        "improvements": {f"{a} > {b}": of for (a, b), of in better.items()},
        "cells": list(cells),
    }
    page = _PAGE.format(title=html.escape(title), body="\n".join(body))
    write_atomically(out / "report.html", page.encode())
    write_atomically(out / "report.md", "\n".join(text).encode())
    write_atomically(out / "report.json", json.dumps(data, default=_plain, indent=1).encode())
    return out / "report.html"


_NOTE = (
    "Scores are normalised per task by fixed bounds that all algorithms share; each is that of a "
    "run's best parameters over 320 episodes. Intervals are 95 % stratified bootstrap intervals "
    "(rliable), in the tables Student's t over seeds."
)


_BOLD = "A score in bold is the best of its line by an interval that no other's meets."
_OVERALL = "Aggregates of all runs; of the optimality gap less is better."
_ON_THE_WAY = "The interquartile mean of the evaluations, as training goes on."
_AT_THE_END = "How many runs reach a score; the higher line is better."
_AGAINST = "How probably a run of the first beats one of the second on a task."


def _figure(title: str, about: str, svg: str, kind: str = "plain") -> str:
    caption = f"<figcaption><b>{title}</b><small>{about}</small></figcaption>"
    return f"<figure class={kind}>{caption}{svg}</figure>"


def _families(tasks: Sequence[str]) -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for task in tasks:
        families.setdefault(task.partition("/")[0], []).append(task)
    return families


def _table(cells: Sequence[Cell], tasks: Sequence[str]) -> list[list[str]]:
    """A row for each task, a column for each algorithm: mean scores with their intervals."""
    algos = list(dict.fromkeys(cell.algo for cell in cells))
    rows = [["task", *algos]]
    for task in tasks:
        row = [task.partition("/")[2]]
        for algo in algos:
            of = [cell.absolute for cell in cells if (cell.task, cell.algo) == (task, algo)]
            middle, half = mean_and_interval(np.array(of))
            row.append(f"{middle:.2f} ± {half:.2f}")
        rows.append(row)
    return rows


def _aggregate_rows(found: Mapping[str, Mapping[str, Estimate]]) -> list[list[str]]:
    names = list(next(iter(found.values())))
    return [
        ["", *names],
        *(
            [algo, *(f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in of.values())]
            for algo, of in found.items()
        ),
    ]


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _html_table(rows: Sequence[Sequence[str]]) -> str:
    def line(row: Sequence[str], cell: str) -> str:
        best = _best(row) if cell == "td" else None
        return "".join(
            f"<{cell}{' class=best' if i == best else ''}>{html.escape(x)}</{cell}>"
            for i, x in enumerate(row)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows[1:])
    return f"<div class=wide><table><tr>{line(rows[0], 'th')}</tr>{body}</table></div>"


def _best(row: Sequence[str]) -> int | None:
    """The column of the highest mean, where no other's interval reaches into its own."""
    means, halves = np.array([[float(x) for x in text.split(" ± ")] for text in row[1:]]).T
    best = int(np.argmax(means))
    others = np.delete(means + halves, best)
    return 1 + best if np.all(others < means[best] - halves[best]) else None


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value)
