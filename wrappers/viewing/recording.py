"""Plays an episode with any policy, and returns it as a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.viewing.rendering import bare_state, check_drawn
from wrappers.viewing.scene import Scene
from wrappers.wrapper import Observations, Transition

Policy = Callable[[Array, Observations, Any], Mapping[str, Any]]


def record(
    env: MultiAgentEnv, key: Array, policy: Policy | None = None, *, title: str | None = None
) -> Scene:
    """Plays one episode and returns it as a scene.

    The loop is not compiled, so that the policy may be any Python function, also one with a memory.
    `wrappers.Recorder` records within a compiled loop.

    Args:
        env: an environment that has a `scene`, in wrappers or not. If its episodes do not end, put
            it into `wrappers.TimeLimit`.
        key: a PRNG key, of the reset, the steps and the policy.
        policy: `policy(key, obs, state)` returns each agent's action, as `env.step` takes them;
            None draws random actions.
        title: a line over the picture; None is the environment's name.

    Returns:
        a scene, for `wrappers.show`, `wrappers.save_scene` and the others. Its rewards are the mean
        over the agents.

    Raises:
        ValueError: the environment has no `scene`.
    """
    check_drawn(env)
    policy = policy or partial(_random_actions, env)
    key, reset_key = jax.random.split(key)
    obs, state = _reset(env, reset_key)
    states, rewards, done = [bare_state(state)], [], False
    while not done:
        key, policy_key, step_key = jax.random.split(key, 3)
        actions = policy(policy_key, obs, state)
        obs, state, reward, dones, _ = _step(env, step_key, state, actions)
        states.append(bare_state(state))
        rewards.append(np.mean([reward[agent] for agent in env.agents]))
        done = bool(dones["__all__"])
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *states)
    return env.scene(stacked, np.array(rewards), title=title)  # pyright: ignore[reportAttributeAccessIssue]


@partial(jax.jit, static_argnums=0)
def _reset(env: MultiAgentEnv, key: Array) -> tuple[Observations, Any]:
    return env.reset(key)


@partial(jax.jit, static_argnums=0)
def _step(env: MultiAgentEnv, key: Array, state: Any, actions: Any) -> Transition:
    return env.step_env(key, state, actions)


@partial(jax.jit, static_argnums=0)
def _random_actions(
    env: MultiAgentEnv, key: Array, obs: Observations, state: Any
) -> dict[str, Array]:
    del obs, state
    keys = jax.random.split(key, len(env.agents))
    return {
        agent: env.action_space(agent).sample(key)
        for agent, key in zip(env.agents, keys, strict=True)
    }
