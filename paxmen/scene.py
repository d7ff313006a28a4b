"""What to draw of an episode: recorded states as the plain data that the viewers draw.

The format is the viewers' own and is described where they are, in `wrappers/viewing/scene.py`.
Lengths are in cells; the middle of a cell has its column as x and its row as y.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from paxmen.layouts import WALL

if TYPE_CHECKING:
    from paxmen.env import PaxMen
    from paxmen.mazes import Mazes
    from paxmen.state import State

Shape = dict[str, Any]

_STEPS_PER_SECOND = 8
_TRAIL_STEPS = 8
_FLASHES = ((0.5, 1.0), (0.7, 0.5), (0.85, 0.2))  # radius and opacity, frame by frame
_CROWDING = 0.24  # how far agents in one cell are drawn from its middle
_COLOURS = {
    "wall": {"dark": "#0b1020", "light": "#dfe5f1"},
    "haze": {"dark": "#0f1730", "light": "#d3dcee"},
    "edge": {"dark": "#3a5aa6", "light": "#8fa3cc"},
    "floor": {"dark": "#141b33", "light": "#fbfcff"},
    "tile": {"dark": "#1a2340", "light": "#f0f3fa"},
    "dot": {"dark": "#ffe9b0", "light": "#4a3200"},
    "halo": {"dark": "#ffb833", "light": "#ffb833"},
    "number": {"dark": "#0b1020", "light": "#0b1020"},
}
# Okabe and Ito's palette first, which the colour-blind can tell apart. No more than six of one
# brightness can be: beyond, the agents' numbers help.
_AGENT_COLOURS = (
    *("#56b4e9", "#e69f00", "#00b386", "#cc79a7", "#f0e442", "#d55e00"),
    *("#8c7ff0", "#9be15d", "#ff8fab", "#2dd4d4", "#c49a6c", "#e05fe0"),
    *("#b8c4ff", "#ffc9a3", "#6fa8ff", "#a8f0c6"),
)


def episode_scene(
    env: PaxMen, states: State, rewards: ArrayLike | None = None, *, title: str | None = None
) -> dict[str, Any]:
    """Describes one episode to the viewers of `wrappers`.

    Args:
        env: the environment that was played.
        states: its states along a leading axis (T + 1,), from before the first step to after the
            last, as `step_env` returns them: `step` already puts a reset in the place of the last.
        rewards: float (T,), the team's reward of each step. Without them no return is shown.
        title: a line over the picture; the environment's name if left out.

    Returns:
        a scene as `wrappers.check_scene` knows it; it fits into JSON.

    Raises:
        ValueError: states that do not follow one another in one episode, or as many rewards as do
            not fit them.
    """
    steps = np.atleast_1d(np.asarray(states.step))
    _check_one_episode(steps)
    rewards = _check_rewards(rewards, len(steps))
    grid = np.asarray(env.grid(states.layout_id[0]))
    positions, dots = (
        np.asarray(_agent_positions(env, states)),
        np.asarray(_dots_on_grid(env, states)),
    )
    eaten = _eaten(env, states)
    apart = _apart(positions)
    frames = [
        _frame(positions[time], apart[time], dots[time], eaten[: time + 1][::-1])
        for time in range(len(steps))
    ]
    return {
        "title": env.name if title is None else title,
        "box": _box(grid, env.config.view // 2),
        "rate": _STEPS_PER_SECOND,
        "colours": _COLOURS
        | {
            f"agent-{i}": dict.fromkeys(("dark", "light"), _AGENT_COLOURS[i % len(_AGENT_COLOURS)])
            for i in range(env.num_agents)
        },
        "background": _maze(grid != WALL),
        "still": {"tile": _places(np.argwhere(grid != WALL))},
        "marks": _marks(env.num_agents, env.config.view),
        "frames": frames,
        "readouts": _readouts(env, steps, eaten.sum(axis=(1, 2)), rewards),
        "legend": _legend(env),
    }


def mazes_scene(mazes: Mazes, columns: int = 4, title: str | None = None) -> dict[str, Any]:
    """Describes a set's levels, row by row, to the viewers of `wrappers`.

    Args:
        mazes: the levels, few enough for a picture: a slice of a large set.
        columns: levels in one row.
        title: a line over the picture; the set's name if left out.

    Returns:
        a scene of one frame, as `wrappers.check_scene` knows it.

    Raises:
        ValueError: fewer than one column.
    """
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    columns = min(columns, len(mazes))
    corners = [cells[cells[:, 0] >= 0] for cells in mazes.cells]
    height, width = np.max([np.ptp(cells, axis=0) for cells in corners], axis=0) + 3
    hubs, rooms, all_cells = [], [], []
    for level, cells in enumerate(corners):
        row, col = divmod(level, columns)
        # Each in the middle of its place.
        free = np.array([height, width]) - np.ptp(cells, axis=0) - 1
        cells = cells - cells.min(axis=0) + free // 2 + (row * height, col * width)
        all_cells.append(cells)
        hubs.append(cells[: mazes.hub_cells[level]])
        for start, rows, cols in mazes.rooms[level].tolist():
            rooms.append(cells[start : start + rows * cols])
    is_open = np.zeros((-(-len(mazes) // columns) * height, columns * width), bool)
    is_open[tuple(np.concatenate(all_cells).T)] = True
    return {
        "title": mazes.name if title is None else title,
        "box": [-0.5, -0.5, is_open.shape[1], is_open.shape[0]],
        "rate": _STEPS_PER_SECOND,
        "colours": _COLOURS | {"hub": dict.fromkeys(("dark", "light"), _AGENT_COLOURS[0])},
        "background": _maze(is_open),
        "still": {
            "tile": _places(np.argwhere(is_open)),
            "hub": _places(np.concatenate(hubs)),
            "room": _places(np.concatenate(rooms)),
        },
        "marks": {
            "tile": _marks(0, 1)["tile"],
            "hub": _tinted("hub"),
            "room": _tinted("halo"),
        },
        "frames": [{}],
        "readouts": {},
        "legend": [
            {"label": "hub: agents start here", "marks": ["hub"]},
            {"label": "room: dots lie here", "marks": ["room"]},
        ],
    }


def _tinted(fill: str) -> dict[str, Any]:
    return {"shapes": [_rectangle(0, 0, 1, 1, fill, margin=-0.04, corner=0.12) | {"opacity": 0.4}]}


def _check_one_episode(steps: NDArray) -> None:
    breaks = np.flatnonzero(np.diff(steps) != 1)
    if len(breaks):
        first = int(breaks[0])
        raise ValueError(
            f"states of one episode, one step apart, are needed: state {first} is at step "
            f"{steps[first]}, state {first + 1} at step {steps[first + 1]}"
        )


def _check_rewards(rewards: ArrayLike | None, states: int) -> NDArray | None:
    if rewards is None:
        return None
    shape = np.shape(rewards)
    if shape != (states - 1,):
        raise ValueError(f"{states} states need rewards of shape ({states - 1},), got {shape}")
    return np.asarray(rewards, np.float64)


@partial(jax.jit, static_argnums=0)
def _agent_positions(env: PaxMen, states: State) -> Array:
    return jax.vmap(env.agent_positions)(states)


@partial(jax.jit, static_argnums=0)
def _dots_on_grid(env: PaxMen, states: State) -> Array:
    return jax.vmap(env.dots_on_grid)(states)


def _box(grid: NDArray, margin: int) -> list[float]:
    """Left, top, width and height of the open cells, and of as many around them."""
    cells = np.argwhere(grid != WALL)
    top, left = cells.min(axis=0) - margin
    height, width = np.ptp(cells, axis=0) + 1 + 2 * margin
    return [float(left) - 0.5, float(top) - 0.5, int(width), int(height)]


def _eaten(env: PaxMen, states: State) -> NDArray:
    """bool (T + 1, G, G): the dots that were eaten on the way to each state.

    New dots come only when the last is eaten, of all or of a room, in the same step: then all that
    lay there are gone, also those in whose place a new one lies.
    """
    words = np.asarray(states.dots)
    before, after = words[:-1], words[1:]
    new = after & ~before != 0
    if env.config.respawn == "all":
        new = np.broadcast_to(new.any(axis=1, keepdims=True), new.shape)
    gone = np.concatenate([np.zeros_like(words[:1]), np.where(new, before, before & ~after)])
    return np.asarray(_dots_on_grid(env, replace(states, dots=jnp.asarray(gone))))


def _apart(positions: NDArray) -> NDArray:
    """Positions (T + 1, n, 2) as floats; agents in one cell stand in a circle around its middle."""
    apart = positions + 0.0
    for now, places in zip(positions, apart, strict=True):
        for cell in np.unique(now, axis=0):
            here = np.flatnonzero((now == cell).all(axis=1))
            if len(here) > 1:
                angles = 2 * np.pi * np.arange(len(here)) / len(here)
                places[here] += _CROWDING * np.stack([np.sin(angles), -np.cos(angles)], axis=-1)
    return apart


def _frame(cells: NDArray, apart: NDArray, dots: NDArray, eaten: NDArray) -> dict[str, list]:
    """The marks of one moment; `eaten` are the dots eaten now, a step ago, two steps ago, ..."""
    frame = {f"view-{i}": _places([cell]) for i, cell in enumerate(cells)}
    frame["dot"] = _places(np.argwhere(dots))
    frame |= {
        f"flash-{age}": _places(np.argwhere(mask))
        for age, mask in enumerate(eaten[: len(_FLASHES)])
    }
    frame |= {f"agent-{i}": _places([place]) for i, place in enumerate(apart)}
    return {name: places for name, places in frame.items() if places}


def _places(cells: Iterable[NDArray]) -> list[list[float]]:
    """[x, y] of each (row, col), as short in JSON as can be."""
    return [[_short(col), _short(row)] for row, col in cells]


def _short(number: float) -> float:
    whole = int(number)
    return whole if whole == number else round(float(number), 2)


def _maze(is_open: NDArray) -> list[Shape]:
    """The walls as the ground, and the open cells as a floor with a soft edge."""
    rows, cols = is_open.shape
    blocks = _blocks(is_open)
    return [
        _rectangle(0, 0, cols, rows, "wall"),
        *(_rectangle(*block, "haze", margin=0.7, corner=0.7) for block in blocks),
        *(_rectangle(*block, "edge", margin=0.26, corner=0.26) for block in blocks),
        *(_rectangle(*block, "floor", margin=0.12, corner=0.12) for block in blocks),
    ]


def _blocks(is_open: NDArray) -> list[tuple[int, int, int, int]]:
    """The open cells as few rectangles: column, row, width, height."""
    left = is_open.copy()
    blocks = []
    for row, col in np.argwhere(is_open).tolist():
        if not left[row, col]:
            continue
        width = int(np.argmin(np.append(left[row, col:], False)))
        full = left[row:, col : col + width].all(axis=1)
        height = int(np.argmin(np.append(full, False)))
        left[row : row + height, col : col + width] = False
        blocks.append((col, row, width, height))
    return blocks


def _rectangle(
    col: int, row: int, width: int, height: int, fill: str, margin: float = 0.0, corner: float = 0.0
) -> Shape:
    return {
        "shape": "rectangle",
        "x": col + (width - 1) / 2,
        "y": row + (height - 1) / 2,
        "width": width + 2 * margin,
        "height": height + 2 * margin,
        "corner": corner,
        "fill": fill,
    }


def _marks(num_agents: int, view: int) -> dict[str, dict]:
    """Everything that moves, from the floor upwards."""
    agents = range(num_agents)
    return {
        "tile": {"shapes": [_rectangle(0, 0, 1, 1, "tile", margin=-0.04, corner=0.12)]},
        **{f"view-{i}": _view(f"agent-{i}", view) for i in agents},
        "dot": {
            "shapes": [
                {"shape": "glow", "x": 0, "y": 0, "radius": 0.85, "fill": "halo", "opacity": 0.55},
                {"shape": "circle", "x": 0, "y": 0, "radius": 0.2, "fill": "dot"},
            ]
        },
        **{f"flash-{age}": _flash(*flash) for age, flash in enumerate(_FLASHES)},
        **{f"agent-{i}": _agent(f"agent-{i}", str(i)) for i in agents},
    }


def _view(colour: str, side: int) -> dict:
    square = {
        "shape": "rectangle",
        "x": 0,
        "y": 0,
        "width": side,
        "height": side,
        "corner": 0.35,
        "fill": colour,
    }
    return {
        "shapes": [square | {"opacity": 0.1}, square | {"opacity": 0.4, "outline": 0.06}],
        "glides": True,
        "trail": {"frames": _TRAIL_STEPS, "fill": colour, "width": 0.16},
    }


def _flash(radius: float, opacity: float) -> dict:
    ring = {"shape": "circle", "x": 0, "y": 0, "radius": radius, "outline": 0.12}
    glow = {"shape": "glow", "x": 0, "y": 0, "radius": 2 * radius}
    return {
        "shapes": [
            glow | {"fill": "halo", "opacity": opacity},
            ring | {"fill": "dot", "opacity": opacity},
        ]
    }


def _agent(colour: str, number: str) -> dict:
    middle = {"x": 0, "y": 0, "fill": colour}
    return {
        "shapes": [
            middle | {"shape": "glow", "radius": 1.5, "opacity": 0.6},
            middle | {"shape": "circle", "radius": 0.55, "fill": "number"},
            middle | {"shape": "circle", "radius": 0.49},
            middle | {"shape": "text", "text": number, "height": 0.95, "fill": "number"},
        ],
        "glides": True,
    }


def _readouts(
    env: PaxMen, steps: NDArray, eaten: NDArray, rewards: NDArray | None
) -> dict[str, list[str]]:
    readouts = {
        "step": [f"{step} / {env.max_steps}" for step in steps],
        "dots eaten": [str(total) for total in np.cumsum(eaten)],
    }
    if rewards is not None:
        returns = np.cumsum(np.append(0.0, rewards))
        # Adding zero turns a rounded -0.0 into 0.0.
        readouts["return"] = [f"{total + 0.0:.1f}" for total in np.round(returns, 1)]
    return readouts


def _legend(env: PaxMen) -> list[dict]:
    views = [f"view-{i}" for i in range(env.num_agents)]
    side = env.config.view
    return [
        *({"label": a, "marks": [views[i], f"agent-{i}"]} for i, a in enumerate(env.agents)),
        {"label": "dot", "marks": ["dot"]},
        {"label": f"{side}×{side} view", "marks": views},
    ]
