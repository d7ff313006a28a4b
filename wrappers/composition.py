"""A function that applies the usual wrappers in the right order."""

from __future__ import annotations

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.agent_id import AgentId
from wrappers.auto_reset import AutoReset
from wrappers.checked import Checked
from wrappers.episode_statistics import EpisodeStatistics, Success
from wrappers.recorder import Recorder
from wrappers.time_limit import TimeLimit
from wrappers.world_state import WorldState
from wrappers.wrapper import Wrapper


def wrap(
    env: MultiAgentEnv,
    *,
    agent_id: bool = False,
    world_state: bool = False,
    time_limit: int | None = None,
    statistics: bool | Success = False,
    record: int | None = None,
    auto_reset: bool = True,
    checked: bool = False,
) -> Wrapper:
    """Wraps an environment in the chosen wrappers, in the right order.

        >>> env = wrappers.wrap(paxmen.make("paxmen-4"), time_limit=50, statistics=True)

    Args:
        env: an environment; it may be wrapped already.
        agent_id: `AgentId`.
        world_state: `WorldState`, which holds the agents' ids if they see them.
        time_limit: `max_steps` of a `TimeLimit`.
        statistics: `EpisodeStatistics`; a function is its `success`.
        record: `max_steps` of a `Recorder`.
        auto_reset: `AutoReset`. Set it to False if `PooledAutoReset`, `MavaView` or an adapter goes
            around the result, since these reset by themselves.
        checked: `Checked`.

    Raises:
        TypeError: `env` is not a JaxMARL environment, or `AgentId` cannot extend its observations.
        ValueError: a number is not a positive integer, or `env` already has a wrapper that must be
            outside of one that is chosen.
    """
    wrapped = env
    if agent_id:
        wrapped = AgentId(wrapped)
    if world_state:
        wrapped = WorldState(wrapped)
    if time_limit is not None:
        wrapped = TimeLimit(wrapped, time_limit)
    if statistics:
        wrapped = EpisodeStatistics(wrapped, None if statistics is True else statistics)
    if record is not None:
        wrapped = Recorder(wrapped, record)
    if auto_reset:
        wrapped = AutoReset(wrapped)
    if checked:
        wrapped = Checked(wrapped)
    return wrapped if isinstance(wrapped, Wrapper) else Wrapper(wrapped)
