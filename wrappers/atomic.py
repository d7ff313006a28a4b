"""Atomic writes: a file holds either its old content or all of the new, whatever happens."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot flush a folder, as CIFS and FUSE: these are ignored."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file in the folder of `path` that takes its place if all goes well.

    Its name is random and must be new, so that a link which somebody left in the folder is never
    written through. It has the suffix of `path`, by which writers choose a format. File and folder
    are flushed to disk, so that a power cut loses nothing.

    Raises:
        OSError: the file cannot be written; `path` then holds what it held before.
    """
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(8)}.tmp{path.suffix}")
    with open(temporary, "xb"):  # `tempfile` would make one that only its owner may read
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
    """Writes a file so that its name holds either the old content or all of the new."""
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
