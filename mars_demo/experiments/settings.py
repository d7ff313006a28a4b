"""Settings of a sweep: changes to presets, by patterns of task and algorithm."""

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

A pattern is matched with `TASK/ALGO` as in a shell ("lbf/*", "*/mars"). All that match are
applied in their order, so the last one takes precedence.
"""

_FIELDS = [field.name for field in dataclasses.fields(Config) if field.name not in ("algo", "seed")]


def read_settings(path: Path) -> Settings:
    """Reads a JSON file of settings.

    Raises:
        RunError: the file is not JSON, not settings, or names an unknown field.
        OSError: the file cannot be read.
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
    """All changes for a task and algorithm; later settings override earlier ones."""
    found: dict[str, Any] = {}
    for pattern, changes in itertools.chain(*(one.items() for one in settings)):
        if fnmatchcase(f"{task}/{algo}", pattern):
            found |= changes
    return found


def check_used(settings: Settings, tasks: Iterable[str], algos: Iterable[str]) -> None:
    """Checks that every pattern matches a task and algorithm that is trained.

    Raises:
        ValueError: one does not.
    """
    names = [f"{task}/{algo}" for task, algo in itertools.product(tasks, algos)]
    for pattern in settings:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"{pattern!r} matches none of {', '.join(names)}")
