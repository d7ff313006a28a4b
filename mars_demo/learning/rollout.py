"""Collecting experience: the policy and many environments, side by side."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.wrappers.baselines import JaxMARLWrapper

from mars_demo.learning.distributions import Distribution
from mars_demo.learning.sides import Sides, identities, sides_of

Env = MultiAgentEnv | JaxMARLWrapper


class View(NamedTuple):
    """What one environment shows the learner, agents stacked in the order of `env.agents`.

    Of an environment with several teams the learner gets a view for each (`Viewer.of_sides`), and
    takes it for an environment of its own: what is (E, ...) in this file is (E * K, ...) then.
    """

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
    outcome: Any = ()  # leaves (E,): what `judge` makes of the step


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
    """Whether to append an agent's place in its team, one-hot."""
    critic_observations: bool = False
    """Whether the features of the world state end with those of all observations."""

    @cached_property
    def sides(self) -> Sides:
        """The teams that learn."""
        return sides_of(self.env)

    @cached_property
    def _identities(self) -> np.ndarray:
        return identities(self.env, self.sides, self.agent_id)

    def __call__(self, obs: dict[str, Array], state: Any) -> View:
        agents = self.env.agents
        features = self.features([obs[agent] for agent in agents], range(len(agents)))
        available = masks(self.env, self.distribution, state)
        decides = self.distribution.has_choice(available)
        return View(features, available, decides, self.world(obs))

    def features(self, obs: Sequence[Array], places: Sequence[int]) -> Array:
        """Encoded observations (n, F) of the agents at these places of `env.agents`.

        Shorter ones are filled up with zeros to the length of the longest agent's.
        """
        if len({space.shape for space in self._spaces}) == 1:
            features = jax.vmap(self.encode)(jnp.stack(list(obs)))
        else:
            encoded = [self.encode(x) for x in obs]
            features = jnp.stack([jnp.pad(x, (0, self._longest - x.shape[0])) for x in encoded])
        ids = jnp.asarray(self._identities[list(places)], features.dtype)
        return jnp.concatenate([features, ids], axis=-1) if ids.shape[1] else features

    def world(self, obs: dict[str, Array]) -> Array:
        """What the critic sees (W,): the world state, or all observations where there is none.

        With `critic_observations`, all encoded observations follow the world state.

        For several teams (K, W + K): each has the number of the team, one-hot, at its end.
        """
        world = self.encode_world(world_state(obs, self.env.agents))
        if self.critic_observations and "world_state" in obs:
            seen = [self.encode(obs[agent]).reshape(-1) for agent in self.env.agents]
            world = jnp.concatenate([world, *seen])
        if self.sides.count == 1:
            return world
        teams = jnp.eye(self.sides.count, dtype=world.dtype)
        return jax.vmap(lambda team: jnp.concatenate([world, team]))(teams)

    def of_sides(self, obs: dict[str, Array], state: Any) -> View:
        """What a batch of environments shows each of its teams: leaves (E * K, ...)."""
        seen = jax.vmap(self)(obs, state)
        apart = jax.tree.map(self.sides.split, seen._replace(world_state=()))
        return apart._replace(world_state=self._by_team(seen.world_state))

    def worlds(self, obs: dict[str, Array]) -> Array:
        """What each team's critic sees of a batch of environments, (E * K, W)."""
        return self._by_team(jax.vmap(self.world)(obs))

    def _by_team(self, world: Array) -> Array:
        return world if self.sides.count == 1 else world.reshape(-1, world.shape[-1])

    @cached_property
    def _spaces(self) -> list[Any]:
        return [self.env.observation_space(agent) for agent in self.env.agents]

    @cached_property
    def _longest(self) -> int:
        shapes = [
            jax.eval_shape(self.encode, jax.ShapeDtypeStruct(space.shape, space.dtype)).shape
            for space in self._spaces
        ]
        return max(shape[0] for shape in shapes)


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
    rows = memory.shape[0]
    num_envs = rows // view.sides.count
    obs, env_state = jax.vmap(env.reset)(jax.random.split(key, num_envs))
    zeros = jnp.zeros(rows, jnp.float32)
    return Progress(
        env_state=env_state,
        view=view.of_sides(obs, env_state),
        memory=memory,
        first=jnp.ones(rows, bool),
        gone=jnp.zeros(memory.shape[:2], bool),
        episode=Episode(zeros, zeros, jnp.zeros(rows, jnp.int32)),
    )


