"""The figure of the aircraft, from numbers made up here."""

import numpy as np
from PIL import Image, ImageColor

from docs.experiments.aircraft_figure import draw_aircraft
from mars_demo.evaluation.charts import COLOURS


def test_a_figure_is_drawn_from_plain_numbers(tmp_path):
    speed, altitude = np.linspace(100.0, 300.0, 5), np.linspace(0.0, 10000.0, 3)
    curves = {
        name: {
            "speed": speed,
            "sustained": 0.2 * best * np.ones(5),
            "instantaneous": 0.3 * best * np.ones(5),
            "power": 50.0 * best * np.ones(5),
            "sustained_dry": 0.1 * best * np.ones(5),
            "power_dry": 25.0 * best * np.ones(5),
            "altitude": altitude,
            "slowest": altitude / 100.0 + 50.0,
            "fastest": 300.0 * np.ones(3),
        }
        for name, best in (("slow", 0.5), ("fast", 1.0))
    }
    pixels = {}
    for drawn in (curves, {"slow": curves["slow"]}):
        path = tmp_path / f"{len(drawn)}.png"
        draw_aircraft(drawn, path)
        pixels[len(drawn)] = np.asarray(Image.open(path).convert("RGB"))
    draw_aircraft(curves, tmp_path / "points.png", curves["fast"])
    with_points = np.asarray(Image.open(tmp_path / "points.png").convert("RGB"))
    assert np.sum(with_points == 0) > np.sum(pixels[2] == 0) + 1000, "black points"
    assert pixels[2].shape == pixels[1].shape
    second = ImageColor.getrgb(COLOURS[1])
    assert np.any(np.all(pixels[2] == second, axis=-1))
    assert not np.any(np.all(pixels[1] == second, axis=-1))
