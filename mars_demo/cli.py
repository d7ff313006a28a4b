"""The command line `mars-demo`: every command is a frozen dataclass with a `run` method."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import jax
import tyro
from tyro.conf import OmitArgPrefixes, Positional

from mars_demo.silence import silence

with silence():  # stdout is for our answers
    from mars_demo.tasks import TASKS, Task, get_task, list_tasks

from mars_demo.checkpoint import CheckpointError
from mars_demo.config import Config, check_config, check_number
from mars_demo.evaluate import Trained, trained_run
from mars_demo.hosts import is_first_host
from mars_demo.metrics import WeightsAndBiases, Writer
from mars_demo.objectives import OBJECTIVES
from mars_demo.run import RunError, train_run, train_seeds

DEFAULT_TASK, DEFAULT_ALGO = "paxmen-4", "mars"


@dataclass(frozen=True)
class Train:
    """Train a team. Metrics, checkpoints and the configuration land in one folder."""

    task: Annotated[Positional[str], tyro.conf.arg(metavar="TASK")]
    """The task's name; `mars-demo list` shows all."""
    config: OmitArgPrefixes[Config] = field(default_factory=Config)
    """Defaults are the preset of the task and algorithm named on the command line."""
    seeds: int = 1
    """Train this many seeds, counting from --seed, each in a folder of its own."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """The run's folder [runs/TASK/ALGO/seed_SEED]; with --seeds, the folder of their folders."""
    resume: bool = False
    """Go on with the run in that folder, bit for bit as if it had not stopped."""
    bar: bool = True
    """Show a progress bar."""
    distributed: bool = False
    """Train on the devices of several hosts; the same command on each of them: docs/scaling.md."""
    wandb: Annotated[str | None, tyro.conf.arg(metavar="PROJECT")] = None
    """Also send metrics to this project of Weights & Biases (needs the extra `wandb`)."""

    def run(self) -> None:
        task = get_task(self.task)
        check_number("seeds", self.seeds, 1, 1 if self.distributed else 1000)
        for seed in (self.config.seed, self.config.seed + self.seeds - 1):
            check_config(self.config.replace(seed=seed))
        parent = Path("runs") / task.name / self.config.algo
        if self.seeds > 1:
            self._run_seeds(self.out or parent)
            return
        folder = self.out or parent / f"seed_{self.config.seed}"
        result = train_run(task, self.config, folder, self.resume, self.bar, self._log_to())
        if not is_first_host():
            return
        if result.finished:
            from mars_demo.report import draw_run

            draw_run(folder)
        else:
            print(f"stopped and saved; go on with: mars-demo train {self.task} ... --resume")
        print(f"run folder: {folder}")

    def _log_to(self) -> list[Callable[[Path], Writer]]:
        return [partial(WeightsAndBiases, project=self.wandb)] if self.wandb else []

    def _run_seeds(self, parent: Path) -> None:
        from mars_demo.processes import train_all

        numbers = range(self.config.seed, self.config.seed + self.seeds)
        runs = {parent / f"seed_{n}": self.config.replace(seed=n) for n in numbers}
        taken = [folder for folder in runs if (folder / "run.json").exists()]
        if taken and not self.resume:
            raise RunError(f"{taken[0]} holds a run already; pass --resume to go on with it")
        if jax.default_backend() == "cpu":
            options = ["--wandb", self.wandb] if self.wandb else []
            train_all(self.task, runs, f"{self.task} {self.config.algo}", options)
        else:  # one program: its batched products fill a device that one seed leaves idle
            train_seeds(get_task(self.task), runs, self.resume, self.bar, self._log_to())
        print(f"run folders: {parent}/seed_*")


@dataclass(frozen=True)
class _Played:
    """What `eval` and `render` have in common: whose team plays, and how."""

    folder: Annotated[Positional[Path | None], tyro.conf.arg(metavar="RUN")] = None
    """A run's folder."""
    pretrained: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Instead: a team that ships with the package, or the JSON file of an exported one."""
    greedy: bool = False
    """Take the likeliest action instead of sampling."""
    seed: int = 0
    """Seed of the episodes."""

    def team(self) -> Trained:
        """The team that was asked for."""
        from mars_demo.pretrained import list_pretrained, load_pretrained

        check_number("seed", self.seed, 0, 2**32 - 1)
        if self.folder is not None and self.pretrained is None:
            return trained_run(self.folder)
        if self.pretrained is not None and self.folder is None:
            return load_pretrained(self.pretrained)
        names = ", ".join(list_pretrained())
        raise ValueError(f"give either a run's folder or --pretrained, with one of: {names}")


@dataclass(frozen=True)
class Eval(_Played):
    """Play whole episodes with a trained team, beside the random policy and the task's script."""

    episodes: int = 256
    """Episodes to play with each policy."""

    def run(self) -> None:
        from mars_demo.demo import compare_policies, format_scores

        check_number("episodes", self.episodes, 1, 10**6)
        team = self.team()
        scores = compare_policies(team, self.episodes, self.seed, self.greedy)
        print(format_scores(team.trainer.task, scores))


