"""Jumanji's tasks: RobotWarehouse (rware), LevelBasedForaging (lbf) and Connector.

docs/jumanji.md describes the observations. Jumanji comes with the extra `suite`; it is imported
when the first of these environments is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.extras import require
from mars_demo.learning.task import Task
from mars_demo.tasks.foreign import built_once, suite_preset
from wrappers import from_jumanji

_WAREHOUSES = {  # rows and columns of shelves, agents, requests open at a time
    "tiny-2ag": (1, 3, 2, 2),
    "tiny-2ag-hard": (1, 3, 2, 1),
    "tiny-4ag": (1, 3, 4, 4),
    "tiny-4ag-hard": (1, 3, 4, 2),
    "small-4ag": (2, 3, 4, 4),
    "small-4ag-hard": (2, 3, 4, 2),
    "medium-4ag": (2, 5, 4, 4),
}
_GROVES = {  # side of the grid, radius of sight, agents, food, whether food takes all agents
    "8x8-2p-2f-coop": (8, 8, 2, 2, True),
    "2s-8x8-2p-2f-coop": (8, 2, 2, 2, True),
    "10x10-3p-3f": (10, 10, 3, 3, False),
    "2s-10x10-3p-3f": (10, 2, 3, 3, False),
    "15x15-3p-5f": (15, 15, 3, 5, False),
    "15x15-4p-3f": (15, 15, 4, 3, False),
    "15x15-4p-5f": (15, 15, 4, 5, False),
}
_BOARDS = {  # side of the grid, agents
    "con-5x5x3a": (5, 3),
    "con-7x7x5a": (7, 5),
    "con-10x10x10a": (10, 10),
    "con-15x15x23a": (15, 23),
}


def _maker(
    env: str, module: str, generator: str, steps: int, **level: Any
) -> Callable[[], MultiAgentEnv]:
    """A function that makes one of Jumanji's environments.

    Args:
        env: the name of its class.
        module: its module in `jumanji.environments.routing`.
        generator: the class that generates its levels.
        steps: its time limit.
        level: options of the generator.
    """

    def build() -> MultiAgentEnv:
        levels = require(f"jumanji.environments.routing.{module}.generator", extra="suite")
        draw = getattr(levels, generator)
        kind = getattr(require("jumanji.environments", extra="suite"), env)
        return from_jumanji(kind(draw(**level), time_limit=steps))

    return built_once(build)


def _warehouse(name: str, rows: int, columns: int, agents: int, requests: int) -> Task:
    steps = 500
    return Task(
        name=name,
        make=_maker(
            "RobotWarehouse",
            "robot_warehouse",
            "RandomGenerator",
            steps,
            column_height=8,
            shelf_rows=rows,
            shelf_columns=columns,
            num_agents=agents,
            sensor_range=1,
            request_queue_size=requests,
        ),
        episode_length=steps,
        preset=suite_preset(network="gru"),
    )


def _foraging(name: str, side: int, sight: int, agents: int, food: int, coop: bool) -> Task:
    steps = 100
    return Task(
        name=name,
        make=_maker(
            "LevelBasedForaging",
            "lbf",
            "RandomGenerator",
            steps,
            grid_size=side,
            fov=sight,
            num_agents=agents,
            num_food=food,
            max_agent_level=2,
            force_coop=coop,
        ),
        episode_length=steps,
        # An agent's reward is its share of the food. All rewards sum to 1 when all food is eaten.
        score=lambda reward, info: agents * reward,
        score_name="summed return",
        preset=suite_preset(network="gru"),
    )


def _connected(reward: Array, info: dict[str, Array]) -> Array:
    """The share of connected wires in an episode's last step, float32 (); 0 in all other steps."""
    ended = jnp.any(info["terminated"] | info["truncated"])
    return jnp.where(ended, info["ratio_connections"][0], 0.0)


def _connector(name: str, side: int, agents: int) -> Task:
    steps = side**2
    return Task(
        name=name,
        make=_maker(
            "Connector",
            "connector",
            "RandomWalkGenerator",
            steps,
            grid_size=side,
            num_agents=agents,
        ),
        episode_length=steps,
        score=_connected,
        score_name="share connected",
        preset=suite_preset(),
        image=(side, side, 5),
        world_image=(side, side, 3),
    )


TASKS = (
    {f"rware/{name}": _warehouse(f"rware/{name}", *hall) for name, hall in _WAREHOUSES.items()}
    | {f"lbf/{name}": _foraging(f"lbf/{name}", *grove) for name, grove in _GROVES.items()}
    | {f"connector/{name}": _connector(f"connector/{name}", *b) for name, b in _BOARDS.items()}
)
