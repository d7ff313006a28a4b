"""Wrappers: the environments in other people's code, and on other people's screens.

Everything public is listed here by name and loaded when it is first used, so that importing this
package starts neither JAX nor pygame.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wrappers.agent_id import AgentId as AgentId
    from wrappers.auto_reset import AutoReset as AutoReset
    from wrappers.checked import Checked as Checked
    from wrappers.episode_statistics import EpisodeStatistics as EpisodeStatistics
    from wrappers.files import save_scene as save_scene
    from wrappers.frames import render_frames as render_frames
    from wrappers.pooled_auto_reset import PooledAutoReset as PooledAutoReset
    from wrappers.recorder import Recorder as Recorder
    from wrappers.replay import html_replay as html_replay
    from wrappers.replay import html_replay_3d as html_replay_3d
    from wrappers.scene import check_scene as check_scene
    from wrappers.time_limit import TimeLimit as TimeLimit
    from wrappers.world_state import WorldState as WorldState
    from wrappers.wrapper import ObservationWrapper as ObservationWrapper
    from wrappers.wrapper import Wrapper as Wrapper

_MODULE_OF = {
    "AgentId": "wrappers.agent_id",
    "AutoReset": "wrappers.auto_reset",
    "Checked": "wrappers.checked",
    "EpisodeStatistics": "wrappers.episode_statistics",
    "ObservationWrapper": "wrappers.wrapper",
    "PooledAutoReset": "wrappers.pooled_auto_reset",
    "Recorder": "wrappers.recorder",
    "TimeLimit": "wrappers.time_limit",
    "WorldState": "wrappers.world_state",
    "Wrapper": "wrappers.wrapper",
    "check_scene": "wrappers.scene",
    "html_replay": "wrappers.replay",
    "html_replay_3d": "wrappers.replay",
    "render_frames": "wrappers.frames",
    "save_scene": "wrappers.files",
}

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame would print a greeting


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
