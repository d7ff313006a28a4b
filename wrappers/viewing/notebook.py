"""A scene in a notebook: the page that plays it, within the cell's output."""

from __future__ import annotations

import base64
import html
import io

from PIL import Image

from wrappers.viewing.frames import render_frame
from wrappers.viewing.replay import replay_page
from wrappers.viewing.scene import Scene

_STILL_BOARD = 448  # pixels


def show(scene: Scene, *, height: int = 640) -> Replay:
    """Plays a scene in a notebook, in the output of the cell whose last line this is.

    It needs no server and no network, is kept with the notebook, and follows its reader's theme.
    Where notebooks are shown without their pages, as on GitHub, there is a picture in its place.

    Args:
        scene: what to draw; `env.scene` and `wrappers.record` make one.
        height: of the output, in pixels.

    Raises:
        ValueError: what is wrong with the scene.
    """
    return Replay(scene, height)


class Replay:
    """What `show` returns; notebooks display it by themselves."""

    def __init__(self, scene: Scene, height: int) -> None:
        self._height = height
        self._title = scene["title"]
        self._frames = len(scene["frames"])
        # At once: the scene may change before it is displayed.
        self._page = replay_page(scene)
        self._still = _png(scene)

    def _repr_html_(self) -> str:
        title = html.escape(self._title)
        still = base64.b64encode(self._still).decode()
        # The page lies over the picture; sites that leave out the page show the picture.
        return (
            f'<div style="position: relative; height: {self._height}px">'
            f'<img src="data:image/png;base64,{still}" alt="{title}" style="max-height: 100%">'
            f'<iframe srcdoc="{html.escape(self._page)}" title="{title}" sandbox="allow-scripts" '
            'style="position: absolute; inset: 0; width: 100%; height: 100%; border: 0">'
            "</iframe></div>"
        )

    def _repr_png_(self) -> bytes:
        return self._still

    def __repr__(self) -> str:
        return f"<{self._title}: {self._frames} frames, played where notebooks show pages>"


def _png(scene: Scene) -> bytes:
    """The middle of the episode."""
    picture = render_frame(scene, len(scene["frames"]) // 2, theme="light", board=_STILL_BOARD)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return file.getvalue()
