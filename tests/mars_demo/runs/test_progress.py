"""Progress: a bar in a terminal, a line a minute elsewhere, in the characters that there are."""

import io
import locale
import sys

import pytest
from tqdm import tqdm

from mars_demo.runs import progress
from mars_demo.runs.progress import progress_bar, say_before


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self):
        return True

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode()


@pytest.fixture
def clock(monkeypatch):
    """`clock[0]` is the time in seconds."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_a_minute(capsys, clock):
    say_before("compiling ...")
    with progress_bar(36_010, 10, "toy mars") as bar:
        for second in range(3600):
            clock[0] = float(second)
            bar.update(10)
            bar.set_postfix_str(f"{second} dots")
            bar.refresh()
            tqdm.write("a run failed", file=sys.stderr) if second == 90 else None
    told = capsys.readouterr().err
    assert "\r" not in told
    first, begun, *lines, last = told.splitlines()
    assert (first, lines[1]) == ("compiling ...", "a run failed")
    assert begun.startswith("toy mars:   0%| 10.0/36.0k [")
    assert len(lines) == 60  # one for each minute after the first, and the failure
    assert last.startswith("toy mars: 100%| 36.0k/36.0k [")
    assert "3599 dots" in last


def test_nothing_is_said_where_no_bar_is_wanted(capsys):
    with progress_bar(10, shown=False) as bar:
        bar.update(5)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("of_stderr", "of_locale", "blocks"),
    [
        ("utf-8", "UTF-8", True),
        ("utf-8", "ANSI_X3.4-1968", False),  # LC_ALL=C: Python has UTF-8, the terminal may not
        ("ascii", "UTF-8", False),
        ("latin-1", "ISO-8859-1", False),
    ],
)
def test_a_terminal_gets_a_bar_in_characters_that_it_has(monkeypatch, of_stderr, of_locale, blocks):
    terminal = Terminal(of_stderr)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(locale, "getencoding", lambda: of_locale)
    say_before("compiling ...")
    with progress_bar(10) as bar:
        bar.update(5)
        bar.refresh()
    text = terminal.text()
    assert text.startswith("compiling ...\r")
    assert text.count("\n") == 1
    assert ("█" in text, "#" in text) == (blocks, not blocks)
