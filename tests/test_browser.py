"""The helper that opens pages in Chromium: it sees what is there, and what went wrong."""

import numpy as np
import pytest

from tests.browser import PHONE, changed, colours

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>A page</title>
<style>
  body { margin: 0; background: #ffffff }
  @media (prefers-color-scheme: dark) { body { background: #000000 } }
  div { width: 50%; height: 100px; background: #ff0000 }
  input { display: block; width: 100%; margin: 0 }
</style>
<div></div><input type="range" max="100">"""


@pytest.fixture
def page(browser, tmp_path):
    """`page(html, **options)`: a page with that in it."""
    opened = []

    def make(html, **options):
        path = tmp_path / "page.html"
        path.write_text(html)
        opened.append(browser.open(path, **options))
        return opened[-1]

    yield make
    for page in opened:
        page.close()


def test_a_phone_sees_what_is_there(page):
    phone = page(PAGE, width=PHONE, theme="dark")
    picture = phone.screenshot()
    assert picture.shape == (2 * 844, 2 * PHONE, 3)
    assert picture[100, 100].tolist() == [255, 0, 0]
    assert picture[100, 600].tolist() == [0, 0, 0]
    assert phone.screenshot("div").shape == (200, PHONE, 3)
    assert phone.errors == []
    phone.prefer("light")
    assert phone.screenshot()[100, 600].tolist() == [255, 255, 255]


def test_clicks_land_where_they_should(page):
    slider = page(PAGE)
    slider.click("input", at=0.75)
    assert 70 <= int(slider.evaluate("document.querySelector('input').value")) <= 80


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('no', 3)", "no 3"),
        ("console.assert(1 > 2, 'less')", "less"),
        ("throw new Error('thrown')", "Error: thrown"),
        ("setTimeout(() => { throw new Error('late') })", "Error: late"),
        ("Promise.reject(new Error('broken'))", "Error: broken"),
    ],
)
def test_errors_are_heard(page, script, complaint):
    noisy = page(f"<script>{script}</script>")
    assert len(noisy.errors) == 1
    assert noisy.errors[0].startswith(complaint)


def test_what_is_missing_is_heard(page):
    (error,) = page('<img src="missing.png">').errors
    assert "ERR_FILE_NOT_FOUND" in error
    assert error.endswith("missing.png")


def test_errors_in_a_frame_that_is_kept_apart_are_heard(page):
    script = "<script>console.error(matchMedia('(prefers-reduced-motion)').matches)</script>"
    outer = page(f'<iframe sandbox="allow-scripts" srcdoc="{script}"></iframe>')
    assert outer.errors == ["True"]


def test_a_failed_wait_says_what_for(page):
    with pytest.raises(AssertionError, match="not true within 0 s: 1 > 2"):
        page(PAGE).wait_for("1 > 2", seconds=0)


def test_a_blank_picture_has_one_colour():
    blank = np.full((100, 100, 3), 250, np.uint8)
    drawn = blank.copy()
    drawn[:50] = 10
    assert (colours(blank), colours(drawn)) == (1, 2)
    assert changed(blank, drawn) == 0.5
    assert changed(drawn, drawn) == 0
