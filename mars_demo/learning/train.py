"""One training step: collect a rollout, estimate its returns, update the policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from mars_demo.learning.config import Config, check_config
from mars_demo.learning.distributions import Distribution, make_distribution
from mars_demo.learning.league import judge, learning_env, make_league
from mars_demo.learning.networks import Actor, Critic
from mars_demo.learning.returns import generalised_advantages, moments
from mars_demo.learning.rollout import Env, Progress, Transition, Viewer, collect, stagger, start
from mars_demo.learning.sharding import REPLICATED, SHARDED, Shards, place, shard
from mars_demo.learning.task import Task
from mars_demo.learning.team import Team, group_agents
from mars_demo.learning.update import Batch, Params, make_optimiser, update
from mars_demo.learning.value_scale import ValueScale, identity_scale, rescale, update_scale
from wrappers import AutoReset


class TrainState(NamedTuple):
    """All that a run needs to go on exactly as if it had never stopped."""

    params: Params
    opt_state: optax.OptState
    value_scale: ValueScale
    progress: Progress
    key: Array
    updates: Array  # int32 (): updates done
    league: Any = ()  # a `Standing`, with `--opponents league`


class Trainer:
    """A task, a configuration, and the two pure functions that they make: `init` and `step`.

    Args:
        task: what to train on.
        config: how.
        devices: what to train on, all of every machine where None; each gets its share of the
            environments.

    Attributes:
        env: the task's environment.
        view: what the environment shows them.
        team: the agents' actors.
        critic: values world states.
        init: `init(key) -> TrainState`.
        step: `step(state) -> (state, metrics)`, one update; `metrics` are float32 scalars.
        place: `place(state) -> state`, on the devices as `step` takes it; for one from a file.
    """

    def __init__(self, task: Task, config: Config, devices: Sequence[Any] | None = None) -> None:
        check_config(config)
        self.task, self.config = task, config
        self.env = learning_env(task, config.opponents)
        distribution = _same_distribution(task, self.env, config)
        encodings = (task.encode, task.encode_world) if config.encode else (_flatten, _flatten)
        self.view = Viewer(
            self.env, distribution, *encodings, config.agent_id, config.critic_observations
        )
        images = (task.image, task.world_image) if config.encode else (None, None)
        actor = Actor(distribution, config.hidden, config.network == "gru", images[0])
        self.team = Team(actor, group_agents(self.env, config.policies))
        self.league = None
        if config.opponents == "league":
            self.league = make_league(task, self.view, self.team)
        self.critic = Critic(config.hidden, images[1])
        devices = jax.devices() if devices is None else devices
        self.shards = Shards(len(devices))
        check_shares(config, self.shards)
        replicated: Any = REPLICATED
        whole = TrainState(*[replicated] * len(TrainState._fields))
        whole = whole._replace(progress=SHARDED)
        self.init: Callable[[Array], TrainState] = shard(self._init, devices, REPLICATED, whole)
        self.step: Callable[[TrainState], tuple[TrainState, dict[str, Array]]] = shard(
            self._step, devices, (whole,), (whole, REPLICATED), donate_argnums=0
        )
        self.place: Callable[[TrainState], TrainState] = partial(
            place, devices=devices, specs=whole
        )

    def started_from(self, state: TrainState, actor: Any) -> TrainState:
        """A run as it begins, by a trained team's actor; ValueError if that is of another shape."""
        shapes = [jax.tree.map(jnp.shape, tree) for tree in (state.params["actor"], actor)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "the team to start from was trained on other observations or actions than those "
                f"of {self.task.name}, or its network is another; valid: --hidden, --network, "
                "--policies and --agent-id as it was trained with"
            )
        # Copies, and no array twice: a step takes the memory of its state.
        league = state.league if self.league is None else jax.jit(self.league.start)(actor)
        params = state.params | {"actor": jax.tree.map(jnp.array, actor)}
        return self.place(state._replace(params=params, league=league))

    def _init(self, key: Array) -> TrainState:
        key, actor_key, critic_key, start_key, stagger_key = jax.random.split(key, 5)
        own = self.shards.own_key
        rows = self.shards.share(self.config.num_envs) * self.view.sides.count
        memory = self.team.initial_memory(rows)
        env = AutoReset(self.env)
        progress = start(env, self.view, memory, own(start_key))
        view = jax.tree.map(lambda x: x[None], progress.view)
        params = {
            "actor": self.team.init(actor_key, view),
            "critic": self.critic.init(critic_key, view.world_state),
        }
        standing = ()
        if self.league is not None:
            standing = self.league.start(params["actor"])
            env = AutoReset(self.league.env(standing))
            progress = start(env, self.view, memory, own(start_key))
        if self.config.stagger:
            length = self.task.episode_length
            progress = stagger(env, self.view, progress, own(stagger_key), length)
        opt_state = make_optimiser(self.config).init(params)
        updates = jnp.zeros((), jnp.int32)
        return TrainState(params, opt_state, identity_scale(), progress, key, updates, standing)

    def _step(self, state: TrainState) -> tuple[TrainState, dict[str, Array]]:
        key, rollout_key, update_key = jax.random.split(state.key, 3)
        progress, rollout = self._collect(state, self.shards.own_key(rollout_key))
        params, scale, batch, explained = self._estimate(state, rollout)
        params, opt_state, metrics = update(
            self.config,
            self.team,
            self.critic,
            params,
            state.opt_state,
            batch,
            self.shards.own_key(update_key),
            self.shards,
        )
        metrics |= {"explained_variance": explained}
        begun = state.updates if self.config.stagger else None
        metrics |= self.shards.sum(finished_episodes(rollout, begun))
        standing = state.league
        if self.league is not None:
            played = standing, params["actor"], rollout.outcome, rollout.done
            standing, of_league = self.league.follow(*played, self.shards)
            metrics |= of_league
        updates = state.updates + 1
        return TrainState(params, opt_state, scale, progress, key, updates, standing), metrics

    def _collect(self, state: TrainState, key: Array) -> tuple[Progress, Transition]:
        env = self.env if self.league is None else self.league.env(state.league)
        return collect(
            AutoReset(env),
            self.view,
            self.task.score,
            partial(self.team.act_once, state.params["actor"]),
            state.progress,
            key,
            self.config.rollout_steps,
            None if self.league is None else judge,
        )

    def _estimate(
        self, state: TrainState, rollout: Transition
    ) -> tuple[Params, ValueScale, Batch, Array]:
        """Advantages and returns of a rollout, in the scale that they ask for.

        Returns:
            Parameters and the value scale (changed only with `value_norm`), what the update needs,
            and the share of the returns' variance that the values explain.
        """
        scale, critic = state.value_scale, state.params["critic"]

        def values(world_state: Array) -> Array:
            units: Array = self.critic.apply(critic, world_state)  # pyright: ignore[reportAssignmentType]
            return scale.mean + scale.deviation * units

        value_t = values(rollout.view.world_state)
        advantage = generalised_advantages(
            rollout.reward,
            value_t,
            values(rollout.next_world_state),
            rollout.terminated,
            rollout.done,
            self.config.gamma,
            self.config.gae_lambda,
        )
        target = advantage + value_t
        (_, unexplained), (_, variance) = (moments(x, self.shards) for x in (advantage, target))
        explained = 1.0 - unexplained / (variance + 1e-8)
        if self.config.value_norm:
            scale = update_scale(scale, target, self.shards)
            critic = rescale(critic, state.value_scale, scale)
        batch = Batch(
            view=rollout.view,
            memory=state.progress.memory,
            first=rollout.first,
            action=rollout.action,
            log_prob=rollout.log_prob,
            advantage=advantage,
            value_target=(target - scale.mean) / scale.deviation,
        )
        return state.params | {"critic": critic}, scale, batch, explained


