"""What type checkers know of the public calls, and what of a user's slips they find."""

import json
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from aerojax.config import Changes, Config

ROOT = Path(__file__).parent.parent
PROGRAM = Path(__file__).with_name("users_program.py")

# Each line ends with what pyright has to say of it.
SLIPS = """\
# pyright: strict
import aerojax
import jax
import paxmen
from wrappers import AutoReset, check_scene, record
aerojax.make("1_vs_1", actions="discreet")  # reportArgumentType
aerojax.make("1_vs_1", control="manual")  # reportArgumentType
aerojax.make("1_vs_1", opponents="purser")  # reportArgumentType
aerojax.make("1_vs_1", opponent="ace")  # reportCallIssue
aerojax.make("1_vs_1", max_steps="50")  # reportArgumentType
aerojax.mke("1_vs_1")  # reportAttributeAccessIssue
paxmen.mke("paxmen-4")  # reportAttributeAccessIssue
env = paxmen.make("paxmen-4")
env.reset()  # reportCallIssue
AutoReset(env).step(jax.random.key(0))  # reportCallIssue
scene = record(env, jax.random.key(0))
print(check_scene(scene)["frames"], scene["framse"])  # reportGeneralTypeIssues
"""


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """`{file: {(line, rule)}}` of the user's program and of one full of slips."""
    slips = tmp_path_factory.mktemp("typing") / "slips.py"
    slips.write_text(SLIPS)
    command = [sys.executable, "-m", "pyright", "--outputjson", str(PROGRAM), str(slips)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 2
    found = {PROGRAM.name: set(), slips.name: set()}
    for finding in report["generalDiagnostics"]:
        line = finding["range"]["start"]["line"]
        found[Path(finding["file"]).name].add((line, finding.get("rule"), finding["message"]))
    return found


def test_a_users_program_is_clean_under_pyright_strict(findings):
    assert findings["users_program.py"] == set()


def test_slips_are_found(findings):
    found = [set() for _ in SLIPS.splitlines()]
    for line, rule, _ in findings["slips.py"]:
        found[line].add(rule)
    for line, text in enumerate(SLIPS.splitlines()):
        _, comment, rule = text.partition("  # ")
        assert (rule in found[line]) if comment else not found[line], (text, found[line])


def test_a_users_program_is_clean_under_mypy(tmp_path):
    pytest.importorskip("mypy")
    options = ["--strict", "--follow-imports=silent", f"--cache-dir={tmp_path}"]
    command = [sys.executable, "-m", "mypy", *options, str(PROGRAM)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_make_takes_are_the_fields_of_the_configuration():
    assert typing.get_type_hints(Changes) == typing.get_type_hints(Config)
