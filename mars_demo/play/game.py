"""A game: a person plays one agent, and a policy plays the others."""

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
    """Episodes one after another, played step by step.

    Args:
        task: the task.
        env: its environment, with the actions that the person gives.
        mates: the policy of the other agents in that environment.
        agent: the name of the person's agent.
        kept: how many of the latest states to keep.

    Attributes:
        states: the latest states, the newest last; leaves are NumPy arrays.
        step: steps taken in the episode.
        score: the task's measure of the episode so far.
        reward: the team's return so far.
        info: the environment's `info` of the last step; empty before the first.
        done: whether the episode is over.
    """

    def __init__(self, task: Task, env: Any, mates: Policy, agent: str, kept: int) -> None:
        self.task, self.env, self.agent, self.kept = task, env, agent, kept
        self._mates = mates

    def start(self, seed: int) -> None:
        """Starts an episode. Equal seeds and equal actions give equal episodes."""
        reset_key, self._key = jax.random.split(jax.random.key(seed))
        self._obs, self._state = self.env.reset(reset_key)
        self._memory = self._mates.memory
        self.states = [_as_numpy(self._state)]
        self.step, self.score, self.reward, self.done = 0, 0.0, 0.0, False
        self.info: dict[str, np.ndarray] = {}

    def act(self, action: Any) -> None:
        """Takes one step with this action of the agent; does nothing after the episode's end."""
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
        """The kept states as a scene of the whole world, without rewards.

        Raises:
            ValueError: the task cannot be drawn.
        """
        check_drawn(self.env)
        return self.env.scene(self._recent, self._no_rewards, title=self.task.name)

    def agent_scene(self) -> dict[str, Any]:
        """The kept states as a scene of what the agent sees, without rewards.

        Raises:
            ValueError: the task has no such scene.
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
        """Zeros (steps,) for the steps between the kept states."""
        return np.zeros(len(self.states) - 1)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _advance(env: Env, score: Any, act: Any, agent: str, carry: Any, action: Array) -> Any:
    """One step with the agent's `action`, in the shape of its space."""
    params, memory, obs, state, key = carry
    mates_key, env_key = jax.random.split(key)
    memory, actions = act(params, memory, obs, state, mates_key)
    own = jnp.asarray(action, actions[agent].dtype)
    obs, state, rewards, dones, info = env.step_env(env_key, state, actions | {agent: own})
    reward = jnp.mean(stack_agents(rewards, env.agents))
    return memory, obs, state, reward, score(reward, info), dones["__all__"], info


def _as_numpy(tree: Any) -> Any:
    return jax.tree.map(np.asarray, tree)
