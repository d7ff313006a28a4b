"""A page in which anyone plays in a trained team, in a browser: no Python, no server."""

from __future__ import annotations

import base64
from importlib.resources import files
from pathlib import Path
from typing import Any

import jax
import numpy as np

from mars_demo.evaluation.episodes import Trained
from mars_demo.play.hooks import PAGE_TASKS, maze_levels
from mars_demo.play.mates import SCRIPT, find_agent, find_team, team_name, yardstick
from mars_demo.runs.folder import RunError
from mars_demo.runs.outputs import check_writable
from mars_demo.tasks.registry import get_task
from wrappers.atomic import write_atomically
from wrappers.viewing.replay import board_page, inside_script

_LAYERS = ("in", "out", "logits")
_READOUTS = ("step", "dots eaten", "return")


def write_page(task_name: str, mates: str | None, agent: str | None, path: Path) -> Path:
    """Writes the page; a visitor takes the seat of one agent, the team's networks play the others.

    Args:
        task_name: one of `PAGE_TASKS`.
        mates: a pretrained team or a run's folder; None: the one that ships for the task.
        agent: the visitor's; None: the first.
        path: the file, which is replaced if it exists.

    Returns:
        the path.

    Raises:
        ValueError: there is no such task, team or agent.
        RunError: the task or the team cannot be played in a page.
        OSError: the file cannot be written.
    """
    if path.suffix != ".html":
        raise ValueError(f"a page's file must end in .html, got {path}; nearest: {path}.html")
    task = get_task(task_name)
    if task.name not in PAGE_TASKS:
        valid = ", ".join(PAGE_TASKS)
        raise RunError(f"task {task.name} cannot be played in a page; those that can: {valid}")
    team = find_team(task, mates)
    if team is None:
        raise RunError(f"in a page the others are a trained team, not the {SCRIPT}: give --mates")
    check_writable(path)
    person = find_agent(team.trainer.env, agent)
    text = play_page(team, person, team_name(mates))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
    return path


def play_page(team: Trained, agent: str, name: str) -> str:
    """The page's text.

    Args:
        team: who plays the others.
        agent: whose seat the visitor takes.
        name: what to call the team.

    Raises:
        RunError: the team's network is another than the page has.
    """
    data = page_data(team, agent)
    data["yardstick"] = yardstick(team.trainer.task, team.policy(), name)
    env: Any = team.trainer.env
    _, state = env.reset(jax.random.key(0))
    scene = env.scene(jax.tree.map(lambda leaf: leaf[None], state))
    for entry in scene["legend"]:
        entry["label"] = "you" if entry["label"] == agent else entry["label"]
    script = [
        _file("maze_game.js"),
        f"const game = new MazeGame({inside_script(data)});\n",
        _file("maze_page.js"),
    ]
    scene |= {
        "title": "PaxMen: play in a trained team",
        "readouts": {label: [""] for label in _READOUTS},
    }
    return board_page(scene, controls=_file("maze_page.html"), script="\n".join(script))


def page_data(team: Trained, agent: str) -> dict[str, Any]:
    """What maze_game.js is made with: the levels, who the person is, and the team's networks.

    Raises:
        RunError: the team's network is another than maze_game.js has.
    """
    trainer = team.trainer
    config, env = trainer.config, trainer.env
    if config.network != "mlp" or not config.encode or not config.agent_id:
        raise RunError(
            "only a team with the network mlp, encoded observations and agent ids can be played "
            f"in a page, and {team.title} has network {config.network}, encode {config.encode}, "
            f"agent_id {config.agent_id}"
        )
    layers = [team.actor["params"][name] for name in _LAYERS]
    policies = {i: policy for policy, group in enumerate(trainer.team.groups) for i in group}
    return {
        "agents": env.num_agents,
        "person": env.agents.index(agent),
        "steps": trainer.task.episode_length,
        "levels": maze_levels(env),
        "policies": [policies[i] for i in range(env.num_agents)],
        "sizes": [layers[0]["kernel"].shape[1], *(layer["bias"].shape[1] for layer in layers)],
        "weights": base64.b64encode(_weights(layers)).decode(),
    }


def _weights(layers: list[Any]) -> bytes:
    """float32, little-endian: of each policy each layer's kernel and bias."""
    columns = [layer[part] for layer in layers for part in ("kernel", "bias")]
    flat = [np.asarray(x, "<f4").reshape(x.shape[0], -1) for x in columns]
    return np.concatenate(flat, axis=1).tobytes()


def _file(name: str) -> str:
    return files("mars_demo.play").joinpath(name).read_text(encoding="utf-8")
