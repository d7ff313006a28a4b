"""The house's own rules: who may import whom, what lies where, what the lock pins."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import mutants
from tests.patience import HANG_SECONDS

ROOT = Path(__file__).parent.parent
PACKAGES = ("paxmen", "aerojax", "wrappers", "mars_demo")
ENVIRONMENTS = ("paxmen", "aerojax")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def imports(file: Path, lazily: bool = True) -> set[str]:
    """Every module that a file imports, by its full name.

    Without `lazily` only at its top: neither inside functions nor for type checkers alone.
    """
    found = set()
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree) if lazily else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def sources(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    return files


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("paxmen", ("aerojax", "wrappers", "mars_demo")),
        ("aerojax", ("paxmen", "wrappers", "mars_demo")),
        ("wrappers", ("paxmen", "aerojax", "mars_demo")),
    ],
)
def test_packages_import_only_what_lies_beneath_them(package, forbidden):
    for file in sources(package):
        for module in imports(file):
            assert not any(within(module, other) for other in forbidden), f"{file}: {module}"


@pytest.mark.parametrize("package", ENVIRONMENTS)
def test_environments_stand_on_jax_and_the_contract_alone(package):
    allowed = {package, "jax", "flax", "chex", "numpy", "jaxmarl"} | sys.stdlib_module_names
    for file in sources(package):
        for module in imports(file):
            assert module.partition(".")[0] in allowed, f"{file}: {module}"


@pytest.mark.parametrize("package", ENVIRONMENTS)
def test_rules_know_nothing_of_jaxmarl(package):
    """Only the shell, env.py, speaks JaxMARL."""
    for file in sources(package):
        if file.name != "env.py":
            assert not any(within(module, "jaxmarl") for module in imports(file)), file


# What of JaxMARL is its contract; the rest of jaxmarl.environments are environments.
CONTRACT = ("jaxmarl.environments.multi_agent_env", "jaxmarl.environments.spaces")


def names_an_environment(module: str) -> bool:
    if within(module, "jaxmarl.environments"):
        return not any(within(module, part) for part in CONTRACT)
    direct = ("jaxmarl.make", "jaxmarl.registered_envs", "jaxmarl.registration", *ENVIRONMENTS)
    return module == "jaxmarl" or any(within(module, name) for name in direct)


@pytest.mark.parametrize("package", ["wrappers", "mars_demo"])
def test_few_files_name_the_environments(package):
    named = {
        str(file.relative_to(ROOT))
        for file in sources(package)
        if any(names_an_environment(module) for module in imports(file))
    }
    named = {name for name in named if not name.startswith("mars_demo/tasks/")}
    # The first puts names into JaxMARL's own list, and names none itself.
    assert named <= {"wrappers/jaxmarl_registration.py", "mars_demo/play/hooks.py"}


# The rooms of a package, each with those that it may use. What stands at the package's root, beside
# them, is used by all of them or uses them all.
ROOMS = {
    "wrappers": ("viewing", "conformance", "gymnasium", "pettingzoo", "jumanji"),
    "mars_demo": ("learning", "tasks", "runs", "evaluation", "experiments", "play", "cli"),
}
APART = {  # neither is above the other
    ("experiments", "play"),
    ("viewing", "conformance"),
    *((room, "jumanji") for room in ("viewing", "conformance", "gymnasium", "pettingzoo")),
}


@pytest.mark.parametrize("package", ROOMS)
def test_no_room_uses_one_above_it(package):
    order = ROOMS[package]
    assert {file.parent.name for file in sources(package)} == {package, *order}
    for file in sources(package):
        room = file.parent.name
        for module in imports(file) if room != package else ():
            used = module.removeprefix(f"{package}.").partition(".")[0]
            if within(module, package) and used in order:
                assert order.index(used) <= order.index(room), f"{file}: {module}"
                assert not {(used, room), (room, used)} & APART, f"{file}: {module}"


def test_only_the_front_door_of_wrappers_names_an_adapter():
    """It loads them when they are first used; their own files know each other."""
    adapters = ("gymnasium", "gymnax", "pettingzoo", "jumanji")
    for file in (ROOT / "wrappers").glob("*.py"):
        for module in imports(file) if file.name != "__init__.py" else ():
            assert not any(within(module, f"wrappers.{name}") for name in adapters), file


def test_viewers_know_little_of_the_other_wrappers():
    for file in (ROOT / "wrappers" / "viewing").glob("*.py"):
        ours = {module for module in imports(file) if within(module, "wrappers")}
        allowed = (
            "wrappers.viewing",
            "wrappers.atomic",
            "wrappers.nearest_first",
            "wrappers.wrapper",
        )
        assert all(any(within(module, name) for name in allowed) for module in ours), file


@pytest.mark.parametrize("package", PACKAGES)
def test_no_files_import_each_other_in_a_circle(package):
    """An environment knows how to draw itself, lazily; what draws it has its type."""
    names = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in sources(package)
    }
    uses = {
        name: {
            used
            for module in imports(file, lazily=package not in ENVIRONMENTS)
            if (used := file_of(module, names)) is not None
        }
        for name, file in names.items()
    }
    TopologicalSorter({name: used - {name} for name, used in uses.items()}).prepare()


def file_of(module: str, names: dict[str, Path]) -> str | None:
    """The file that an import reads: its last part may be a name within the file."""
    return next((name for name in (module, module.rpartition(".")[0]) if name in names), None)


def test_what_counts_as_naming_an_environment():
    for module in ("paxmen", "aerojax.env.AeroJAX", "jaxmarl", "jaxmarl.environments.mpe"):
        assert names_an_environment(module)
    for module in (f"{CONTRACT[0]}.MultiAgentEnv", "jaxmarl.wrappers.baselines", "paxmental"):
        assert not names_an_environment(module)


def test_top_level_folders():
    made = {"build", "dist", "site", "__pycache__", "demo", "runs", "studies", "comparison"}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    visible = {name for name in folders if not name.startswith(".")} - made
    assert {name for name in visible if not name.endswith(".egg-info")} == {
        *PACKAGES,
        "tests",
        "docs",
    }


def test_no_folder_is_a_drawer():
    for top in (*PACKAGES, "tests", "docs"):
        for path in (ROOT / top).rglob("*"):
            assert not (path.is_dir() and path.name in {"utils", "common", "core", "helpers"}), path


def test_version_is_in_one_place():
    version = PROJECT["project"]["version"]
    for file in (file for package in PACKAGES for file in sources(package)):
        text = file.read_text()
        assert not re.search(r"^__version__", text, re.MULTILINE), file
        assert f'"{version}"' not in text, file
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)


def test_every_package_is_shipped_and_typed():
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for file in sources(package)
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists()


def lock_entries() -> list[tuple[Requirement, int]]:
    """Each pin of requirements.lock with the number of its hashes."""
    text = re.sub(r"^\s*#.*$", "", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    entries = []
    for entry in text.replace("\\\n", " ").splitlines():
        if entry.strip():
            requirement, *hashes = entry.split("--hash=sha256:")
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest.strip()) for digest in hashes)
            entries.append((Requirement(requirement), len(hashes)))
    return entries


def test_lock_pins_and_hashes_everything():
    entries = lock_entries()
    assert len(entries) > 50
    for requirement, hashes in entries:
        assert re.fullmatch(r"==[^*]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


def test_lock_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--?(i|f|index|extra-index|find-links|trusted)", text, re.MULTILINE)


def applies(marker: Marker | None, python: str) -> bool:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    return marker is None or marker.evaluate(environment)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_lock_holds_one_fitting_pin_of_every_dependency(python):
    pins = {}
    for requirement, _ in lock_entries():
        if applies(requirement.marker, python):
            name = canonicalize_name(requirement.name)
            assert name not in pins, f"{name} is pinned twice for Python {python}"
            pins[name] = next(iter(requirement.specifier)).version
    project = PROJECT["project"]
    locked = re.findall(r"--extra (\w+)", (ROOT / "Makefile").read_text())
    extras = [project["optional-dependencies"][name] for name in locked]
    for text in (*project["dependencies"], *(line for extra in extras for line in extra)):
        wanted = Requirement(text)
        if not applies(wanted.marker, python):
            continue
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), wanted


def test_lock_tells_python_3_11_from_later():
    markers = {str(requirement.marker) for requirement, _ in lock_entries()}
    assert any('python_full_version < "3.12"' in marker for marker in markers)
    assert any('python_full_version >= "3.12"' in marker for marker in markers)


QUIET_IMPORT = """
import sys
import {package}
assert "jaxmarl" not in sys.modules, "jaxmarl was imported"
if "jax" in sys.modules:
    from jax._src import xla_bridge
    assert not xla_bridge._backends, "a JAX backend was started"
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_import_is_quiet_and_starts_no_backend(package):
    script = QUIET_IMPORT.format(package=package)
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "first",
    [
        "paxmen.make('paxmen-4')",
        "aerojax.make('search_4')",
        "wrappers.AutoReset",
        "import mars_demo.learning.task",
    ],
)
def test_a_notebook_that_imports_jaxmarl_through_us_keeps_its_output(first):
    """While it is imported, JaxMARL 0.2 announces itself, and puts sys.__stdout__ in place."""
    script = f"""
import io, sys
sys.stdout, sys.stderr = out, err = io.StringIO(), io.StringIO()
import {first.removeprefix("import ").partition(".")[0]}
{first}
import jaxmarl
jaxmarl.make
assert (sys.stdout, sys.stderr) == (out, err)
assert (out.getvalue(), err.getvalue()) == ("", "")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "use",
    [
        "jaxmarl.make('MPE_simple_spread_v3')",
        "jaxmarl.environments.SMAX",
        "from jaxmarl import *; make",
        "import jaxmarl.environments.mpe.simple as simple; simple.SimpleMPE()",
        "jax.jit(lambda x: x if jaxmarl.make else -x)(1)",
    ],
)
def test_jaxmarl_runs_when_it_is_asked_for(use):
    """And its base class is the one that our environments have."""
    script = f"""
