"""The tables of a sweep's report, as Markdown and as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mars_demo.evaluation.statistics import mean_and_interval
from mars_demo.experiments.aggregates import Estimate
from mars_demo.experiments.results import Cell
from mars_demo.runs.outputs import markdown_table


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    name: str
    entries: tuple[str, ...]
    best: int | None = None
    """Index of the entry that is shown as the best; None if there is none."""


@dataclass(frozen=True)
class Table:
    """A header row, which names the columns, and the rows below it."""

    head: Row
    rows: list[Row]


def score_table(cells: Sequence[Cell], tasks: Sequence[str]) -> Table:
    """A row for each task, a column for each algorithm: mean scores with 95 % intervals."""

    def line(values: Mapping[str, np.ndarray]) -> tuple[tuple[str, ...], int | None]:
        found = [mean_and_interval(of) for of in values.values()]
        return tuple(f"{mean:.2f} ± {half:.2f}" for mean, half in found), best_of(found)

    return _by_task(cells, tasks, lambda cell: cell.absolute, line)


def step_table(cells: Sequence[Cell], tasks: Sequence[str]) -> Table:
    """A row for each task, a column for each algorithm: the mean KL divergence of its updates."""

    def line(values: Mapping[str, np.ndarray]) -> tuple[tuple[str, ...], None]:
        return tuple(f"{np.mean(of):.5f}" for of in values.values()), None

    return _by_task(cells, tasks, lambda cell: cell.kl, line)


def aggregate_table(found: Mapping[str, Mapping[str, Estimate]]) -> Table:
    """A row for each algorithm, a column for each aggregate."""
    return Table(
        Row("", tuple(next(iter(found.values())))),
        [
            Row(algo, tuple(f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in of.values()))
            for algo, of in found.items()
        ],
    )


def best_of(found: Sequence[tuple[float, float]]) -> int | None:
    """The index of the highest mean, or None if its interval overlaps with another one.

    Args:
        found: means and half-widths.
    """
    means, halves = np.array(found).T
    best = int(np.argmax(means))
    others = np.delete(means + halves, best)
    return best if np.all(others < means[best] - halves[best]) else None


def to_markdown(table: Table) -> str:
    """The table as Markdown."""
    head, *rows = ((row.name, *row.entries) for row in (table.head, *table.rows))
    return markdown_table(head, rows)


def to_html(table: Table) -> str:
    """The table as HTML, in a box that scrolls horizontally."""
    lines = _html_row(table.head, "th") + "".join(_html_row(row, "td") for row in table.rows)
    return f"<div class=wide><table>{lines}</table></div>"


def _by_task(
    cells: Sequence[Cell],
    tasks: Sequence[str],
    value: Callable[[Cell], float],
    line: Callable[[Mapping[str, np.ndarray]], tuple[tuple[str, ...], int | None]],
) -> Table:
    """A table with a row for each task.

    `line` makes its entries from the values of each algorithm, float64 (seeds,).
    """
    algos = list(dict.fromkeys(cell.algo for cell in cells))
    rows = []
    for task in tasks:
        of_task = [cell for cell in cells if cell.task == task]
        values = {
            algo: np.array([value(cell) for cell in of_task if cell.algo == algo]) for algo in algos
        }
        rows.append(Row(task, *line(values)))
    return Table(Row("task", tuple(algos)), rows)


def _html_row(row: Row, tag: str) -> str:
    entries = (
        f"<{tag}{' class=best' if i == row.best else ''}>{html.escape(entry)}</{tag}>"
        for i, entry in enumerate(row.entries)
    )
    return f"<tr><{tag}>{html.escape(row.name)}</{tag}>{''.join(entries)}</tr>"
