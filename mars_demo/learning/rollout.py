"""Collecting experience: the policy and many environments, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.wrappers.baselines import JaxMARLWrapper

from mars_demo.learning.distributions import Distribution

Env = MultiAgentEnv | JaxMARLWrapper


class View(NamedTuple):
    """What one environment shows the learner, agents stacked in the order of `env.agents`."""

    features: Array  # float32 (A, F): encoded observations, agent ids appended
    available: Array  # bool (A, M): the masks of actions
    decides: Array  # bool (A,): the agent has a choice, which a dead one has not
    world_state: Array  # float32 (W,)


class Transition(NamedTuple):
    """One step of every environment; a rollout stacks these along time."""

    view: View  # leaves (E, ...): before the step
    next_world_state: Array  # float32 (E, W): after the step, before any reset
    first: Array  # bool (E,): the step is the first of its episode
    action: Array  # (E, A, ...), as the policy's distribution draws them
    log_prob: Array  # float32 (E, A): of the action, under the policy that took it
    reward: Array  # float32 (E,): the team's
    terminated: Array  # bool (E,)
    done: Array  # bool (E,): terminated or truncated
    episode: Episode  # leaves (E,): totals including this step


class Episode(NamedTuple):
    """Running totals of the episode under way."""

    reward: Array  # float32
    score: Array  # float32: the task's own measure, such as dots eaten
    length: Array  # int32


class Progress(NamedTuple):
    """Where the environments stand between two rollouts. Leaves lead with (E,)."""

    env_state: Any
    view: View
    memory: Array  # float32 (E, A, hidden or 0)
    first: Array
    gone: Array  # bool (E, A): the agent is done, and the episode goes on without it
    episode: Episode


def stack_agents(per_agent: dict[str, Array], agents: list[str]) -> Array:
    """Stacks a JaxMARL dict of agents into an array of shape (A, ...)."""
    return jnp.stack([per_agent[agent] for agent in agents])


def unstack_agents(stacked: Array, agents: list[str]) -> dict[str, Array]:
    """The inverse of `stack_agents`."""
    return dict(zip(agents, stacked, strict=True))


@dataclass(frozen=True)
class Viewer:
    """`viewer(obs, state) -> View`: what one environment shows the learner.

    Viewers of equal environments, encodings and options are equal.
    """

    env: Env
    distribution: Distribution
    """Of one agent's actions."""
    encode: Callable[[Array], Array]
    """One agent's observation to float32 features (F,)."""
    encode_world: Callable[[Array], Array]
    """The world state to float32 features."""
    agent_id: bool
    """Whether to append a one-hot agent index."""
    critic_observations: bool = False
    """Whether the features of the world state end with those of all observations."""

    def __call__(self, obs: dict[str, Array], state: Any) -> View:
        agents = self.env.agents
        features = jax.vmap(self.encode)(stack_agents(obs, agents))
        if self.agent_id:
            ids = jnp.eye(len(agents), dtype=features.dtype)
            features = jnp.concatenate([features, ids], axis=-1)
        available = masks(self.env, self.distribution, state)
        decides = self.distribution.has_choice(available)
        return View(features, available, decides, self.world(obs))

    def world(self, obs: dict[str, Array]) -> Array:
        """What the critic sees (W,): the world state, or all observations where there is none."""
        world = self.encode_world(world_state(obs, self.env.agents))
        if not self.critic_observations or "world_state" not in obs:
            return world
        features = jax.vmap(self.encode)(stack_agents(obs, self.env.agents))
        return jnp.concatenate([world, features.reshape(-1)])


def masks(env: Env, distribution: Distribution, state: Any) -> Array:
    """Masks of actions, bool (A, M); all true where the environment tells none."""
    try:
        return stack_agents(env.get_avail_actions(state), env.agents).astype(bool)
    except NotImplementedError:
        return jnp.ones((len(env.agents), distribution.num_masked), bool)


def world_state(obs: dict[str, Array], agents: list[str]) -> Array:
    """The environment's world state, or all observations end to end where it has none."""
    if "world_state" in obs:
        return obs["world_state"]
    return jnp.concatenate([obs[agent].reshape(-1) for agent in agents])


