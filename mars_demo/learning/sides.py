"""Teams that learn side by side: to the learner, each team of an environment is one of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from wrappers.conventions import teams_of


@dataclass(frozen=True)
class Sides:
    """The teams of an environment, K of them, with n places each, as the largest has agents.

    What E environments hold for A agents, (E, A, ...), becomes (E * K, n, ...): one row a team.
    Places that a smaller team leaves empty are zero. Where there is one team nothing changes.
    """

    teams: tuple[tuple[int, ...], ...]
    """The agents of each team, as places in `env.agents`."""

    @property
    def count(self) -> int:
        """K."""
        return len(self.teams)

    @property
    def size(self) -> int:
        """n."""
        return max(map(len, self.teams))

    def split(self, x: Array) -> Array:
        """(E * K, n, ...) of (E, A, ...)."""
        if self.count == 1:
            return x
        places = np.zeros((self.count, self.size), int)
        filled = np.zeros((self.count, self.size), bool)
        for row, team in enumerate(self.teams):
            places[row, : len(team)], filled[row, : len(team)] = team, True
        rows = x[:, places.reshape(-1)].reshape(-1, self.size, *x.shape[2:])
        if filled.all():
            return rows
        known = np.tile(filled, (x.shape[0], 1)).reshape(*rows.shape[:2], *[1] * (x.ndim - 2))
        return jnp.where(known, rows, jnp.zeros((), x.dtype))

    def join(self, x: Array) -> Array:
        """(E, A, ...) of (E * K, n, ...), the inverse of `split`."""
        if self.count == 1:
            return x
        found = {
            place: (row, column)
            for row, team in enumerate(self.teams)
            for column, place in enumerate(team)
        }
        rows, columns = np.array([found[place] for place in range(len(found))]).T
        return x.reshape(-1, self.count, *x.shape[1:])[:, rows, columns]

    def each(self, x: Array) -> Array:
        """(E * K, ...) of what all teams of an environment share, (E, ...)."""
        return x if self.count == 1 else jnp.repeat(x, self.count, axis=0)

    def rewards(self, of_agents: Array) -> Array:
        """The mean reward of each team's own agents, (E * K,) of (A, E)."""
        if self.count == 1:
            return jnp.mean(of_agents, axis=0)
        means = [jnp.mean(of_agents[np.array(team)], axis=0) for team in self.teams]
        return jnp.stack(means, axis=1).reshape(-1)

    def scores(
        self, score: Callable[[Array, Any], Array], rewards: Array, info: Any, num_agents: int
    ) -> Array:
        """Each team's score, (E * K,): of its own reward and its own agents' entries of `info`."""
        if self.count == 1:
            return jax.vmap(score)(rewards, info)

        def own(team: tuple[int, ...]) -> Any:
            of_agents = lambda x: x.ndim > 1 and x.shape[1] == num_agents  # noqa: E731
            return jax.tree.map(lambda x: x[:, np.array(team)] if of_agents(x) else x, info)

        by_team = rewards.reshape(-1, self.count)
        scores = [jax.vmap(score)(by_team[:, i], own(team)) for i, team in enumerate(self.teams)]
        return jnp.stack(scores, axis=1).reshape(-1)


def sides_of(env: Any) -> Sides:
    """The teams of an environment (`wrappers.conventions.teams_of`)."""
    places = {agent: place for place, agent in enumerate(env.agents)}
    teams = teams_of(env).values()
    return Sides(tuple(tuple(places[agent] for agent in team) for team in teams))


def identities(env: Any, sides: Sides, agent_id: bool) -> np.ndarray:
    """The features that identify each agent, float32 (A, I).

    With `agent_id` its place in its team, one-hot: opposite numbers have the same, so that one
    policy flies both sides. Where teams differ in size or in what they see, the number of the team
    follows, one-hot.
    """
    columns = []
    if agent_id:
        columns.append(_one_hot([_place(sides, agent) for agent in range(len(env.agents))]))
    if not _alike(env, sides):
        columns.append(_one_hot([_team(sides, agent) for agent in range(len(env.agents))]))
    return np.concatenate([np.zeros((len(env.agents), 0), np.float32), *columns], axis=1)


def _place(sides: Sides, agent: int) -> int:
    return sides.teams[_team(sides, agent)].index(agent)


def _team(sides: Sides, agent: int) -> int:
    return next(row for row, team in enumerate(sides.teams) if agent in team)


def _alike(env: Any, sides: Sides) -> bool:
    def shape(agent: int) -> Any:
        return env.observation_space(env.agents[agent]).shape

    return len({tuple(map(shape, team)) for team in sides.teams}) == 1


def _one_hot(numbers: list[int]) -> np.ndarray:
    return np.eye(max(numbers) + 1, dtype=np.float32)[numbers]
