"""AeroJAX: teams of aircraft in three dimensions, with real point-mass flight.

>>> env = aerojax.make("identical_5_vs_5", opponents="ace")
>>> obs, state = env.reset(jax.random.key(0))
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aerojax.jaxmarl_import import import_jaxmarl_lazily

if TYPE_CHECKING:
    from aerojax.aircraft import CLASSES as CLASSES
    from aerojax.aircraft import AircraftClass as AircraftClass
    from aerojax.config import Config as Config
    from aerojax.env import AeroJAX as AeroJAX
    from aerojax.objectives.combat import Combat as Combat
    from aerojax.objectives.escort import Escort as Escort
    from aerojax.objectives.pursuit import Pursuit as Pursuit
    from aerojax.objectives.search import Search as Search
    from aerojax.objectives.waypoint import Waypoint as Waypoint
    from aerojax.pilots.scripts import SCRIPTS as SCRIPTS
    from aerojax.registration import make as make
    from aerojax.rules.step import RULES_VERSION as RULES_VERSION
    from aerojax.scenarios import BENCHMARK as BENCHMARK
    from aerojax.scenarios import list_envs as list_envs
    from aerojax.scenarios import list_scenarios as list_scenarios
    from aerojax.state import State as State
    from aerojax.variation import LogUniform as LogUniform
    from aerojax.variation import Normal as Normal
    from aerojax.variation import Variation as Variation

_MODULE_OF = {
    "AeroJAX": "aerojax.env",
    "AircraftClass": "aerojax.aircraft",
    "BENCHMARK": "aerojax.scenarios",
    "CLASSES": "aerojax.aircraft",
    "Combat": "aerojax.objectives.combat",
    "Config": "aerojax.config",
    "Escort": "aerojax.objectives.escort",
    "LogUniform": "aerojax.variation",
    "Normal": "aerojax.variation",
    "Pursuit": "aerojax.objectives.pursuit",
    "RULES_VERSION": "aerojax.rules.step",
    "SCRIPTS": "aerojax.pilots.scripts",
    "Search": "aerojax.objectives.search",
    "State": "aerojax.state",
    "Variation": "aerojax.variation",
    "Waypoint": "aerojax.objectives.waypoint",
    "list_envs": "aerojax.scenarios",
    "list_scenarios": "aerojax.scenarios",
    "make": "aerojax.registration",
}

import_jaxmarl_lazily()

if not TYPE_CHECKING:  # type checkers would take any name for one of these

    def __getattr__(name: str) -> Any:
        """Binds what is public at first touch: importing JAX and JaxMARL takes seconds."""
        if name == "__version__":
            return version("paxmen-aerojax")
        if name == "__all__":
            return __dir__()
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
