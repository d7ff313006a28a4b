"""A scene as a self-contained HTML page that plays it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from wrappers.viewing.scene import check_scene


def replay_page(scene: Mapping[str, Any]) -> str:
    """`html_replay_3d` of a scene that has three dimensions, `html_replay` of any other."""
    return html_replay_3d(scene) if "space" in scene else html_replay(scene)


def html_replay(scene: Mapping[str, Any]) -> str:
    """A page that plays a scene, with a scrubber, speeds, and a legend that hides marks.

    The page needs no network and no other file, and follows the reader's light or dark theme. The
    address `page.html#40` opens it at frame 40, paused.

    Args:
        scene: what to draw; `wrappers.viewing.scene` describes it.

    Raises:
        ValueError: a fault of the scene.
    """
    check_scene(scene)
    data = {key: value for key, value in scene.items() if key != "space"}
    return board_page(data, controls=_resource("replay_bar.html"), script=_resource("replay.js"))


def board_page(scene: Mapping[str, Any], *, controls: str, script: str) -> str:
    """A page with a scene's board, readouts and legend, for a script that says what happens there.

    Args:
        scene: what to draw; `wrappers.viewing.scene` describes it.
        controls: HTML that stands below the board.
        script: JavaScript that runs once the page is set up. `scene` and `time`, in frames, are its
            to change; `layOut()` draws everything again, `draw()` only the moment.
    """
    parts = {"controls": controls, "script": script, "scene": inside_script(scene)}
    return _page("board.html", scene["title"], **parts)


def html_replay_3d(scene: Mapping[str, Any]) -> str:
    """A page with the scene's `space` in it: the episode in three dimensions.

    The camera orbits, zooms and pans, or follows an aircraft that is chosen from the list; time
    plays, pauses and is scrubbed. The page needs WebGL, no network and no other file, and follows
    the reader's light or dark theme. The address `page.html#40` opens it at frame 40, paused, and
    `page.html#40,ally_0` also follows ally_0.

    It is drawn by three.js (MIT licence, named in the page), which is bundled with the sources in
    `wrappers/viewing/viewer` into `replay_3d.min.js` by `make viewer`.

    Args:
        scene: what to draw, with `space`; `wrappers.viewing.scene` and `wrappers.viewing.scene_3d`
            describe it.

    Raises:
        ValueError: a fault of the scene, or it has no `space`.
    """
    check_scene(scene)
    if "space" not in scene:
        raise ValueError("the scene has no 'space', which a page in three dimensions draws")
    kept = ("title", "rate", "colours", "readouts", "events", "ending", "space")
    data = {key: scene[key] for key in kept if key in scene}
    return _page(
        "replay_3d.html",
        scene["title"],
        scene=inside_script(data | {"frames": len(scene["frames"])}),
        bar=_resource("replay_bar.html"),
        viewer=_resource("replay_3d.min.js"),
    )


def _page(name: str, title: str, **parts: str) -> str:
    """A page with its parts, and with the head that all pages share."""
    head = _filled(_resource("page_head.html"), title=html.escape(title))
    return _filled(_resource(name), head=head, **parts)


def _filled(template: str, **parts: str) -> str:
    """A template, each {{name}} replaced in one pass: parts may hold such names too."""
    return re.sub(r"{{(\w+)}}", lambda name: parts[name[1]], template)


def _resource(name: str) -> str:
    return files("wrappers.viewing").joinpath(name).read_text(encoding="utf-8")


def inside_script(data: Mapping[str, Any]) -> str:
    """JSON without anything that could end a script element or begin a comment."""
    text = json.dumps(dict(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
