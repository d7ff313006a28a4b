"""mars-demo: the reference trainer for MARS, MAPPO and MASPO."""

from importlib.metadata import version
from typing import Any

from wrappers.jaxmarl_import import keep_jaxmarl_quiet

__all__: list[str] = []

keep_jaxmarl_quiet()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("paxmen-aerojax")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
