"""Playing whole episodes: learned, random and scripted policies, measured and recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.rollout import stack_agents, unstack_agents
from mars_demo.run import load_run
from mars_demo.tasks import Task
from mars_demo.train import Trainer


class Policy(NamedTuple):
    """How a team acts in one environment.

    `act(memory, obs, state, key) -> (memory, actions)`, with the dict of observations, the
    environment's state (for scripts that may see everything), and a dict of actions.
    """

    memory: Any
    act: Callable[[Any, dict[str, Array], Any, Array], tuple[Any, dict[str, Array]]]


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
    """A trained actor; actions are sampled unless `greedy`."""
    agents = trainer.env.agents

    def act(memory: Array, obs: dict[str, Array], state: Any, key: Array) -> tuple[Any, Any]:
        view = jax.tree.map(lambda x: x[None], trainer.view(obs, state))
        memory, log_probs = trainer.act({"actor": actor_params}, memory, view, jnp.zeros(1, bool))
        best = jnp.argmax(log_probs[0], axis=-1)
        actions = best if greedy else jax.random.categorical(key, log_probs[0])
        return memory, unstack_agents(actions, agents)

    return Policy(trainer.team.initial_memory(1), act)


def random_policy(task: Task) -> Policy:
    """Uniform over the available actions."""
    env = task.make()

    def act(memory: Any, obs: dict[str, Array], state: Any, key: Array) -> tuple[Any, Any]:
        del obs
        available = stack_agents(env.get_avail_actions(state), env.agents)
        logits = jnp.where(available, 0.0, -jnp.inf)
        return memory, unstack_agents(jax.random.categorical(key, logits), env.agents)

    return Policy((), act)


def scripted_policy(task: Task) -> Policy:
    """The task's full-information script; ValueError if it has none."""
    if task.script is None:
        raise ValueError(f"task {task.name!r} has no scripted policy")
    script = partial(task.script, task.make())
    return Policy((), lambda memory, obs, state, key: (memory, script(state)))


def evaluate(task: Task, policy: Policy, key: Array, episodes: int = 256) -> Episodes:
    """Plays `episodes` whole episodes, side by side, and returns their totals."""
    _, rewards, scores, alive = jax.jit(jax.vmap(partial(_play, task, policy, keep_states=False)))(
        jax.random.split(key, episodes)
    )
    length = jnp.sum(alive, axis=1, dtype=jnp.int32)
    return Episodes(
        *(np.asarray(x) for x in (jnp.sum(rewards, axis=1), jnp.sum(scores, axis=1), length))
    )


def record(task: Task, policy: Policy, key: Array) -> Recording:
    """Plays one episode and keeps its states."""
    states, rewards, _, alive = jax.jit(partial(_play, task, policy, keep_states=True))(key)
    steps = int(np.sum(alive))
    kept = jax.tree.map(lambda x: x[: steps + 1], states)
    return Recording(kept, np.asarray(rewards)[:steps])


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
        memory, actions = policy.act(memory, obs, state, action_key)
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
    policies = {"random": random_policy(task)}
    if task.script is not None:
        policies[task.script_name] = scripted_policy(task)
    key = jax.random.key(seed)
    return {name: evaluate(task, policy, key, episodes) for name, policy in policies.items()}


def evaluate_run(folder: Path, episodes: int, seed: int, greedy: bool) -> Episodes:
    """Evaluates a run's newest whole checkpoint; raises as `load_run` does."""
    trainer, state = load_run(folder)
    policy = learned_policy(trainer, state.params["actor"], greedy)
    return evaluate(trainer.task, policy, jax.random.key(seed), episodes)
