"""The tasks that the trainer knows, by name.

This package is the only one that names environments: it has a file for each family, and this file
collects their tasks.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import aerojax
import paxmen
import wrappers
from mars_demo.learning.config import Config, check_name
from mars_demo.learning.task import Task
from mars_demo.tasks import aerojax as aerojax_tasks
from mars_demo.tasks import jumanji as jumanji_tasks
from mars_demo.tasks import mabrax as mabrax_tasks
from mars_demo.tasks import mpe as mpe_tasks
from mars_demo.tasks import paxmen as paxmen_tasks
from mars_demo.tasks import smax as smax_tasks
from mars_demo.tasks.aerojax import MIXED_SCENARIOS as MIXED_SCENARIOS
from mars_demo.tasks.aerojax import SCENARIOS as SCENARIOS
from mars_demo.tasks.aerojax import aircraft_curves as aircraft_curves
from mars_demo.tasks.aerojax import aircraft_reference as aircraft_reference
from mars_demo.tasks.aerojax import make_selfplay as make_selfplay
from mars_demo.tasks.mpe import spread_task as spread_task
from wrappers.conformance.contract import check_shapes

TASKS: dict[str, Task] = (
    paxmen_tasks.TASKS
    | aerojax_tasks.TASKS
    | smax_tasks.TASKS
    | jumanji_tasks.TASKS
    | mpe_tasks.TASKS
    | mabrax_tasks.TASKS
)
"""Every task that has a preset of its own."""

_OF_OTHERS = (*smax_tasks.TASKS, *jumanji_tasks.TASKS, *mpe_tasks.TASKS, *mabrax_tasks.TASKS)

SUITE = {
    "paxmen": tuple(f"paxmen/{name}" for name in paxmen_tasks.CLASSIC),
    "aerojax": tuple(SCENARIOS),
} | {
    family: tuple(name for name in _OF_OTHERS if name.startswith(f"{family}/"))
    for family in ("smax", "rware", "lbf", "connector", "mpe", "mabrax")
}
"""The 47 tasks of the comparison, by environment (docs/suite.md)."""


def task_facts(name: str) -> str:
    """A description of a task in one line; if it cannot be made, the reason."""
    try:
        task = get_task(name)
        env = task.make()
    except Exception as error:  # whatever another package's environment raises
        return f"cannot be trained on: {error}"
    observation: Any = env.observation_space(env.agents[0])
    action: Any = env.action_space(env.agents[0])
    actions = getattr(action, "n", f"{action.shape} continuous")
    return (
        f"{len(env.agents)} agents, observation {observation.shape}, {actions} actions, "
        f"{task.episode_length} steps, score: {task.score_name}"
    )


def bench_environments() -> list[tuple[str, MultiAgentEnv]]:
    """Names and environments for a benchmark: ours, and three of JaxMARL's to compare with."""
    from jaxmarl import make
    from jaxmarl.environments.smax import map_name_to_scenario

    ours: list[tuple[str, MultiAgentEnv]] = [
        (name, paxmen.make(name)) for name in (*paxmen_tasks.CLASSIC, "paxmen-generated-16")
    ]
    wrapped = wrappers.AutoReset(wrappers.EpisodeStatistics(paxmen.make("paxmen-4")))
    ours.insert(1, ("AutoReset(EpisodeStatistics(paxmen-4))", wrapped))
    ours += [
        (
            f"aerojax/identical_5_vs_5, {opponents}",
            aerojax.make("identical_5_vs_5", opponents=opponents),
        )
        for opponents in ("selfplay", "pursuit")
    ]
    smax = make("HeuristicEnemySMAX", scenario=map_name_to_scenario("2s3z"))
    return [
        *ours,
        ("JaxMARL MPE_simple_spread_v3", make("MPE_simple_spread_v3")),
        ("JaxMARL SMAX 2s3z", smax),
        ("JaxMARL overcooked", make("overcooked")),
    ]


def list_tasks() -> list[str]:
    """The names that `get_task` takes: ours, and every other installed environment's."""
    return [*TASKS, *(name for name in wrappers.list_envs() if own_name(name) not in TASKS)]


def get_task(name: str) -> Task:
    """The task of that name.

    Args:
        name: one of `list_tasks()` or of `SUITE`, where PaxMen's go by their registered names
            ("paxmen/paxmen-4").

    Raises:
        ValueError: no task has that name, and the valid ones are listed, nearest first; or the
            environment cannot be trained on.
    """
    if own_name(name) in TASKS:
        return TASKS[own_name(name)]
    check_name("task", name, list_tasks())
    return _registered_task(name)


def own_name(name: str) -> str:
    """The name that `get_task(name)` gives its task; PaxMen's have two."""
    return name.removeprefix("paxmen/")


def _registered_task(name: str) -> Task:
    """A task for any registered environment: its score is its reward.

    Raises:
        ValueError: the environment has several teams, or no `max_steps`.
    """
    env: Any = wrappers.make(name)
    check_shapes(env)
    max_steps = getattr(env, "max_steps", None)
    if max_steps is None:
        raise ValueError(
            f"{name} does not say how long its episodes are: give the environment `max_steps`, "
            "or wrap it in wrappers.TimeLimit"
        )
    return Task(
        name=name,
        make=partial(wrappers.make, name),
        episode_length=int(max_steps),
        preset=lambda algo: Config(algo=algo),
    )
