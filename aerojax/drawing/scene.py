"""What to draw of an episode: recorded states as the plain data that the viewers draw.

The format is the viewers' own and is described where they are, in `wrappers/viewing/scene.py` and,
for three dimensions, in `wrappers/viewing/scene_3d.py`. The top view shows the part of the arena
that is flown in, on a board of one size; its x runs to the east and its y, as on screens, to the
south.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from aerojax.drawing.scene_2d import (
    COLOURS,
    CONE,
    EDGE,
    FLASHES,
    STRIP,
    TEAM_COLOURS,
    arena,
    legend,
    marks,
    strip_x,
    strip_y,
    team_of,
    team_sizes,
)
from aerojax.drawing.scene_3d import episode_space
from aerojax.objectives.search import Search
from aerojax.objectives.search import cells as cells_of_arena
from aerojax.rules.step import TIME_STEP

if TYPE_CHECKING:
    from aerojax.config import Config
    from aerojax.env import AeroJAX
    from aerojax.state import State

Frame = dict[str, list[list[float]]]

_FRAMES_PER_SECOND = 10  # five times as fast as the episode was
_BAR = 0.36  # half a health bar
_ABOVE, _BELOW = np.array([-_BAR, -0.5]), np.array([0.0, 0.55])  # health and altitude
_WRECK_FRAMES = 40
_SIGHT_OPACITY = 0.4
_LEAST, _ROOM, _MARGIN = 3500.0, 900.0, 400.0  # m: shown of the arena, around aircraft, around it


def episode_scene(
    env: AeroJAX, states: State, rewards: ArrayLike | None = None, *, title: str | None = None
) -> dict[str, Any]:
    """Describes one episode to the viewers of `wrappers`.

    Args:
        env: the environment that was played.
        states: its states along a leading axis (T + 1,), from before the first step to after the
            last, as `step_env` returns them: `step` already puts a reset in the place of the last.
        rewards: float (T,), the team's reward of each step. Without them no return is shown.
        title: a line over the picture; the environment's name in words if left out.

    Returns:
        a scene as `wrappers.check_scene` knows it; it fits into JSON.

    Raises:
        ValueError: states that do not follow one another in one episode, or as many rewards as do
            not fit them.
    """
    recorded: Any = jax.tree.map(np.asarray, states)
    steps = np.atleast_1d(recorded.step)
    _check_one_episode(steps)
    rewards = _check_rewards(rewards, len(steps))
    moments = [jax.tree.map(lambda leaf, t=t: leaf[t], recorded) for t in range(len(steps))]
    points = [np.asarray(env.task_points(moment)) for moment in moments]
    cells = [_unseen_cells(env.config, moment) for moment in moments]
    unit = _metres_in_a_unit(env.config, recorded, points)
    film = _film(env, recorded, unit)
    return {
        "title": _title(env) if title is None else title,
        "box": [-EDGE, -EDGE, 2 * EDGE + STRIP, 2 * EDGE],
        "rate": _FRAMES_PER_SECOND,
        "colours": COLOURS,
        "background": arena(env, moments[0].obstacles, unit),
        "still": {},
        "marks": marks(env, unit),
        "frames": [
            _frame(film, moment, t, {"point": points[t][:, :2] / unit, "cell": cells[t] / unit})
            for t, moment in enumerate(moments)
        ],
        "readouts": _readouts(env, recorded, rewards),
        "legend": legend(env),
        "events": _events(env, recorded.alive),
        "ending": _ending(env, recorded.alive[-1]),
        "space": episode_space(env, recorded, points, cells),
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


def _unseen_cells(config: Config, state: State) -> NDArray:
    """(K, 2), in metres: the cells that a search has not seen; none where nothing is searched."""
    if isinstance(config.objective, Search):
        return cells_of_arena(config.radius)[~np.asarray(state.task)]
    return np.zeros((0, 2))


def _metres_in_a_unit(config: Config, recorded: Any, points: list[NDArray]) -> float:
    """Such that the board shows all that flies and all there is to fly to, or the arena."""
    motion = recorded.motion
    away = [
        np.hypot(motion.x, motion.y).max(),
        *(np.hypot(*p[:, :2].T).max(initial=0) for p in points),
    ]
    if isinstance(config.objective, Search):
        away.append(config.radius)
    return float(np.clip(max(away) + _ROOM, _LEAST, config.radius + _MARGIN)) / EDGE


class _Film(NamedTuple):
    """What is drawn of the aircraft, each field (T + 1, N) or (N,), in the top view's units."""

    places: NDArray  # (T + 1, N, 2)
    turn: NDArray  # degrees clockwise
    size: NDArray  # what is high is nearer to the viewer
    altitude: NDArray  # km
    strip: NDArray  # (T + 1, N, 2), where the altitudes stand
    health: NDArray  # 0 to 1
    dead_for: NDArray  # frames; 0 of the living
    cone: NDArray  # size of the sensors' cones
    ours: NDArray  # bool: of team A


def _film(env: AeroJAX, recorded: Any, unit: float) -> _Film:
    motion = recorded.motion
    ours = np.arange(len(env.slot_names)) < team_sizes(env)[0]
    return _Film(
        places=np.stack([motion.x, -motion.y], axis=-1) / unit,
        turn=-np.degrees(np.arctan2(motion.vy, motion.vx)),
        size=0.65 + 0.5 * motion.z / env.config.ceiling,
        altitude=motion.z / 1000,
        strip=np.stack([strip_x(ours) + 0 * motion.z, strip_y(env, motion.z)], axis=-1),
        health=np.clip(recorded.hp / env.fleet.max_hp, 0, 1),
        dead_for=np.cumsum(~recorded.alive, axis=0),
        cone=env.fleet.radar_range / (CONE * unit),
        ours=ours,
    )


