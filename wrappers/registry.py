"""The registry of all installed environments, by names such as "paxmen/paxmen-4".

A package registers its environments by an entry point of the group `marl_envs`. The entry point's
name is the family. Its object, usually a module, has `make(name, **options)` and `list_envs()`:

    [project.entry-points.marl_envs]
    paxmen = "paxmen"
"""

from __future__ import annotations

import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.nearest_first import nearest_first

GROUP = "marl_envs"


def list_envs() -> list[str]:
    """The names that `make` takes, sorted by family; within a family, in the family's order.

    A family that cannot be loaded is left out, with a warning that says why.
    """
    return [f"{family}/{name}" for family, names in _names_by_family().items() for name in names]


def make(name: str, **options: Any) -> MultiAgentEnv:
    """Makes an environment.

        >>> env = wrappers.make("aerojax/search_4", actions="continuous")

    Args:
        name: "family/name", one of `list_envs()`.
        **options: options of the family's own `make`.

    Raises:
        ValueError: no family or environment has that name; the valid ones are listed, nearest
            first.
        ImportError: the family cannot be loaded.
    """
    family, slash, env_name = str(name).partition("/")
    families = _families()
    if not slash or not family or not env_name:
        raise ValueError(f'{name!r} is not of the form "family/name"; valid: {_valid(name)}')
    if family not in families:
        raise ValueError(f"unknown family {family!r} in {name!r}; valid: {_valid(name)}")
    names = _names(families[family])
    if env_name not in names:
        valid = ", ".join(nearest_first(name, [f"{family}/{known}" for known in names]))
        raise ValueError(f"unknown environment {name!r}; valid: {valid}")
    return _load(families[family]).make(env_name, **options)


def _families() -> dict[str, EntryPoint]:
    """The entry points by name. If two have the same name, it is the first that Python finds."""
    points = reversed(list(entry_points(group=GROUP)))
    return dict(sorted({point.name: point for point in points}.items()))


def _names_by_family() -> dict[str, list[str]]:
    names = {}
    for family, point in _families().items():
        try:
            names[family] = _names(point)
        except ImportError as error:
            warnings.warn(f"{error}; it is left out", stacklevel=3)
    return names


def _names(point: EntryPoint) -> list[str]:
    try:
        return list(_load(point).list_envs())
    except ImportError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImportError(f"{_origin(point)} cannot list its environments: {reason}") from error


def _load(point: EntryPoint) -> Any:
    """The object of an entry point.

    Raises:
        ImportError: it cannot be imported, or lacks `make` or `list_envs`.
    """
    try:
        package = point.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImportError(f"{_origin(point)} cannot be loaded: {reason}") from error
    for method in ("make", "list_envs"):
        if not callable(getattr(package, method, None)):
            raise ImportError(f"{_origin(point)} has no function {method}: {package!r}")
    return package


def _origin(point: EntryPoint) -> str:
    distribution = point.dist.name if point.dist else "an unknown distribution"
    return f"the environment family {point.name!r} of {distribution}"


def _valid(name: object) -> str:
    return ", ".join(nearest_first(name, list_envs())) or "none is installed"
