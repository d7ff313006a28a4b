"""Playing whole episodes: learned, random and scripted policies, measured and recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.learning.distributions import make_distribution
from mars_demo.learning.rollout import Env, Viewer, masks, stack_agents, unstack_agents
from mars_demo.learning.task import Task, check_one_team
from mars_demo.learning.team import Team
from mars_demo.learning.train import Trainer
from mars_demo.runs.folder import RunError, load_run


class Policy(NamedTuple):
    """How a team acts in one environment.

    `act(params, memory, obs, state, key) -> (memory, actions)`, with the dict of observations, the
    environment's state (for scripts that may see everything), and a dict of actions. Policies with
    an equal `act` share what is compiled, whatever their parameters.
    """

    act: Callable[[Any, Any, dict[str, Array], Any, Array], tuple[Any, dict[str, Array]]]
    params: Any = ()
    memory: Any = ()


class Episodes(NamedTuple):
    """Totals of evaluated episodes, each of shape (episodes,)."""

    reward: np.ndarray  # float32: the team's return
    score: np.ndarray  # float32: the task's own measure
    length: np.ndarray  # int32


class Recording(NamedTuple):
    """One episode, step by step."""

    states: Any  # leaves (T + 1, ...): from the reset to the state after the last step
    rewards: np.ndarray  # float32 (T,)


def learned_policy(trainer: Trainer, actor_params: Any, greedy: bool = False) -> Policy:
    """A trained team; actions are sampled unless `greedy`."""
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
    """Uniform over the available actions."""
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
    """The task's full-information script; ValueError if it has none."""
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
    """Plays `episodes` whole episodes, side by side, and returns their totals.

    Raises:
        ValueError: the agents are of several teams, which have no total in common.
    """
    check_one_team(task.name, task.make())
    keys = jax.random.split(key, episodes)
    totals = _play_all(task, policy.act, policy.params, policy.memory, keys)
    return Episodes(*(np.asarray(total) for total in totals))


def record(task: Task, policy: Policy, key: Array) -> Recording:
    """Plays one episode and keeps its states; raises as `evaluate`."""
    check_one_team(task.name, task.make())
    states, rewards, _, alive = _record(task, policy.act, policy.params, policy.memory, key)
    steps = int(np.sum(alive))
    kept = jax.tree.map(lambda x: x[: steps + 1], states)
    return Recording(kept, np.asarray(rewards)[:steps])


@partial(jax.jit, static_argnums=(0, 1))
def _play_all(
    task: Task, act: Any, params: Any, memory: Any, keys: Array
) -> tuple[Array, Array, Array]:
    """An episode a key: the fields of `Episodes`. Compiled once for all parameters of a shape."""

    def play(key: Array) -> tuple[Array, Array, Array]:
        _, rewards, scores, alive = _play(task, Policy(act, params, memory), key, False)
        return jnp.sum(rewards), jnp.sum(scores), jnp.sum(alive, dtype=jnp.int32)

    return jax.vmap(play)(keys)


@partial(jax.jit, static_argnums=(0, 1))
def _record(
    task: Task, act: Any, params: Any, memory: Any, key: Array
) -> tuple[Any, Array, Array, Array]:
    return _play(task, Policy(act, params, memory), key, True)


def _play(
    task: Task, policy: Policy, key: Array, keep_states: bool
) -> tuple[Any, Array, Array, Array]:
    """One episode, padded to the task's length: states (T + 1), rewards, scores, alive (T)."""
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
    """The random policy and, where the task has one, its script, by their names."""
    key = jax.random.key(seed)
    scores = {"random": evaluate(task, random_policy(task), key, episodes)}
    if task.script is not None:
        played = task if task.script_make is None else replace(task, make=task.script_make)
        scores[task.script_name] = evaluate(played, scripted_policy(played), key, episodes)
    return scores


class Trained(NamedTuple):
    """A trained team, wherever it comes from."""

    trainer: Trainer
    actor: Any  # its parameters
    title: str

    def policy(self, greedy: bool = False) -> Policy:
        """How the team acts."""
        return learned_policy(self.trainer, self.actor, greedy)


def trained_run(folder: Path) -> Trained:
    """The team of a run's newest whole checkpoint; raises as `load_run` does."""
    trainer, state = load_run(folder)
    return Trained(trainer, state.params["actor"], f"{trainer.task.name}, {trainer.config.algo}")


def record_episode(team: Trained, seed: int = 0, greedy: bool = False) -> dict[str, Any]:
    """Plays one episode with a trained team.

    Args:
        team: who plays.
        seed: of the episode.
        greedy: take the likeliest actions instead of sampling.

    Returns:
        a scene, for `wrappers.save_scene` and `wrappers.show`.

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
    """Plays whole episodes with a trained team, side by side.

    Args:
        team: who plays.
        episodes: how many.
        seed: of the episodes.
        greedy: take the likeliest actions instead of sampling.
    """
    return evaluate(team.trainer.task, team.policy(greedy), jax.random.key(seed), episodes)


def on_task(team: Trained, task: Task) -> Trained:
    """A trained team on another task than its own, such as levels that it never saw.

    Raises:
        RunError: the task's agents, observations or actions are not those that it was trained on.
    """
    own = team.trainer
    # One environment, not staggered: its states are of no use here, only the actors' shapes.
    small = own.config.replace(num_envs=jax.device_count(), minibatches=1, stagger=False)
    trainer = Trainer(task, small)
    wanted = jax.eval_shape(trainer.init, jax.random.key(0)).params["actor"]
    shapes = [jax.tree.map(lambda x: x.shape, actor) for actor in (wanted, team.actor)]
    if own.env.agents != trainer.env.agents or shapes[0] != shapes[1]:
        raise RunError(
            f"a team of {own.task.name} cannot play {task.name}: the number of agents, or what "
            "they see or do, is another"
        )
    return Trained(trainer, team.actor, f"{task.name}, {small.algo}, trained on {own.task.name}")


def evaluate_run(folder: Path, episodes: int, seed: int, greedy: bool) -> Episodes:
    """Evaluates a run's newest whole checkpoint; raises as `load_run` does."""
    return evaluate_team(trained_run(folder), episodes, seed, greedy)
