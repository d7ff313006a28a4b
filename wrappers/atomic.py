"""Files that hold either their old content or all of the new, whatever stops the writing."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""What file systems say that cannot flush a folder, as CIFS and FUSE: nothing more can be done."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file in the folder of `path` that takes its place if all goes well.

    Nobody can foretell its name, and it must not be there yet: a link that somebody left in the
    folder is never written through. It has the suffix of `path`, by which writers choose a format.
    File and folder are flushed to disk, so that a power cut loses nothing either.
    """
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(8)}.tmp{path.suffix}")
    with open(temporary, "xb"):  # not tempfile's: that one's files are for their owner alone
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
