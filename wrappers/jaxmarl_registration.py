"""Registers our environments with `jaxmarl.make`, for scripts that call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.registry import list_envs, make
from wrappers.rollout_manager import RolloutManager


def register_with_jaxmarl() -> None:
    """Lets JaxMARL's unchanged scripts run on the environments of `list_envs()`.

    Call it before such a script is imported. A second call changes nothing. In this process it
    replaces two things:

    - `jaxmarl.make` makes these environments by their names ("paxmen/paxmen-4"). It also accepts
      the name without the family ("paxmen-4") if it is unique and JaxMARL has no such name.
      `jaxmarl.registered_envs` has both.
    - `jaxmarl.wrappers.baselines.CTRolloutManager` is `wrappers.RolloutManager`, which corrects it
      for these environments and differs little on JaxMARL's own.
    """
    import jaxmarl
    from jaxmarl import registration
    from jaxmarl.wrappers import baselines

    theirs = registration.make
    if not isinstance(theirs, _Make):
        theirs = _Make(theirs, list(registration.registered_envs))
    registration.make = jaxmarl.make = theirs
    registration.registered_envs[:] = theirs.list_envs()
    baselines.CTRolloutManager = RolloutManager  # pyright: ignore[reportAttributeAccessIssue]


class _Make:
    """A `jaxmarl.make` that searches our registry first."""

    def __init__(self, theirs: Callable[..., MultiAgentEnv], their_names: list[str]) -> None:
        self.theirs = theirs
        self.their_names = their_names

    def __call__(self, env_id: str, **env_kwargs: Any) -> MultiAgentEnv:
        names = _names(self.their_names)
        if env_id in names:
            return make(names[env_id], **env_kwargs)
        return self.theirs(env_id, **env_kwargs)

    def list_envs(self) -> list[str]:
        """Their names, then ours."""
        return [*self.their_names, *_names(self.their_names)]


def _names(taken: list[str]) -> dict[str, str]:
    """Each name and its full name in the registry; short names only where they are unique."""
    full = list_envs()
    short = [name.partition("/")[2] for name in full]
    unique = {
        name: whole
        for name, whole in zip(short, full, strict=True)
        if short.count(name) == 1 and name not in taken
    }
    return dict(zip(full, full, strict=True)) | unique