def start(
    env: Env,
    view: Viewer,
    memory: Array,
    key: Array,
) -> Progress:
    """Freshly reset environments, one for each of the memories (E, A, hidden or 0)."""
    num_envs = memory.shape[0]
    obs, env_state = jax.vmap(env.reset)(jax.random.split(key, num_envs))
    zeros = jnp.zeros(num_envs, jnp.float32)
    return Progress(
        env_state=env_state,
        view=jax.vmap(view)(obs, env_state),
        memory=memory,
        first=jnp.ones(num_envs, bool),
        gone=jnp.zeros(memory.shape[:2], bool),
        episode=Episode(zeros, zeros, jnp.zeros(num_envs, jnp.int32)),
    )


def collect(
    env: Env,
    view: Viewer,
    score: Callable[[Array, dict[str, Array]], Array],
    act: Callable[[Array, View, Array], tuple[Array, Array]],
    progress: Progress,
    key: Array,
    num_steps: int,
) -> tuple[Progress, Transition]:
    """Steps every environment `num_steps` times.

    Args:
        env: an environment wrapped in `wrappers.AutoReset`.
        view: what its observations show.
        score: `score(reward, info)`, one environment's part of its episode's score.
        act: `act(memory, view, first) -> (memory, parameters (E, A, P) of the distributions)`.
        progress: where the environments stand.
        key: a PRNG key.
        num_steps: T.

    Returns:
        Where they stand afterwards, and the transitions, leaves (T, E, ...).
    """

    def step(progress: Progress, key: Array) -> tuple[Progress, Transition]:
        action_key, env_key = jax.random.split(key)
        num_envs = progress.first.shape[0]
        memory, parameters = act(progress.memory, progress.view, progress.first)
        action = view.distribution.sample(action_key, parameters)
        log_prob = view.distribution.log_prob(parameters, action)
        obs, env_state, rewards, dones, info = jax.vmap(env.step)(
            jax.random.split(env_key, num_envs),
            progress.env_state,
            unstack_agents(jnp.moveaxis(view.distribution.to_env(action), 1, 0), env.agents),
        )
        reward = jnp.mean(stack_agents(rewards, env.agents), axis=0)
        done = dones["__all__"]
        episode = Episode(
            progress.episode.reward + reward,
            progress.episode.score + jax.vmap(score)(reward, info),
            progress.episode.length + 1,
        )
        transition = Transition(
            view=progress.view._replace(decides=progress.view.decides & ~progress.gone),
            next_world_state=jax.vmap(view.world)(info["final_observation"]),
            first=progress.first,
            action=action,
            log_prob=log_prob,
            reward=reward,
            terminated=info["terminated"],
            done=done,
            episode=episode,
        )
        fresh = jax.tree.map(lambda total: jnp.where(done, 0, total), episode)
        gone = stack_agents(dones, env.agents).T & ~done[:, None]
        seen = jax.vmap(view)(obs, env_state)
        after = Progress(env_state, seen, memory, done, gone, fresh)
        return after, transition

    return jax.lax.scan(step, progress, jax.random.split(key, num_steps))


def stagger(
    env: Env,
    view: Viewer,
    progress: Progress,
    key: Array,
    episode_length: int,
) -> Progress:
    """Plays random actions for one episode's length, each environment reset somewhere on the way.

    Ages are then uniform over an episode. What follows of the episode under way is not a whole one,
    every later one is.
    """
    num_envs = progress.first.shape[0]
    age_key, play_key = jax.random.split(key)
    ages = jax.random.randint(age_key, (num_envs,), 0, episode_length)

    def play(step: Array, env_state: Any) -> Any:
        keys = jax.random.split(jax.random.fold_in(play_key, step), 3)
        available = jax.vmap(lambda state: masks(env, view.distribution, state))(env_state)
        actions = view.distribution.uniform(keys[0], jnp.moveaxis(available, 1, 0))
        _, stepped, *_ = jax.vmap(env.step)(
            jax.random.split(keys[1], num_envs), env_state, unstack_agents(actions, env.agents)
        )
        _, fresh = jax.vmap(env.reset)(jax.random.split(keys[2], num_envs))
        due = ages == episode_length - 1 - step

        def choose(new: Array, old: Array) -> Array:
            return jnp.where(due.reshape((-1,) + (1,) * (old.ndim - 1)), new, old)

        return jax.tree.map(choose, fresh, stepped)

    env_state = jax.lax.fori_loop(0, episode_length, play, progress.env_state)
    obs = jax.vmap(env.get_obs)(env_state)
    return progress._replace(env_state=env_state, view=jax.vmap(view)(obs, env_state))
