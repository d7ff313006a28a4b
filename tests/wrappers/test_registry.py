"""The registry: every installed family, whoever wrote it, and none that breaks another."""

import pytest

import aerojax
import paxmen
import wrappers

TOYS = """
def list_envs():
    return ["top", "ball"]

def make(name, **options):
    return name, options
"""


def test_ours_are_in_it_by_family():
    ours = [f"aerojax/{name}" for name in aerojax.list_envs()]
    ours += [f"paxmen/{name}" for name in paxmen.list_envs()]
    families = ("aerojax/", "paxmen/")
    assert [name for name in wrappers.list_envs() if name.startswith(families)] == ours


def test_ours_are_made():
    assert wrappers.make("paxmen/paxmen-4") == paxmen.make("paxmen-4")
    made = wrappers.make("aerojax/search_4", actions="continuous")
    assert made == aerojax.make("search_4", actions="continuous")


def test_another_package_appears(install):
    install("toys", TOYS)
    install("aaa", TOYS)
    names = wrappers.list_envs()
    assert names[:2] == ["aaa/top", "aaa/ball"]
    assert names[-2:] == ["toys/top", "toys/ball"]
    assert wrappers.make("toys/ball", size=3) == ("ball", {"size": 3})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toys/bal", "unknown environment 'toys/bal'; valid: toys/ball, toys/top$"),
        ("toy/ball", "unknown family 'toy' in 'toy/ball'; valid: toys/ball, toys/top, "),
        ("paxmen-4", "'paxmen-4' is not of the form \"family/name\"; valid: paxmen/paxmen-4, "),
        ("toys/", "'toys/' is not of the form \"family/name\"; valid: toys/top, toys/ball, "),
        ("/ball", "'/ball' is not of the form \"family/name\"; valid: toys/ball, "),
        (None, 'None is not of the form "family/name"; valid: '),
    ],
)
def test_an_unknown_name_lists_the_valid_nearest_first(install, name, message):
    install("toys", TOYS)
    with pytest.raises(ValueError, match=message):
        wrappers.make(name)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_module_that_is_not_there", "cannot be loaded: ModuleNotFoundError: No module"),
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
        ("def make(name): ...", "has no function list_envs"),
        ("def list_envs(): return []", "has no function make"),
        ("def make(name): ...\ndef list_envs(): open('')", "cannot list .*: FileNotFoundError"),
    ],
)
def test_a_broken_package_leaves_the_others_alone(install, code, reason):
    install("broken", code)
    install("toys", TOYS)
    message = f"the environment family 'broken' of broken .*{reason}"
    with pytest.warns(UserWarning, match=message):
        names = wrappers.list_envs()
    assert {"toys/ball", "paxmen/paxmen-4"} <= set(names)
    assert not any(name.startswith("broken/") for name in names)
    assert wrappers.make("toys/ball") == ("ball", {})
    with pytest.raises(ImportError, match=message):
        wrappers.make("broken/ball")
