"""Plays whole episodes with learned, random and scripted policies, to evaluate or record them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.learning.config import Config
from mars_demo.learning.distributions import make_distribution
from mars_demo.learning.league import Seat
from mars_demo.learning.rollout import Env, Viewer, masks, stack_agents, unstack_agents
from mars_demo.learning.task import Task, check_one_team
from mars_demo.learning.team import Team
from mars_demo.learning.train import Trainer
from mars_demo.runs.checkpoint import from_arrays, read_newest
from mars_demo.runs.folder import RunError, load_run, read_run
from wrappers import Policies
from wrappers.conventions import teams_of


class Policy(NamedTuple):
    """How a team acts in one environment. Policies with equal `act` share compiled functions.

    Attributes:
        act: `act(params, memory, obs, state, key) -> (memory, actions)`. `obs` and `actions` are
            dicts over the agents, without a batch axis. `state` is the environment's, for scripts
            that may see everything. `key` is one PRNG key.
        params: the parameters of `act`, a pytree.
        memory: the memory at the start of an episode, a pytree.
    """

    act: Callable[[Any, Any, dict[str, Array], Any, Array], tuple[Any, dict[str, Array]]]
    params: Any = ()
    memory: Any = ()


class Episodes(NamedTuple):
    """Totals of evaluated episodes."""

    reward: np.ndarray  # float32 (episodes,): the team's return, the mean over its agents
    score: np.ndarray  # float32 (episodes,): the task's own measure
    length: np.ndarray  # int32 (episodes,): steps


class Recording(NamedTuple):
    """One episode of T steps."""

    states: Any  # leaves (T + 1, ...): from the reset to the state after the last step
    rewards: np.ndarray  # float32 (T,): the mean over the agents


def learned_policy(trainer: Trainer, actor_params: Any, greedy: bool = False) -> Policy:
    """The policy of a trained team; actions are sampled unless `greedy`."""
    act = _Learned(trainer.view, trainer.team, greedy)
    return Policy(act, actor_params, trainer.team.initial_memory(1))


@dataclass(frozen=True)
class _Learned:
    view: Viewer
    team: Team
    greedy: bool

    def __call__(
        self, params: Any, memory: Array, obs: dict[str, Array], state: Any, key: Array
    ) -> tuple[Array, dict[str, Array]]:
        view = jax.tree.map(lambda x: x[None], self.view(obs, state))
        memory, parameters = self.team.act_once(params, memory, view, jnp.zeros(1, bool))
        kind = self.view.distribution
        actions = kind.mode(parameters[0]) if self.greedy else kind.sample(key, parameters[0])
        return memory, unstack_agents(kind.to_env(actions), self.view.env.agents)


def random_policy(task: Task) -> Policy:
    """The policy that draws available actions uniformly."""
    return Policy(_Random(task.make()))


@dataclass(frozen=True)
class _Random:
    env: Env

    def __call__(
        self, params: Any, memory: Any, obs: dict[str, Array], state: Any, key: Array
    ) -> tuple[Any, dict[str, Array]]:
        kind = make_distribution(self.env.action_space(self.env.agents[0]))
        actions = kind.uniform(key, masks(self.env, kind, state))
        return memory, unstack_agents(actions, self.env.agents)


def scripted_policy(task: Task) -> Policy:
    """The policy of the task's script, which sees the whole state.

    Raises:
        ValueError: the task has no script.
    """
    if task.script is None:
        raise ValueError(f"task {task.name!r} has no scripted policy")
    return Policy(_Scripted(task.make(), task.script))


@dataclass(frozen=True)
class _Scripted:
    env: Env
    script: Callable[[Any, Any], dict[str, Array]]

    def __call__(
        self, params: Any, memory: Any, obs: dict[str, Array], state: Any, key: Array
    ) -> tuple[Any, dict[str, Array]]:
        return memory, self.script(self.env, state)


def evaluate(task: Task, policy: Policy, key: Array, episodes: int = 256) -> Episodes:
    """Plays whole episodes in parallel.

    Args:
        task: the task.
        policy: how the team acts.
        key: one PRNG key.
        episodes: how many episodes.

    Returns:
        Their totals, arrays (episodes,).

    Raises:
        ValueError: the agents are of several teams, which share no return.
    """
    check_one_team(task.name, task.make())
    keys = jax.random.split(key, episodes)
    totals = _play_all(task, policy.act, policy.params, policy.memory, keys)
    return Episodes(*(np.asarray(total) for total in totals))


def record(task: Task, policy: Policy, key: Array) -> Recording:
    """Plays one episode of T steps and keeps its states, leaves (T + 1, ...).

    Raises:
        ValueError: the agents are of several teams, which share no return.
    """
    check_one_team(task.name, task.make())
    states, rewards, _, alive = _record(task, policy.act, policy.params, policy.memory, key)
    steps = int(np.sum(alive))
    kept = jax.tree.map(lambda x: x[: steps + 1], states)
    return Recording(kept, np.asarray(rewards)[:steps])


@partial(jax.jit, static_argnums=(0, 1))
def _play_all(
    task: Task, act: Any, params: Any, memory: Any, keys: Array
) -> tuple[Array, Array, Array]:
    """The fields of `Episodes`, (episodes,) each, from one key an episode.

    It is compiled once for all parameters of the same shapes.
    """

    def play(key: Array) -> tuple[Array, Array, Array]:
        _, rewards, scores, alive = _play(task, Policy(act, params, memory), key, False)
        return jnp.sum(rewards), jnp.sum(scores), jnp.sum(alive, dtype=jnp.int32)

    return jax.vmap(play)(keys)


@partial(jax.jit, static_argnums=(0, 1))
def _record(
    task: Task, act: Any, params: Any, memory: Any, key: Array
) -> tuple[Any, Array, Array, Array]:
    """`_play`, compiled, with states: leaves (T + 1, ...)."""
    return _play(task, Policy(act, params, memory), key, True)


def _play(
    task: Task, policy: Policy, key: Array, keep_states: bool
) -> tuple[Any, Array, Array, Array]:
    """One episode, padded with zeros to the task's length T.

    Returns:
        States, leaves (T + 1, ...), or () without `keep_states`; rewards and scores, float32 (T,);
        and whether the episode was still running before each step, bool (T,).
    """
    env = task.make()
    reset_key, steps_key = jax.random.split(key)
    obs, state = env.reset(reset_key)

    def step(carry: Any, key: Array) -> tuple[Any, Any]:
        obs, state, memory, alive = carry
        action_key, env_key = jax.random.split(key)
        memory, actions = policy.act(policy.params, memory, obs, state, action_key)
        obs, state, rewards, dones, info = env.step_env(env_key, state, actions)
        reward = jnp.mean(stack_agents(rewards, env.agents))
        score = task.score(reward, info)
        kept = state if keep_states else ()
        out = (kept, jnp.where(alive, reward, 0.0), jnp.where(alive, score, 0.0), alive)
        return (obs, state, memory, alive & ~dones["__all__"]), out

    carry = (obs, state, policy.memory, jnp.bool_(True))
    _, (states, rewards, scores, alive) = jax.lax.scan(
        step, carry, jax.random.split(steps_key, task.episode_length)
    )
    if keep_states:
        states = jax.tree.map(lambda x, xs: jnp.concatenate([x[None], xs]), state, states)
    return states, rewards, scores, alive


def reference_scores(task: Task, episodes: int, seed: int = 0) -> dict[str, Episodes]:
    """Episodes of the reference policies by name: random, and the task's script if it has one."""
    key = jax.random.key(seed)
    scores = {"random": evaluate(task, random_policy(task), key, episodes)}
    if task.script is not None:
        played = task if task.script_make is None else replace(task, make=task.script_make)
        scores[task.script_name] = evaluate(played, scripted_policy(played), key, episodes)
    return scores


