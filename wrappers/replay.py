"""A scene as one self-contained page that plays it."""

from __future__ import annotations

import html
import json
from importlib.resources import files

from wrappers.scene import Scene, check_scene


def html_replay(scene: Scene) -> str:
    """A page with the scene in it: play, pause, a scrubber, speeds, a legend to switch marks off.

    It needs no network and no other file, and follows the reader's light or dark theme. The
    address `page.html#40` opens it at frame 40, paused.

    Args:
        scene: what to draw; `wrappers.scene` describes it.

    Raises:
        ValueError: what is wrong with the scene.
    """
    check_scene(scene)
    page = files("wrappers").joinpath("replay.html").read_text(encoding="utf-8")
    title, data = html.escape(scene["title"]), _inside_script(scene)
    head, rest = page.split("{{title}}")
    middle, tail = rest.split("{{scene}}")
    return head + title + middle + data + tail


def _inside_script(scene: Scene) -> str:
    """JSON that no browser takes for the end of a script or the beginning of a comment."""
    text = json.dumps(dict(scene), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
