"""Packages that come with an extra, loaded when they are first needed."""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str, extra: str) -> Any:
    """A module of a package that an extra brings; ImportError says so where it is not installed."""
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # it is there, and misses something itself
        raise ImportError(
            f'{package} is not installed; an extra brings it: pip install "paxmen-aerojax[{extra}]"'
        ) from error