class Trained(NamedTuple):
    """A trained team, from a run or from an exported file."""

    trainer: Trainer
    actor: Any  # the actors' parameters, a pytree of float32
    title: str  # for pictures

    def policy(self, greedy: bool = False) -> Policy:
        """The team's policy; actions are sampled unless `greedy`."""
        return learned_policy(self.trainer, self.actor, greedy)

    @property
    def seat(self) -> Seat:
        """How the team acts in any environment whose agents see what its own do."""
        return Seat(self.trainer.view, self.trainer.team)

    def member(self) -> Policies:
        """The team as a member of a pool of `wrappers.Opponents`; actions are sampled."""
        seat = self.seat
        return Policies(jax.tree.map(lambda x: x[None], self.actor), seat, seat.memory)

    def start(self, batch: int | None = None) -> Array:
        """What the team remembers at the start of an episode, for `act`.

        Args:
            batch: environments side by side, B; None: one alone.

        Returns:
            float32 (B, n, hidden or 0), or without B.
        """
        memory = jnp.asarray(self.seat.memory)
        return memory if batch is None else jnp.broadcast_to(memory, (batch, *memory.shape))

    def act(
        self,
        memory: Array,
        obs: dict[str, Array],
        available: dict[str, Array] | None = None,
        key: Array | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """One step of the team; can be compiled and mapped.

        Args:
            memory: what `start` or the last `act` returned.
            obs: the agents' observations by their names, as the environment gives them, (B, ...) or
                without B; others such as "world_state" are passed over. Those of another team of as
                many agents will do.
            available: their masks of actions; None if all are.
            key: a PRNG key to sample actions; None for the likeliest.

        Returns:
            What the team remembers then, and each agent's action.
        """
        own = self.trainer.env.agents
        team = [agent for agent in own if agent in obs] or [a for a in obs if a != "world_state"]
        obs = {agent: obs[agent] for agent in team}
        if memory.ndim == 2:
            return self.seat(self.actor, memory, obs, available, key)
        keys = None if key is None else jax.random.split(key, memory.shape[0])
        return jax.vmap(partial(self.seat, self.actor))(memory, obs, available, keys)


def player(task: Task, config: Config) -> Trainer:
    """A trainer of which only the actors are of use: with one environment, against the task's own.

    Where a task has no opponents of its own, every team is played.
    """
    opponents = "self" if len(teams_of(task.make())) > 1 else "task"
    return Trainer(
        task,
        config.replace(
            num_envs=jax.device_count(), minibatches=1, stagger=False, opponents=opponents
        ),
    )


def trained_run(folder: Path) -> Trained:
    """The team of a run's newest whole checkpoint.

    Raises:
        RunError: the folder holds no run.
        CheckpointError: it has no whole checkpoint.
    """
    task, config = read_run(folder)
    if config.opponents == "task":
        trainer, state = load_run(folder)
        return Trained(trainer, state.params["actor"], f"{task.name}, {config.algo}")
    trainer = player(task, config)
    arrays, _, skipped = read_newest(folder / "checkpoints")
    for message in skipped:
        print(message, file=sys.stderr)
    prefix = ".params['actor']"
    own = {name[len(prefix) :]: x for name, x in arrays.items() if name.startswith(prefix)}
    like = jax.eval_shape(trainer.init, jax.random.key(0)).params["actor"]
    title = f"{task.name}, {config.algo}, opponents {config.opponents}"
    return Trained(trainer, from_arrays(own, like), title)


def record_episode(team: Trained, seed: int = 0, greedy: bool = False) -> dict[str, Any]:
    """Plays one episode with a trained team.

    Args:
        team: the team.
        seed: seed of the episode.
        greedy: take the likeliest actions instead of sampling.

    Returns:
        A scene, for `wrappers.save_scene` and `wrappers.show`.

    Raises:
        ValueError: the environment has no `scene`, so that it cannot be drawn.
    """
    from wrappers.viewing.rendering import check_drawn

    task, env = team.trainer.task, team.trainer.env
    check_drawn(env)
    played = record(task, team.policy(greedy), jax.random.key(seed))
    return env.scene(played.states, played.rewards, title=team.title)  # pyright: ignore[reportAttributeAccessIssue]


def evaluate_team(
    team: Trained, episodes: int = 256, seed: int = 0, greedy: bool = False
) -> Episodes:
    """Plays whole episodes in parallel with a trained team.

    Args:
        team: the team.
        episodes: how many episodes.
        seed: seed of the episodes.
        greedy: take the likeliest actions instead of sampling.

    Returns:
        The totals of the episodes, arrays (episodes,).
    """
    return evaluate(team.trainer.task, team.policy(greedy), jax.random.key(seed), episodes)


def on_task(team: Trained, task: Task) -> Trained:
    """A trained team on another task than its own, such as one with unseen levels.

    Raises:
        RunError: the task's agents, observations or actions differ from those of its own task.
    """
    own = team.trainer
    trainer = player(task, own.config)
    wanted = jax.eval_shape(trainer.init, jax.random.key(0)).params["actor"]
    shapes = [jax.tree.map(lambda x: x.shape, actor) for actor in (wanted, team.actor)]
    if own.env.agents != trainer.env.agents or shapes[0] != shapes[1]:
        raise RunError(
            f"a team of {own.task.name} cannot play {task.name}: the number of agents, their "
            "observations or their actions differ"
        )
    return Trained(
        trainer, team.actor, f"{task.name}, {own.config.algo}, trained on {own.task.name}"
    )


def evaluate_run(folder: Path, episodes: int, seed: int, greedy: bool) -> Episodes:
    """Evaluates a run's newest whole checkpoint; arrays (episodes,).

    Raises:
        RunError: the folder holds no run.
        CheckpointError: it has no whole checkpoint.
    """
    return evaluate_team(trained_run(folder), episodes, seed, greedy)
