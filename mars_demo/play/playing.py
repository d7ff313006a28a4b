"""Prepares a person's game from its options, and opens its window."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from mars_demo.evaluation.episodes import scripted_policy
from mars_demo.learning.config import check_name, check_number
from mars_demo.learning.task import Task
from mars_demo.play.flight_screen import KEPT as FLIGHT_KEPT
from mars_demo.play.flight_screen import FlightScreen
from mars_demo.play.game import Game
from mars_demo.play.grid_screen import KEPT as TURNS_KEPT
from mars_demo.play.grid_screen import GridScreen
from mars_demo.play.hooks import Flight, Moves, controls_of
from mars_demo.play.mates import SCRIPT, find_agent, find_mates, yardstick
from mars_demo.play.pilot_input import open_gamepad
from mars_demo.runs.folder import RunError
from mars_demo.tasks.registry import SUITE, TASKS, get_task, list_tasks
from wrappers.viewing.window import Loading, Screen, check_display, run_window


@dataclass(frozen=True)
class PlayOptions:
    """What a person wants to play; `mars-demo play --help` explains the options."""

    task: str
    mates: str | None = None
    agent: str | None = None
    opponents: str | None = None
    rate: float | None = None
    gamepad: bool = False
    seed: int = 0


def play(options: PlayOptions, *, times: int | None = None) -> None:
    """Opens a window in which a person plays.

    Args:
        options: what is played, and how.
        times: close the window after this many pictures; None keeps it open.

    Raises:
        ValueError: an unknown task, agent or script, or an impossible rate.
        RunError: the task cannot be played, or not with these options, or no gamepad is connected.
        NoDisplayError: no window can be opened.
    """
    make = prepare(options)
    check_display()

    def ready() -> Screen:
        screen = make()
        # Compiling creates many objects. Freezing them keeps garbage collections short in flight.
        gc.collect()
        gc.freeze()
        return screen

    with ExitStack() as stack:
        if options.gamepad:
            stack.callback(open_gamepad().quit)
        run_window(Loading(ready, "Getting ready"), f"{options.task} – mars-demo play", times=times)


def prepare(options: PlayOptions) -> Callable[[], Screen]:
    """Checks the options, and returns a function that makes the screen, which takes seconds.

    Raises:
        ValueError: an unknown task, agent or script, or an impossible rate.
        RunError: the task cannot be played, or not with these options.
    """
    playable = [name for name in TASKS if controls_of(name) is not None]
    if options.task not in {*list_tasks(), *itertools.chain(*SUITE.values())}:
        check_name("task", options.task, playable)
    task = get_task(options.task)
    check_number("seed", options.seed, 0, 2**32 - 1)
    if options.rate is not None:
        check_number("rate", options.rate, 0.1, 30.0, whole=False)
    controls = controls_of(task.name)
    if controls is None:
        valid = ", ".join(playable)
        raise RunError(f"task {task.name} cannot be played by a person; those that can: {valid}")
    if isinstance(controls, Flight):
        return _flying(task, controls, options)
    return _taking_turns(task, controls, options)


def _flying(task: Task, flight: Flight, options: PlayOptions) -> Callable[[], Screen]:
    if options.mates not in (None, SCRIPT):
        raise RunError(
            f"in {task.name} team-mates fly by script: trained teams give other commands than a "
            "person; leave out --mates"
        )
    if options.opponents is not None:
        _check_opponents(task, flight, options.opponents)
    env = flight.make(options.opponents)
    agent = find_agent(env, options.agent)
    rate = options.rate or 1 / flight.step_seconds
    mates = scripted_policy(replace(task, make=lambda: env))

    def make() -> Screen:
        game = Game(task, env, mates, agent, FLIGHT_KEPT)
        return FlightScreen(game, flight, task.script_name, rate, options.seed)

    return make


def _check_opponents(task: Task, flight: Flight, opponents: str) -> None:
    if not flight.opponents:
        raise RunError(f"{task.name} has no opponents; leave out --opponents")
    check_name("script", opponents, flight.opponents)


def _taking_turns(task: Task, moves: Moves, options: PlayOptions) -> Callable[[], Screen]:
    if options.opponents is not None:
        raise RunError(f"{task.name} has no opponents; leave out --opponents")
    if options.gamepad:
        raise RunError(f"{task.name} is played by keyboard; leave out --gamepad")
    env = task.make()
    agent = find_agent(env, options.agent)
    policy, mates = find_mates(task, options.mates)

    def make() -> Screen:
        game = Game(task, env, policy, agent, TURNS_KEPT)
        against = partial(yardstick, task, policy, mates)
        return GridScreen(game, moves, mates, options.rate or 0.0, options.seed, against)

    return make
