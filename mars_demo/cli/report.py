"""The command that reports sweeps."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from mars_demo.cli.parsing import check_named
from mars_demo.runs.outputs import check_writable

if TYPE_CHECKING:
    from mars_demo.experiments.results import Cell


@dataclass(frozen=True)
class Report:
    """Write a sweep's report: aggregates, profiles and curves with 95 % intervals, and tables.

    Several sweeps are put together, if they have the same seeds, and equal budgets on each task.
    """

    sweeps: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="SWEEP ...")]
    """Folders of sweeps; or the report.json of a report, which has all that a report is made of."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Where to write report.html, report.md and report.json [the sweep's folder]."""
    partial: bool = False
    """Report the complete tasks if some results are missing, instead of refusing."""

    def run(self) -> None:
        from mars_demo.experiments.bounds import BOUNDS
        from mars_demo.experiments.report import write_report

        out = self._folder()
        check_writable(out / "report.html")
        cells = [cell for sweep in self.sweeps for cell in self._read(sweep)]
        bounds = {task: (bound.low, bound.high) for task, bound in BOUNDS.items()}
        print(write_report(cells, bounds, out, self.partial))

    def _folder(self) -> Path:
        check_named(self.sweeps, "the folder of a sweep, or the report.json of a report")
        if self.out:
            return self.out
        if len(self.sweeps) > 1:
            raise ValueError(f"{len(self.sweeps)} sweeps are put together: say where with --out")
        sweep = next(iter(self.sweeps))
        return sweep.parent if _is_report(sweep) else sweep

    def _read(self, sweep: Path) -> list[Cell]:
        from mars_demo.experiments.report import read_report
        from mars_demo.experiments.sweep import read_cells

        if _is_report(sweep):
            return read_report(sweep)
        cells, missing = read_cells(sweep)
        if missing and not self.partial:
            raise ValueError(
                f"{len(missing)} runs of {sweep} are not finished; --partial reports the "
                f"complete tasks. Missing: {', '.join(missing)}"
            )
        for name in missing:
            print(f"missing: {name}", file=sys.stderr)
        return cells


def _is_report(path: Path) -> bool:
    return path.suffix == ".json"
