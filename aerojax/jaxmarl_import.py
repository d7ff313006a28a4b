"""JaxMARL without its announcements: what it prints when it is imported is no user's output."""

import builtins
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

_ANNOUNCING = "jaxmarl.environments"
_ANNOUNCEMENTS = (
    "Importing submoduled environments...",
    "Submoduled environments imported successfully.",
    "Submoduled environments not found. Skipping import.",
)


class _QuietFinder:
    """Finds the module that announces itself; any other is left to the finders that follow."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _ANNOUNCING:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


class _QuietLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        vars(module)["print"] = _print
        # Meanwhile JaxMARL 0.2 puts sys.__stdout__ in place of a notebook's output.
        with redirect_stdout(sys.stdout), redirect_stderr(sys.stderr):
            super().exec_module(module)
        del vars(module)["print"]


def _print(*words: object, **options: Any) -> None:
    if words not in [(line,) for line in _ANNOUNCEMENTS]:
        builtins.print(*words, **options)


def keep_jaxmarl_quiet() -> None:
    """From now on an import of JaxMARL prints none of its announcements, and all else."""
    if _QuietFinder not in sys.meta_path:
        sys.meta_path.insert(0, _QuietFinder)