import sys
import aerojax, paxmen, wrappers
env = paxmen.make("paxmen-4")
aerojax.make("search_4")
assert not sys.modules.keys() & {{"seaborn", "jaxmarl.environments.smax", "jaxmarl.registration"}}
import jax, jaxmarl
{use}
assert isinstance(env, jaxmarl.environments.MultiAgentEnv)
assert isinstance(env, jaxmarl.environments.multi_agent_env.MultiAgentEnv)
assert isinstance(jaxmarl.make("MPE_simple_v3"), jaxmarl.environments.MultiAgentEnv)
assert jaxmarl.__version__
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_more_than_jaxmarls_announcements_is_swallowed(package, tmp_path):
    """Here of a package of that name, which prints them, and more, and does not work."""
    environments = tmp_path / "jaxmarl" / "environments"
    environments.mkdir(parents=True)
    (tmp_path / "jaxmarl" / "__init__.py").write_text("import jaxmarl.environments")
    (environments / "__init__.py").write_text("""
import sys
print("Importing submoduled environments...")
print("Submoduled environments not found. Skipping import.")
print("this one matters", "Submoduled environments not found. Skipping import.")
print("a warning", file=sys.stderr)
raise ImportError("it is broken")
""")
    script = f"""
import sys
import {package}
sys.path.insert(0, {str(tmp_path)!r})
try:
    import jaxmarl
    jaxmarl.environments.MPE
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = "this one matters Submoduled environments not found. Skipping import."
    assert done.stdout.splitlines() == [told, "it is broken"]
    assert done.stderr == "a warning\n"


def test_importing_jaxmarl_has_one_text():
    """The environments stand on nothing of ours, so each has it."""
    files = {(ROOT / top / "jaxmarl_import.py").read_text() for top in (*ENVIRONMENTS, "wrappers")}
    assert len(files) == 1


@pytest.mark.parametrize(
    ("name", "modules"),
    {
        "batched_cond": ("paxmen.batching", "wrappers.batched_cond"),
        "nearest_first": ("paxmen.registration", "aerojax.config", "wrappers.nearest_first"),
    }.items(),
)
def test_what_packages_share_without_importing_one_another_has_one_text(name, modules):
    texts = {inspect.getsource(getattr(import_module(module), name)) for module in modules}
    assert len(texts) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_those_that_are_listed(package):
    module = import_module(package)
    everything: dict[str, object] = {}
    exec(f"from {package} import *", everything)
    names = everything.keys() - {"__builtins__"}
    assert names == {*module.__all__}
    assert not any(
        name.startswith("_") or isinstance(everything[name], ModuleType) for name in names
    )
    if package != "mars_demo":
        assert names == {*dir(module)}
        assert len(names) >= 4


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_knows_its_version(package):
    assert import_module(package).__version__ == PROJECT["project"]["version"]
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = import_module(package).nothing


WITHOUT = """
import pathlib, sys
import jax  # whose own file locks want fcntl

