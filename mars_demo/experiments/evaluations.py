"""Evaluations along a training run, after Gorsane et al. (2022).

At evenly spaced updates a run plays 32 episodes. When it is finished, the parameters with the best
mean score play ten times as many. Their mean score is the absolute metric.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array
from safetensors.numpy import save

from mars_demo.evaluation.episodes import evaluate, learned_policy
from mars_demo.learning.config import Config
from mars_demo.learning.train import Trainer
from mars_demo.runs.checkpoint import from_arrays, read_arrays, to_arrays
from mars_demo.runs.folder import OtherRunError, is_finished
from mars_demo.runs.reading import RunError, check_type, read_json, read_json_lines
from mars_demo.runs.session import Session
from wrappers.atomic import write_atomically

EVALUATIONS = 10
"""How many evaluations a run has, the last one at its end."""
EPISODES = 32
"""Episodes of each evaluation."""
ABSOLUTE_ROUNDS = 10
"""The absolute metric plays this many times as many episodes."""

_STREAM = 2**31  # folded into the seed's key, so that training uses other random numbers
_FILE, _ABSOLUTE = "evaluations.jsonl", "absolute.json"
_BEST, _CANDIDATES = "best.safetensors", "candidates"


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation."""

    step: int
    """Environment steps that the evaluated parameters had been trained for."""
    score: float
    """Mean score over its episodes."""
    scores: tuple[float, ...]
    """Score of each episode."""


def due_updates(config: Config) -> list[int]:
    """The updates after which a run is evaluated: evenly spaced, the last one its end."""
    last = config.num_updates
    return sorted({-(-last * i // EVALUATIONS) for i in range(1, EVALUATIONS + 1)})


def evaluate_when_due(session: Session) -> None:
    """A `watch` of `train_run`: evaluates a run after the updates at which that is due.

    A run that was interrupted and resumed from an earlier checkpoint repeats evaluations. The new
    ones then replace the lines of this step and of later ones.

    Raises:
        RunError: the lines of earlier evaluations are damaged.
    """
    trainer, folder = session.trainer, session.folder
    if session.done not in due_updates(trainer.config):
        return
    before = [line for line in read_evaluations(folder) if line.step < session.steps]
    actor = session.state.params["actor"]
    found = _play(trainer, actor, session.steps, _key(trainer.config, session.done))
    if all(found.score > line.score for line in before):
        (folder / _CANDIDATES).mkdir(exist_ok=True)
        write_atomically(_candidate(folder, found.step), save(to_arrays(actor)))
    write_atomically(folder / _FILE, _lines([*before, found]))  # last, when all else is there


def finish(trainer: Trainer, folder: Path) -> Evaluation:
    """Measures and writes the absolute metric of a finished run, and its best parameters.

    A run with an absolute metric needs no further work.

    Raises:
        RunError: evaluations of the run are missing, or its files are damaged.
    """
    config, lines = trainer.config, read_evaluations(folder)
    if not _has_all(lines, config):
        raise RunError(f"{folder / _FILE} does not have every evaluation of the run")
    best = max(lines, key=lambda line: line.score)  # the earliest of equals
    write_atomically(folder / _BEST, _candidate(folder, best.step).read_bytes())
    like = jax.eval_shape(trainer.init, jax.random.key(0)).params["actor"]
    actor = from_arrays(_read_arrays(folder / _BEST), like)
    keys = jax.random.split(_key(config, 0), ABSOLUTE_ROUNDS)
    rounds = [_play(trainer, actor, best.step, key) for key in keys]
    scores = tuple(score for one in rounds for score in one.scores)
    found = Evaluation(best.step, float(np.mean(scores)), scores)
    write_atomically(folder / _ABSOLUTE, json.dumps(dataclasses.asdict(found)).encode())
    shutil.rmtree(folder / _CANDIDATES, ignore_errors=True)
    return found


def read_evaluations(folder: Path) -> list[Evaluation]:
    """The evaluations of a run so far, in order; empty if it has none.

    Raises:
        RunError: they are damaged.
    """
    return read_json_lines(folder / _FILE, _parse)


def read_absolute(folder: Path) -> Evaluation | None:
    """The absolute metric of a run; None unless it is finished.

    Raises:
        RunError: it is damaged.
    """
    path = folder / _ABSOLUTE
    return read_json(path, _parse) if path.exists() else None


def is_complete(folder: Path, task: str, config: Config) -> bool:
    """Whether a run is finished, and has all of its evaluations and the absolute metric.

    Raises:
        OtherRunError: the folder holds a run of another task or configuration.
    """
    try:
        return (
            is_finished(folder, task, config)
            and read_absolute(folder) is not None
            and _has_all(read_evaluations(folder), config)
        )
    except OtherRunError:
        raise
    except RunError:  # a damaged run is trained again
        return False


def _has_all(lines: Sequence[Evaluation], config: Config) -> bool:
    due = [update * config.steps_per_update for update in due_updates(config)]
    return [line.step for line in lines] == due


def _play(trainer: Trainer, actor: Any, step: int, key: Array) -> Evaluation:
    """Plays `EPISODES` episodes; their number is fixed, so that the function is compiled once."""
    played = evaluate(trainer.task, learned_policy(trainer, actor), key, EPISODES)
    scores = played.score.astype(np.float64)
    return Evaluation(step, float(np.mean(scores)), tuple(scores.tolist()))


def _key(config: Config, update: int) -> Array:
    """The PRNG key () of the evaluation after an update; 0 is that of the absolute metric."""
    stream = jax.random.fold_in(jax.random.key(config.seed), _STREAM)
    return jax.random.fold_in(stream, update)


def _candidate(folder: Path, step: int) -> Path:
    return folder / _CANDIDATES / f"step_{step:012d}.safetensors"


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path.read_bytes())
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from None


def _lines(evaluations: Sequence[Evaluation]) -> bytes:
    return "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in evaluations).encode()


def _parse(line: dict[str, Any]) -> Evaluation:
    for score in (line["score"], *check_type(line["scores"], list)):
        float(check_type(score, float, int))  # raises OverflowError if too large
    return Evaluation(check_type(line["step"], int), line["score"], tuple(line["scores"]))
