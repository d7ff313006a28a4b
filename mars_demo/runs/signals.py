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
    """Collects SIGINT and SIGTERM in a list instead of ending; a second signal ends the program."""
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
    """Ends the program at once on SIGINT, for times at which there is nothing to save.

    A KeyboardInterrupt is not enough. It waits until C code such as XLA's compiler returns, and a
    module that is being imported may catch it or turn it into another error. So a thread reads the
    signal from the file descriptor to which Python's C handler writes it.
    """
    numbers, of_handler = socket.socketpair()
    of_handler.setblocking(False)

    def listen() -> None:
        while number := numbers.recv(1):  # empty once the other end is closed
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
    """Prints "interrupted" and ends the program at once; can be a handler of SIGINT."""
    os.write(2, b"interrupted\n")  # sys.stderr may be redirected, or locked by the interrupted code
    os._exit(INTERRUPTED)
