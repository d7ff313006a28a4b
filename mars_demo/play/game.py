"""An episode in which a person plays one agent, and a policy the others."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mars_demo.evaluation.episodes import Policy
from mars_demo.learning.rollout import Env, stack_agents
from mars_demo.learning.task import Task
from mars_demo.play.hooks import agent_scene
from wrappers.viewing.rendering import check_drawn


class Game:
    """One episode after the other, step by step.

    Args:
        task: what is played.
        env: its environment, with the actions that the person gives.
        mates: how the others act, in that environment.
        agent: the person's.
        kept: how many of the latest states to keep.

    Attributes:
        states: the latest states, the newest last, leaves NumPy arrays.
        step: steps taken.
        score: the task's measure, of the episode so far.
        reward: the team's return so far.
        info: what the environment told of the last step; empty before the first.
        done: whether the episode is over.
    """

    def __init__(self, task: Task, env: Any, mates: Policy, agent: str, kept: int) -> None:
        self.task, self.env, self.agent, self.kept = task, env, agent, kept
        self._mates = mates

    def start(self, seed: int) -> None:
        """A new episode. The same seed is the same episode as long as the same is done in it."""
        reset_key, self._key = jax.random.split(jax.random.key(seed))
        self._obs, self._state = self.env.reset(reset_key)
        self._memory = self._mates.memory
        self.states = [_as_numpy(self._state)]
        self.step, self.score, self.reward, self.done = 0, 0.0, 0.0, False
        self.info: dict[str, np.ndarray] = {}

    def act(self, action: Any) -> None:
        """The agent does this, and everybody else what they want; after the end nothing happens."""
        if self.done:
            return
        self._key, key = jax.random.split(self._key)
        self._memory, self._obs, self._state, reward, score, done, info = _advance(
            self.env,
            self.task.score,
            self._mates.act,
            self.agent,
            (self._mates.params, self._memory, self._obs, self._state, key),
            action,
        )
        self.states = [*self.states, _as_numpy(self._state)][-self.kept :]
        self.info = _as_numpy(info)
        self.step += 1
        self.score += float(score)
        self.reward += float(reward)
        self.done = bool(done)

    def scene(self) -> dict[str, Any]:
        """The kept states, drawn as a whole, without rewards.

        Raises:
            ValueError: the task cannot be drawn.
        """
        check_drawn(self.env)
        return self.env.scene(self._recent, self._no_rewards, title=self.task.name)

    def agent_scene(self) -> dict[str, Any]:
        """What the agent saw in the kept states.

        Raises:
            ValueError: what an agent sees of the task cannot be drawn.
        """
        title = f"{self.task.name}: what {self.agent} sees"
        seen = agent_scene(self.env, self._recent, self.agent, self._no_rewards, title)
        if seen is None:
            raise ValueError(f"what an agent sees of {self.task.name} cannot be drawn")
        return seen

    @property
    def _recent(self) -> Any:
        return jax.tree.map(lambda *leaves: np.stack(leaves), *self.states)

    @property
    def _no_rewards(self) -> np.ndarray:
        return np.zeros(len(self.states) - 1)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _advance(env: Env, score: Any, act: Any, agent: str, carry: Any, action: Array) -> Any:
    params, memory, obs, state, key = carry
    mates_key, env_key = jax.random.split(key)
    memory, actions = act(params, memory, obs, state, mates_key)
    own = jnp.asarray(action, actions[agent].dtype)
    obs, state, rewards, dones, info = env.step_env(env_key, state, actions | {agent: own})
    reward = jnp.mean(stack_agents(rewards, env.agents))
    return memory, obs, state, reward, score(reward, info), dones["__all__"], info


def _as_numpy(tree: Any) -> Any:
    return jax.tree.map(np.asarray, tree)
