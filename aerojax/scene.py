"""What to draw of an episode: recorded states as the plain data that the viewers draw.

The format is the viewers' own and is described where they are, in `wrappers/scene.py` and, for
three dimensions, in `wrappers/space.py`. The top view's lengths are in kilometres, its x runs to
the east and its y, as on screens, to the south.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from aerojax.marks import COLOURS, FLASHES, arena, legend, marks, strip_x, strip_y, team_sizes
from aerojax.space import episode_space

if TYPE_CHECKING:
    from aerojax.state import State

_FRAMES_PER_SECOND = 10  # five times as fast as the episode was
_BAR = 0.36  # km, half a health bar
_WRECK_FRAMES = 40
_MARGIN, _STRIP = 0.4, 2.3  # km around the arena, and to its right for the altitudes


def episode_scene(
    env: Any, states: State, rewards: ArrayLike | None = None, *, title: str | None = None
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
    states = jax.tree.map(np.asarray, states)
    steps = np.atleast_1d(states.step)
    _check_one_episode(steps)
    rewards = _check_rewards(rewards, len(steps))
    moments = [jax.tree.map(lambda leaf, t=t: leaf[t], states) for t in range(len(steps))]
    points = [np.reshape(env.task_points(moment), (-1, 3)) for moment in moments]
    cells = [_search_cells(env, moment) for moment in moments]
    radius = env.config.radius / 1000
    return {
        "title": env.name if title is None else title,
        "box": [-radius - _MARGIN, -radius - _MARGIN, 2 * (radius + _MARGIN) + _STRIP]
        + [2 * (radius + _MARGIN)],
        "rate": _FRAMES_PER_SECOND,
        "colours": COLOURS,
        "background": arena(env, moments[0].obstacles),
        "still": {},
        "marks": marks(env),
        "frames": _frames(env, states, points, cells),
        "readouts": _readouts(env, states, rewards),
        "legend": legend(env, bool(len(points[0])), bool(len(cells[0]))),
        "space": episode_space(env, states, points, cells),
    }


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


def _search_cells(env: Any, state: State) -> NDArray:
    """(K, 2), in metres: the cells that a search has not seen; none where nothing is searched."""
    cells = env.search_cells(state) if hasattr(env, "search_cells") else ()
    return np.reshape(cells, (-1, 2))


def _frames(env: Any, states: State, points: list, cells: list) -> list[dict[str, list]]:
    motion, alive = states.motion, states.alive
    places = np.stack([motion.x, -motion.y], axis=-1) / 1000
    turn = -np.degrees(np.arctan2(motion.vy, motion.vx))
    nearer = 0.8 + 0.5 * motion.z / env.config.ceiling  # what is high is nearer to the viewer
    health = np.clip(states.hp / env.fleet.max_hp, 0, 1)
    dead_for = np.cumsum(~alive, axis=0)
    ours = np.arange(len(env.slot_names)) < team_sizes(env)[0]
    teams = {"a": ours, "b": ~ours}
    altitudes = np.stack(
        [strip_x(env, ours) + np.zeros_like(motion.z), strip_y(env, motion.z)], axis=-1
    )

    frames = []
    for t in range(len(alive)):
        here, up = places[t], alive[t]
        frame = {"cell": _rows(_top_view(cells[t])), "point": _rows(_top_view(points[t]))}
        watching = ours & up
        sight = env.fleet.radar_range[watching] / 1000
        frame["cone"] = _rows(here[watching], turn[t, watching], sight)
        for team, mine in teams.items():
            shown = mine & up
            seen = states.seen_a[t] if team == "a" else states.seen_b[t]
            frame[f"seen-{team}"] = _lines(here, *_pairs(seen, mine, up))
            shooters = np.flatnonzero(mine & (states.target[t] >= 0))
            targets = states.target[t, shooters]
            frame[f"shot-{team}"] = _lines(here, shooters, targets)
            frame[f"strip-{team}"] = _rows(altitudes[t, shown])
            frame[f"health-{team}"] = _bars(here[shown], health[t, shown])
        frame["hit"] = _rows(here[np.unique(states.target[t][states.target[t] >= 0])])
        frame["altitude"] = _rows(here[up] + [0, 0.55], motion.z[t, up] / 1000)
        wrecks = (dead_for[t] > 0) & (dead_for[t] <= _WRECK_FRAMES)
        frame["wreck"] = _rows(here[wrecks], 1 - dead_for[t, wrecks] / (_WRECK_FRAMES + 1))
        for age in range(len(FLASHES)):
            frame[f"burst-{age}"] = _rows(here[dead_for[t] == age + 1])
        for slot in np.flatnonzero(up):
            frame[f"aircraft-{slot}"] = _rows(here[[slot]], turn[t, [slot]], nearer[t, [slot]])
        frames.append({name: rows for name, rows in frame.items() if rows})
    return frames


def _top_view(points: NDArray) -> NDArray:
    return points[:, :2] * [1e-3, -1e-3]


def _pairs(seen: NDArray, mine: NDArray, alive: NDArray) -> tuple[NDArray, NDArray]:
    """Slots of who sees and of who is seen."""
    eyes, found = np.nonzero(seen & alive[mine][:, None] & alive[~mine])
    return np.flatnonzero(mine)[eyes], np.flatnonzero(~mine)[found]


def _lines(here: NDArray, starts: NDArray, ends: NDArray) -> list[list[float]]:
    return _rows(here[starts], here[ends])


def _bars(here: NDArray, health: NDArray) -> list[list[float]]:
    """What is left of each one's health, on a faint bar of all of it."""
    left, full = here + [-_BAR, -0.5], np.ones(len(health))
    right = [left + 2 * _BAR * np.stack([part, 0 * part], axis=-1) for part in (full, health)]
    return _rows(left, right[0], 0.3 * full) + _rows(left, right[1], full)


def _rows(*columns: NDArray) -> list[list[float]]:
    """Columns side by side as the rows of a list, as short in JSON as can be."""
    table = np.concatenate([c if c.ndim == 2 else c[:, None] for c in columns], axis=1)
    return [[_short(number) for number in row] for row in table.astype(np.float64).round(2)]


def _short(number: float) -> float:
    return int(number) if number == int(number) else float(number)


def _readouts(env: Any, states: State, rewards: NDArray | None) -> dict[str, list[str]]:
    seconds = states.step * env.dt
    ours, _ = team_sizes(env)
    standing = [(row[:ours].sum(), row[ours:].sum()) for row in states.alive]
    readouts = {"time": [f"{now:.1f} s" for now in seconds]}
    readouts["alive"] = [f"{allies} : {enemies}" for allies, enemies in standing]
    if rewards is not None:
        returns = np.cumsum(np.append(0.0, rewards))
        # Adding zero turns a rounded -0.0 into 0.0.
        readouts["return"] = [f"{total + 0.0:.2f}" for total in np.round(returns, 2)]
    return readouts