@dataclass(frozen=True)
class Render(_Played):
    """Play one episode with a trained team and draw it. Without a format: GIF and HTML."""

    gif: bool = False
    """Write an animated GIF."""
    mp4: bool = False
    """Write an MP4 video (needs the extra `video`)."""
    html: bool = False
    """Write a self-contained page with a scrubber."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Where to write [the run's folder, or demo/TASK]."""

    def run(self) -> None:
        from mars_demo.demo import render

        chosen = [name for name in ("gif", "mp4", "html") if getattr(self, name)]
        team = self.team()
        out = self.out or self.folder or Path("demo") / team.trainer.task.name
        for path in render(team, chosen or ["gif", "html"], out, self.seed, self.greedy):
            print(path)


@dataclass(frozen=True)
class Export:
    """Write a run's trained team as files of its own: parameters, configuration, score."""

    folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A run's folder."""
    path: Annotated[Positional[Path], tyro.conf.arg(metavar="FILE")]
    """The JSON file to write; the parameters go beside it, as safetensors."""
    episodes: int = 1024
    """Episodes to play for the score that is told."""

    def run(self) -> None:
        from mars_demo.pretrained import export_team

        check_number("episodes", self.episodes, 1, 10**6)
        for path in export_team(self.folder, self.path, self.episodes):
            print(path)


@dataclass(frozen=True)
class List:
    """List the tasks, or the algorithms."""

    what: Positional[Literal["tasks", "algorithms"]] = "tasks"

    def run(self) -> None:
        if self.what == "algorithms":
            for name, objective in OBJECTIVES.items():
                print(f"{name:12s} {(objective.__doc__ or '').strip().splitlines()[0]}")
            return
        for name in list_tasks():
            print(f"{name:28s} {_facts(name)}")


def _facts(name: str) -> str:
    """A task in one line; for an environment that cannot be one, why."""
    try:
        task = get_task(name)
        env = task.make()
    except Exception as error:  # whatever another package's environment raises
        return f"cannot be trained on: {error}"
    agent = env.agents[0]
    actions = getattr(env.action_space(agent), "n", "continuous")
    return (
        f"{len(env.agents)} agents, observation {env.observation_space(agent).shape}, "  # pyright: ignore[reportAttributeAccessIssue]
        f"{actions} actions, {task.episode_length} steps, score: {task.score_name}"
    )


@dataclass(frozen=True)
class Bench:
    """Measure environment steps a second, compile time and memory traffic, beside JaxMARL's own."""

    num_envs: int = 4096
    """Environments stepped side by side."""
    steps: int = 100
    """Steps of each environment in one timed call."""
    repeats: int = 5
    """Timed calls of each, interleaved; the best counts."""
    train: bool = False
    """Measure the trainer instead, on the work of JaxMARL's MAPPO-RNN script."""
    checkout: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """With --train: a folder with JaxMARL's repository, to measure its script beside ours."""

    def run(self) -> None:
        if self.train:
            self._run_training()
            return
        if self.checkout is not None:
            raise ValueError("--checkout goes with --train")
        from mars_demo.bench import bench
        from mars_demo.tasks import bench_environments

        print(bench(bench_environments(), self.num_envs, self.steps, self.repeats))

    def _run_training(self) -> None:
        if (self.num_envs, self.steps) != (Bench.num_envs, Bench.steps):
            raise ValueError("--train measures a fixed work; drop --num-envs and --steps")
        from mars_demo.tasks import spread_task
        from mars_demo.train_bench import bench_training

        print(bench_training(spread_task(), self.checkout, self.repeats))


@dataclass(frozen=True)
class Figure:
    """Draw a figure of the documentation anew."""

    name: Positional[Literal["objectives", "aircraft"]]
    """`objectives` shows values and gradients, drift and collapse; `aircraft` what classes can."""
    path: Positional[Path]
    """The PNG to write."""

    def run(self) -> None:
        if self.name == "aircraft":
            from mars_demo.aircraft_figure import draw_aircraft
            from mars_demo.tasks import aircraft_curves

            draw_aircraft(aircraft_curves(), self.path)
        else:
            from mars_demo.demonstrations import figure

            figure(self.path)
        print(self.path)