sys.modules.update(dict.fromkeys(["pygame", "fcntl", "pettingzoo"]))
import paxmen, wrappers
from wrappers import *
import mars_demo.cli.main, mars_demo.cli.demo, mars_demo.runs.lock, mars_demo.tasks.registry

with mars_demo.runs.lock.alone(pathlib.Path(".")):
    pass
env = paxmen.make("paxmen-4")
_, state = env.reset(jax.random.key(0))
scene = wrappers.viewing.rendering.state_scene(env, state)
for name in ("picture.svg", "page.html"):
    assert wrappers.save_scene(scene, name).stat().st_size > 5000
shown = wrappers.show(scene)
assert "data:image/svg+xml;base64," in shown._repr_html_() and shown._repr_png_() is None
wrappers.to_gymnasium(env), wrappers.to_gymnax(env)

def refused(call, *words):
    try:
        call()
    except ImportError as error:
        assert "\\n" not in str(error) and all(word in str(error) for word in words), error
    else:
        raise AssertionError(words)

lacks_pygame = "pictures and windows need pygame", "pip install pygame, or write .svg or .html"
for suffix in (".png", ".gif", ".webp", ".mp4"):
    refused(lambda: wrappers.save_scene(scene, "picture" + suffix), *lacks_pygame)
refused(lambda: wrappers.render(env, state), *lacks_pygame)
refused(lambda: wrappers.to_gymnasium(env, render_mode="rgb_array"), *lacks_pygame)
refused(lambda: wrappers.to_pettingzoo(env), "pip install 'paxmen-aerojax[pettingzoo]'")
assert sorted(path.name for path in pathlib.Path(".").iterdir()) == ["page.html", "picture.svg"]
assert mars_demo.cli.demo.default_formats() == ["html"]
for command in (["play", "paxmen-4"], ["watch", "--pretrained", "paxmen-4"]):
    try:
        mars_demo.cli.main.main(command)
    except SystemExit as stop:
        assert stop.code == 2
