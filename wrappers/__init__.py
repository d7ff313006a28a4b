"""Wrappers around JaxMARL environments, adapters to other libraries, and viewers.

Everything public is listed here by name and loaded when it is first used, so that importing this
package starts neither JAX nor pygame.
"""

import os
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from wrappers.jaxmarl_import import import_jaxmarl_lazily

if TYPE_CHECKING:
    from wrappers.agent_id import AgentId as AgentId
    from wrappers.auto_reset import AutoReset as AutoReset
    from wrappers.checked import Checked as Checked
    from wrappers.composition import wrap as wrap
    from wrappers.conformance.check import check_env as check_env
    from wrappers.conformance.check import find_problems as find_problems
    from wrappers.conformance.contract import ContractError as ContractError
    from wrappers.episode_statistics import EpisodeStatistics as EpisodeStatistics
    from wrappers.gymnasium import to_gymnasium as to_gymnasium
    from wrappers.gymnax import to_gymnax as to_gymnax
    from wrappers.jaxmarl_registration import register_with_jaxmarl as register_with_jaxmarl
    from wrappers.jumanji import from_jumanji as from_jumanji
    from wrappers.mava_view import MavaView as MavaView
    from wrappers.opponents import Opponents as Opponents
    from wrappers.opponents import Policies as Policies
    from wrappers.opponents import Script as Script
    from wrappers.pettingzoo import to_pettingzoo as to_pettingzoo
    from wrappers.pooled_auto_reset import PooledAutoReset as PooledAutoReset
    from wrappers.recorder import Recorder as Recorder
    from wrappers.registry import list_envs as list_envs
    from wrappers.registry import make as make
    from wrappers.rollout_manager import RolloutManager as RolloutManager
    from wrappers.time_limit import TimeLimit as TimeLimit
    from wrappers.viewing.files import save_acmi as save_acmi
    from wrappers.viewing.files import save_scene as save_scene
    from wrappers.viewing.frames import render_frame as render_frame
    from wrappers.viewing.frames import render_frames as render_frames
    from wrappers.viewing.notebook import show as show
    from wrappers.viewing.recording import record as record
    from wrappers.viewing.rendering import render as render
    from wrappers.viewing.replay import html_replay as html_replay
    from wrappers.viewing.replay import html_replay_3d as html_replay_3d
    from wrappers.viewing.scene import Scene as Scene
    from wrappers.viewing.scene import check_scene as check_scene
    from wrappers.viewing.svg import render_svg as render_svg
    from wrappers.world_state import WorldState as WorldState
    from wrappers.wrapper import Layer as Layer
    from wrappers.wrapper import ObservationWrapper as ObservationWrapper
    from wrappers.wrapper import Wrapper as Wrapper

_MODULE_OF = {
    "AgentId": "wrappers.agent_id",
    "AutoReset": "wrappers.auto_reset",
    "Checked": "wrappers.checked",
    "ContractError": "wrappers.conformance.contract",
    "EpisodeStatistics": "wrappers.episode_statistics",
    "Layer": "wrappers.wrapper",
    "MavaView": "wrappers.mava_view",
    "ObservationWrapper": "wrappers.wrapper",
    "Opponents": "wrappers.opponents",
    "Policies": "wrappers.opponents",
    "PooledAutoReset": "wrappers.pooled_auto_reset",
    "Recorder": "wrappers.recorder",
    "RolloutManager": "wrappers.rollout_manager",
    "Scene": "wrappers.viewing.scene",
    "Script": "wrappers.opponents",
    "TimeLimit": "wrappers.time_limit",
    "WorldState": "wrappers.world_state",
    "Wrapper": "wrappers.wrapper",
    "check_env": "wrappers.conformance.check",
    "check_scene": "wrappers.viewing.scene",
    "find_problems": "wrappers.conformance.check",
    "from_jumanji": "wrappers.jumanji",
    "html_replay": "wrappers.viewing.replay",
    "html_replay_3d": "wrappers.viewing.replay",
    "list_envs": "wrappers.registry",
    "make": "wrappers.registry",
    "record": "wrappers.viewing.recording",
    "register_with_jaxmarl": "wrappers.jaxmarl_registration",
    "render": "wrappers.viewing.rendering",
    "render_frame": "wrappers.viewing.frames",
    "render_frames": "wrappers.viewing.frames",
    "render_svg": "wrappers.viewing.svg",
    "save_acmi": "wrappers.viewing.files",
    "save_scene": "wrappers.viewing.files",
    "show": "wrappers.viewing.notebook",
    "to_gymnasium": "wrappers.gymnasium",
    "to_gymnax": "wrappers.gymnax",
    "to_pettingzoo": "wrappers.pettingzoo",
    "wrap": "wrappers.composition",
}

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame would print a greeting
import_jaxmarl_lazily()


if not TYPE_CHECKING:  # with __getattr__, type checkers would accept any name

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            return version("paxmen-aerojax")
        if name == "__all__":
            return __dir__()
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
