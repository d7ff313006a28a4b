"""The pages as a site: no link leads nowhere, all that is public is there, people can see it."""

import functools
import json
import re
import subprocess
import sys
import threading
import unicodedata
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

import aerojax
import paxmen
import wrappers
from tests.browser import DESKTOP, PHONE, colours
from tests.patience import HANG_SECONDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = ROOT / "build" / "docs" / "bin" / "python"  # where `make docs` installs what it needs


def notebook_text(path: Path) -> str:
    cells = json.loads(path.read_text())["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def without_code(text: str) -> str:
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


PAGES = {
    path: notebook_text(path) if path.suffix == ".ipynb" else path.read_text()
    for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *DOCS.glob("*.ipynb")]
}
ON_SITE = [path for path in PAGES if path.suffix == ".md" and DOCS in path.parents]


def links(text: str) -> list[str]:
    text = without_code(re.sub(r"\[`([^`\n]*)`\]", r"[\1]", text))
    found = re.findall(r"\]\(([^)\s]+)[^)]*\)", text)
    return found + re.findall(r"\b(?:href|src|srcset)=\"([^\"]+)\"", text)


def github_anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def site_anchor(heading: str) -> str:
    """As the site's Markdown spells it: what is not ASCII is left out."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip())


def anchors(text: str) -> set[str]:
    """What a link into a page may name: headings that GitHub and the site spell alike, and API."""
    code_free = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.*)", code_free, re.MULTILINE)
    alike = {github_anchor(heading) for heading in headings} & {*map(site_anchor, headings)}
    return {*alike, *re.findall(r"^::: ([\w.]+)", text, re.MULTILINE)}


def broken(page: Path, link: str) -> str | None:
    """What is wrong with a link of a page; None if nothing is."""
    if re.match(r"https?://", link):
        return None
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_file():
        return f"{link}: there is no such file"
    if page in ON_SITE and (DOCS not in target.parents or target.suffix == ".py"):
        return f"{link}: it is not on the site"
    if anchor and target in PAGES and anchor not in anchors(PAGES[target]):
        return f"{link}: {target.name} has {sorted(anchors(PAGES[target]))}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_link_leads_nowhere(page):
    assert [wrong for link in links(PAGES[page]) if (wrong := broken(page, link))] == []


def test_broken_links_are_found():
    page = DOCS / "paxmen.md"
    wrong = (
        "[a](none.md) [`b`](aerojax.md#none) ![c](figures/none.png) [d](figures) [e](../README.md)"
    )
    assert len(links(wrong)) == 5
    assert all(broken(page, link) for link in links(wrong))
    assert links("`[f](none)` [g](#layouts)") == ["#layouts"]
    assert broken(page, "#layouts") is None


def test_a_heading_that_the_site_spells_otherwise_is_no_anchor():
    """A link to it would work on GitHub, and stop `make docs`."""
    assert anchors("# At ε 0.2 for all\n## One to-do, and `two`") == {"one-to-do-and-two"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_are_named_exist(page):
    tops = "paxmen|aerojax|wrappers|mars_demo|tests|docs"
    for name in re.findall(rf"(?<![\w/.])(?:{tops})/[\w/]+\.(?:py|md|ipynb)\b", PAGES[page]):
        assert (ROOT / name).exists(), name


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    listed = re.findall(r"^ +- .*?([\w/]+\.md)$", text, re.MULTILINE)
    results = DOCS / "results"  # raw tables, linked from results.md
    pages = {str(path.relative_to(DOCS)) for path in ON_SITE if results not in path.parents}
    assert sorted(listed) == sorted(pages)


def test_everything_public_is_in_the_api():
    listed = re.findall(r"^::: ([\w.]+)$", "".join(PAGES[p] for p in ON_SITE), re.MULTILINE)
    assert len(listed) == len(set(listed))
    wanted = {
        f"{package.__name__}.{name}"
        for package in (paxmen, aerojax, wrappers)
        for name in dir(package)
    }
    files = (path.relative_to(ROOT) for path in (ROOT / "mars_demo").rglob("[a-z]*.py"))
    assert wanted | {".".join(file.with_suffix("").parts) for file in files} <= set(listed)


ITEM = re.compile(r" *([-*+]|\d+\.) ")
ROW = re.compile(r" *\|.*\|$")


def swallowed(text: str) -> list[str]:
    """Lines that are a list or a table on GitHub, and text on the site.

    GitHub asks neither for a gap before a list nor for four spaces within one; the site does.
    """
    found = []
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^```.*?^```", "\n", text, flags=re.DOTALL | re.MULTILINE)
    for block in re.split(r"\n[ ]*\n", text):
        below = re.sub(r"\A\s*(#.*\n)+", "", block).strip("\n")  # a heading needs no gap
        first, *others = below.splitlines() or [""]
        if re.match(r" {1,3}\S", first):
            found.append(first)
        if ROW.match(first):
            found += [line for line in others if not ROW.match(line)]
        elif not ITEM.match(first):
            found += [line for line in others if ITEM.match(line) or ROW.match(line)]
    return found


@pytest.mark.parametrize("page", ON_SITE, ids=lambda path: path.name)
def test_lists_and_tables_are_what_they_are_on_the_site_too(page):
    assert swallowed(PAGES[page]) == []


def test_what_is_swallowed_is_found():
    assert swallowed("Text:\n\n- a\n- b\n\n| a |\n|---|\n| b |\n\n# c\n- d\n- e") == []
    assert swallowed("Text:\n- a") == ["- a"]
    assert swallowed("4.  a\n\n    more of it\n5.  b") == ["5.  b"]
    assert swallowed("Text:\n| a |\n|---|") == ["| a |", "|---|"]
    assert swallowed("| a |\n|---|\ntext") == ["text"]
    assert swallowed("- a\n\n  more of it") == ["  more of it"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the site, built strictly."""
    python = MADE if MADE.exists() else Path(sys.executable)
    if python != MADE and find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: `make docs` does so")
    folder = tmp_path_factory.mktemp("site")
    build = subprocess.run(
        [str(python), "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert build.returncode == 0, build.stderr
    serve = functools.partial(_Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_nothing_comes_from_elsewhere(site):
    folder, _ = site
    pages = list(folder.rglob("*.html"))
    assert len(pages) >= len(ON_SITE)
    tag = r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=\"?(https?:)?//[^>]*>"
    for page in pages:
        assert re.search(tag, page.read_text()) is None, page


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_people_see_the_landing_page(site, browser, width, theme):
    page = browser.open(f"{site[1]}/index.html", width=width, theme=theme)
    shown = "[...document.images].filter((image) => image.offsetWidth > 0)"
    assert page.evaluate(f"{shown}.length") == 3
    for index in range(3):
        page.evaluate(f"{shown}[{index}].scrollIntoView()")
        page.wait_for(f"{shown}[{index}].naturalWidth > 0")
        fits = f"-{theme}." in page.evaluate(f"{shown}[{index}].src")
        assert fits == (index < 2)  # the third is the same in both
    assert colours(page.screenshot()) > 5
    brightness = page.screenshot()[-20:, :20].mean()
    assert brightness > 200 if theme == "light" else brightness < 80
    assert page.errors == []
    page.close()


@pytest.mark.slow
def test_every_page_fits_a_phone(site, browser):
    _, address = site
    phone = browser.open(f"{address}/index.html", width=PHONE)
    for path in ON_SITE:
        phone.go(f"{address}/{path.relative_to(DOCS).with_suffix('.html')}")
        assert phone.evaluate("document.documentElement.scrollWidth") == PHONE, path
    assert phone.errors == []
    phone.close()


@pytest.mark.slow
def test_the_search_finds_a_rule(site, browser):
    page = browser.open(f"{site[1]}/paxmen.html")
    page.evaluate("document.querySelector('.md-search__input').focus()")
    page.call("Input.insertText", text="waypoint")
    page.wait_for("document.querySelectorAll('.md-search-result__item').length > 0")
    assert page.errors == []
    page.close()
