"""The description of a run: its configuration, versions, commit, command and device."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.runs.reading import in_one_line

PACKAGES = ("paxmen-aerojax", "jax", "jaxlib", "jaxmarl", "flax", "optax", "numpy")
"""Packages whose versions affect the exact results of a run."""
OPTIONAL = ("jumanji", "brax")
"""The same for packages that may be missing: they bring environments."""


def describe(task: Task, config: Config) -> dict[str, Any]:
    """How a run was made, as JSON-serialisable values."""
    commit = checkout_commit(Path(__file__).parents[2])
    return {
        "task": task.name,
        "config": dataclasses.asdict(config),
        "command": sys.argv,
        "versions": {"python": platform.python_version()} | versions(),
        **({"commit": commit} if commit else {}),
        **_place(),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that affect the exact results of a run."""
    found = {name: version(name) for name in PACKAGES}
    for name in OPTIONAL:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def changed_versions(about: dict[str, Any]) -> str:
    """Which packages have another version than in a description, in words; empty if none has."""
    return _differences(about.get("versions", {}), versions())


def changed_places(about: dict[str, Any]) -> str:
    """How the device and cores differ from a description, in words; empty if they do not."""
    return _differences(about, _place())


def checkout_commit(root: Path) -> str | None:
    """The git commit of a folder, with "-dirty" if files were changed; None without a checkout."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        # An installed package may lie within somebody else's checkout.
        if Path(git("rev-parse", "--show-toplevel")) != root.resolve():
            return None
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _place() -> dict[str, Any]:
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
    }


def _differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    changed = [name for name in here if name in there and there[name] != here[name]]
    return ", ".join(
        f"{name} {in_one_line(there[name])} there, {here[name]} here" for name in changed
    )
