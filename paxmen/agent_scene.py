"""An episode as one agent sees it: its window, cell by cell, and darkness around."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray

from paxmen.layouts import WALL
from paxmen.observation import AGENT, DOT
from paxmen.scene import episode_scene

if TYPE_CHECKING:
    from paxmen.env import PaxMen
    from paxmen.state import State

_COLOURS = {
    "dark": {"dark": "#0a0f1f", "light": "#c3ccdf"},
    "brick": {"dark": "#10182f", "light": "#a8b6d3"},
    "lit": {"dark": "#2c3c70", "light": "#fbfcff"},
    "mate": {"dark": "#e8ecf8", "light": "#46527a"},
}


def agent_scene(
    env: PaxMen,
    states: State,
    agent: str,
    rewards: NDArray | None = None,
    *,
    title: str | None = None,
) -> dict[str, Any]:
    """Describes one episode to the viewers of `wrappers`, with no more than an agent sees.

    What is drawn comes from the agent's observations, and lies where the agent is: team-mates have
    no names there, and what is outside the window is dark.

    Args:
        env: the environment that was played.
        states: as for `paxmen.scene.episode_scene`.
        agent: whose eyes these are, one of `env.agents`.
        rewards: as for `paxmen.scene.episode_scene`.
        title: a line over the picture; the environment's name if left out.

    Returns:
        a scene as `wrappers.check_scene` knows it.

    Raises:
        ValueError: no such agent, or what `paxmen.scene.episode_scene` raises.
    """
    if agent not in env.agents:
        raise ValueError(f"unknown agent {agent!r}; valid: {', '.join(env.agents)}")
    whole = episode_scene(env, states, rewards, title=title)
    number = env.agents.index(agent)
    positions, seen = map(np.asarray, _seen(env, states, number))
    left, top, width, height = whole["box"]
    middle = {"x": left + width / 2, "y": top + height / 2}
    dark = {"shape": "rectangle", "width": width, "height": height, "fill": "dark"}
    own = f"agent-{number}"
    return whole | {
        "colours": whole["colours"] | _COLOURS,
        "background": [dark | middle],
        "still": {},
        "marks": _marks(whole["marks"], number),
        "frames": [
            _frame(position, window) | {name: frame[name] for name in (f"view-{number}", own)}
            for position, window, frame in zip(positions, seen, whole["frames"], strict=True)
        ],
        "legend": [
            {"label": agent, "marks": [f"view-{number}", own]},
            {"label": "dot", "marks": ["dot"]},
            {"label": "team-mate", "marks": ["mate"]},
            {"label": "wall", "marks": ["brick"]},
        ],
    }


@partial(jax.jit, static_argnums=(0, 2))
def _seen(env: PaxMen, states: State, number: int) -> tuple[Array, Array]:
    """The agent's positions (T + 1, 2) and observations (T + 1, view * view)."""
    agent = env.agents[number]
    return jax.vmap(lambda s: (env.agent_positions(s)[number], env.get_obs(s)[agent]))(states)


def _marks(whole: dict[str, Any], number: int) -> dict[str, Any]:
    cell = {"shape": "rectangle", "x": 0, "y": 0, "width": 1, "height": 1}
    inner = cell | {"width": 0.92, "height": 0.92, "corner": 0.1}
    mate = {"x": 0, "y": 0, "fill": "mate"}
    return {
        "brick": {"shapes": [cell | {"fill": "edge"}, inner | {"fill": "brick"}]},
        "floor": {"shapes": [cell | {"fill": "tile"}, inner | {"fill": "lit"}]},
        f"view-{number}": whole[f"view-{number}"],
        "mate": {
            "shapes": [
                mate | {"shape": "glow", "radius": 1.2, "opacity": 0.5},
                mate | {"shape": "circle", "radius": 0.45},
            ]
        },
        f"agent-{number}": whole[f"agent-{number}"],
        "dot": whole["dot"],  # on top: an agent sees the dot that it stands on
    }


def _frame(position: NDArray, window: NDArray) -> dict[str, list[list[int]]]:
    """The marks of one moment, from the numbers that the agent gets."""
    side = math.isqrt(len(window))
    cells = window.reshape(side, side)
    corner = position - side // 2
    kinds = {
        "brick": cells == WALL,
        "floor": cells != WALL,
        "mate": np.isclose(cells, AGENT),
        "dot": cells == DOT,
    }
    return {
        name: [[int(col), int(row)] for row, col in np.argwhere(here) + corner]
        for name, here in kinds.items()
        if here.any()
    }
