"""Reads teams, ends of episodes and action masks from environments with different conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Discrete


def terminated_truncated(dones: dict[str, Array], info: dict[str, Any]) -> tuple[Array, Array]:
    """Whether an episode terminated, by its rules, or was truncated, by a time limit.

    JaxMARL's `dones["__all__"]` is true in both cases. An environment distinguishes them by
    `info["terminated"]`, for the team or for each agent. Without that entry, an end counts as a
    termination. `wrappers.TimeLimit` adds the entry to environments that end at a time limit.

    Args:
        dones: of a step; bool () under `"__all__"`.
        info: of the same step; "terminated", if it is there, is bool () or (n,).

    Returns:
        `(terminated, truncated)`, bool () each; at most one of them is true.
    """
    done = dones["__all__"]
    terminated = done & jnp.any(info.get("terminated", done))
    return terminated, done & ~terminated


def action_masks(env: MultiAgentEnv, state: Any) -> dict[str, Array]:
    """Which actions are available.

    Args:
        env: the environment.
        state: its state.

    Returns:
        For each agent with k discrete actions, int8 (k,), 1 for an available action. Empty if the
        environment has no `get_avail_actions`.
    """
    try:
        available = env.get_avail_actions(state)
    except NotImplementedError:
        return {}
    discrete = [a for a in env.agents if isinstance(env.action_space(a), Discrete)]
    return {agent: available[agent].astype(jnp.int8) for agent in discrete}


def teams_of(env: MultiAgentEnv) -> dict[str, list[str]]:
    """The names of each team's agents; teams without agents are left out.

    They are `env.teams` if that is a dict. JaxMARL's own environments differ: SMAX has an array of
    each unit's team number, and the particle environments (MPE) have a list of `good_agents`, who
    play against all others. In any other environment all agents are one team.
    """
    agents, teams = list(env.agents), getattr(env, "teams", None)
    good = getattr(env, "good_agents", None)
    if isinstance(teams, Mapping):
        sides = {agent: name for name, members in teams.items() for agent in members}
    elif isinstance(teams, (np.ndarray, jax.Array)):  # the agents are the first of its units
        numbers = np.asarray(teams).tolist()
        sides = {agent: f"team {n}" for agent, n in zip(agents, numbers, strict=False)}
    elif isinstance(good, (list, tuple)):
        sides = {agent: "good agents" if agent in good else "adversaries" for agent in agents}
    else:
        sides = {}
    found: dict[str, list[str]] = {}
    for agent in agents:
        found.setdefault(sides.get(agent, "team"), []).append(agent)
    return found
