"""Everyone against everyone: games of policies and scripts, ratings, circles of who beats whom."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.evaluation.charts import LOOK, save_figure
from mars_demo.evaluation.episodes import Trained
from mars_demo.evaluation.pretrained import list_pretrained, load_team
from mars_demo.learning.config import check_name
from mars_demo.learning.league import rival_of
from mars_demo.learning.task import Task, make_both
from mars_demo.runs.outputs import markdown_table
from mars_demo.tasks.registry import get_task
from wrappers import Opponents
from wrappers.atomic import write_atomically
from wrappers.conventions import teams_of
from wrappers.opponents import Pool, play_member, start_memories

SCALE = 400.0 / np.log(10.0)
"""Points of Elo for a factor of e in the odds."""


@dataclass(frozen=True)
class Results:
    """A tournament's games. Row i, column j of a matrix: the games of i against j."""

    names: list[str]
    wins: np.ndarray  # int (P, P): games that i won against j
    draws: np.ndarray  # int (P, P), symmetric

    @property
    def games(self) -> np.ndarray:
        """int (P, P), symmetric."""
        return self.wins + self.wins.T + self.draws

    @property
    def points(self) -> np.ndarray:
        """float (P, P): 1 for a win, half for a draw."""
        return self.wins + 0.5 * self.draws

    @property
    def decided(self) -> np.ndarray:
        """float (P, P): the share of the decided games that i won; NaN where none was."""
        either = self.wins + self.wins.T
        return np.where(either > 0, self.wins / np.maximum(either, 1), np.nan)


class Ratings(NamedTuple):
    """Elo, and the ends of its 95 % interval, float (P,) each."""

    elo: np.ndarray
    low: np.ndarray
    high: np.ndarray


# --- Ratings --------------------------------------------------------------------------------------


def bradley_terry(points: np.ndarray, games: np.ndarray) -> np.ndarray:
    """Elo by maximum likelihood in the model of Bradley and Terry, of mean 1000.

    Every two that met are given one drawn game more, so that who wins all is not infinitely good.

    Args:
        points: float (P, P), what i won against j, a draw being half.
        games: (P, P), how many they played.

    Returns:
        float (P,).
    """
    met = (games > 0) & ~np.eye(len(games), dtype=bool)
    won, played = np.sum(np.where(met, points + 0.5, 0.0), axis=1), np.where(met, games + 1.0, 0.0)
    strength = np.ones(len(games))
    for _ in range(10_000):  # each step raises the likelihood (Hunter, 2004)
        before = strength
        strength = won / np.sum(played / (strength[:, None] + strength[None]), axis=1)
        strength /= np.exp(np.mean(np.log(strength)))
        if np.max(np.abs(np.log(strength / before))) < 1e-9:
            break
    return 1000.0 + SCALE * np.log(strength)


def rate(results: Results, resamples: int = 200) -> Ratings:
    """Elo, and its interval over games drawn again from each pair's own (percentile bootstrap)."""
    rng, games = np.random.default_rng(0), results.games
    drawn = np.stack([_points_again(results, rng) for _ in range(resamples)])
    elos = np.stack([bradley_terry(points, games) for points in drawn])
    low, high = np.quantile(elos, [0.025, 0.975], axis=0)
    return Ratings(bradley_terry(results.points, games), low, high)


def _points_again(results: Results, rng: np.random.Generator) -> np.ndarray:
    points = np.zeros(results.wins.shape)
    for i, j in itertools.combinations(range(len(results.names)), 2):
        n = results.games[i, j]
        if n:
            ended = np.array([results.wins[i, j], results.wins[j, i], results.draws[i, j]])
            won, lost, drawn = rng.multinomial(n, ended / n)
            points[i, j], points[j, i] = won + 0.5 * drawn, lost + 0.5 * drawn
    return points


def circles(results: Results) -> list[tuple[str, str, str]]:
    """Triples that beat each other in a circle, each by more than chance (1.96 σ of its games)."""
    with np.errstate(invalid="ignore"):
        share, decided = results.decided, results.wins + results.wins.T
        beats = share - 0.5 > 1.96 * np.sqrt(0.25 / np.maximum(decided, 1))
    found = []
    for i, j, k in itertools.permutations(range(len(results.names)), 3):
        if i == min(i, j, k) and beats[i, j] and beats[j, k] and beats[k, i]:
            found.append((results.names[i], results.names[j], results.names[k]))
    return found


# --- Games ----------------------------------------------------------------------------------------


