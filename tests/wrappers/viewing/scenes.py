"""Scenes that are drawn by hand, and words that would break out of a page."""

import copy
import html.parser

RED, BLUE, WHITE = "#e02020", "#2040e0", "#ffffff"
FRAMES = 5  # that a body is seen in
BOARD = 128  # pixels: 32 to a unit
NASTY = (
    '</script x </script><script>alert("1")</script><img src=x onerror=alert(2)>" onload="alert(3)'
    " ]]> <!-- <script> & &lt; \u2028 {{scene}} {{title}} {{viewer}} ' é"
)


def make_scene(title="A small scene", frames=4, **changes):
    """A blue disc that walks to the right on red ground, and a white square that stays."""
    square = {"shape": "rectangle", "x": 0, "y": 0, "width": 1, "height": 1, "fill": "white"}
    scene = {
        "title": title,
        "box": [0, 0, 4, 4],
        "rate": 8,
        "colours": {
            name: {"dark": colour, "light": colour}
            for name, colour in (("red", RED), ("blue", BLUE), ("white", WHITE))
        },
        "background": [square | {"x": 2, "y": 2, "width": 4, "height": 4, "fill": "red"}],
        "still": {"square": [[0.5, 3.5]]},
        "marks": {
            "square": {"shapes": [square]},
            "disc": {
                "shapes": [{"shape": "circle", "x": 0, "y": 0, "radius": 0.4, "fill": "blue"}],
                "glides": True,
            },
        },
        "frames": [{"disc": [[0.5 + i, 1.5]]} for i in range(frames)],
        "readouts": {"step": [str(i) for i in range(frames)]},
        "legend": [{"label": "walker", "marks": ["disc"]}],
    }
    return copy.deepcopy(scene | changes)


def make_body(name="one", **changes):
    """An aircraft that flies to the east, one kilometre a frame, two kilometres up."""
    still = [0] * FRAMES
    body = {
        "name": name,
        "kind": "fighter",
        "shape": "swept",
        "colour": "blue",
        "x": [-2000 + 1000 * i for i in range(FRAMES)],
        "y": still,
        "z": [2000] * FRAMES,
        "yaw": still,
        "pitch": still,
        "bank": still,
        "health": [1] * FRAMES,
        "died": None,
        "sight": [3000, 60],
    }
    return body | changes


def make_space(*others, **changes):
    """The `space` of a body of `make_body` and of others, with nothing else in it."""
    space = {
        "radius": 8000,
        "ceiling": 10000,
        "bodies": [make_body(), *others],
        "shots": [],
        "sights": [],
        "obstacles": [],
        "points": [[]] * FRAMES,
        "point_radius": 400,
        "cells": [],
        "cell_side": 1000,
    }
    return space | changes


class Page(html.parser.HTMLParser):
    """The elements of a page, and the text in each, by its tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")

    def handle_data(self, data):
        if self.tags:
            self.texts[self.tags[-1][0]][-1] += data
