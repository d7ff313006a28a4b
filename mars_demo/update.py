"""The update: epochs of minibatches over one rollout, for the actor and the critic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from mars_demo.config import Config
from mars_demo.networks import Critic, entropy
from mars_demo.objectives import OBJECTIVES
from mars_demo.rollout import View
from mars_demo.team import Team


class Batch(NamedTuple):
    """What the losses need of a rollout. Leaves (T, E, ...), but for `memory`, (E, ...)."""

    view: View
    memory: Array  # the actors' memory before the first step
    first: Array
    action: Array
    log_prob: Array
    advantage: Array
    value_target: Array


Params = dict[str, Any]  # {"actor": stacked over policies, "critic": ...}


def make_optimiser(config: Config) -> optax.GradientTransformation:
    """Adam with gradient-norm clipping, the actor and the critic each on their own."""
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
    config: Config, team: Team, critic: Critic
) -> Callable[[Params, Batch], tuple[Array, dict[str, Array]]]:
    """Builds `loss(params, batch) -> (loss, diagnostics)`.

    The actor's loss is the negative mean of the surrogate objective over time, environments and
    agents, each agent's own ratio weighted by its environment's joint advantage, less the
    entropy bonus. An agent without a choice (a dead one) made no decision: it is left out of
    these means and of the diagnostics. The critic's loss is half the mean squared error to the
    returns. They share no parameters, so one gradient serves both.
    """
    objective = OBJECTIVES[config.algo]

    def loss(params: Params, batch: Batch) -> tuple[Array, dict[str, Array]]:
        _, log_probs = team.act(params["actor"], batch.memory, batch.view, batch.first)
        log_prob = jnp.take_along_axis(log_probs, batch.action[..., None], axis=-1)[..., 0]
        decides = batch.view.decides
        log_ratio = jnp.where(decides, log_prob - batch.log_prob, 0.0)
        advantage = jnp.broadcast_to(batch.advantage[..., None], log_ratio.shape)
        surrogate = _mean(objective(log_ratio, advantage, config.eps), decides)
        bonus = _mean(entropy(log_probs), decides)
        values: Array = critic.apply(params["critic"], batch.view.world_state)  # pyright: ignore[reportAssignmentType]
        value_loss = 0.5 * jnp.mean(jnp.square(values - batch.value_target))
        ratio = jnp.exp(log_ratio)
        diagnostics = {
            "surrogate": surrogate,
            "entropy": bonus,
            "value_loss": value_loss,
            "kl": _mean(ratio - 1.0 - log_ratio, decides),  # Schulman's low-variance estimate
            "ratio_min": jnp.min(ratio),
            "ratio_max": jnp.max(ratio),
        }
        return value_loss - surrogate - config.entropy * bonus, diagnostics

    return loss


def _mean(values: Array, counts: Array) -> Array:
    """Mean of the values where `counts` (bool, same shape) is true; 0 where it never is."""
    total = jnp.sum(jnp.where(counts, values, 0.0))
    return total / jnp.maximum(jnp.sum(counts, dtype=values.dtype), 1.0)


def update(
    config: Config,
    team: Team,
    critic: Critic,
    params: Params,
    opt_state: optax.OptState,
    batch: Batch,
    key: Array,
) -> tuple[Params, optax.OptState, dict[str, Array]]:
    """`epochs` passes over the batch in `minibatches` random groups of whole sequences.

    Returns:
        New parameters, new optimiser state, and diagnostics: means over all gradient steps but
        for `ratio_min`, `ratio_max` (extremes over them) and `first_ratio_error` (max |r - 1| in
        the very first minibatch, where the policy has not moved yet: 0 up to rounding).
    """
    optimiser = make_optimiser(config)
    gradient = jax.grad(make_loss(config, team, critic), has_aux=True)

    def step(carry: tuple[Params, optax.OptState], envs: Array) -> tuple[Any, dict[str, Array]]:
        params, opt_state = carry
        grads, diagnostics = gradient(params, _select(batch, envs))
        updates, opt_state = optimiser.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        norm = {"grad_norm": optax.tree.norm(grads["actor"])}
        return (params, opt_state), diagnostics | norm

    groups = jax.vmap(lambda k: jax.random.permutation(k, config.num_envs))(
        jax.random.split(key, config.epochs)
    ).reshape(config.epochs * config.minibatches, -1)
    (params, opt_state), logs = jax.lax.scan(step, (params, opt_state), groups)
    ratio_error = jnp.maximum(logs["ratio_max"][0] - 1.0, 1.0 - logs["ratio_min"][0])
    extremes = {
        "ratio_min": jnp.min(logs["ratio_min"]),
        "ratio_max": jnp.max(logs["ratio_max"]),
        "first_ratio_error": ratio_error,
    }
    return params, opt_state, jax.tree.map(jnp.mean, logs) | extremes


def _select(batch: Batch, envs: Array) -> Batch:
    """The sequences of some environments."""
    picked = jax.tree.map(lambda x: x[:, envs], batch._replace(memory=()))
    return picked._replace(memory=batch.memory[envs])
