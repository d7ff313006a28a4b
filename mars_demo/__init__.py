"""mars-demo: the reference trainer for MARS, MAPPO and MASPO.

>>> task = mars_demo.get_task("paxmen-4")
>>> mars_demo.train_run(task, task.preset("mars"), "runs/first")
>>> team = mars_demo.load_team("runs/first")
>>> mars_demo.evaluate(team).score.mean()

What users call is listed here by name and loaded when it is first used, so that importing this
package starts neither JAX nor pygame.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from wrappers.jaxmarl_import import import_jaxmarl_lazily

if TYPE_CHECKING:
    from mars_demo.evaluation import episodes
    from mars_demo.evaluation.episodes import record_episode as record_episode
    from mars_demo.evaluation.pretrained import export_team as export_team
    from mars_demo.evaluation.pretrained import list_pretrained as list_pretrained
    from mars_demo.evaluation.pretrained import load_team as load_team
    from mars_demo.evaluation.tournament import make_with_opponents as make_with_opponents
    from mars_demo.learning.config import Config as Config
    from mars_demo.learning.task import Task as Task
    from mars_demo.runs.loop import train_run as train_run
    from mars_demo.tasks.registry import get_task as get_task
    from mars_demo.tasks.registry import list_tasks as list_tasks

    evaluate = episodes.evaluate_team

_PLACE_OF = {
    "Config": "mars_demo.learning.config:Config",
    "Task": "mars_demo.learning.task:Task",
    "evaluate": "mars_demo.evaluation.episodes:evaluate_team",
    "export_team": "mars_demo.evaluation.pretrained:export_team",
    "get_task": "mars_demo.tasks.registry:get_task",
    "list_pretrained": "mars_demo.evaluation.pretrained:list_pretrained",
    "list_tasks": "mars_demo.tasks.registry:list_tasks",
    "load_team": "mars_demo.evaluation.pretrained:load_team",
    "make_with_opponents": "mars_demo.evaluation.tournament:make_with_opponents",
    "record_episode": "mars_demo.evaluation.episodes:record_episode",
    "train_run": "mars_demo.runs.loop:train_run",
}

import_jaxmarl_lazily()

if not TYPE_CHECKING:  # type checkers would take any name for one of these

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            return version("paxmen-aerojax")
        if name == "__all__":
            return __dir__()
        if name not in _PLACE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _PLACE_OF[name].partition(":")
        return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(_PLACE_OF)
