"""The command line `mars-demo`: each command is a frozen dataclass with a `run` method."""

from __future__ import annotations

import functools
import itertools
import operator
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from mars_demo.cli.bench import Bench
from mars_demo.cli.league import Exploit, Tournament
from mars_demo.cli.parsing import one_line_mistakes, parse_words
from mars_demo.cli.report import Report
from mars_demo.cli.sweep import Sweep, Tune
from mars_demo.cli.team import Eval, Export, Play, Render, Watch
from mars_demo.cli.train import Demo, Train
from mars_demo.learning.config import DEFAULT_ALGO, DEFAULT_TASK, Config, check_name
from mars_demo.learning.objectives import OBJECTIVES
from mars_demo.learning.task import Task
from mars_demo.tasks.registry import SUITE, TASKS, get_task, list_tasks, task_facts


@dataclass(frozen=True)
class List:
    """List the tasks, or the algorithms."""

    what: Positional[Literal["tasks", "algorithms"]] = "tasks"
    suite: bool = False
    """Only the 47 tasks of the comparison: docs/suite.md."""

    def run(self) -> None:
        if self.what == "algorithms":
            for name, objective in OBJECTIVES.items():
                print(f"{name:12s} {(objective.__doc__ or '').strip().splitlines()[0]}")
            return
        names = itertools.chain(*SUITE.values()) if self.suite else list_tasks()
        for name in names:
            print(f"{name:30s} {task_facts(name)}")


COMMANDS: dict[str, type[Any]] = {
    "train": Train,
    "eval": Eval,
    "render": Render,
    "watch": Watch,
    "play": Play,
    "export": Export,
    "list": List,
    "sweep": Sweep,
    "tune": Tune,
    "report": Report,
    "tournament": Tournament,
    "exploit": Exploit,
    "bench": Bench,
    "demo": Demo,
}

_ABOUT = (
    "PaxMen and AeroJAX's reference trainer: MARS, MAPPO and MASPO. --version prints its version."
)


def main(argv: Sequence[str] | None = None) -> None:
    """Parses and runs a command; a user's mistake ends in one line on stderr and exit code 2."""
    args = list(sys.argv[1:] if argv is None else argv)
    if args == ["--version"]:
        print(f"mars-demo {version('paxmen-aerojax')}")
        return
    with one_line_mistakes("mars-demo"):
        _parse(args).run()


def _parse(args: Sequence[str]) -> Any:
    """The command of a command line; the defaults of `train` are its task's preset."""
    name, rest = next(iter(args), ""), args[1:]
    if not name:
        raise ValueError(f"name a command: {', '.join(COMMANDS)}; see mars-demo --help")
    if name.startswith("-"):  # --help: of all commands
        kinds = [Annotated[of, tyro.conf.subcommand(name)] for name, of in COMMANDS.items()]
        return parse_words(functools.reduce(operator.or_, kinds), args, "mars-demo", _ABOUT)
    check_name("command", name, COMMANDS)
    options: dict[str, Any] = {}
    if name == "train":
        options["default"] = Train(tyro.MISSING, _preset(rest))
    return parse_words(COMMANDS[name], rest, f"mars-demo {name}", **options)


def _preset(args: Sequence[str]) -> Config:
    """The preset of the task and algorithm named after `train`."""
    words = " ".join(args).replace("=", " ").split()
    after = words.index("--algo") + 1 if "--algo" in words else len(words)
    algo = words[after] if after < len(words) and words[after] in OBJECTIVES else DEFAULT_ALGO
    return _named_task(args).preset(algo)


def _named_task(args: Sequence[str]) -> Task:
    """The task among the words; the default task if there is none, which `run` then reports."""
    for arg in args:
        if arg in TASKS or "/" in arg:
            with suppress(ValueError):
                return get_task(arg)
    return TASKS[DEFAULT_TASK]
