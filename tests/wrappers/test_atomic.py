"""Files that are replaced: whole, flushed to disk, and never through somebody else's link."""

import errno
import os
import secrets
import stat

import pytest

from wrappers.atomic import replacing, write_atomically


def test_the_old_content_stays_until_all_of_the_new_is_there(tmp_path):
    path = tmp_path / "film.gif"
    path.write_bytes(b"old")
    with replacing(path) as temporary:
        assert temporary.suffix == ".gif"
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_flushed_before_it_is_renamed_and_its_folder_after(tmp_path, monkeypatch):
    calls, flush, rename = [], os.fsync, os.replace

    def noted_flush(descriptor):
        status = os.fstat(descriptor)
        folder = stat.S_ISDIR(status.st_mode)
        assert not folder or status.st_ino == tmp_path.stat().st_ino
        calls.append("folder" if folder else f"{status.st_size} bytes")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("rename"), rename(*names)))
    write_atomically(tmp_path / "file", b"123")
    assert calls == ["3 bytes", "rename", "folder"]


def refuse_folders(monkeypatch, number):
    flush = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_flush_a_folder_will_do(tmp_path, monkeypatch, number):
    refuse_folders(monkeypatch, number)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_disk_that_fails_to_flush_a_folder_is_told(tmp_path, monkeypatch):
    refuse_folders(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write_atomically(tmp_path / "file", b"new")


def test_no_link_is_followed(tmp_path, monkeypatch):
    """Neither one under the file's own name, nor one under that of a temporary file."""
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    path = tmp_path / "curve.png"
    path.symlink_to(theirs)
    write_atomically(path, b"ours")
    assert (theirs.read_bytes(), path.read_bytes()) == (b"theirs", b"ours")
    assert not path.is_symlink()

    monkeypatch.setattr(secrets, "token_hex", lambda count: "guessed")
    with replacing(path) as temporary:
        temporary.write_bytes(b"ours")
    temporary.symlink_to(theirs)
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new")
    assert (theirs.read_bytes(), path.read_bytes()) == (b"theirs", b"ours")


def test_names_cannot_be_foretold(tmp_path):
    names = set()
    for _ in range(3):
        with replacing(tmp_path / "file") as temporary:
            names.add(temporary)
    assert len(names) == 3


def test_others_may_read_it_as_any_new_file(tmp_path):
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode
