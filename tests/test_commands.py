"""Every command of the pages, run for real and in the pages' order, with less work for each.

Only amounts are made smaller: options are added to a command (of an option that comes twice the
last one counts), and studies try fewer points with fewer seeds. What needs the checkout of another
library is left to the tests that `JAXMARL_CHECKOUT` and `MAVA_CHECKOUT` turn on.
"""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from docs.experiments import objective_study, scenario_study
from mars_demo.cli.main import main
from mars_demo.experiments import training, tuning
from mars_demo.play import playing, watch
from tests.pages import COMMANDS, OWN_TEST, ROOT, program
from wrappers.viewing import window

pytestmark = [pytest.mark.slow, pytest.mark.loose_promotion]

TRAINED = ["mars-demo", "train", "paxmen-4", "--algo", "mars"]
TINY = {"total_steps": 1, "num_envs": 8, "rollout_steps": 256, "minibatches": 1}  # an episode
LESS = {
    "train": "--total-steps 1 --num-envs 8 --rollout-steps 4 --minibatches 1 --no-bar",
    "eval": "--episodes 4",
    "bench": "--num-envs 8 --steps 2 --repeats 1",
    "sweep": "--tasks mpe/spread-3 --seeds 2 --total-steps 1 --no-bar",
    "tune": "--tasks mpe/spread-3 --algos mars --seeds 1 --total-steps 1 --no-bar",
}
NO_SUBMITIT = None if find_spec("submitit") else "submitit is not installed"
NO_SLURM = None if shutil.which("srun") else "there is no srun"
LACKING = {"slurm": NO_SUBMITIT or NO_SLURM, "--gamepad": "no gamepad is connected"}
RUNS = "--seeds 2 --total-steps 40000 --no-bar"  # for a table of runs: whole episodes
OURS = [page for page, words in COMMANDS if program(words) and page != OWN_TEST]
PICTURES = 20


class Closing:
    """A screen that closes itself after some pictures of what was loading."""

    shown = 0

    def __init__(self, loading):
        self.loading = loading

    def __getattr__(self, name):
        return getattr(self.loading, name)

    @property
    def over(self):
        return self.loading.over or self.shown == PICTURES

    def paint(self, size):
        self.shown += self.loading.screen is not None
        return self.loading.paint(size)


@pytest.fixture
def windows(monkeypatch):
    """The windows that were opened: on no display, and soon closed."""
    opened = []

    def run_window(screen, title, **options):
        opened.append(Closing(screen))
        window.run_window(opened[-1], title, **options)

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(watch, "run_window", run_window)
    monkeypatch.setattr(playing, "run_window", run_window)
    return opened


@pytest.fixture
def fewer(monkeypatch):
    """Studies and the tuning with fewer points, seeds and steps."""

    def train_less(task, runs, name):
        small = {folder: config.replace(**TINY) for folder, config in runs.items()}
        training.train_all(task, small, name)

    for study in (objective_study, scenario_study):
        monkeypatch.setattr(study, "train_all", train_less)
        monkeypatch.setattr(study, "EPISODES", 4)
    monkeypatch.setattr(objective_study, "GRID", {"lr": (1e-3,), "eps": (0.2, 1), "epochs": (2,)})
    monkeypatch.setattr(objective_study, "KNOBS", {"preset": {}, "raw": {"encode": False}})
    monkeypatch.setattr(objective_study, "FINALISTS", 1)
    monkeypatch.setattr(scenario_study, "SCENARIOS", ("aerojax/special_5_vs_5",))
    monkeypatch.setattr(scenario_study, "SEEDS", (0, 1))
    monkeypatch.setattr(tuning, "EPS", (0.1, 0.2))
    monkeypatch.setattr(tuning, "FACTORS", (2.0,))


@pytest.mark.parametrize("page", dict.fromkeys(OURS))
def test_the_commands_of_a_page_run(page, fewer, windows, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in "equal", "eps", "ablations", "tune", "settings":  # which pages tell to write
        Path(f"{name}.json").write_text('{"*": {"eps": 0.2}}')
    Path("docs").symlink_to(ROOT / "docs")
    ours = [words for of, words in COMMANDS if of == page and program(words)]
    if any("runs/paxmen-4/mars/seed_0" in words for words in ours) and not trains(ours):
        run(TRAINED)
    for words in ours:
        if "--checkout" in words or "--distributed" in words:
            continue  # tests/mars_demo/experiments/test_train_bench.py and test_hosts.py run these
        lacking = next((said for word, said in LACKING.items() if word in words), None)
        if lacking:
            with pytest.raises(SystemExit, match="2"):
                run(words)
            assert lacking in capsys.readouterr().err, words
            continue
        run(words)
        if words[1] in ("watch", "play") and "--page" not in words:
            assert windows.pop().shown == PICTURES, words


def run(words):
    start, options = program(words)
    start([*options, *less(options).split()] if start is main else options)


def less(options):
    """What makes less of a command's work."""
    if options[:3] == ["sweep", "--tasks", "paxmen-4"]:
        return RUNS
    if options[0] == "report" and not Path(options[1], "plan.json").exists():
        return "--episodes 4"
    return LESS.get(options[0], "")


def trains(commands):
    """Whether commands of a page train the team that its others name."""
    return any(words[:3] == TRAINED[:3] for words in commands)


def test_what_python_is_told_on_a_command_line(tmp_path):
    (words,) = [words for _, words in COMMANDS if words[0] == "python" and "print" in words[-1]]
    told = subprocess.run(
        [sys.executable, *words[1:]], cwd=tmp_path, capture_output=True, text=True
    )
    assert Path(told.stdout.splitlines()[-1]) == ROOT / "wrappers" / "__init__.py"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("a folder") / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


def test_a_clone_makes_its_demo(clone):
    """`make demo`, with as little training as there can be once it is installed."""
    subprocess.run(["make", f"PYTHON={sys.executable}", ".venv/.installed"], cwd=clone, check=True)
    demo = [clone / ".venv/bin/python", "-m", "mars_demo", "demo", "--total-steps", "1"]
    assert " ".join(map(str, demo[1:4])) in (clone / "Makefile").read_text()
    subprocess.run(demo, cwd=clone, check=True)
    assert {path.name for path in (clone / "demo").iterdir()} >= {"episode.gif", "episode.html"}


def test_a_clone_installs_as_the_readme_says(clone, tmp_path):
    """`pip install`, with what stands in the README, into an environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", ".[video]"], cwd=clone, check=True)
    code = "import aerojax, mars_demo, paxmen, wrappers; print(mars_demo.__file__)"
    told = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert Path(told.stdout.splitlines()[-1]).is_relative_to(tmp_path / "venv")
    command = [tmp_path / "venv/bin/mars-demo", "render", "--pretrained", "paxmen-4", "--mp4"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "demo/paxmen-4/episode.mp4").exists()