def _frame(film: _Film, state: State, time: int, task: dict[str, NDArray]) -> Frame:
    marks = {name: _rows(places * [1, -1]) for name, places in task.items()}
    marks["strip"] = [[EDGE + STRIP / 2, 0]]
    marks |= _teams(film, state, time) | _aircraft(film, time)
    return {name: places for name, places in marks.items() if places}


def _teams(film: _Film, state: State, time: int) -> Frame:
    """Who sees, shoots at and hurts whom."""
    here, up = film.places[time], film.dead_for[time] == 0
    target = np.asarray(state.target)
    frame = {"hit": _rows(here[np.unique(target[target >= 0])])}
    for team, mine, seen in (("a", film.ours, state.seen_a), ("b", ~film.ours, state.seen_b)):
        slots, shown = np.flatnonzero(mine), mine & up
        eyes, found = np.nonzero(seen & up[mine][:, None] & up[~mine])
        shooters = slots[target[slots] >= 0]
        seen_ones = np.flatnonzero(~mine)[found]
        faint = np.full(len(eyes), _SIGHT_OPACITY)
        frame[f"seen-{team}"] = _rows(here[slots[eyes]], here[seen_ones], faint)
        frame[f"shot-{team}"] = _rows(here[shooters], here[target[shooters]])
        frame[f"strip-{team}"] = _rows(film.strip[time, shown])
        frame[f"health-{team}"] = _bars(here[shown], film.health[time, shown])
    return frame


def _aircraft(film: _Film, time: int) -> Frame:
    here, turn, dead_for = film.places[time], film.turn[time], film.dead_for[time]
    up = dead_for == 0
    watching = film.ours & up
    wrecks = ~up & (dead_for <= _WRECK_FRAMES)
    return {
        "cone": _rows(here[watching], turn[watching], film.cone[watching]),
        "wreck": _rows(here[wrecks], 1 - dead_for[wrecks] / (_WRECK_FRAMES + 1)),
        "altitude": _rows(here[up] + _BELOW, film.altitude[time, up]),
        **{f"burst-{age}": _rows(here[dead_for == age + 1]) for age in range(len(FLASHES))},
        **{
            f"aircraft-{slot}": _rows(here[[slot]], turn[[slot]], film.size[time, [slot]])
            for slot in np.flatnonzero(up)
        },
    }


def _bars(here: NDArray, health: NDArray) -> list[list[float]]:
    """What is left of each one's health, on a faint bar of all of it."""
    left, full = here + _ABOVE, np.ones(len(health))
    right = [left + 2 * _BAR * np.stack([part, 0 * part], axis=-1) for part in (full, health)]
    return _rows(left, right[0], 0.3 * full) + _rows(left, right[1], full)


def _rows(*columns: NDArray) -> list[list[float]]:
    """Columns side by side as the rows of a list, as short in JSON as can be."""
    table = np.concatenate([c if c.ndim == 2 else c[:, None] for c in columns], axis=1)
    return [[_short(number) for number in row] for row in table.astype(np.float64).round(2)]


def _short(number: float) -> float:
    return int(number) if number == int(number) else float(number)


def _readouts(env: AeroJAX, states: Any, rewards: NDArray | None) -> dict[str, list[str]]:
    seconds = states.step * TIME_STEP
    ours, _ = team_sizes(env)
    standing = [(row[:ours].sum(), row[ours:].sum()) for row in states.alive]
    readouts = {"time": [f"{now:.1f} s" for now in seconds]}
    readouts["alive"] = [f"{allies} : {enemies}" for allies, enemies in standing]
    if rewards is not None:
        returns = np.cumsum(np.append(0.0, rewards))
        # Adding zero turns a rounded -0.0 into 0.0.
        readouts["return"] = [f"{total + 0.0:.2f}" for total in np.round(returns, 2)]
    return readouts


def _title(env: AeroJAX) -> str:
    """ "identical_5_vs_5" as "Identical 5 against 5"."""
    words = env.name.rpartition("/")[2].replace("_vs_", " against ").replace("_", " ")
    return words[:1].upper() + words[1:]


def _events(env: AeroJAX, alive: NDArray) -> list[list[Any]]:
    """Who is lost, and when: `alive` is bool (T + 1, N)."""
    return [
        [int(np.argmin(alive[:, slot])), f"{name} is down", f"team-{team_of(env, slot)}"]
        for slot, name in enumerate(env.slot_names)
        if not alive[:, slot].all()
    ]


def _ending(env: AeroJAX, alive: NDArray) -> str:
    """How many are left of each team; one that is alone in the air has won."""
    ours, theirs = team_sizes(env)
    left = {"a": int(alive[:ours].sum()), "b": int(alive[ours:].sum())}
    if not theirs:
        return f"{left['a']} of {ours} in the air"
    alone = [TEAM_COLOURS[team] for team, count in left.items() if count == sum(left.values()) > 0]
    count = f"{left['a']} : {left['b']}"
    return f"{alone[0]} wins, {count}" if alone else f"In the air at the end: {count}"
