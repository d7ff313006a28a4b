"""How long a test waits for a program or an event: for ever, to everybody but a hang."""

import time
from collections.abc import Callable

HANG_SECONDS = 1800.0
"""No work of a test takes so long, however slow the machine or busy. It is the only time-out of the
tests; pytest's own, `faulthandler_timeout`, is twice as long."""


def wait_until(condition: Callable[[], object]) -> None:
    """Waits until it is true."""
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
