"""The command `demo`: trains a team, evaluates it, and draws its curve and an episode."""

from __future__ import annotations

import sys
from pathlib import Path

import jax

from mars_demo.evaluation.curves import draw_curves
from mars_demo.evaluation.episodes import (
    Episodes,
    Trained,
    evaluate,
    record_episode,
    reference_scores,
    trained_run,
)
from mars_demo.evaluation.statistics import mean_and_interval
from mars_demo.learning.task import Task
from mars_demo.runs.loop import train_run
from mars_demo.runs.outputs import check_writable
from mars_demo.tasks.registry import get_task
from wrappers.viewing import check_pygame

EPISODES = 256
_EPISODES = {".gif": "an episode, animated", ".html": "an episode with a scrubber"}


def demo(task_name: str, algo: str, out: Path, seed: int, total_steps: int | None) -> None:
    """Trains, evaluates and draws into one folder, and prints where everything is.

    An interrupted demo continues; a finished one is evaluated and drawn again.

    Raises:
        ValueError: an unknown task or algorithm, or an impossible number of steps.
        RunError: the folder holds another run, or training failed.
    """
    task = get_task(task_name)
    config = task.preset(algo).replace(seed=seed)
    if total_steps is not None:
        config = config.replace(total_steps=total_steps)
    has_run = (out / "run.json").exists()
    print(f"Training {algo.upper()} on {task.name} for {config.total_steps / 1e6:g} M steps.")
    result = train_run(task, config, out, resume=has_run)
    if not result.finished:
        print("Stopped and saved. The same command continues from here.")
        return
    print(
        f"Trained for {result.seconds:.0f} s, after {result.compile_seconds:.0f} s of compiling. "
        f"Playing {EPISODES} episodes with each policy."
    )
    team = trained_run(out)
    scores = compare_policies(team, EPISODES, seed=0, greedy=False)
    print(format_scores(task, scores))
    bars = {name: float(s.score.mean()) for name, s in scores.items() if name != "trained"}
    draw_curves({f"{algo.upper()}, seed {seed}": [out]}, bars, task.score_name, out / "curve.png")
    drawn = render(team, default_formats(), out, seed=0, greedy=False)
    print("Look at:")
    for what, path in {
        "learning curve": out / "curve.png",
        **{_EPISODES[path.suffix]: path for path in drawn},
        "checkpoints": out / "checkpoints",
        "metrics": out / "metrics.jsonl",
    }.items():
        print(f"  {what:28s} {path}")


def compare_policies(team: Trained, episodes: int, seed: int, greedy: bool) -> dict[str, Episodes]:
    """Episodes of a trained team, the random policy and, if there is one, the task's script."""
    task = team.trainer.task
    trained = evaluate(task, team.policy(greedy), jax.random.key(seed), episodes)
    return {"trained": trained} | reference_scores(task, episodes, seed)


def format_scores(task: Task, scores: dict[str, Episodes]) -> str:
    """A table of policies: score and return, with 95 % confidence intervals over episodes."""
    lines = [f"{'policy':16s} {task.score_name:>22s} {'return':>18s} {'episodes':>10s}"]
    for name, played in scores.items():
        score, reward = (
            "{:.2f} ± {:.2f}".format(*mean_and_interval(x)) for x in (played.score, played.reward)
        )
        lines.append(f"{name:16s} {score:>22s} {reward:>18s} {len(played.score):>10d}")
    return "\n".join(lines)


def default_formats() -> list[str]:
    """GIF and HTML; without pygame HTML alone, with a line on stderr that says why."""
    try:
        check_pygame()
    except ImportError as error:
        print(f"no GIF: {error}", file=sys.stderr)
        return ["html"]
    return ["gif", "html"]


def render(team: Trained, formats: list[str], out: Path, seed: int, greedy: bool) -> list[Path]:
    """Plays one episode with a trained team and draws it into `out/episode.FORMAT`.

    Raises:
        ValueError: the task cannot be drawn.
        OSError: a file cannot be written; raised before the episode is played.
    """
    from wrappers import save_scene

    paths = [out / f"episode.{name}" for name in formats]
    for path in paths:
        check_writable(path)
    scene = record_episode(team, seed, greedy)
    out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        save_scene(scene, path)
    return paths
