"""The command `bench`, which measures speed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Bench:
    """Measure speed, compile time and memory traffic of our environments and of JaxMARL's."""

    num_envs: int = 4096
    """Environments stepped in parallel."""
    steps: int = 100
    """Steps of each environment in one timed call."""
    repeats: int = 5
    """Timed calls of each, interleaved; the best one counts."""
    train: bool = False
    """Measure the trainer instead, on the work of JaxMARL's MAPPO-RNN script."""
    checkout: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """With --train: a folder with JaxMARL's repository, to measure its script too."""

    def run(self) -> None:
        if self.train:
            self._run_training()
            return
        if self.checkout is not None:
            raise ValueError("--checkout goes with --train")
        from mars_demo.experiments.bench import bench
        from mars_demo.tasks.registry import bench_environments

        print(bench(bench_environments(), self.num_envs, self.steps, self.repeats))

    def _run_training(self) -> None:
        if (self.num_envs, self.steps) != (Bench.num_envs, Bench.steps):
            raise ValueError("--train measures a fixed work; drop --num-envs and --steps")
        from mars_demo.experiments.train_bench import bench_training
        from mars_demo.tasks.registry import spread_task

        print(bench_training(spread_task(), self.checkout, self.repeats))
