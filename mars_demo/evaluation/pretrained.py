"""Trained teams as files. Some ship with the package.

A team is two files: `NAME.safetensors` with the actors' parameters, and `NAME.json` with the task,
the configuration, the score, the versions and the SHA-256 of the parameters.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jax
from safetensors.numpy import save

from mars_demo.evaluation.episodes import Trained, evaluate, player, trained_run
from mars_demo.evaluation.statistics import mean_and_interval
from mars_demo.learning.config import check_name
from mars_demo.runs.checkpoint import CheckpointError, from_arrays, read_arrays, to_arrays
from mars_demo.runs.folder import RunError, parse_description, read_description
from mars_demo.runs.outputs import check_writable
from mars_demo.runs.reading import read_json
from mars_demo.tasks.registry import get_task
from wrappers.atomic import write_atomically

TEAMS = Path(__file__).parents[1] / "teams"
"""The folder of the teams that ship with the package, each under the name of its task."""


def list_pretrained() -> list[str]:
    """The names of the teams that ship with the package."""
    return sorted(str(path.relative_to(TEAMS).with_suffix("")) for path in TEAMS.rglob("*.json"))


def load_pretrained(name: str) -> Trained:
    """A team by name, if it ships with the package, or by the JSON file that `export_team` wrote.

    Raises:
        ValueError: no team has that name, and the valid ones are listed, nearest first.
        CheckpointError: its files are damaged, or do not fit this version.
    """
    if name.endswith(".json"):
        return read_team(Path(name))
    check_name("pretrained team", name, list_pretrained())
    return read_team(TEAMS / f"{name}.json")


def load_team(source: str | Path) -> Trained:
    """Loads a trained team from a run or a file, or one that ships with the package.

    Args:
        source: a run's folder, the JSON file of an exported team, or the name of a team that ships
            with the package.

    Raises:
        ValueError: there is no such team; the names of those that ship are listed, nearest first.
        RunError: the folder's run.json is damaged.
        CheckpointError: the run has no whole checkpoint, or the team's files cannot be used.
    """
    if (Path(source) / "run.json").exists():
        return trained_run(Path(source))
    return load_pretrained(str(source))


def export_team(run: Path, path: Path, episodes: int = 1024) -> list[Path]:
    """Writes the team of a run's newest checkpoint as files of its own.

    Args:
        run: the run's folder.
        path: the JSON file to write; the parameters go next to it, as safetensors.
        episodes: how many episodes to play, with sampled actions, for the score in the file.

    Returns:
        The paths of both files.

    Raises:
        ValueError: the path does not end in .json.
        RunError: the folder holds no run, or a file exists already.
        OSError: the files cannot be written; raised before any episode is played.
        CheckpointError: the run has no whole checkpoint.
    """
    if path.suffix != ".json":
        raise ValueError(f"a team's file must end in .json, got {path}; nearest: {path}.json")
    for file in (path, path.with_suffix(".safetensors")):
        if file.exists():
            raise RunError(f"{file} exists already; nothing is overwritten")
        check_writable(file)
    team = trained_run(run)
    played = evaluate(team.trainer.task, team.policy(), jax.random.key(0), episodes)
    mean, half = mean_and_interval(played.score)
    data = save(to_arrays(team.actor))
    there = read_description(run)[2]
    about = {
        "task": there["task"],
        "config": there["config"],
        "score": {"mean": mean, "interval": half, "episodes": episodes},
        "versions": there["versions"],
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path.with_suffix(".safetensors"), data)
    write_atomically(path, (json.dumps(about, indent=1) + "\n").encode())
    return [path, path.with_suffix(".safetensors")]


def read_team(path: Path) -> Trained:
    """A team from its JSON file.

    Raises:
        CheckpointError: its files are missing or damaged, or do not fit this version.
    """
    try:
        name, config, about = read_json(path, parse_description)
        task = get_task(name)
        data = path.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != about.get("sha256"):
            raise ValueError("the SHA-256 of its parameters differs")
        arrays = read_arrays(data)
    except (OSError, ValueError, RunError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from None
    trainer = player(task, config)
    like = jax.eval_shape(trainer.init, jax.random.key(0)).params["actor"]
    return Trained(trainer, from_arrays(arrays, like), f"{task.name}, {config.algo}")