"""


def test_all_but_pictures_and_windows_works_without_pygame(tmp_path):
    """And without `fcntl`, which Windows lacks, and PettingZoo, which is an extra."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = done.stderr.splitlines()
    assert [line.partition(": pictures and")[0] for line in lines] == [
        "no GIF",
        "mars-demo",
        "mars-demo",
    ]
    for line in lines:
        assert ": pictures and windows need pygame, which has no wheel for every Python" in line
        assert line.endswith("pip install pygame, or write .svg or .html")


BUILD = """
import sys
from setuptools import build_meta

print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


def build(kind: str, source: Path, target: Path) -> Path:
    """What a build front end would make of a folder, without a network."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{kind}", str(target)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


def test_what_is_published_is_the_packages(tmp_path):
    """The source distribution has what the wheel needs, and no test without its helpers."""
    source = tmp_path / "source"
    for top in (*PACKAGES, "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / top, source / top, ignore=ignored)
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    files = {
        str(path.relative_to(source))
        for top in PACKAGES
        for path in (source / top).rglob("*")
        if path.is_file() and "wrappers/viewing/viewer" not in str(path)
    }
    sdist = build("sdist", source, tmp_path)
    with tarfile.open(sdist) as archive:
        # Python 3.11 before .4 has neither the argument nor the filter.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    assert not (unpacked / "tests").exists()
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == files


def test_no_test_has_a_time_out_of_its_own():
    """A slow or busy machine must not turn a test red."""
    for file in (ROOT / "tests").rglob("*.py"):
        found = re.search(r"timeout=\d|\.(wait|join|result)\(\d", file.read_text())
        assert not found, f"{file}: {found[0]} (tests/patience.py)"
    assert PROJECT["tool"]["pytest"]["ini_options"]["faulthandler_timeout"] == 2 * HANG_SECONDS


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=str)
def test_every_mutant_still_has_its_line(mutant):
    """`python tests/mutants.py` tries them; here only that what they change is there."""
    assert (ROOT / mutant.file).read_text().count(mutant.line) == 1
    assert mutant.line != mutant.broken
    for test in mutant.tests.split():
        assert test.startswith("-") or (ROOT / test.partition("::")[0]).exists(), test
