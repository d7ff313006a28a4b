"""What a device can do: steps a second by batch size, alone and in training, and whole runs.

One command does all of it and names the device, so that figures of different machines compare.

Run it: `python docs/experiments/device_study.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from mars_demo.cli.parsing import run_program
from mars_demo.evaluation.episodes import evaluate_run
from mars_demo.evaluation.statistics import mean_and_interval
from mars_demo.experiments.bench import heading, prepare, seconds
from mars_demo.learning.config import DEFAULT_ALGO
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer
from mars_demo.runs.loop import train_run
from mars_demo.runs.memory import free_bytes, needed_bytes
from mars_demo.runs.outputs import check_writable, markdown_table
from mars_demo.tasks.registry import get_task
from wrappers.atomic import write_atomically

TASKS = ("paxmen-4", "paxmen-6", "aerojax/identical_5_vs_5")
WHOLE_RUNS = ("paxmen-4", "aerojax/identical_5_vs_5")
SMALLEST, FACTOR = 256, 4  # environments, and from one size to the next
STEPS = 100  # of a timed rollout
UPDATES = 5  # of a timed training
REPEATS = 3
EPISODES = 256

Measure = Callable[[Task, int], tuple[float, float]]
"""Steps a second and seconds of the first call, of a task with so many environments."""


def study_device(out: Path, largest: int = 2**20) -> str:
    """Measures, trains, and returns a page of tables, which is also written to `out/device.md`.

    Args:
        out: a folder; whole runs that are finished there are not run again.
        largest: the most environments to try; memory may end it earlier.
    """

    def table(steps: str, measure: Measure) -> str:
        rows = [row for name in TASKS for row in _rows(get_task(name), largest, measure)]
        return markdown_table(("task", "environments", f"{steps} a second", "first call, s"), rows)

    whole_runs = [_whole_run(get_task(name), out / name) for name in WHOLE_RUNS]
    parts = [
        heading(),
        table("environment steps", _rollouts),
        table("training steps", _updates),
        markdown_table(("whole run", "steps", "seconds", "score"), whole_runs),
    ]
    text = "\n\n".join(parts) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "device.md", text.encode())
    return text


def _rows(task: Task, largest: int, measure: Measure) -> Iterator[tuple[str, ...]]:
    """A row for each number of environments, up to what fits into memory."""
    num_envs = SMALLEST
    while num_envs <= largest and _fits(task, num_envs):
        try:
            rate, first = measure(task, num_envs)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            yield task.name, f"{num_envs:,}", "out of memory", ""
            return
        yield task.name, f"{num_envs:,}", f"{rate:,.0f}", f"{first:.1f}"
        num_envs *= FACTOR


def _fits(task: Task, num_envs: int) -> bool:
    """Whether memory has room for three times the least that training needs."""
    free = free_bytes()
    config = task.preset(DEFAULT_ALGO).replace(num_envs=num_envs)
    return free is None or 3 * needed_bytes(Trainer(task, config)) < free


def _rollouts(task: Task, num_envs: int) -> tuple[float, float]:
    """Environment steps a second with random actions, and the seconds of the first call."""
    run, first, _ = prepare(task.make(), num_envs, STEPS)
    return num_envs * STEPS / min(seconds(run) for _ in range(REPEATS)), first


def _updates(task: Task, num_envs: int) -> tuple[float, float]:
    """Environment steps a second of training, and the seconds of the first update."""
    config = task.preset(DEFAULT_ALGO).replace(num_envs=num_envs, stagger=False)
    trainer = Trainer(task, config)
    begin = time.perf_counter()
    state, metrics = trainer.step(trainer.init(jax.random.key(0)))
    jax.block_until_ready(metrics)
    first, rates = time.perf_counter() - begin, []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        for _ in range(UPDATES):
            state, metrics = trainer.step(state)
        jax.block_until_ready(metrics)
        rates.append(UPDATES * config.steps_per_update / (time.perf_counter() - begin))
    return max(rates), first


def _whole_run(task: Task, folder: Path) -> tuple[str, ...]:
    config = task.preset(DEFAULT_ALGO)
    resume = (folder / "run.json").exists()
    result = train_run(task, config, folder, resume=resume)
    scores = evaluate_run(folder, EPISODES, seed=0, greedy=False).score
    middle, half = mean_and_interval(scores)
    score = f"{middle:.2f} ± {half:.2f} {task.score_name}"
    return task.name, f"{config.total_steps:,}", f"{result.seconds:.0f}", score


@dataclass(frozen=True)
class DeviceStudy:
    """Measure what this machine's devices can do. Whole runs that are there are not run again."""

    out: Path = Path("studies/device")
    """The folder for the tables and the whole runs."""

    def run(self) -> None:
        check_writable(self.out / "device.md")
        print(study_device(self.out))


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(DeviceStudy, words)


if __name__ == "__main__":
    main()
