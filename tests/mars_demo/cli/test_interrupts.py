"""Ctrl-C: whenever it comes, a line and exit status 130, and no traceback."""

import subprocess
import sys

import pytest

# Whoever started the tests may have had them ignore SIGINT, as a shell does in the background.
LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""

# Sends SIGINT when a module is asked for, as a user's Ctrl-C that comes while it is imported.
WHILE_IMPORTING = """
import importlib.abc, os, runpy, signal, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv[2:] = ["list", "algorithms"]
from mars_demo.__main__ import main
"""

# A command that meets SIGINT in Python code, in C code that does not return, and at the very end.
WHILE_WORKING = """
import atexit, hashlib, os, signal, sys
from mars_demo import __main__
from mars_demo.runs import signals

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def work():
    if sys.argv[1] == "python":
        interrupt()
        while True:
            pass
    if sys.argv[1] == "compiler":
        with signals.leave_on_interrupt():
            print("ready", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour, without the GIL
    atexit.register(interrupt)

__main__._import_commands = lambda: work
__main__.main()
"""


def interrupted(code: str, *words: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING + code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if words == ("compiler",):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(2)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "interrupted\n")


@pytest.mark.parametrize(
    "module", ["mars_demo.cli.main", "tyro", "numpy", "jaxmarl.environments.multi_agent_env"]
)
def test_ctrl_c_while_it_imports(module):
    interrupted(WHILE_IMPORTING + "main()", module)


@pytest.mark.parametrize("where", ["python", "compiler", "end"])
def test_ctrl_c_while_it_works(where):
    interrupted(WHILE_WORKING, where)


def test_a_program_that_imported_takes_ctrl_c_as_before():
    code = """
import signal
from mars_demo.runs.signals import leave_on_interrupt
with leave_on_interrupt():
    pass
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert signal.set_wakeup_fd(-1) == -1
"""
    subprocess.run([sys.executable, "-c", LISTENING + code], check=True)
