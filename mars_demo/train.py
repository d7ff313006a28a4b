"""One training step: collect a rollout, estimate its returns, update the policy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxmarl.environments.spaces import Discrete

from mars_demo.config import Config, check_config
from mars_demo.networks import Actor, Critic
from mars_demo.returns import generalised_advantages, normalise
from mars_demo.rollout import Progress, Transition, Viewer, collect, stagger, start
from mars_demo.tasks import Task
from mars_demo.team import Team, group_agents
from mars_demo.update import Batch, Params, make_optimiser, update
from wrappers import AutoReset


class TrainState(NamedTuple):
    """All that a run needs to go on exactly as if it had never stopped."""

    params: Params
    opt_state: optax.OptState
    progress: Progress
    key: Array
    updates: Array  # int32 (): updates done


class Trainer:
    """A task, a configuration, and the two pure functions that they make: `init` and `step`.

    Attributes:
        env: the task's environment.
        view: what the environment shows them.
        team: the agents' actors.
        critic: values world states.
        init: `init(key) -> TrainState`.
        step: `step(state) -> (state, metrics)`, one update; `metrics` are float32 scalars.
    """

    def __init__(self, task: Task, config: Config):
        check_config(config)
        self.task, self.config = task, config
        self.env = task.make()
        encodings = (task.encode, task.encode_world) if config.encode else (_flatten, _flatten)
        self.view = Viewer(self.env, *encodings, config.agent_id)
        actions = self.env.action_space(self.env.agents[0])
        if not isinstance(actions, Discrete):
            raise ValueError(f"{task.name} has actions {actions}; the trainer knows Discrete only")
        actor = Actor(actions.n, config.hidden, config.network == "gru")
        self.team = Team(actor, group_agents(self.env, config.policies))
        self.critic = Critic(config.hidden)
        self.init: Callable[[Array], TrainState] = jax.jit(self._init)
        self.step: Callable[[TrainState], tuple[TrainState, dict[str, Array]]] = jax.jit(
            self._step, donate_argnums=0
        )

    def _init(self, key: Array) -> TrainState:
        key, actor_key, critic_key, start_key, stagger_key = jax.random.split(key, 5)
        env = AutoReset(self.env)
        memory = self.team.initial_memory(self.config.num_envs)
        progress = start(env, self.view, memory, start_key)
        if self.config.stagger:
            progress = stagger(env, self.view, progress, stagger_key, self.task.episode_length)
        view = jax.tree.map(lambda x: x[None], progress.view)
        params = {
            "actor": self.team.init(actor_key, view),
            "critic": self.critic.init(critic_key, view.world_state),
        }
        opt_state = make_optimiser(self.config).init(params)
        return TrainState(params, opt_state, progress, key, jnp.zeros((), jnp.int32))

    def _step(self, state: TrainState) -> tuple[TrainState, dict[str, Array]]:
        key, rollout_key, update_key = jax.random.split(state.key, 3)
        progress, rollout = self._collect(state, rollout_key)
        batch, explained = self._estimate(state, rollout)
        params, opt_state, metrics = update(
            self.config, self.team, self.critic, state.params, state.opt_state, batch, update_key
        )
        metrics |= {"explained_variance": explained} | finished_episodes(rollout)
        return TrainState(params, opt_state, progress, key, state.updates + 1), metrics

    def _collect(self, state: TrainState, key: Array) -> tuple[Progress, Transition]:
        return collect(
            AutoReset(self.env),
            self.view,
            self.task.score,
            partial(self.team.act_once, state.params["actor"]),
            state.progress,
            key,
            self.config.rollout_steps,
        )

    def _estimate(self, state: TrainState, rollout: Transition) -> tuple[Batch, Array]:
        """Values, advantages and returns of a rollout, and the variance that values explain."""
        values = partial(self.critic.apply, state.params["critic"])
        value_t: Array = values(rollout.view.world_state)  # pyright: ignore[reportAssignmentType]
        next_value_t: Array = values(rollout.next_world_state)  # pyright: ignore[reportAssignmentType]
        advantage = generalised_advantages(
            rollout.reward,
            value_t,
            next_value_t,
            rollout.terminated,
            rollout.done,
            self.config.gamma,
            self.config.gae_lambda,
        )
        target = advantage + value_t
        explained = 1.0 - jnp.var(advantage) / (jnp.var(target) + 1e-8)
        deciders = jnp.sum(rollout.view.decides, axis=-1, dtype=jnp.float32)
        batch = Batch(
            view=rollout.view,
            memory=state.progress.memory,
            first=rollout.first,
            action=rollout.action,
            log_prob=rollout.log_prob,
            advantage=normalise(advantage, deciders),
            value_target=target,
        )
        return batch, explained


def finished_episodes(rollout: Transition) -> dict[str, Array]:
    """Count of the episodes that ended in a rollout, and sums of their totals."""
    ended = rollout.done
    return {
        "episodes": jnp.sum(ended, dtype=jnp.float32),
        "return_sum": jnp.sum(jnp.where(ended, rollout.episode.reward, 0.0)),
        "score_sum": jnp.sum(jnp.where(ended, rollout.episode.score, 0.0)),
        "length_sum": jnp.sum(jnp.where(ended, rollout.episode.length, 0), dtype=jnp.float32),
    }


def _flatten(observation: Array) -> Array:
    return observation.reshape(-1).astype(jnp.float32)
