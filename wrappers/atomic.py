"""Atomic writes: after a crash a file holds either its old content or all of its new content."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot flush a folder, such as CIFS and FUSE. They are ignored."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A context with a temporary file in the folder of `path`, which replaces `path` at its end.

    The temporary name is random and must be new, so that nothing is written through a link that
    another user made in the folder. It has the suffix of `path`, because writers choose a format by
    it. File and folder are flushed to disk, so that a power cut loses nothing.

    Raises:
        OSError: the file cannot be written; `path` then holds what it held before.
    """
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(8)}.tmp{path.suffix}")
    with open(temporary, "xb"):  # a file of `tempfile` could be read only by its owner
        pass
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file atomically.

    Raises:
        OSError: the file cannot be written; `path` then holds what it held before.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)
