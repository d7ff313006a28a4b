"""Which team each agent is of."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np
from jaxmarl.environments.multi_agent_env import MultiAgentEnv


def teams_of(env: MultiAgentEnv) -> dict[str, list[str]]:
    """The teams that have agents, and their agents.

    They are `env.teams` where that is a dict. JaxMARL's own environments say it in other ways: SMAX
    has an array with the number of each unit's team, and its particles (MPE) a list of
    `good_agents`, whom all others oppose. The agents of any other environment are one team.
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
