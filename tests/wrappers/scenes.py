"""A scene that is drawn by hand, and words that would break out of a page."""

import copy

RED, BLUE, WHITE = "#e02020", "#2040e0", "#ffffff"
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
