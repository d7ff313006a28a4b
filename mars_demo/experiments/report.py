"""Writes the report of a sweep: one HTML page, and the same content as Markdown and JSON."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mars_demo.experiments.aggregates import (
    aggregates,
    check_sound,
    complete_tasks,
    improvements,
    learning_curves,
    normalised,
    profiles,
    sample_efficiency,
)
from mars_demo.experiments.figures import (
    aggregates_svg,
    curves_svg,
    efficiency_svg,
    improvements_svg,
    profiles_svg,
)
from mars_demo.experiments.results import Cell
from mars_demo.experiments.tables import (
    aggregate_table,
    score_table,
    step_table,
    to_html,
    to_markdown,
)
from mars_demo.learning.config import check_number
from mars_demo.runs.outputs import markdown_text
from mars_demo.runs.reading import RunError, check_type, read_json
from wrappers.atomic import write_atomically

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
table {{ border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .5rem; border-bottom: 1px solid #8884; }}
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
        partial: report only complete tasks, instead of raising if results are missing.

    Returns:
        The path of the page.

    Raises:
        UnsoundError: the statistics would be wrong for these results.
        ImportError: rliable is not installed.
    """
    check_sound(cells, partial)
    tasks = complete_tasks(cells)
    scores = normalised(cells, bounds, lambda cell: cell.absolute)
    found = aggregates(scores)
    better = improvements(scores)
    shares, efficiency = sample_efficiency(cells, bounds)
    counts = {
        "task": len(tasks),
        "algorithm": len(scores),
        "seed": len(next(iter(scores.values()))),
    }
    title = ", ".join(f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items())
    tables = {family: score_table(cells, of) for family, of in _families(tasks).items()}
    steps = step_table(cells, tasks)
    figures = [
        _figure("Over all tasks", _OVERALL, aggregates_svg(found), kind="broad"),
        "<div class=pair>",
        _figure("On the way", _ON_THE_WAY, efficiency_svg(shares, efficiency)),
        _figure("At the end", _AT_THE_END, profiles_svg(profiles(scores))),
        _figure("One against another", _AGAINST, improvements_svg(better)),
        "</div>",
        _figure("Task by task", _BY_TASK, curves_svg(learning_curves(cells)), kind="broad"),
    ]
    out.mkdir(parents=True, exist_ok=True)
    body = [f"<h1>{html.escape(title)}</h1>", f"<p>{_NOTE} {_BOLD}</p>", *figures]
    text = [f"# {title}", _NOTE, to_markdown(aggregate_table(found))]
    for family, table in tables.items():
        body += [f"<h2>{html.escape(family)}</h2>", to_html(table)]
        text += [f"## {markdown_text(family)}", to_markdown(table)]
    body += ["<h2>Steps</h2>", f"<p>{_STEPS}</p>", to_html(steps)]
    text += ["## Steps", _STEPS, to_markdown(steps)]
    data = {
        "tasks": tasks,
        "aggregates": found,
        "improvements": {f"{a} > {b}": of for (a, b), of in better.items()},
        "cells": list(cells),
    }
    page = _PAGE.format(title=html.escape(title), body="\n".join(body))
    write_atomically(out / "report.html", page.encode())
    write_atomically(out / "report.md", ("\n\n".join(text) + "\n").encode())
    write_atomically(out / "report.json", json.dumps(data, default=_plain, indent=1).encode())
    return out / "report.html"


def read_report(path: Path) -> list[Cell]:
    """The cells of a `report.json`.

    Raises:
        RunError: there is no such file, or it is not a report.
    """
    try:
        return read_json(path, lambda report: [_parse(cell) for cell in report["cells"]])
    except FileNotFoundError:
        raise RunError(f"there is no {path}") from None


def _parse(of: Any) -> Cell:
    for name in ("task", "algo"):
        check_type(of[name], str)
    for number in (of["seed"], of["budget"], *of["steps"]):
        check_number("a whole number", number, 0, 10**13)
    for number in (of["absolute"], of["kl"], *of["scores"]):
        float(check_type(number, float, int))  # raises OverflowError if too large
    if not 0 < len(of["steps"]) == len(of["scores"]):
        raise ValueError(f"{len(of['steps'])} steps, {len(of['scores'])} scores")
    return Cell(**of | {"steps": tuple(of["steps"]), "scores": tuple(of["scores"])})


_NOTE = (
    "Scores are normalised per task by fixed bounds that all algorithms share. Each is the score "
    "of a run's best parameters over 320 episodes. Intervals are 95 % stratified bootstrap "
    "intervals (rliable); those of the tables by task are Student's t over seeds."
)
_BOLD = "A score in bold is the best of its line, and its interval overlaps with no other."
_STEPS = (
    "The size of an update: the KL divergence from the policy that collected the rollout, averaged "
    "over all updates and seeds. Equal ε is not an equal step."
)
_OVERALL = "Aggregates of all runs. For the optimality gap, lower is better."
_ON_THE_WAY = "The interquartile mean (IQM) of the evaluations during training."
_AT_THE_END = "The share of runs above a score. The higher line is better."
_BY_TASK = "The mean score of the evaluations over seeds, against millions of environment steps."
_AGAINST = "The probability that a run of the first beats one of the second on a task."


def _figure(title: str, about: str, svg: str, kind: str = "plain") -> str:
    caption = f"<figcaption><b>{title}</b><small>{about}</small></figcaption>"
    return f"<figure class={kind}>{caption}{svg}</figure>"


def _families(tasks: Sequence[str]) -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for task in tasks:
        families.setdefault(task.partition("/")[0], []).append(task)
    return families


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value)
