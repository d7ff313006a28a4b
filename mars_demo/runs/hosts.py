"""Several hosts that train one run together: each has its devices, the first one has the files.

All that is here does nothing where there is but one host.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

HEARTBEAT_SECONDS = 30
"""After so long without a sign of a host, the others end with an error."""

Tree = TypeVar("Tree")


def join_hosts() -> None:
    """Meets the other hosts that were started with the same command.

    Under SLURM or Open MPI JAX knows where they are. Elsewhere JAX_COORDINATOR_ADDRESS
    ("host:port" of the first one), JAX_NUM_PROCESSES and JAX_PROCESS_ID (from 0) tell.

    Raises:
        ValueError: neither tells, or a number is none.
    """
    try:
        numbers = [os.environ.get(name) for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID")]
        count, place = (None if text is None else int(text) for text in numbers)
        jax.distributed.initialize(
            num_processes=count, process_id=place, heartbeat_timeout_seconds=HEARTBEAT_SECONDS
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            "no other hosts to be found: run under SLURM or Open MPI, or set "
            f"JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID ({error})"
        ) from None


def is_first_host() -> bool:
    """Whether this host writes the run's files."""
    return jax.process_index() == 0


def agree(*flags: bool) -> tuple[bool, ...]:
    """Each flag, raised if any host raises it: all hosts have to save and stop together."""
    if jax.process_count() == 1:
        return flags
    from jax.experimental.multihost_utils import process_allgather

    return tuple(np.any(process_allgather(np.array(flags)), axis=0).tolist())


def gather(tree: Tree) -> Tree:
    """Arrays of all devices, whole on every host."""
    if jax.process_count() == 1:
        return tree
    return _gather()(tree)


@functools.cache
def _gather() -> Callable[[Any], Any]:
    """One function for all checkpoints of a run, so that it is compiled once."""
    everywhere = NamedSharding(Mesh(jax.devices(), ("all",)), PartitionSpec())
    return jax.jit(lambda tree: tree, out_shardings=everywhere)