def find_player(task: Task, name: str) -> Trained | None:
    """The team of that name, or None where a script of the task has it.

    Args:
        task: what is played.
        name: a script, a run's folder, an exported team's JSON file, a shipped team's name, or the
            end of that name, such as league-2 for aerojax/1_vs_1/league-2.

    Raises:
        ValueError: there is none; the valid names are listed, nearest first.
    """
    both = make_both(task)
    scripts = task.pilots(both, rival_of(task, both))
    if name in scripts:
        return None
    if f"{task.name}/{name}" in list_pretrained():
        return load_team(f"{task.name}/{name}")
    if not name.endswith(".json") and not (Path(name) / "run.json").exists():
        ours = [team.removeprefix(f"{task.name}/") for team in list_pretrained()]
        check_name("player", name, [*scripts, *ours])
    return load_team(name)


def with_rival(task: Task, name: str) -> Task:
    """The task with one more member of its pilots: the team of that name; see `find_player`."""
    team = find_player(task, name)
    if team is None:
        return task

    def pilots(both: Any, side: str) -> dict[str, Any]:
        scripts = task.pilots(both, side)
        return scripts | {name: team.member()}

    return replace(task, pilots=pilots)


def make_with_opponents(
    task: str, *names: str, weights: Sequence[float] | None = None
) -> Opponents:
    """A task's environment against players of one's choice, for any trainer.

    Args:
        task: its name, such as "aerojax/identical_5_vs_5".
        names: one or more players; see `find_player`.
        weights: how likely each is drawn; all alike if None.
    """
    played = get_task(task)
    both = make_both(played)
    rival = rival_of(played, both)
    players = {name: find_player(played, name) for name in names}
    return Opponents(both, rival, pool_of(played, players, both, rival), weights)


def pool_of(task: Task, players: Mapping[str, Trained | None], both: Any, team: str) -> Pool:
    """The players as a pool that plays one of the teams; ValueError where one cannot."""
    scripts = task.pilots(both, team)
    pool = [scripts[name] if one is None else one.member() for name, one in players.items()]
    return Opponents(both, team, pool).pool


def play(task: Task, names: Sequence[str], games: int, seed: int = 0) -> Results:
    """Lets everyone play everyone, as many games on either side.

    Args:
        task: with two teams; `make_both`.
        names: see `find_player`.
        games: of each pair; rounded up to an even number.
        seed: of the games.
    """
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f"name two or more players, each once; got {', '.join(names) or 'none'}")
    both = make_both(task)
    rival_of(task, both)
    players = {name: find_player(task, name) for name in names}
    pools = [pool_of(task, players, both, team) for team in teams_of(both)]
    meet = jax.jit(partial(_games, task, both, *pools))
    wins, draws = np.zeros((2, len(names), len(names)), int)
    half = -(-games // 2)
    for number, (i, j) in enumerate(itertools.permutations(range(len(names)), 2)):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), half)
        won, lost = meet(jnp.int32(i), jnp.int32(j), keys)
        wins[i, j] += int(np.sum(won))
        wins[j, i] += int(np.sum(lost))
        drawn = half - int(np.sum(won)) - int(np.sum(lost))
        draws[i, j] += drawn
        draws[j, i] += drawn
    return Results(list(names), wins, draws)


def _games(
    task: Task, both: Any, left: Pool, right: Pool, i: Array, j: Array, keys: Array
) -> tuple[Array, Array]:
    """Whether i, who plays the first team, won each game, and whether it lost: bool (games,)."""
    return jax.vmap(lambda key: _game(task, both, (left, right), (i, j), key)[:2])(keys)


def _game(task: Task, both: Any, pools: Any, members: Any, key: Array) -> tuple[Array, Array, Any]:
    """Whether the first team won, whether it lost, and the states (T + 1, ...)."""
    teams = list(teams_of(both).values())
    reset_key, key = jax.random.split(key)
    obs, state = both.reset(reset_key)

    def step(carry: Any, key: Array) -> Any:
        obs, state, memories, lead, over = carry
        step_key, *act_keys = jax.random.split(key, 1 + len(teams))
        actions, after = {}, []
        for pool, member, memory, team, own in zip(
            pools, members, memories, teams, act_keys, strict=True
        ):
            seen = {agent: obs[agent] for agent in team}
            masks = _masks(both, state, team)
            memory, chosen = play_member(pool, member, memory, state, seen, masks, own)
            actions |= chosen
            after.append(memory)
        obs, state, rewards, dones, info = both.step_env(step_key, state, actions)
        first, second = (jnp.mean(jnp.stack([rewards[a] for a in team])) for team in teams)
        lead = lead + jnp.where(over, 0.0, first - second)
        ends = dones["__all__"] & ~over
        told = (info["win"][0], info["lose"][0]) if "win" in info else (lead > 0.0, lead < 0.0)
        out = (told[0] & ends, told[1] & ends, state, over)
        return (obs, state, tuple(after), lead, over | dones["__all__"]), out

    begun = obs, state, tuple(map(start_memories, pools)), jnp.float32(0.0), jnp.bool_(False)
    _, (won, lost, states, over) = jax.lax.scan(
        step, begun, jax.random.split(key, task.episode_length)
    )
    states = jax.tree.map(lambda x, xs: jnp.concatenate([x[None], xs]), state, states)
    return jnp.any(won), jnp.any(lost), (states, over)


