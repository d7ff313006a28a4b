"""A lock on a run's folder, so that one process at a time trains in it."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mars_demo.runs.reading import RunError

try:
    import fcntl
except ImportError:  # Windows: folders are not locked
    fcntl = None

LOCK = ".lock"
"""The file in a run's folder that is locked. It stays there after the lock is released."""
_NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL)
"""Errors of file systems that have no locks: runs are trained there without one."""


class _Held(threading.local):
    def __init__(self):
        self.folders: set[Path] = set()


_held = _Held()


@contextmanager
def alone(folder: Path, wait: bool = False) -> Iterator[None]:
    """Locks a run's folder, which is made if it is missing. The lock ends with its process.

    A thread that holds the lock may take it again: a sweep's worker does so when it trains.

    Args:
        folder: the run's folder.
        wait: wait for another process that holds it, instead of raising an error.

    Raises:
        RunError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder.resolve()
    if fcntl is None or whole in _held.folders:
        yield
        return
    # Links are not followed and nothing is truncated, because others may write into the folder.
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        _take(lock, folder, wait)
        _held.folders.add(whole)
        yield
    finally:
        _held.folders.discard(whole)
        os.close(lock)


def _take(lock: int, folder: Path, wait: bool) -> None:
    assert fcntl is not None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise RunError(
                f"another process trains in {folder}; wait for it, or name another folder"
            ) from None
        print("another process trains this run; waiting for it", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
