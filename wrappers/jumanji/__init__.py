"""Environments of jumanji as JaxMARL's."""

from __future__ import annotations

from typing import Any

from wrappers.jumanji.env import JumanjiEnv


def from_jumanji(env: Any) -> JumanjiEnv:
    """A JaxMARL environment that plays one of jumanji's.

    Args:
        env: jumanji's `RobotWarehouse`, `LevelBasedForaging`, `Connector` or `Cleaner` (square).

    Raises:
        ImportError: jumanji is not installed.
        TypeError: another environment.
        ValueError: one that resets itself, holds a batch, or whose rules are broken.
    """
    try:
        from wrappers.jumanji.views import view_of
    except ModuleNotFoundError as error:
        raise ImportError(
            'from_jumanji needs jumanji, which an extra brings: pip install "paxmen-aerojax[suite]"'
        ) from error
    return JumanjiEnv(env, view_of(env))
