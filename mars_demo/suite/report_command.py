"""The command that reports a sweep."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional


@dataclass(frozen=True)
class Report:
    """Write a sweep's report: aggregates, profiles and curves with 95 % intervals, and tables."""

    sweep: Annotated[Positional[Path], tyro.conf.arg(metavar="SWEEP")]
    """The sweep's folder."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Where to write report.html, report.md and report.json [the sweep's folder]."""
    partial: bool = False
    """Report the complete tasks if some results are missing, instead of refusing."""

    def run(self) -> None:
        from mars_demo.suite.bounds import BOUNDS
        from mars_demo.suite.report import write_report
        from mars_demo.suite.sweep import read_cells

        cells, missing = read_cells(self.sweep)
        if missing and not self.partial:
            raise ValueError(
                f"{len(missing)} runs of {self.sweep} are not finished; --partial reports the "
                f"complete tasks. Missing: {', '.join(missing)}"
            )
        for name in missing:
            print(f"missing: {name}", file=sys.stderr)
        bounds = {task: (bound.low, bound.high) for task, bound in BOUNDS.items()}
        print(write_report(cells, bounds, self.out or self.sweep, self.partial))
