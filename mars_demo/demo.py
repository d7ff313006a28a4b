"""The first look: train a team, evaluate it beside others, and draw what it learned."""

from __future__ import annotations

from pathlib import Path

import jax

from mars_demo.evaluate import (
    Episodes,
    evaluate_run,
    learned_policy,
    record,
    reference_scores,
)
from mars_demo.report import draw_curves
from mars_demo.run import RunError, load_run, read_run, train_run
from mars_demo.statistics import mean_and_interval
from mars_demo.tasks import Task, get_task

EPISODES = 256


def demo(task_name: str, algo: str, out: Path, seed: int, total_steps: int | None) -> None:
    """Trains, evaluates and draws into one folder, and prints where everything is.

    A demo that was cut off goes on; a finished one is evaluated and drawn again.
    """
    task = get_task(task_name)
    config = task.preset(algo).replace(seed=seed)
    if total_steps is not None:
        config = config.replace(total_steps=total_steps)
    has_run = (out / "run.json").exists()
    print(f"Training {algo.upper()} on {task.name} for {config.total_steps / 1e6:g} M steps.")
    result = train_run(task, config, out, resume=has_run)
    if not result.finished:
        print("Stopped and saved. The same command goes on from here.")
        return
    print(f"Trained for {result.seconds:.0f} s. Playing {EPISODES} episodes with each policy.")
    scores = compare_policies(out, EPISODES, seed=0, greedy=False)
    print(format_scores(task, scores))
    bars = {name: float(s.score.mean()) for name, s in scores.items() if name != "trained"}
    draw_curves({f"{algo.upper()}, seed {seed}": [out]}, bars, task.score_name, out / "curve.png")
    drawn = render_run(out, ["gif", "html"], out, seed=0, greedy=False)
    print("Look at:")
    for what, path in {
        "learning curve": out / "curve.png",
        "an episode, animated": drawn[0],
        "an episode with a scrubber": drawn[1],
        "checkpoints": out / "checkpoints",
        "metrics": out / "metrics.jsonl",
    }.items():
        print(f"  {what:28s} {path}")


def compare_policies(folder: Path, episodes: int, seed: int, greedy: bool) -> dict[str, Episodes]:
    """A run's trained team beside the random policy and, where there is one, the task's script."""
    task, _ = read_run(folder)
    trained = evaluate_run(folder, episodes, seed, greedy)
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


def render_run(folder: Path, formats: list[str], out: Path, seed: int, greedy: bool) -> list[Path]:
    """Plays one episode of a run's newest checkpoint and draws it into `out/episode.FORMAT`."""
    trainer, state = load_run(folder)
    task = trainer.task
    if task.scene is None:
        raise RunError(f"task {task.name} cannot be drawn yet")
    policy = learned_policy(trainer, state.params["actor"], greedy)
    played = record(task, policy, jax.random.key(seed))
    title = f"{task.name}, {trainer.config.algo}"
    scene = task.scene(trainer.env, played.states, played.rewards, title)
    from wrappers import save_scene

    paths = [out / f"episode.{name}" for name in formats]
    for path in paths:
        save_scene(scene, path)
    return paths
