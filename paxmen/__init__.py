"""PaxMen: a cooperative, partially observed maze of corridors and dots.

>>> env = paxmen.make("paxmen-4")
>>> obs, state = env.reset(jax.random.key(0))
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from paxmen.generation import generate_mazes
from paxmen.jaxmarl_import import import_jaxmarl_lazily
from paxmen.mazes import Mazes, load_mazes, parse_mazes
from paxmen.registration import list_envs, make

if TYPE_CHECKING:
    from paxmen.env import PaxMen
    from paxmen.state import State
else:  # unseen by type checkers, which would take any name for one of these

    def __getattr__(name: str) -> Any:
        """Binds the classes at first touch: importing JaxMARL takes seconds and starts JAX."""
        if name == "PaxMen":
            from paxmen.env import PaxMen

            return PaxMen
        if name == "State":
            from paxmen.state import State

            return State
        if name == "__version__":
            return version("paxmen-aerojax")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Mazes",
    "PaxMen",
    "State",
    "generate_mazes",
    "list_envs",
    "load_mazes",
    "make",
    "parse_mazes",
]

import_jaxmarl_lazily()


def __dir__() -> list[str]:
    return __all__
