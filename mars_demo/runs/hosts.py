"""Several hosts that train one run together: each has its devices, and the first has the files.

With a single host, these functions do nothing.
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
"""If a host does not respond for this long, the others end with an error."""

Tree = TypeVar("Tree")


def join_hosts() -> None:
    """Connects to the other hosts, which were started with the same command.

    Under SLURM or Open MPI, JAX finds them by itself. Elsewhere set the environment variables
    JAX_COORDINATOR_ADDRESS ("host:port" of the first host), JAX_NUM_PROCESSES and JAX_PROCESS_ID
    (from 0).

    Raises:
        ValueError: the hosts cannot be found, or a variable is not a whole number.
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
    """Each flag, true if it is true on any host, because all hosts must save and stop together."""
    if jax.process_count() == 1:
        return flags
    from jax.experimental.multihost_utils import process_allgather

    return tuple(np.any(process_allgather(np.array(flags)), axis=0).tolist())


def gather(tree: Tree) -> Tree:
    """Gathers arrays that are sharded over all devices, so that every host has them whole."""
    if jax.process_count() == 1:
        return tree
    return _gather()(tree)


@functools.cache
def _gather() -> Callable[[Any], Any]:
    """The jitted function of `gather`; cached, so that it is compiled once a run."""
    everywhere = NamedSharding(Mesh(jax.devices(), ("all",)), PartitionSpec())
    return jax.jit(lambda tree: tree, out_shardings=everywhere)
