"""Signals that ask a program to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

INTERRUPTED = 130
"""Exit status after SIGINT, as shells have it: 128 and the signal's number."""


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list instead of dying of them; a second one kills."""
    caught: list[int] = []
    before = {}

    def note(number: int, _: object) -> None:
        caught.append(number)
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def leave_on_interrupt() -> Iterator[None]:
    """Ends the program on SIGINT, whatever it is doing; for when there is nothing to save.

    A KeyboardInterrupt is not enough: it waits until C code returns, such as XLA's compiler, and
    code that is being imported may swallow it or turn it into another error. So a thread hears of
    the signal from its C handler.
    """
    numbers, of_handler = socket.socketpair()
    of_handler.setblocking(False)

    def listen() -> None:
        while number := numbers.recv(1):  # nothing comes when the other end is closed
            if number[0] == signal.SIGINT:
                leave()
        numbers.close()

    handler = signal.signal(signal.SIGINT, lambda *_: None)
    descriptor = signal.set_wakeup_fd(of_handler.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGINT, handler)
        of_handler.close()


def leave(*_: object) -> NoReturn:
    """Says "interrupted" and ends the program at once; also a handler of SIGINT."""
    os.write(2, b"interrupted\n")  # stderr may be redirected, or locked by who was interrupted
    os._exit(INTERRUPTED)
