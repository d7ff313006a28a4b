"""One state of an environment as a picture, for users and for adapters' `render`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, overload

import jax
import numpy as np
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from numpy.typing import NDArray

from wrappers.viewing import check_pygame
from wrappers.viewing.files import save_scene
from wrappers.viewing.frames import render_frame
from wrappers.viewing.scene import Scene


@overload
def render(env: MultiAgentEnv, state: Any, *, theme: str = ...) -> NDArray[np.uint8]: ...
@overload
def render(
    env: MultiAgentEnv, state: Any, path: str | os.PathLike[str], *, theme: str = ...
) -> Path: ...
def render(
    env: MultiAgentEnv,
    state: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    theme: str = "dark",
) -> NDArray[np.uint8] | Path:
    """Draws a state of an environment.

    Args:
        env: an environment that has a `scene`, in wrappers or not.
        state: its state, as `reset` and `step` return it; of one environment, not of a batch.
        path: a file to write instead, in the format of its suffix, as in `save_scene`; `.svg` and
            `.png` are for papers.
        theme: "dark" or "light".

    Returns:
        uint8 (height, width, 3), or the path if there is one.

    Raises:
        ValueError: the environment has no `scene`, the state is not one of its states, or the
            suffix or the theme is unknown.
        OSError: the file cannot be written.
    """
    scene = state_scene(env, state)
    if path is None:
        return render_frame(scene, theme=theme)
    return save_scene(scene, path, theme=theme)


def state_scene(env: MultiAgentEnv, state: Any) -> Scene:
    """A state as a scene of one frame.

    Raises:
        ValueError: the environment has no `scene`, or the state is not one of its states.
    """
    check_drawn(env)
    _check_state(env, state)
    return env.scene(jax.tree.map(lambda leaf: leaf[None], bare_state(state)))  # pyright: ignore[reportAttributeAccessIssue]


def bare_state(state: Any) -> Any:
    """The environment's own state, inside those of wrappers (JaxMARL's wrappers, too)."""
    while hasattr(state, "env_state"):
        state = state.env_state
    return state


def check_drawn(env: MultiAgentEnv) -> None:
    """Raises ValueError if the environment has no `scene`."""
    if not hasattr(env, "scene"):
        raise ValueError(
            f"{env.name} cannot be drawn: it has no method `scene` (see docs/watching.md)"
        )


def _check_state(env: MultiAgentEnv, state: Any) -> None:
    def shapes(tree: Any) -> Any:
        return jax.tree.map(jax.numpy.shape, tree)

    expected = jax.eval_shape(env.reset, jax.random.key(0))[1]
    if jax.tree.structure(state) != jax.tree.structure(expected):
        raise ValueError(
            f"that is no state of {env.name}, but a {type(state).__name__}: give what `reset` and "
            "`step` return second"
        )
    if shapes(state) != shapes(expected):
        raise ValueError(
            "the state is of a batch: choose one, as in jax.tree.map(lambda leaf: leaf[0], state)"
        )


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
        ImportError: pygame is missing, and there is a mode.
    """

    def __init__(self, env: MultiAgentEnv, mode: str | None) -> None:
        valid = render_modes(env)
        if mode is not None and not valid:
            raise ValueError(f"{env.name} has no `scene` to draw; valid: render_mode=None")
        if mode is not None and mode not in valid:
            raise ValueError(f"render_mode is {mode!r}; valid: None, {', '.join(map(repr, valid))}")
        if mode is not None:
            check_pygame()
        self._env: Any = env
        self._mode = mode
        self._due = 0.0  # when the window may show its next picture

    def metadata(self) -> dict[str, Any]:
        """The environment's name and modes, and the pictures a second if it is drawn."""
        metadata: dict[str, Any] = {"name": self._env.name, "render_modes": render_modes(self._env)}
        if self._mode is not None:
            _, state = self._env.reset(jax.random.key(0))
            metadata["render_fps"] = state_scene(self._env, state)["rate"]
        return metadata

    def picture(self, state: Any) -> NDArray[np.uint8]:
        """uint8 (height, width, 3)."""
        return render(self._env, state)

    def show(self, state: Any | None) -> NDArray[np.uint8] | None:
        """A picture, uint8 (height, width, 3), in mode "rgb_array"; in "human" a window shows it.

        Raises:
            RuntimeError: the state is None: there was no reset yet.
        """
        check_started(state)
        if self._mode == "rgb_array":
            return self.picture(state)
        if self._mode == "human":
            scene = state_scene(self._env, state)
            self._wait(1.0 / scene["rate"])
            _fill_window(render_frame(scene), scene["title"])
        return None

    def close(self) -> None:
        """Closes the window."""
        if self._mode == "human":
            import pygame

            pygame.display.quit()

    def _wait(self, period: float) -> None:
        """Sleeps until the next picture is due, at most one period after the last."""
        now = time.monotonic()
        time.sleep(min(max(self._due - now, 0.0), period))
        self._due = time.monotonic() + period


def check_started(state: Any | None) -> None:
    """Raises RuntimeError where there is no state to draw, because no episode was started."""
    if state is None:
        raise RuntimeError("nothing to render: call reset first")


def _fill_window(picture: NDArray[np.uint8], title: str) -> None:
    import pygame

    size = (picture.shape[1], picture.shape[0])
    pygame.display.init()
    window = pygame.display.get_surface()
    if window is None or window.get_size() != size:
        window = pygame.display.set_mode(size)
        pygame.display.set_caption(title)
    window.blit(pygame.image.frombuffer(picture.tobytes(), size, "RGB"), (0, 0))
    pygame.display.flip()
    pygame.event.pump()