def collect(
    env: Env,
    view: Viewer,
    score: Callable[[Array, dict[str, Array]], Array],
    act: Callable[[Array, View, Array], tuple[Array, Array]],
    progress: Progress,
    key: Array,
    num_steps: int,
    judge: Callable[[dict[str, Array]], Any] | None = None,
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
        judge: `judge(info)`, what one environment's step says of its game; None: nobody asks.

    Returns:
        Where they stand afterwards, and the transitions, leaves (T, E, ...).
    """

    sides, env_step = view.sides, _inlined_step(env)

    def step(progress: Progress, key: Array) -> tuple[Progress, Transition]:
        action_key, env_key = jax.random.split(key)
        num_envs = progress.first.shape[0] // sides.count
        memory, parameters = act(progress.memory, progress.view, progress.first)
        action = view.distribution.sample(action_key, parameters)
        log_prob = view.distribution.log_prob(parameters, action)
        obs, env_state, rewards, dones, info = jax.vmap(env_step)(
            jax.random.split(env_key, num_envs),
            progress.env_state,
            unstack_agents(
                jnp.moveaxis(sides.join(view.distribution.to_env(action)), 1, 0), env.agents
            ),
        )
        reward = sides.rewards(stack_agents(rewards, env.agents))
        done = sides.each(dones["__all__"])
        episode = Episode(
            progress.episode.reward + reward,
            progress.episode.score + sides.scores(score, reward, info, len(env.agents)),
            progress.episode.length + 1,
        )
        transition = Transition(
            view=progress.view._replace(decides=progress.view.decides & ~progress.gone),
            next_world_state=view.worlds(info["final_observation"]),
            first=progress.first,
            action=action,
            log_prob=log_prob,
            reward=reward,
            terminated=sides.each(info["terminated"]),
            done=done,
            episode=episode,
            outcome=() if judge is None else jax.vmap(judge)(info),
        )
        fresh = jax.tree.map(lambda total: jnp.where(done, 0, total), episode)
        gone = sides.split(stack_agents(dones, env.agents).T) & ~done[:, None]
        seen = view.of_sides(obs, env_state)
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
    num_envs = progress.first.shape[0] // view.sides.count
    age_key, play_key = jax.random.split(key)
    ages = jax.random.randint(age_key, (num_envs,), 0, episode_length)

    env_step = _inlined_step(env)

    def play(step: Array, env_state: Any) -> Any:
        keys = jax.random.split(jax.random.fold_in(play_key, step), 3)
        available = jax.vmap(lambda state: masks(env, view.distribution, state))(env_state)
        actions = view.distribution.uniform(keys[0], jnp.moveaxis(available, 1, 0))
        _, stepped, *_ = jax.vmap(env_step)(
            jax.random.split(keys[1], num_envs), env_state, unstack_agents(actions, env.agents)
        )
        _, fresh = jax.vmap(env.reset)(jax.random.split(keys[2], num_envs))
        due = ages == episode_length - 1 - step

        def choose(new: Array, old: Array) -> Array:
            return jnp.where(due.reshape((-1,) + (1,) * (old.ndim - 1)), new, old)

        return jax.tree.map(choose, fresh, stepped)

    env_state = jax.lax.fori_loop(0, episode_length, play, progress.env_state)
    obs = jax.vmap(env.get_obs)(env_state)
    return progress._replace(env_state=env_state, view=view.of_sides(obs, env_state))


def _inlined_step(env: Env) -> Callable[..., Any]:
    """A step that is no compiled function of its own, which could not hold traced parameters."""
    kind: Any = type(env)
    return partial(inspect.unwrap(kind.step), env)
