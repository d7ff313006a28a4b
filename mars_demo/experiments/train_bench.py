"""Measures how fast the trainer trains, and JaxMARL's MAPPO-RNN script on the same work."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from mars_demo.experiments.bench import heading, seconds
from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer
from mars_demo.runs.outputs import markdown_table

SCRIPT = Path("baselines/MAPPO/mappo_rnn_mpe.py")
SETTINGS = Path("baselines/MAPPO/config/mappo_homogenous_rnn_mpe.yaml")
UPDATES = 4  # of one timed call

_WHERE = (
    "--checkout PATH, a folder with its repository: git clone https://github.com/FLAIROx/JaxMARL"
)

CONFIG = Config(
    algo="mappo",
    eps=0.2,
    total_steps=UPDATES * 16 * 128,
    num_envs=16,
    rollout_steps=128,
    epochs=4,
    minibatches=4,
    lr=2e-3,
    lr_decay=True,
    gamma=0.99,
    gae_lambda=0.95,
    advantage_norm="minibatch",
    entropy=0.01,
    max_grad_norm=0.5,
    network="gru",
    hidden=128,
    policies="shared",
    agent_id=False,
    encode=False,
    stagger=False,
)
"""The configuration of JaxMARL's script, with its default values."""


class Run(NamedTuple):
    """One trainer to measure."""

    name: str
    train: Callable[[], Any]  # initialises and trains for `UPDATES` updates


def bench_training(task: Task, checkout: Path | None, repeats: int) -> str:
    """Measures the trainer, and JaxMARL's script if a checkout is given; returns a table.

    A timed call initialises and trains for `UPDATES` updates. Calls are interleaved, so that other
    load on the machine affects both alike, and the best call of each counts.

    Args:
        task: JaxMARL's MPE_simple_spread_v3, which its script trains on.
        checkout: a folder with JaxMARL's repository; its wheel does not have the scripts.
        repeats: timed calls of each trainer.

    Raises:
        ValueError: `repeats` is below 1, or the folder does not have the script.
        ImportError: a package that the script imports is not installed.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    runs = [Run("mars_demo, MAPPO-GRU", our_training(task))]
    if checkout is not None:
        runs.append(Run("JaxMARL, MAPPO-RNN", their_training(checkout)))
    first = [seconds(run.train) for run in runs]
    best = [float("inf")] * len(runs)
    for _ in range(repeats):
        for i, run in enumerate(runs):
            best[i] = min(best[i], seconds(run.train))
    return _table([run.name for run in runs], best, first)


def our_training(task: Task) -> Callable[[], Any]:
    """A function that trains with `mars_demo` on the task."""
    trainer = Trainer(task, CONFIG, jax.devices()[:1])  # the script uses one device

    def train() -> Any:
        state, metrics = trainer.init(jax.random.key(0)), {}
        for _ in range(UPDATES):
            state, metrics = trainer.step(state)
        return metrics

    return train


def their_training(checkout: Path) -> Callable[[], Any]:
    """A function that trains with JaxMARL's unchanged script, with logging off.

    Raises:
        ValueError: the folder does not have the script.
        ImportError: a package that the script imports is not installed.
    """
    for path in (SCRIPT, SETTINGS):
        if not (checkout / path).is_file():
            raise ValueError(f"no {path} in {checkout}; to measure JaxMARL's script: {_WHERE}")
    try:
        import wandb  # pyright: ignore[reportMissingImports]
        from omegaconf import OmegaConf  # pyright: ignore[reportMissingImports]

        script = _load(checkout / SCRIPT)
    except ImportError as error:
        raise ImportError(
            f"{error}; JaxMARL's script needs: pip install wandb hydra-core distrax"
        ) from None
    settings: Any = OmegaConf.to_container(OmegaConf.load(checkout / SETTINGS))
    wandb.init(mode="disabled")  # the script logs to it after every update
    train = jax.jit(script.make_train(settings | same_work()))
    return lambda: train(jax.random.PRNGKey(0))


def same_work() -> dict[str, Any]:
    """`CONFIG` in the names of JaxMARL's script."""
    return {
        "ENV_NAME": "MPE_simple_spread_v3",
        "TOTAL_TIMESTEPS": CONFIG.total_steps,
        "NUM_ENVS": CONFIG.num_envs,
        "NUM_STEPS": CONFIG.rollout_steps,
        "UPDATE_EPOCHS": CONFIG.epochs,
        "NUM_MINIBATCHES": CONFIG.minibatches,
        "FC_DIM_SIZE": CONFIG.hidden,
        "GRU_HIDDEN_DIM": CONFIG.hidden,
        "LR": CONFIG.lr,
        "ANNEAL_LR": CONFIG.lr_decay,
        "GAMMA": CONFIG.gamma,
        "GAE_LAMBDA": CONFIG.gae_lambda,
        "CLIP_EPS": CONFIG.eps,
        "ENT_COEF": CONFIG.entropy,
        "MAX_GRAD_NORM": CONFIG.max_grad_norm,
    }


def _load(path: Path) -> Any:
    """Imports the module at a path that is not on Python's search path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _table(names: list[str], best: list[float], first: list[float]) -> str:
    steps = CONFIG.total_steps
    about = (
        f"{heading()}; {CONFIG.num_envs} environments x {CONFIG.rollout_steps} steps, "
        f"{CONFIG.epochs} epochs x {CONFIG.minibatches} minibatches, {UPDATES} updates a call"
    )
    rows = []
    for name, best_seconds, first_seconds in zip(names, best, first, strict=True):
        ratio = f"{best[-1] / best_seconds:.2f}" if len(names) > 1 else "not measured"
        rows.append((name, f"{steps / best_seconds:,.0f}", ratio, f"{first_seconds:.1f}"))
    head = ("trainer", "environment steps a second", "to JaxMARL's", "first call, s")
    parts = [about, markdown_table(head, rows)]
    if len(names) == 1:
        parts.append(f"JaxMARL's script was not measured; to do so: {_WHERE}")
    return "\n\n".join(parts)
