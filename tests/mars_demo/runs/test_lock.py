"""A run's folder has one process at a time."""

import errno
import fcntl
import subprocess
import sys
import threading

import pytest

from mars_demo.runs import lock
from mars_demo.runs.lock import LOCK, alone
from mars_demo.runs.reading import RunError

HOLDER = """
import sys
from pathlib import Path
from mars_demo.runs.lock import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_process_is_refused_until_the_first_is_gone_however_it_went(tmp_path):
    pipe = subprocess.PIPE
    first = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdin=pipe, stdout=pipe)
    try:
        assert first.stdout.readline() == b"held\n"
        with (
            pytest.raises(RunError, match=f"another process trains in {tmp_path}"),
            alone(tmp_path),
        ):
            pass
    finally:
        first.kill()
        first.communicate()
    with alone(tmp_path):
        pass


def try_it(folder, refused):
    try:
        with alone(folder):
            pass
    except RunError as error:
        refused.append(error)


def test_who_holds_a_folder_may_take_it_again_and_nobody_else(tmp_path):
    refused = []
    other = threading.Thread(target=try_it, args=(tmp_path, refused))
    with alone(tmp_path / "new"), alone(tmp_path):
        with alone(tmp_path):
            pass
        other.start()
        other.join()
    assert len(refused) == 1


def test_a_link_is_not_followed(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / LOCK).symlink_to(theirs)
    with pytest.raises(OSError, match=LOCK), alone(tmp_path):
        pass
    assert theirs.read_text() == "theirs"


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone(tmp_path):
        pass


def test_windows_has_no_such_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    with alone(tmp_path), alone(tmp_path):
        pass
