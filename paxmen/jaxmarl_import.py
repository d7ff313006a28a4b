"""JaxMARL without its announcements, and without the environments that nobody asked for.

All that these packages need of JaxMARL is its base class and its spaces. Importing them imports the
packages around them, which import every environment, a plotting library and more: that takes three
times as long as JAX itself. So those packages run their own code when something of theirs is first
asked for, as in `jaxmarl.make`, and what they print is left out.
"""

import builtins
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any

_PACKAGES = ("jaxmarl", "jaxmarl.environments")
_ANNOUNCEMENTS = (
    "Importing submoduled environments...",
    "Submoduled environments imported successfully.",
    "Submoduled environments not found. Skipping import.",
)
_loading = RLock()


class _LazyFinder:
    """Finds the packages that import everything; any other is left to the finders that follow."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _PACKAGES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _LazyLoader(spec.loader.name, spec.loader.path)
        return spec


class _LazyLoader(SourceFileLoader):
    """Runs a module's code when a name is asked for that the module does not have yet."""

    def exec_module(self, module: ModuleType) -> None:
        def load(name: str) -> Any:
            with _loading:
                if vars(module).get("__getattr__") is load:
                    self._run(module, load)
            return getattr(module, name)

        vars(module)["__getattr__"] = load

    def _run(self, module: ModuleType, load: Callable[[str], Any]) -> None:
        import jax

        del vars(module)["__getattr__"]
        vars(module)["print"] = _print
        try:
            # JaxMARL 0.2 puts sys.__stdout__ in place of a notebook's output. What it computes is
            # no part of a program that is being traced.
            with (
                redirect_stdout(sys.stdout),
                redirect_stderr(sys.stderr),
                jax.ensure_compile_time_eval(),
            ):
                super().exec_module(module)
        except BaseException:
            vars(module)["__getattr__"] = load  # whoever asks next hears of the failure, too
            raise
        finally:
            del vars(module)["print"]


def _print(*words: object, **options: Any) -> None:
    if words not in [(line,) for line in _ANNOUNCEMENTS]:
        builtins.print(*words, **options)


def import_jaxmarl_lazily() -> None:
    """From now on an import of JaxMARL runs and prints only what is needed of it."""
    if _LazyFinder not in sys.meta_path:
        sys.meta_path.insert(0, _LazyFinder)
