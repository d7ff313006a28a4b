"""One process at a time in a run's folder."""

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
except ImportError:  # Windows: nothing keeps a second process out
    fcntl = None

LOCK = ".lock"
"""The file in a run's folder; it stays there, and means nothing while nobody holds it."""
_NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL)
"""What file systems say that have no locks: runs are trained there without."""


class _Held(threading.local):
    def __init__(self):
        self.folders: set[Path] = set()


_held = _Held()


@contextmanager
def alone(folder: Path, wait: bool = False) -> Iterator[None]:
    """Holds a run's folder, which is made if need be. A process that dies lets go of it.

    Who holds a folder may take it once more: a sweep's worker does, and trains in it.

    Args:
        folder: the run's.
        wait: for the other process that holds it, instead of raising an error.

    Raises:
        RunError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder.resolve()
    if fcntl is None or whole in _held.folders:
        yield
        return
    # Not through a link, and nothing is cut: the folder may be somebody else's.
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
