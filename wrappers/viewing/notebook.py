"""Plays a scene in a notebook: its HTML page in the cell's output."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from wrappers.viewing.frames import render_frame
from wrappers.viewing.replay import replay_page
from wrappers.viewing.scene import Scene, check_scene
from wrappers.viewing.svg import render_svg

_STILL_BOARD = 448  # pixels


def show(scene: Mapping[str, Any], *, height: int = 640) -> Replay:
    """Plays a scene in a notebook, in the output of the cell whose last line this is.

    It needs no server and no network, is saved in the notebook, and follows the reader's theme.
    Sites that show notebooks without HTML pages, as GitHub, show a picture instead.

    Args:
        scene: what to draw; `env.scene` and `wrappers.record` make one.
        height: of the output, in pixels.

    Raises:
        ValueError: a fault of the scene.
    """
    return Replay(check_scene(scene), height)


class Replay:
    """The result of `show`, which notebooks display."""

    def __init__(self, scene: Scene, height: int) -> None:
        self._height = height
        self._title = scene["title"]
        self._frames = len(scene["frames"])
        # At once: the scene may change before it is displayed.
        self._page = replay_page(scene)
        try:
            self._png: bytes | None = _png(scene)
        except ImportError:  # without pygame the picture is an SVG
            self._png = None
        self._still = _data_url(self._png or render_svg(scene, _middle(scene), theme="light"))

    def _repr_html_(self) -> str:
        title = html.escape(self._title)
        # The page covers the picture; sites that remove the page show the picture.
        return (
            f'<div style="position: relative; height: {self._height}px">'
            f'<img src="{self._still}" alt="{title}" style="max-height: 100%">'
            f'<iframe srcdoc="{html.escape(self._page)}" title="{title}" sandbox="allow-scripts" '
            'style="position: absolute; inset: 0; width: 100%; height: 100%; border: 0">'
            "</iframe></div>"
        )

    def _repr_png_(self) -> bytes | None:
        return self._png

    def __repr__(self) -> str:
        return f"<{self._title}: {self._frames} frames, played where notebooks show pages>"


def _middle(scene: Scene) -> int:
    return len(scene["frames"]) // 2


def _data_url(picture: bytes | str) -> str:
    """A PNG, or the text of an SVG, as an address that holds it."""
    kind, data = ("png", picture) if isinstance(picture, bytes) else ("svg+xml", picture.encode())
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _png(scene: Scene) -> bytes:
    picture = render_frame(scene, _middle(scene), theme="light", board=_STILL_BOARD)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return file.getvalue()
