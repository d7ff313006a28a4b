"""A team's actors: one network, several sets of parameters, and which agents act by which."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.learning.networks import Actor
from mars_demo.learning.rollout import Env, View
from mars_demo.learning.sides import sides_of


@dataclass(frozen=True)
class Team:
    """Runs each agent by the policy of its group.

    Parameters of all policies are stacked: every leaf leads with (policies,). Each agent is run
    by its own policy only, and agents of one policy in one batch.
    """

    actor: Actor
    groups: tuple[tuple[int, ...], ...]
    """The agents of each policy, as places in their team; together they are all of it once."""

    def init(self, key: Array, view: View) -> Any:
        """Parameters of every policy, drawn independently; leaves of `view` lead with (T, E)."""
        one = view.features[:, :, 0], jnp.ones(view.features.shape[:2], bool)
        memory, available = self.initial_memory(view.features.shape[1])[:, 0], view.available
        # A single policy takes the key itself, as if it were not in a stack.
        keys = jax.random.split(key, len(self.groups)) if len(self.groups) > 1 else key[None]
        return jax.vmap(lambda k: self.actor.init(k, memory, *one, available[:, :, 0]))(keys)

    def initial_memory(self, num_envs: int) -> Array:
        """The memory at the start of an episode, float32 (E, A, hidden or 0)."""
        return self.actor.initial_memory((num_envs, sum(map(len, self.groups))))

    def act(self, params: Any, memory: Array, view: View, first: Array) -> tuple[Array, Array]:
        """Runs a sequence.

        Args:
            params: see `init`.
            memory: float32 (E, A, hidden or 0), before the first step.
            view: leaves (T, E, A, ...).
            first: bool (T, E), true at the first step of an episode.

        Returns:
            The memory after the sequence and the parameters (T, E, A, P) of the distributions.
        """

        def run(params: Any, memory: Array, features: Array, available: Array) -> Any:
            first_of_agents = jnp.broadcast_to(first[..., None], features.shape[:-1])
            return self.actor.apply(params, memory, features, first_of_agents, available)

        inputs = memory, view.features, view.available
        if len(self.groups) == 1:
            return run(jax.tree.map(lambda x: x[0], params), *inputs)
        in_groups = _alike if len({len(group) for group in self.groups}) == 1 else _one_by_one
        return in_groups(run, self.groups, params, inputs)

    def act_once(self, params: Any, memory: Array, view: View, first: Array) -> tuple[Array, Array]:
        """One step: leaves of `view` (E, A, ...), `first` (E,), parameters (E, A, P)."""
        sequence = jax.tree.map(lambda x: x[None], (view, first))
        memory, parameters = self.act(params, memory, *sequence)
        return memory, parameters[0]


def group_agents(env: Env, policies: str) -> tuple[tuple[int, ...], ...]:
    """The agents that share each policy, as places in their team: one policy flies all sides.

    Args:
        env: a JaxMARL environment.
        policies: "shared" by all, one per "class" of `env.agent_classes`, or one per "agent".

    Raises:
        ValueError: the environment does not say its classes, they do not name every agent once, or
            the teams are not of the same classes.
    """
    sides = sides_of(env)
    if policies == "shared":
        return (tuple(range(sides.size)),)
    if policies == "agent":
        return tuple((place,) for place in range(sides.size))
    classes, places = _agent_classes(env), {agent: i for i, agent in enumerate(env.agents)}
    if sorted(itertools.chain(*classes.values())) != sorted(places):
        raise ValueError(f"agent_classes must name every agent once, got {classes}")
    of_sides = {
        tuple(
            tuple(team.index(places[agent]) for agent in members if places[agent] in team)
            for members in classes.values()
        )
        for team in sides.teams
    }
    if len(of_sides) > 1:
        raise ValueError(
            "policies is 'class', but the teams are not of the same classes; valid: shared, agent"
        )
    return tuple(filter(None, of_sides.pop()))


def _agent_classes(env: Env) -> Any:
    try:
        classes: Any = env.agent_classes
    except NotImplementedError:
        raise ValueError(
            f"policies is 'class', but {env.name} does not say its agent_classes; "
            "valid: shared, agent"
        ) from None
    return classes() if callable(classes) else classes  # a method in JaxMARL's particles


_AXES = (1, 2, 2)  # of the agents in memory, features, available


def _alike(run: Callable[..., Any], groups: Any, params: Any, inputs: tuple[Array, ...]) -> Any:
    """Runs groups of equal size as one batch of policies."""
    order = tuple(itertools.chain(*groups))
    size = len(groups[0])

    def split(x: Array, axis: int) -> Array:
        x = _take(x, order, axis)
        return x.reshape(*x.shape[:axis], len(groups), size, *x.shape[axis + 1 :])

    def join(x: Array, axis: int) -> Array:
        x = x.reshape(*x.shape[:axis], len(order), *x.shape[axis + 2 :])
        return _take(x, tuple(np.argsort(order)), axis)

    grouped = [split(x, axis) for x, axis in zip(inputs, _AXES, strict=True)]
    memory, parameters = jax.vmap(run, in_axes=(0, *_AXES), out_axes=(1, 2))(params, *grouped)
    return join(memory, 1), join(parameters, 2)


def _one_by_one(
    run: Callable[..., Any], groups: Any, params: Any, inputs: tuple[Array, ...]
) -> Any:
    """Runs one group after another: groups of different sizes do not stack."""
    outputs = []
    for i, group in enumerate(groups):
        own = [_take(x, group, axis) for x, axis in zip(inputs, _AXES, strict=True)]
        outputs.append(run(jax.tree.map(lambda x, i=i: x[i], params), *own))
    places = tuple(np.argsort(tuple(itertools.chain(*groups))))
    memory, parameters = (
        _take(jnp.concatenate(parts, axis), places, axis)
        for parts, axis in zip(zip(*outputs, strict=True), (1, 2), strict=True)
    )
    return memory, parameters


def _take(x: Array, places: tuple[int, ...], axis: int) -> Array:
    """The given places of an axis; neighbours are sliced, which costs less than gathering."""
    if places == tuple(range(places[0], places[0] + len(places))):
        return jax.lax.slice_in_dim(x, places[0], places[0] + len(places), axis=axis)
    return jnp.take(x, np.array(places), axis=axis)
