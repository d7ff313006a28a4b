"""Settings of every test: sloppy arithmetic is an error, examples are few and always the same."""

import importlib
import os
import sys
import tempfile
from pathlib import Path

import jax
import pytest
from hypothesis import settings

from tests import browser as browsers

# Our own code names every dtype and aligns every rank; these make a slip an error. Set for the
# whole session, not by a fixture: the settings are part of JAX's compilation key, so a function
# compiled under others, in a session's fixture, would be compiled again in each test.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# No deadline, because the first example compiles; derandomised, so that a red test stays red.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: runs with pytest --slow"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "loose_promotion: drives code of others, which mixes dtypes and ranks as NumPy allows",
    )
    config.addinivalue_line("markers", "slow: takes minutes; runs with --slow")
    if not config.getoption("--slow"):
        compile_quickly(config)


def compile_quickly(config: pytest.Config) -> None:
    """Leaves most optimisations out, and lets a program be compiled once in all.

    Most programs run but for moments, and many are those of another test, in the other worker or a
    process that a test starts. The slow tier trains teams, and compiles as users do.
    """
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR")  # of the whole session, or a developer's
    if folder is None:
        temporary = tempfile.TemporaryDirectory(prefix="jax_cache_")
        config.add_cleanup(temporary.cleanup)
        folder = temporary.name
    options = {
        "jax_disable_most_optimizations": True,
        "jax_compilation_cache_dir": folder,
        "jax_persistent_cache_min_compile_time_secs": 0.2,
    }
    for name, value in options.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)  # for the workers and what tests start


@pytest.fixture(autouse=True)
def _promotion(request: pytest.FixtureRequest):
    """Lets the tests marked `loose_promotion`, and no other, mix dtypes and ranks."""
    if "loose_promotion" not in request.keywords:
        yield
        return
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def x64():
    """JAX with 64-bit types for the length of one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`install(family, code)`: another's package of one module, with its line of `marl_envs`."""
    folder = tmp_path / "site"
    installed: list[str] = []

    def run(family: str, code: str) -> None:
        metadata = folder / f"{family}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (folder / f"{family}.py").write_text(code)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {family}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[marl_envs]\n{family} = {family}\n")
        installed.append(family)
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(folder)
    yield run
    for family in installed:
        sys.modules.pop(family, None)


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests: see tests/browser.py."""
    if browsers.PROGRAM is None:
        pytest.skip("no Chromium on this machine; it is called chromium in most package managers")
    with browsers.Chromium() as chromium:
        yield chromium
