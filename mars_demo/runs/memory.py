"""Checks whether a run fits into memory, before anything is compiled."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import jax

from mars_demo.learning.train import Trainer


def needed_bytes(trainer: Trainer) -> int:
    """Bytes of the training state and of one rollout, over all devices.

    A lower bound: both are in memory at once, and an update also copies its minibatches.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(trainer.init, key)
    _, rollout = jax.eval_shape(trainer._collect, state, key)
    return _bytes((state, rollout))


def free_bytes() -> int | None:
    """Free bytes on this machine's devices; None if neither devices nor system report them."""
    devices = [device.memory_stats() for device in jax.local_devices()]
    free = [stats["bytes_limit"] - stats["bytes_in_use"] for stats in devices if stats]
    if len(free) == len(devices):
        return sum(free)
    host = [_available(Path("/proc/meminfo")), _limit(Path("/sys/fs/cgroup/memory.max"))]
    return min((number for number in host if number is not None), default=None)


def check_memory(trainer: Trainer, seeds: int = 1) -> None:
    """Checks that runs of one program can fit into this machine's memory.

    Raises:
        ValueError: they cannot; the message has an estimate.
    """
    free = free_bytes()
    if free is not None and seeds * _share(needed_bytes(trainer)) > free:
        raise ValueError(describe_shortage(trainer, seeds))


def describe_shortage(trainer: Trainer, seeds: int = 1) -> str:
    """A message: the memory that the runs need, what is free, and which `num_envs` would fit."""
    config, free = trainer.config, free_bytes()
    needed = seeds * _share(needed_bytes(trainer))
    said = (
        f"num_envs {config.num_envs} x rollout_steps {config.rollout_steps}{_times(seeds)} must "
        "fit into memory: "
        f"they need at least {needed / 1e9:.2f} GB"
    )
    if free is None:
        return said
    if free >= needed:
        return f"{said}, of {free / 1e9:.2f} GB free; lower num_envs or rollout_steps"
    unit = config.minibatches * jax.device_count()
    fitting = int(config.num_envs * free / needed) // unit * unit
    nearest = f"num_envs {fitting}" if fitting else "none; lower rollout_steps"
    return f"{said}, {free / 1e9:.2f} GB are free; nearest by that estimate: {nearest}"


def _share(needed: int) -> int:
    """This machine's share of the bytes that all machines need."""
    return needed * jax.local_device_count() // jax.device_count()


def _times(seeds: int) -> str:
    return f" x {seeds} seeds" if seeds > 1 else ""


def _bytes(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _available(meminfo: Path) -> int | None:
    """Linux's own estimate of what can be allocated without swapping."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _limit(memory_max: Path) -> int | None:
    """A container's limit (control groups, version 2)."""
    try:
        return int(memory_max.read_text())
    except (OSError, ValueError):  # no such file, or "max": no limit
        return None
