"""The window in which a person watches a trained team."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax

from mars_demo.evaluation.episodes import Trained, record
from mars_demo.play.hooks import Flight, agent_scene, controls_of
from wrappers.viewing.player import Player
from wrappers.viewing.rendering import check_drawn
from wrappers.viewing.window import Loading, run_window


def watch(team: Trained, seed: int, greedy: bool, *, times: int | None = None) -> None:
    """Opens a window in which a trained team plays, episode after episode.

    Args:
        team: the team.
        seed: seed of the first episode; each further episode adds 1.
        greedy: take the likeliest actions instead of sampling.
        times: close the window after this many pictures; None keeps it open.

    Raises:
        ValueError: the task cannot be drawn.
        NoDisplayError: no window can be opened.
    """
    following = episodes(team, seed, greedy)
    controls = controls_of(team.trainer.task.name)
    seconds = controls.step_seconds if isinstance(controls, Flight) else None
    screen = Loading(lambda: Player(following, step_seconds=seconds), "Playing the first episode")
    run_window(screen, f"{team.title} – mars-demo watch", times=times)


def episodes(team: Trained, seed: int, greedy: bool) -> Callable[[], dict[str, dict[str, Any]]]:
    """A function that plays the next episode and returns its scenes by their names.

    Raises:
        ValueError: the task cannot be drawn.
    """
    task, env = team.trainer.task, team.trainer.env
    check_drawn(env)
    seeds = itertools.count(seed)

    def following() -> dict[str, dict[str, Any]]:
        now = next(seeds)
        played = record(task, team.policy(greedy), jax.random.key(now))
        title = f"{team.title}, episode {now}"
        views = {"the whole": env.scene(played.states, played.rewards, title=title)}  # pyright: ignore[reportAttributeAccessIssue]
        for agent in env.agents:
            seen = agent_scene(env, played.states, agent, played.rewards, title)
            if seen is not None:
                views[f"what {agent} sees"] = seen
        return views

    return following
