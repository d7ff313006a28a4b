"""The command `report`: statistics of sweeps, or curves and a table of runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from mars_demo.cli.parsing import check_named
from mars_demo.learning.config import check_number
from mars_demo.runs.outputs import check_writable

if TYPE_CHECKING:
    from mars_demo.experiments.results import Cell


@dataclass(frozen=True)
class Report:
    """Write a report, with 95 % intervals over seeds, of sweeps or of runs.

    Several sweeps are combined if they have the same seeds, and equal budgets on each task. Groups
    of runs are compared if they are of one task and of equal budgets.
    """

    folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FOLDER ...")]
    """Folders of sweeps, or the report.json of a report, which has all of its data. Or run folders,
    and folders of run folders such as runs/paxmen-4/mars: one group each."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Where to write report.html, report.md and report.json of sweeps [the sweep's folder]; or
    curves.png, table.md and scores.json of runs [comparison]."""
    partial: bool = False
    """Of sweeps: report the complete tasks if some results are missing, instead of failing."""
    threshold: float = 50.0
    """Of runs: also report the environment steps until the training score first reaches this."""
    episodes: int = 256
    """Of runs: episodes to evaluate each run over."""

    def run(self) -> None:
        check_named(self.folders, "folders of sweeps or of runs, or the report.json of a report")
        check_number("threshold", self.threshold, -1e9, 1e9, whole=False)
        check_number("episodes", self.episodes, 1, 10**6)
        kinds = {_is_sweep(folder) for folder in self.folders}
        if len(kinds) > 1:
            raise ValueError("sweeps and runs have reports of their own: name one kind of folder")
        self._report_sweeps() if kinds.pop() else self._report_runs()

    def _report_runs(self) -> None:
        from mars_demo.evaluation.curves import compare

        if self.partial:
            raise ValueError("--partial is for sweeps")
        out = self.out or Path("comparison")
        print(compare(self.folders, out, self.threshold, self.episodes))

    def _report_sweeps(self) -> None:
        from mars_demo.experiments.bounds import BOUNDS
        from mars_demo.experiments.report import write_report

        if (self.threshold, self.episodes) != (Report.threshold, Report.episodes):
            raise ValueError("--threshold and --episodes are for runs")
        out = self._folder()
        check_writable(out / "report.html")
        cells = [cell for sweep in self.folders for cell in self._read(sweep)]
        bounds = {task: (bound.low, bound.high) for task, bound in BOUNDS.items()}
        print(write_report(cells, bounds, out, self.partial))

    def _folder(self) -> Path:
        if self.out:
            return self.out
        if len(self.folders) > 1:
            raise ValueError(f"{len(self.folders)} sweeps are combined: say where with --out")
        sweep = next(iter(self.folders))
        return sweep.parent if _is_report(sweep) else sweep

    def _read(self, sweep: Path) -> list[Cell]:
        from mars_demo.experiments.report import read_report
        from mars_demo.experiments.results import read_cells

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


def _is_sweep(path: Path) -> bool:
    return _is_report(path) or (path / "plan.json").exists()


def _is_report(path: Path) -> bool:
    return path.suffix == ".json"