def _masks(both: Any, state: Any, team: Sequence[str]) -> dict[str, Array] | None:
    try:
        available = both.get_avail_actions(state)
    except NotImplementedError:
        return None
    return {agent: available[agent] for agent in team}


def film(task: Task, names: tuple[str, str], seed: int = 0) -> dict[str, Any]:
    """One game of two players as a scene, for `wrappers.save_scene`."""
    both = make_both(task)
    players = {name: find_player(task, name) for name in names}
    pools = [pool_of(task, players, both, team) for team in teams_of(both)]
    members = jnp.int32(0), jnp.int32(1)
    played = jax.jit(lambda key: _game(task, both, pools, members, key)[2])
    states, over = played(jax.random.key(seed))
    steps = int(np.sum(~np.asarray(over)))
    kept = jax.tree.map(lambda x: x[: steps + 1], states)
    scene: Any = both
    return scene.scene(kept, title=f"{task.name}: {names[0]} against {names[1]}")


# --- What is written ------------------------------------------------------------------------------


def closest(results: Results, ratings: Ratings) -> tuple[str, str]:
    """The match worth seeing: the best player, and who comes nearest to it."""
    best = int(np.argmax(ratings.elo))
    against = results.points[best] / np.maximum(results.games[best], 1)
    against[best] = np.inf
    return results.names[best], results.names[int(np.argmin(against))]


def write_tournament(task: Task, results: Results, out: Path) -> str:
    """Writes tournament.json, table.md and wins.png into a folder; returns the table."""
    ratings, found = rate(results), circles(results)
    order = np.argsort(-ratings.elo)
    about = {
        "task": task.name,
        "names": results.names,
        "wins": results.wins.tolist(),
        "draws": results.draws.tolist(),
        "elo": np.round(ratings.elo, 1).tolist(),
        "elo_interval": np.round([ratings.low, ratings.high], 1).T.tolist(),
        "circles": found,
    }
    shares = results.decided
    rows = []
    for i in order:
        elo = f"{ratings.elo[i]:.0f} ({ratings.low[i]:.0f} to {ratings.high[i]:.0f})"
        cells = ["–" if i == j or np.isnan(shares[i, j]) else f"{shares[i, j]:.2f}" for j in order]
        rows.append([results.names[i], elo, *cells])
    head = ("player", "Elo (95 %)", *(f"against {results.names[j]}" for j in order))
    table = markdown_table(head, rows)
    said = [f"{a} beats {b} beats {c} beats {a}" for a, b, c in found]
    table += "\n\n" + ("; ".join(said) if said else "No three beat each other in a circle.")
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "tournament.json", (json.dumps(about, indent=1) + "\n").encode())
    write_atomically(out / "table.md", (table + "\n").encode())
    draw_wins(results, order, out / "wins.png")
    return table


def draw_wins(results: Results, order: np.ndarray, path: Path) -> None:
    """Draws the share of points of each player against each other as a heat map."""
    import matplotlib
    from matplotlib.figure import Figure

    names = [results.names[i].rstrip("/").rpartition("/")[2] for i in order]
    share = results.points / np.maximum(results.games, 1)
    share = np.where(np.eye(len(names), dtype=bool), np.nan, share)[np.ix_(order, order)]
    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(2.5 + 0.8 * len(names), 1.5 + 0.7 * len(names)))
        axes = figure.subplots()
        image = axes.imshow(share, cmap="RdBu", vmin=0, vmax=1)
        for (i, j), value in np.ndenumerate(share):
            if np.isfinite(value):
                colour = "white" if abs(value - 0.5) > 0.3 else "black"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("against")
        figure.colorbar(image, label="points a game")
        figure.tight_layout()
        save_figure(figure, path, dpi=150)
