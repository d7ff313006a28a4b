"""The update: epochs of minibatches over one rollout, for the actor and the critic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from mars_demo.learning.config import Config
from mars_demo.learning.diagnostics import RatioStatistics, ratio_metrics, ratio_statistics
from mars_demo.learning.networks import Critic
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.learning.returns import normalise
from mars_demo.learning.rollout import View
from mars_demo.learning.sharding import ALONE, Shards
from mars_demo.learning.team import Team


class Batch(NamedTuple):
    """What the losses need of a rollout: T steps of E environments with n agents each."""

    view: View  # leaves (T, E, ...)
    memory: Array  # float32 (E, ...): the actors' memory before the first step
    first: Array  # bool (T, E): the first step of an episode
    action: Array  # (T, E, n, ...): as the distribution draws it
    log_prob: Array  # float32 (T, E, n): of the action under the policy that drew it
    advantage: Array  # float32 (T, E): joint, one for all agents
    value_target: Array  # float32 (T, E): what the critic learns


Params = dict[str, Any]
"""`{"actor": ..., "critic": ...}`; leaves of the actor have the policies as their first axis."""


def make_optimiser(config: Config) -> optax.GradientTransformation:
    """Adam with gradient-norm clipping, separate for the actor and the critic."""
    gradient_steps = config.num_updates * config.epochs * config.minibatches
    final = 0.0 if config.lr_decay else config.lr
    schedule = optax.linear_schedule(config.lr, final, gradient_steps)

    def adam() -> optax.GradientTransformation:
        return optax.chain(
            optax.clip_by_global_norm(config.max_grad_norm), optax.adam(schedule, eps=1e-5)
        )

    return optax.multi_transform(
        {"actor": adam(), "critic": adam()}, {"actor": "actor", "critic": "critic"}
    )


def make_loss(
    config: Config, team: Team, critic: Critic, shards: Shards = ALONE
) -> Callable[[Params, Batch], tuple[Array, tuple[dict[str, Array], RatioStatistics]]]:
    """Builds `loss(params, batch) -> (loss, (means, statistics))`; losses and means float32 ().

    The actor's loss is the negative mean of the surrogate objective over time, environments and
    agents, minus the entropy bonus. Each agent has its own ratio and the joint advantage of its
    environment. An agent without a choice (a dead one) made no decision: it is left out of these
    means and of the statistics. The critic's loss is half the mean squared error to the returns.
    Actor and critic share no parameters, so one gradient serves both.

    On several devices each has a part of the batch. Losses are scaled so that their mean over the
    devices is that of the whole batch, and likewise for gradients.
    """
    objective = OBJECTIVES[config.algo]
    distribution = team.actor.distribution

    def loss(params: Params, batch: Batch) -> tuple[Array, Any]:
        decides = batch.view.decides
        deciders = shards.mean(jnp.sum(decides, dtype=jnp.float32))

        def mean(values: Array) -> Array:
            return jnp.sum(jnp.where(decides, values, 0.0)) / jnp.maximum(deciders, 1.0)

        _, parameters = team.act(params["actor"], batch.memory, batch.view, batch.first)
        log_prob = distribution.log_prob(parameters, batch.action)
        log_ratio = jnp.where(decides, log_prob - batch.log_prob, 0.0)
        advantage = jnp.broadcast_to(batch.advantage[..., None], log_ratio.shape)
        surrogate = mean(objective(log_ratio, advantage, config.eps))
        bonus = mean(distribution.entropy(parameters))
        values: Array = critic.apply(params["critic"], batch.view.world_state)  # pyright: ignore[reportAssignmentType]
        value_loss = 0.5 * jnp.mean(jnp.square(values - batch.value_target))
        means = {"surrogate": surrogate, "entropy": bonus, "value_loss": value_loss}
        statistics = ratio_statistics(objective, log_ratio, advantage, config.eps, decides)
        return value_loss - surrogate - config.entropy * bonus, (means, statistics)

    return loss


def update(
    config: Config,
    team: Team,
    critic: Critic,
    params: Params,
    opt_state: optax.OptState,
    batch: Batch,
    key: Array,
    shards: Shards = ALONE,
) -> tuple[Params, optax.OptState, dict[str, Array]]:
    """`epochs` passes over the batch, each in `minibatches` random groups of whole sequences.

    Args:
        config: the run's configuration.
        team: the actors.
        critic: the critic.
        params: what is trained.
        opt_state: the state of `make_optimiser(config)`.
        batch: the rollout, leaves (T, E, ...); on several devices this device's part.
        key: one PRNG key; on several devices each has its own.
        shards: the devices that share the batch.

    Returns:
        New parameters, new optimiser state, and metrics, float32 () each: `surrogate`, `entropy`,
        `value_loss` and `grad_norm` (of the actor), which are means over all gradient steps, and
        those of `ratio_metrics`.
    """
    optimiser = make_optimiser(config)
    gradient = jax.grad(make_loss(config, team, critic, shards), has_aux=True)

    def step(carry: tuple[Params, optax.OptState], envs: Array) -> tuple[Any, Any]:
        params, opt_state = carry
        chosen = _select(batch, envs)
        if config.advantage_norm == "minibatch":
            chosen = chosen._replace(advantage=normalised(chosen, shards))
        grads, (means, statistics) = gradient(params, chosen)
        grads = shards.mean(grads)
        updates, opt_state = optimiser.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        return (params, opt_state), (
            means | {"grad_norm": optax.tree.norm(grads["actor"])},
            statistics,
        )

    if config.advantage_norm == "rollout":
        batch = batch._replace(advantage=normalised(batch, shards))
    groups = minibatch_groups(key, batch.first.shape[1], config.epochs, config.minibatches)
    (params, opt_state), (means, statistics) = jax.lax.scan(step, (params, opt_state), groups)
    metrics = shards.mean(jax.tree.map(jnp.mean, means)) | ratio_metrics(statistics, shards)
    return params, opt_state, metrics


def minibatch_groups(key: Array, num_envs: int, epochs: int, minibatches: int) -> Array:
    """The environments of each gradient step: int32 (epochs * minibatches, num_envs / minibatches).

    Each epoch takes every environment once, in its own random order.
    """
    keys = jax.random.split(key, epochs)
    orders = jax.vmap(lambda k: jax.random.permutation(k, num_envs))(keys)
    return orders.reshape(epochs * minibatches, -1)


def normalised(batch: Batch, shards: Shards) -> Array:
    """The advantages (T, E) of a batch, each weighted by its number of deciding agents."""
    deciders = jnp.sum(batch.view.decides, axis=-1, dtype=jnp.float32)
    return normalise(batch.advantage, deciders, shards)


def _select(batch: Batch, envs: Array) -> Batch:
    """The sequences of the environments with the indices `envs`, int32 (group size,)."""
    picked = jax.tree.map(lambda x: x[:, envs], batch._replace(memory=()))
    return picked._replace(memory=batch.memory[envs])
