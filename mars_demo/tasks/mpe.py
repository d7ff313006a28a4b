"""Tasks in JaxMARL's particle environment (MPE): agents spread over as many landmarks."""

from __future__ import annotations

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import wrappers
from mars_demo.learning.task import Task
from mars_demo.tasks.foreign import StripWeakTypes, built_once, suite_preset

_STEPS = 25


def _make(num_agents: int, steps: int) -> MultiAgentEnv:
    from jaxmarl import make

    env = make(
        "MPE_simple_spread_v3",
        num_agents=num_agents,
        num_landmarks=num_agents,
        local_ratio=0.5,
    )
    return wrappers.TimeLimit(StripWeakTypes(env), steps)


def _task(name: str, num_agents: int, steps: int = _STEPS) -> Task:
    return Task(
        name=name,
        make=built_once(lambda: _make(num_agents, steps)),
        episode_length=steps,
        preset=suite_preset(),
    )


TASKS = {f"mpe/spread-{n}": _task(f"mpe/spread-{n}", n) for n in (3, 5, 10)}


def spread_task() -> Task:
    """The task of JaxMARL's training script, for benchmarks. JaxMARL's limit of 25 is 26 steps."""
    return _task("MPE_simple_spread_v3", num_agents=3, steps=26)
