"""Scenes within the output of a notebook's cell."""

import html.parser
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser import changed, colours
from tests.wrappers.viewing.scenes import NASTY, make_scene
from wrappers import html_replay, render_frame, show


class Output(html.parser.HTMLParser):
    """The elements of a cell's output."""

    def __init__(self, scene):
        super().__init__()
        self.elements = []
        self.feed(show(scene)._repr_html_())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


def test_the_output_is_the_page_over_a_picture():
    scene = make_scene()
    (_, box), (_, picture), (frame, page) = Output(scene).elements
    assert "height: 640px" in box["style"]
    assert picture["src"].startswith("data:image/png;base64,")
    assert frame == "iframe"
    assert page["srcdoc"] == html_replay(scene)
    assert page["sandbox"] == "allow-scripts"


def test_text_cannot_break_out_of_the_output():
    output = Output(make_scene(NASTY))
    assert [tag for tag, _ in output.elements] == ["div", "img", "iframe"]
    for _, attributes in output.elements:
        assert not {"onerror", "onload"} & attributes.keys()


def test_where_there_are_no_pages_there_is_a_picture():
    scene = make_scene()
    replay = show(scene)
    still = np.asarray(Image.open(io.BytesIO(replay._repr_png_())))
    assert (still == render_frame(scene, 2, theme="light", board=448)).all()
    assert repr(replay) == "<A small scene: 4 frames, played where notebooks show pages>"


def test_what_is_shown_is_what_was_given():
    scene = make_scene()
    replay = show(scene)
    before = replay._repr_html_()
    scene["title"] = "Another"
    assert replay._repr_html_() == before


def test_a_wrong_scene_is_refused_at_once():
    with pytest.raises(ValueError, match="no frames"):
        show(make_scene(frames=0))


def test_a_notebook_plays_it_in_the_theme_of_its_reader(browser, tmp_path):
    output = show(make_scene(), height=500)._repr_html_()
    path = tmp_path / "notebook.html"
    shots = {}
    for theme in ("light", "dark"):
        # A notebook's own theme, not that of the reader's system.
        path.write_text(f'<html style="color-scheme: {theme}"><body>{output}</body></html>')
        page = browser.open(path, width=800)
        page.wait_for("document.querySelector('iframe').getBoundingClientRect().height === 500")
        tops = "['img', 'iframe'].map((s) => document.querySelector(s).getBoundingClientRect().top)"
        picture, replay = page.evaluate(tops)
        assert picture == replay, "the page lies over the picture"
        shots[theme] = page.screenshot("iframe")
        assert page.errors == []
        page.close()
        assert colours(shots[theme]) >= 4
    assert shots["light"][5, 5].tolist() == [255, 255, 255]
    assert shots["dark"][5, 5].tolist() == [6, 9, 20]
    assert changed(shots["light"], shots["dark"]) > 0.2