@dataclass(frozen=True)
class Compare:
    """Compare groups of runs: learning curves and a table, with 95 % intervals over seeds."""

    folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FOLDER")]
    """Runs' folders, or folders of them (such as runs/paxmen-4/mars): one group each."""
    out: Path = Path("comparison")
    """Where to write curves.png, table.md and scores.json."""
    threshold: float = 50.0
    """Also report the environment steps until a run's score first passes this."""
    episodes: int = 256
    """Episodes to evaluate each run over."""

    def run(self) -> None:
        from mars_demo.report import compare

        check_number("threshold", self.threshold, -1e9, 1e9, whole=False)
        check_number("episodes", self.episodes, 1, 10**6)
        print(compare(self.folders, self.out, self.threshold, self.episodes))


@dataclass(frozen=True)
class Ratios:
    """Draw how far probability ratios went through training, a column for each run."""

    folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    """Folders of runs, such as one of each algorithm."""
    out: Path = Path("ratios.png")
    """The PNG to write."""

    def run(self) -> None:
        from mars_demo.ratio_figure import draw_ratios

        draw_ratios(self.folders, self.out)
        print(self.out)


@dataclass(frozen=True)
class Study:
    """Run an experiment of docs/results.md. Runs that are there already are not run again."""

    name: Positional[Literal["tune", "compare", "knobs", "scenarios", "ladder"]]
    """`tune` chooses presets, `compare` compares objectives, `knobs` turns one knob at a time,
    `scenarios` trains MARS on AeroJAX's benchmark, `ladder` lets AeroJAX's scripts play."""
    task: str = DEFAULT_TASK
    """The task's name; `scenarios` and `ladder` have their own."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Where to [studies/TASK/NAME, or studies/NAME]."""

    def run(self) -> None:
        if self.name in ("scenarios", "ladder"):
            from mars_demo.ladder import climb
            from mars_demo.scenario_study import study_scenarios

            study = climb if self.name == "ladder" else study_scenarios
            print(study(self.out or Path("studies") / self.name))
            return
        from mars_demo.studies import STUDIES

        out = self.out or Path("studies") / get_task(self.task).name / self.name
        print(STUDIES[self.name](self.task, out))


@dataclass(frozen=True)
class Demo:
    """Train a MARS team on paxmen-4, evaluate it, and draw what it learned: a first look."""

    out: Path = Path("demo")
    """The folder for everything. A finished demo in it is shown again, not trained again."""
    seed: int = 0
    """Seed of the run."""
    total_steps: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps to train for [the preset's]."""

    def run(self) -> None:
        from mars_demo.demo import demo

        demo(DEFAULT_TASK, DEFAULT_ALGO, self.out, self.seed, self.total_steps)


def main(argv: Sequence[str] | None = None) -> None:
    """Parses and runs a command; a user's mistake ends in one line on stderr and exit code 2."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        command = tyro.cli(_commands(args), args=args, prog="mars-demo", description=__package_doc)
        command.run()
    except (ValueError, RunError, CheckpointError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None


__package_doc = "PaxMen and AeroJAX's reference trainer: MARS, MAPPO and MASPO."


def _commands(args: Sequence[str]) -> type:
    """All commands as one type; `train` gets the preset of the task and algorithm in `args`."""
    train = tyro.conf.subcommand("train", default=Train(tyro.MISSING, _preset(args)))
    union: object = Annotated[Train, train]
    for name, kind in {
        "eval": Eval,
        "render": Render,
        "export": Export,
        "list": List,
        "compare": Compare,
        "ratios": Ratios,
        "study": Study,
        "bench": Bench,
        "figure": Figure,
        "demo": Demo,
    }.items():
        union = union | Annotated[kind, tyro.conf.subcommand(name)]  # pyright: ignore[reportOperatorIssue]
    return union  # pyright: ignore[reportReturnType]


def _preset(args: Sequence[str]) -> Config:
    """The preset that a command line asks for, before its own options are applied."""
    words = " ".join(args).replace("=", " ").split()
    after = words.index("--algo") + 1 if "--algo" in words else len(words)
    algo = words[after] if after < len(words) and words[after] in OBJECTIVES else DEFAULT_ALGO
    return _named_task(args).preset(algo)


def _named_task(args: Sequence[str]) -> Task:
    """The task that a `train` names; the default where there is none, which `run` reports."""
    for arg in args[1:] if args[:1] == ["train"] else ():
        if arg in TASKS or "/" in arg:
            with suppress(ValueError):
                return get_task(arg)
    return TASKS[DEFAULT_TASK]
