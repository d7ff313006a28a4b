"""One environment as a picture, as adapters render it."""

from __future__ import annotations

import time
from typing import Any

import jax
import numpy as np
import pygame
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from numpy.typing import NDArray

from wrappers.frames import render_frames
from wrappers.wrapper import Wrapper


def render_modes(env: MultiAgentEnv) -> list[str]:
    """ "human" and "rgb_array" if the environment has a `scene`, else none."""
    return ["human", "rgb_array"] if hasattr(env, "scene") else []


class Renderer:
    """Draws states of an environment.

    Args:
        env: the environment.
        mode: "rgb_array" for pictures, "human" for pygame's window, None for neither.

    Raises:
        ValueError: the environment cannot be drawn, or not in this mode.
    """

    def __init__(self, env: MultiAgentEnv, mode: str | None) -> None:
        valid = render_modes(env)
        if mode is not None and not valid:
            raise ValueError(f"{env.name} has no `scene` to draw; valid: render_mode=None")
        if mode is not None and mode not in valid:
            raise ValueError(f"render_mode is {mode!r}; valid: None, {', '.join(map(repr, valid))}")
        self._env: Any = env
        self._mode = mode
        self._due = 0.0  # when the window may show its next picture

    def metadata(self) -> dict[str, Any]:
        """The environment's name and modes, and the pictures a second if it is drawn."""
        metadata: dict[str, Any] = {"name": self._env.name, "render_modes": render_modes(self._env)}
        if self._mode is not None:
            _, state = self._env.reset(jax.random.key(0))
            metadata["render_fps"] = self.scene(state)["rate"]
        return metadata

    def scene(self, state: Any) -> dict[str, Any]:
        """What to draw of a state."""
        bare = self._env.env_state(state) if isinstance(self._env, Wrapper) else state
        return self._env.scene(jax.tree.map(lambda x: x[None], bare))

    def picture(self, state: Any) -> NDArray[np.uint8]:
        """uint8 (height, width, 3)."""
        return next(render_frames(self.scene(state)))

    def show(self, state: Any) -> NDArray[np.uint8] | None:
        """In mode "rgb_array" the picture; in "human" it goes to the window."""
        if self._mode == "rgb_array":
            return self.picture(state)
        if self._mode == "human":
            scene = self.scene(state)
            self._wait(1.0 / scene["rate"])
            _fill_window(next(render_frames(scene)), scene["title"])
        return None

    def close(self) -> None:
        """Closes the window."""
        if self._mode == "human":
            pygame.display.quit()

    def _wait(self, period: float) -> None:
        """Sleeps until the next picture is due, at most one period after the last."""
        now = time.monotonic()
        time.sleep(min(max(self._due - now, 0.0), period))
        self._due = time.monotonic() + period


def _fill_window(picture: NDArray[np.uint8], title: str) -> None:
    size = (picture.shape[1], picture.shape[0])
    pygame.display.init()
    window = pygame.display.get_surface()
    if window is None or window.get_size() != size:
        window = pygame.display.set_mode(size)
        pygame.display.set_caption(title)
    window.blit(pygame.image.frombuffer(picture.tobytes(), size, "RGB"), (0, 0))
    pygame.display.flip()
    pygame.event.pump()
