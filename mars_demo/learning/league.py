"""A league: a learner against scripts and its own past selves, the harder the more often.

Of each opponent it is counted how the learner fared, and who beats it is drawn more often (Vinyals
et al., 2019, call it prioritised fictitious self-play, PFSP). Self-play against the newest self
alone can go round in circles, as in rock, paper, scissors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.learning.config import check_name
from mars_demo.learning.rollout import View, Viewer
from mars_demo.learning.sharding import Shards
from mars_demo.learning.task import Task, check_one_team, make_both
from mars_demo.learning.team import Team
from wrappers import Opponents, Policies, Script
from wrappers.conventions import teams_of

PAST = 8
"""Past selves in a league, at most."""
BEATEN = 0.55
"""The share of games at which the newest past self counts as beaten, and a newer one is added."""
MOST_UPDATES = 100
"""So many updates after a past self another one is added, whether it was beaten or not."""
_FEWEST_GAMES = 50.0  # against the newest before it counts as beaten
_DECAY = 0.97  # of the counts, at each update: what was long ago says little of the learner now
_PRIOR_GAMES = 2.0  # half of them won: of those that the learner has not met


class Standing(NamedTuple):
    """How a league stands. Members are its scripts, then its past selves."""

    past: Any  # actors, leaves (PAST, ...)
    points: Array  # float32 (members,): the learner's, 1 for a win and half for a draw
    games: Array  # float32 (members,): both decayed
    taken: Array  # int32 (): past selves taken so far
    newest: Array  # int32 (): the place of the last one
    updates: Array  # int32 (): since it was taken


def win_rates(standing: Standing) -> Array:
    """The learner's share of the games against each member, float32 (members,)."""
    return (standing.points + 0.5 * _PRIOR_GAMES) / (standing.games + _PRIOR_GAMES)


def pfsp_weights(win_rate: Array, there: Array) -> Array:
    """How likely each member is drawn: (1 - win rate)², of those that are there.

    Args:
        win_rate: float32 (members,), the learner's.
        there: bool (members,).

    Returns:
        float32 (members,), which sum to 1; alike where the learner always wins.
    """
    weights = jnp.where(there, jnp.square(1.0 - win_rate), 0.0)
    total = jnp.sum(weights)
    alike = there / jnp.sum(there)
    return jnp.where(total > 0.0, weights / jnp.maximum(total, 1e-12), alike)


@dataclass(frozen=True)
class Seat:
    """`act` of `wrappers.Policies`: a team's actor, on what the agents of any side see."""

    view: Viewer
    team: Team

    def __call__(
        self,
        params: Any,
        memory: Array,
        obs: dict[str, Array],
        available: dict[str, Array] | None,
        key: Array | None,
    ) -> tuple[Array, dict[str, Array]]:
        """The memory (n, hidden or 0) afterwards, and each agent's action: greedy without a key."""
        kind, size = self.view.distribution, len(obs)
        features = self.view.features(list(obs.values()), self._places(list(obs)))
        if available is None:
            masks = jnp.ones((size, kind.num_masked), bool)
        else:
            masks = jnp.stack([available[agent] for agent in obs]).astype(bool)
        view = View(features, masks, decides=jnp.ones(size, bool), world_state=jnp.zeros(0))
        memory, view = jax.tree.map(lambda x: x[None], (memory, view))
        memory, parameters = self.team.act_once(params, memory, view, jnp.zeros(1, bool))
        parameters = parameters[0]
        chosen = kind.mode(parameters) if key is None else kind.sample(key, parameters)
        return memory[0], dict(zip(obs, kind.to_env(chosen), strict=True))

    def _places(self, agents: list[str]) -> list[int]:
        """Whose identities they have: their own, or those of the learner's opposite numbers."""
        known = list(self.view.env.agents)
        return [known.index(a) if a in known else place for place, a in enumerate(agents)]

    @property
    def memory(self) -> np.ndarray:
        """What a team remembers at the start of an episode: zeros (n, hidden or 0)."""
        shape = jax.eval_shape(lambda: self.team.initial_memory(1)).shape
        return np.zeros(shape[1:], np.float32)


