"""Changes to presets for a sweep, by patterns of task and algorithm."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
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


def apply_settings(settings: Settings, task: str, config: Config) -> Config:
    """A configuration with the changes for its task and algorithm."""
    for pattern, changes in settings.items():
        if fnmatchcase(f"{task}/{config.algo}", pattern):
            config = config.replace(**changes)
    return config


def check_used(settings: Settings, tasks: Iterable[str], algos: Iterable[str]) -> None:
    """Raises ValueError if a pattern matches nothing of what is trained."""
    names = [f"{task}/{algo}" for task, algo in itertools.product(tasks, algos)]
    for pattern in settings:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"{pattern!r} matches none of {', '.join(names)}")