def _same_distribution(task: Task, env: Env, config: Config) -> Distribution:
    """The distribution of every agent's actions; ValueError if agents differ in it."""
    try:
        kinds = [make_distribution(env.action_space(agent), config.squash) for agent in env.agents]
    except ValueError as error:
        raise ValueError(f"{task.name}: {error}") from None
    for agent, kind in zip(env.agents, kinds, strict=True):
        if kind != kinds[0]:
            raise ValueError(
                f"{task.name}: actions of {agent} are {kind}, those of {env.agents[0]} {kinds[0]}; "
                "valid: the same actions for all agents"
            )
    return kinds[0]


def check_shares(config: Config, shards: Shards) -> None:
    """Raises ValueError unless every device gets whole minibatches of environments."""
    unit = shards.count * config.minibatches
    if config.num_envs % unit:
        nearest = max(unit, round(config.num_envs / unit) * unit)
        raise ValueError(
            f"num_envs must be a multiple of devices x minibatches ({shards.count} x "
            f"{config.minibatches}), got {config.num_envs}; nearest: {nearest}"
        )


def finished_episodes(rollout: Transition, updates: Array | None) -> dict[str, Array]:
    """Count of the episodes that ended in a rollout, and sums of their totals.

    Args:
        rollout: leaves (T, E, ...).
        updates: int32 (), those before this rollout, of a run that began with episodes under way:
            what is left of these is not counted. None where all were new.
    """
    ended = rollout.done
    if updates is not None:
        # Those have lasted as long as the run. Division, because the product may overflow.
        num_steps = ended.shape[0]
        steps = jnp.arange(1, num_steps + 1, dtype=jnp.int32)[:, None]
        ended &= (rollout.episode.length - steps) // num_steps < updates
    return {
        "episodes": jnp.sum(ended, dtype=jnp.float32),
        "return_sum": jnp.sum(jnp.where(ended, rollout.episode.reward, 0.0)),
        "score_sum": jnp.sum(jnp.where(ended, rollout.episode.score, 0.0)),
        "length_sum": jnp.sum(jnp.where(ended, rollout.episode.length, 0), dtype=jnp.float32),
    }


def _flatten(observation: Array) -> Array:
    return observation.reshape(-1).astype(jnp.float32)
