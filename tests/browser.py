"""Pages as people see them: a headless Chromium, driven through its own debugging protocol.

    with Chromium() as chromium:
        page = chromium.open("file:///tmp/page.html", width=390, theme="dark")
        page.click("#scrubber", at=0.5)
        assert not page.errors
        page.screenshot()

Nothing but the standard library and Chromium is needed: the protocol runs over a pair of pipes.
Tests take the fixture `browser`, one Chromium for all of them.
"""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.patience import HANG_SECONDS

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PHONE, DESKTOP = 390, 1280  # widths in CSS pixels
_HEIGHTS = {PHONE: 844, DESKTOP: 800}
_SECONDS = 60.0  # for which Chromium may be silent; two cores that are busy are slow
# WebGL by the processor; nothing asks the network for anything.
_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-sync",
    "--disable-quic",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--remote-debugging-pipe",
    "about:blank",
]


class Chromium:
    """One Chromium; every page that it opens has cookies and a cache of its own."""

    def __enter__(self) -> Chromium:
        assert PROGRAM is not None, "no Chromium on this machine"
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._unread = b""
        self._sent = 0
        self._pages: dict[str, Page] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        read_end, self._write = _pipe()
        self._read, write_end = _pipe()
        log = os.path.join(self._folder.name, "log")
        # Not by `subprocess`: it cannot give a child the descriptors 3 and 4, which Chromium uses.
        self._child = os.posix_spawn(
            PROGRAM,
            [PROGRAM, *_OPTIONS, f"--user-data-dir={self._folder.name}/profile"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_end, 3),
                (os.POSIX_SPAWN_DUP2, write_end, 4),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setpgroup=0,
        )
        for end in (read_end, write_end):
            os.close(end)
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._read, self._write):
            os.close(end)
        os.killpg(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        self._folder.cleanup()

    def open(
        self, address: str | Path, *, width: int = DESKTOP, height: int = 0, theme: str = "light"
    ) -> Page:
        """A page once it has loaded.

        Args:
            address: a file's path, or a URL.
            width: of the window in CSS pixels; one of a phone also makes it a touch screen with
                two pixels to each of them.
            height: of the window; what fits the width if 0.
            theme: "light" or "dark", which the page is told its reader prefers. It and the pages
                in it are also told that no motion is wanted.
        """
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, session["sessionId"], context)
        page.call("Page.enable")
        page.resize(width, height)
        page.prefer(theme)
        page.go(address.absolute().as_uri() if isinstance(address, Path) else address)
        return page

    def call(self, method: str, session: str | None = None, **arguments: Any) -> dict[str, Any]:
        """The answer to a call of the protocol; events that come before it go to their pages."""
        self._sent += 1
        number = self._sent
        message: dict[str, Any] = {"id": number, "method": method, "params": arguments}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while number not in self._answers:
            self.listen(method)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def tell(self, session: str, page: Page) -> None:
        """Events of a session are told to this page from now on."""
        self._pages[session] = page

    def listen(self, awaited: str) -> None:
        """Takes the next message from Chromium: an answer, or an event, which its page is told."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._read], [], [], _SECONDS)
            assert ready, f"Chromium was silent for {_SECONDS:.0f} s, asked for {awaited}"
            part = os.read(self._read, 1 << 20)
            assert part, f"Chromium ended: {Path(self._folder.name, 'log').read_text()[-2000:]}"
            self._unread += part
        text, _, self._unread = self._unread.partition(b"\0")
        message = json.loads(text)
        if "id" in message:
            self._answers[message["id"]] = message
        elif message.get("sessionId") in self._pages:
            self._pages[message["sessionId"]].hear(message["method"], message["params"])


class Page:
    """A page in a window of its own.

    Attributes:
        errors: what it and the pages in it complained of on the console, and exceptions that
            nobody caught.
    """

    def __init__(self, chromium: Chromium, session: str, context: str) -> None:
        self.errors: list[str] = []
        self._chromium, self._session, self._context = chromium, session, context
        self._loaded = False
        self._attach(session)

    def go(self, address: str) -> None:
        """Goes to a URL, and waits until it has loaded."""
        self._loaded = False
        answer = self.call("Page.navigate", url=address)
        assert "errorText" not in answer, f"{address}: {answer['errorText']}"
        while "loaderId" in answer and not self._loaded:  # without one, only the #fragment changed
            self._chromium.listen(f"the load of {address}")
        self.settle()

    def resize(self, width: int, height: int = 0) -> None:
        """Gives the window another size in CSS pixels."""
        phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height or _HEIGHTS.get(width, 800),
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    def prefer(self, theme: str) -> None:
        """Tells the page which theme its reader prefers."""
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, f"{script}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = HANG_SECONDS) -> None:
        """Waits until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(script):
            assert time.monotonic() < end, f"not true within {seconds} s: {script}"
            time.sleep(0.05)

    def settle(self) -> None:
        """Waits until what has changed is drawn."""
        twice = "requestAnimationFrame(() => requestAnimationFrame(() => done(1)))"
        self.evaluate(f"new Promise((done) => {twice})")

    def click(self, selector: str, at: float = 0.5) -> None:
        """Clicks an element in the middle of its height, at a part of its width."""
        x, y = self.evaluate(
            "(({left, top, width, height}) => [left + "
            f"{at} * width, top + height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def screenshot(self, selector: str | None = None, path: Path | None = None) -> NDArray:
        """uint8 (height, width, 3): the window, or of it what an element fills; kept in `path`."""
        options = {}
        if selector is not None:
            options["clip"] = self.evaluate(
                "(({left, top, width, height}) => "
                "({x: left + scrollX, y: top + scrollY, width, height, scale: 1}))"
                f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
            )
        data = base64.b64decode(self.call("Page.captureScreenshot", **options)["data"])
        if path is not None:
            path.write_bytes(data)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def close(self) -> None:
        """Closes it."""
        self._chromium.call("Target.disposeBrowserContext", browserContextId=self._context)

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A call of the protocol in this page."""
        return self._chromium.call(method, self._session, **arguments)

    def hear(self, event: str, told: dict[str, Any]) -> None:
        """Takes note of an event."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Target.attachedToTarget":  # a page in a frame that is kept apart
            self._attach(told["sessionId"])
        elif event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
            words = (part.get("value", part.get("description")) for part in told["args"])
            self.errors.append(" ".join(map(str, words)))
        elif event == "Log.entryAdded" and told["entry"]["level"] == "error":
            entry = told["entry"]
            self.errors.append(f"{entry['text']} {entry.get('url', '')}".strip())

    def _attach(self, session: str) -> None:
        """Listens to a page, and to those in it before they begin."""
        self._chromium.tell(session, self)
        wait = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        self._chromium.call("Target.setAutoAttach", session, **wait)
        for domain in ("Runtime", "Log"):
            self._chromium.call(f"{domain}.enable", session)
        if session != self._session:
            self._chromium.call("Runtime.runIfWaitingForDebugger", session)


def colours(picture: NDArray, least: float = 0.001) -> int:
    """How many colours, in steps of 16, fill such a part of a picture; 1 if it is blank."""
    steps = (picture.reshape(-1, 3) >> 4).astype(np.int32)
    _, counts = np.unique(steps @ [256, 16, 1], return_counts=True)
    return int((counts >= least * len(steps)).sum())


def changed(before: NDArray, after: NDArray) -> float:
    """The part of a picture's pixels that differ visibly from another's."""
    return float((np.abs(before.astype(int) - after).max(axis=-1) > 24).mean())


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are above the descriptors that a child is given."""
    ends = os.pipe()
    read_end, write_end = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return read_end, write_end
