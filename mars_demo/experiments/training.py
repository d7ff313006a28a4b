"""Trains many runs of one task, each in its own process."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mars_demo.experiments.launch import Local, run_all
from mars_demo.learning.config import Config
from mars_demo.runs.folder import RunError, is_finished
from mars_demo.runs.metrics import steps_done
from mars_demo.runs.progress import progress_bar


def train_all(
    task: str,
    runs: Mapping[Path, Config],
    name: str,
    options: Sequence[str] = (),
    bar: bool = True,
) -> None:
    """Trains every run that is not finished yet, and waits for all.

    An interrupted run continues from its newest checkpoint. The output of a process goes to
    `output.txt` in its run's folder. On SIGINT and SIGTERM each process saves and stops.

    Args:
        task: the task's name.
        runs: each run's folder and configuration.
        name: the text before the progress bar.
        options: further options of `mars-demo train` for every run.
        bar: show a progress bar on stderr.

    Raises:
        RunError: a folder holds a run of another task or configuration, and nothing is trained;
            runs failed, after all others were finished, and the message names them; or a signal
            stopped them.
    """
    commands = {
        folder: _command(folder, [task, *flags(config), *options])
        for folder, config in runs.items()
        if not is_finished(folder, task, config)
    }
    failed: list[Path] = []
    total = sum(config.num_updates * config.steps_per_update for config in runs.values())
    with progress_bar(total, sum(map(steps_done, runs)), name, bar) as shown:

        def ended(folder: Path, status: int | str) -> None:
            if status:
                failed.append(folder)

        def show() -> None:
            shown.n = sum(map(steps_done, runs))
            shown.refresh()

        run_all(commands, Local(), ended, show)
    if failed:
        outputs = ", ".join(str(folder / "output.txt") for folder in sorted(failed))
        raise RunError(f"{len(failed)} of {len(runs)} runs failed; see {outputs}")


def flags(config: Config) -> list[str]:
    """The configuration as options of `mars-demo train`, with every field."""
    words: list[str] = []
    for field in dataclasses.fields(config):
        option, value = field.name.replace("_", "-"), getattr(config, field.name)
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return words


def _command(folder: Path, words: Sequence[str]) -> list[str]:
    command = [sys.executable, "-m", "mars_demo", "train", *words]
    command += ["--out", str(folder), "--no-bar"]
    return command + (["--resume"] if (folder / "run.json").exists() else [])
