"""Who plays with a person, and what their score is held against."""

from __future__ import annotations

from pathlib import Path

import jax

from mars_demo.evaluation.episodes import (
    Policy,
    Trained,
    evaluate,
    random_policy,
    scripted_policy,
    trained_run,
)
from mars_demo.evaluation.pretrained import list_pretrained, load_pretrained
from mars_demo.learning.config import check_name
from mars_demo.learning.rollout import Env
from mars_demo.learning.task import Task
from mars_demo.runs.folder import RunError

SCRIPT = "script"
_YARDSTICK_EPISODES = 256  # as `mars-demo eval`


def find_agent(env: Env, name: str | None) -> str:
    """The agent of that name, the first without one; ValueError where there is none such."""
    if name is None:
        return env.agents[0]
    check_name("agent", name, env.agents)
    return name


def find_team(task: Task, wanted: str | None) -> Trained | None:
    """The trained team that plays with a person; None: the script does.

    Args:
        task: what is played.
        wanted: as `PlayOptions.mates`.

    Raises:
        RunError: no run's folder, or the team plays another task.
        CheckpointError: its files are damaged.
    """
    if wanted is None:
        wanted = task.name if task.name in list_pretrained() else SCRIPT
    if wanted == SCRIPT:
        return None
    ships = wanted.endswith(".json") or wanted in list_pretrained()
    team = load_pretrained(wanted) if ships else trained_run(Path(wanted))
    trained_for = team.trainer.task
    if trained_for.name != task.name:
        raise RunError(
            f"the team {wanted} was trained on {trained_for.name}, not on {task.name}; "
            f"give another, or --mates {SCRIPT}"
        )
    return team


def find_mates(task: Task, wanted: str | None) -> tuple[Policy, str]:
    """How the others act, and what to call them: a trained team where one ships, or the script."""
    team = find_team(task, wanted)
    if team is None:
        return scripted_policy(task), f"the {task.script_name}"
    return team.policy(), team_name(wanted)


def team_name(wanted: str | None) -> str:
    """What to call the team that `find_team` finds."""
    ships = wanted is None or wanted in list_pretrained()
    return "the shipped team" if ships else "the trained team"


def yardstick(task: Task, mates: Policy, name: str) -> str:
    """What to hold a person's score against: the mean scores of random play, and of the others."""
    key = jax.random.key(0)
    scores = {
        who: evaluate(task, policy, key, _YARDSTICK_EPISODES).score.mean()
        for who, policy in {"random": random_policy(task), name: mates}.items()
    }
    return ", ".join(f"{who} {score:.{score < 10:d}f}" for who, score in scores.items())