@dataclass(frozen=True)
class League:
    """What does not change in a league: the game, who plays which team, and the scripts."""

    both: Any
    """The environment with both teams as agents."""
    rival: str
    """The team of the opponents."""
    scripts: tuple[tuple[str, Script | Policies], ...]
    """The members that do not learn, by their names."""
    seat: Seat
    """How past selves act."""

    @property
    def names(self) -> list[str]:
        """The members'."""
        return [*(name for name, _ in self.scripts), *(f"past_{i}" for i in range(PAST))]

    def start(self, actor: Any) -> Standing:
        """A league whose only past self is the learner as it begins."""
        zeros = jnp.zeros(len(self.names), jnp.float32)
        past = jax.tree.map(lambda x: jnp.broadcast_to(x, (PAST, *x.shape)), actor)
        return Standing(past, zeros, zeros, jnp.int32(1), jnp.int32(0), jnp.int32(0))

    def there(self, standing: Standing) -> Array:
        """Which members there are, bool (members,)."""
        places = jnp.arange(len(self.names), dtype=jnp.int32) - len(self.scripts)
        return places < standing.taken

    def env(self, standing: Standing) -> Opponents:
        """The learner's environment, its opponents drawn by `pfsp_weights`."""
        past = Policies(standing.past, self.seat, self.seat.memory)
        pool = [*(part for _, part in self.scripts), past]
        weights = pfsp_weights(win_rates(standing), self.there(standing))
        return Opponents(self.both, self.rival, pool, weights)

    def follow(
        self, standing: Standing, actor: Any, outcome: Outcome, done: Array, shards: Shards
    ) -> tuple[Standing, dict[str, Array]]:
        """The league after an update, and the learner's win rate against each member.

        Args:
            standing: before.
            actor: the learner's, after the update.
            outcome: of each step of the rollout, leaves (T, E).
            done: bool (T, E), which of them ended an episode.
            shards: the devices that played other environments.
        """
        members = jnp.arange(len(self.names), dtype=jnp.int32)
        played = (outcome.opponent[..., None] == members[None, None]) & done[..., None]
        games = shards.sum(jnp.sum(played, axis=(0, 1), dtype=jnp.float32))
        points = shards.sum(jnp.sum(jnp.where(played, outcome.points[..., None], 0.0), (0, 1)))
        standing = standing._replace(
            points=_DECAY * standing.points + points,
            games=_DECAY * standing.games + games,
            updates=standing.updates + 1,
        )
        rates = win_rates(standing)
        metrics = {f"win_rate_{name}": rates[i] for i, name in enumerate(self.names)}
        metrics["past_selves"] = standing.taken.astype(jnp.float32)
        return self._grown(standing, rates, actor), metrics

    def _grown(self, standing: Standing, rates: Array, actor: Any) -> Standing:
        """With the learner in place of the past self that it beats most, if it is time for that."""
        newest = standing.newest + len(self.scripts)
        beaten = (standing.games[newest] >= _FEWEST_GAMES) & (rates[newest] >= BEATEN)
        due = beaten | (standing.updates >= MOST_UPDATES)
        places = jnp.arange(PAST, dtype=jnp.int32)
        easy = jnp.where(places == standing.newest, -1.0, rates[len(self.scripts) :])
        full = standing.taken >= PAST
        place = jnp.where(full, jnp.argmax(easy).astype(jnp.int32), standing.taken)
        here = due & (places == place)
        member = jnp.concatenate([jnp.zeros(len(self.scripts), bool), here])

        def put(past: Array, now: Array) -> Array:
            return jnp.where(here.reshape(-1, *[1] * now.ndim), now[None], past)

        return Standing(
            past=jax.tree.map(put, standing.past, actor),
            points=jnp.where(member, 0.0, standing.points),
            games=jnp.where(member, 0.0, standing.games),
            taken=standing.taken + (due & ~full),
            newest=jnp.where(due, place, standing.newest),
            updates=jnp.where(due, 0, standing.updates),
        )


class Outcome(NamedTuple):
    """What a step says of its game, which is over if it is the episode's last."""

    opponent: Array  # int32 (): the member that played it
    points: Array  # float32 (): the learner's, 1 for a win and half for a draw


def judge(info: dict[str, Array]) -> Outcome:
    """By the environment's own `win` and `lose`; where it has none, by who is ahead."""
    if "win" in info and "lose" in info:
        ahead = info["win"][0].astype(jnp.float32) - info["lose"][0].astype(jnp.float32)
    else:
        ahead = jnp.sign(info["lead"][0])
    return Outcome(info["opponent"][0], 0.5 + 0.5 * ahead)


def learning_env(task: Task, opponents: str) -> MultiAgentEnv:
    """The environment to learn in; of a league, without its past selves.

    Raises:
        ValueError: the task has no such opponents, or no opponents at all.
    """
    if opponents == "task":
        env = task.make()
        check_one_team(task.name, env)
        return env
    both = make_both(task)
    if opponents == "self":
        return both
    rival = rival_of(task, both)
    pilots = task.pilots(both, rival)
    check_name("opponents", opponents, ("task", "self", "league", *pilots))
    if opponents == "league":
        return Opponents(both, rival, [Script(_Idle(both, rival))])
    return Opponents(both, rival, [pilots[opponents]])


def rival_of(task: Task, both: MultiAgentEnv) -> str:
    """The name of the team that plays against the learner's; ValueError if there are more teams."""
    names = list(teams_of(both))
    if len(names) != 2:
        raise ValueError(f"{task.name} has {len(names)} teams; valid: two, or --opponents self")
    return names[1]


def make_league(task: Task, view: Viewer, team: Team) -> League:
    """The league of a learner.

    Args:
        task: what it learns.
        view: what its environment shows it.
        team: its actors.
    """
    both = make_both(task)
    rival = rival_of(task, both)
    pilots = task.pilots(both, rival)
    return League(both, rival, tuple(pilots.items()), Seat(view, team))


@dataclass(frozen=True)
class _Idle:
    """A script that stands in where no member is there yet."""

    both: Any
    team: str

    def __call__(self, state: Any) -> dict[str, Array]:
        def zeros(agent: str) -> Array:
            shape = jax.eval_shape(self.both.action_space(agent).sample, jax.random.key(0))
            return jnp.zeros(shape.shape, shape.dtype)

        return {agent: zeros(agent) for agent in teams_of(self.both)[self.team]}
