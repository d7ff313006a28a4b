"""Changes to presets for a sweep, by patterns of task and algorithm."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mars_demo.learning.config import Config, check_name
from mars_demo.runs.reading import read_json

Settings = Mapping[str, Mapping[str, Any]]
"""Pattern -> field of `Config` -> value.

A pattern is matched with `TASK/ALGO` as a shell does ("lbf/*", "*/mars"). All that match are
applied in their order, so the last one counts.
"""

_FIELDS = [field.name for field in dataclasses.fields(Config) if field.name not in ("algo", "seed")]


def read_settings(path: Path) -> Settings:
    """A JSON file of settings.

    Raises:
        RunError: the file holds something else, or an unknown field.
        OSError: it cannot be read.
    """
    return read_json(path, _parse)


def _parse(settings: Any) -> Settings:
    if not isinstance(settings, dict) or not all(isinstance(of, dict) for of in settings.values()):
        raise ValueError('it must be like {"lbf/*/mars": {"eps": 0.5}}')
    for changes in settings.values():
        for name in changes:
            check_name("field", name, _FIELDS)
    return settings


def apply_settings(settings: Sequence[Settings], task: str, config: Config) -> Config:
    """A configuration with the changes for its task and algorithm; see `changes_for`."""
    return config.replace(**changes_for(settings, task, config.algo))


def changes_for(settings: Sequence[Settings], task: str, algo: str) -> dict[str, Any]:
    """All that settings change for a task and algorithm, those of a later one on top."""
    found: dict[str, Any] = {}
    for pattern, changes in itertools.chain(*(one.items() for one in settings)):
        if fnmatchcase(f"{task}/{algo}", pattern):
            found |= changes
    return found


def check_used(settings: Settings, tasks: Iterable[str], algos: Iterable[str]) -> None:
    """Raises ValueError if a pattern matches nothing of what is trained."""
    names = [f"{task}/{algo}" for task, algo in itertools.product(tasks, algos)]
    for pattern in settings:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"{pattern!r} matches none of {', '.join(names)}")
