"""Checkpoints: safetensors beside a JSON manifest, written so that a crash loses nothing.

A checkpoint is two files, `step_N.safetensors` with every array of the training state and
`step_N.json` with its SHA-256 and what the run was. Each is written under a temporary name,
flushed to disk and renamed, the manifest last: a checkpoint exists when its manifest does.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load, save

FORMAT = 1
KEPT = 2
"""Checkpoints kept in a run's folder: the newest, and one before it should that be damaged."""

Tree = TypeVar("Tree")


class CheckpointError(Exception):
    """A checkpoint is missing, damaged, or belongs to another configuration."""


def save_checkpoint(folder: Path, step: int, state: Any, about: dict[str, Any]) -> Path:
    """Writes a checkpoint and removes all but the newest `KEPT`.

    Args:
        folder: the run's checkpoint folder; created if need be.
        step: environment steps done, which names the checkpoint.
        state: any pytree of arrays.
        about: JSON-able facts to keep with it; `load_checkpoint` returns them.

    Returns:
        The manifest's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save(_to_arrays(state))
    manifest = {
        "format": FORMAT,
        "step": step,
        "sha256": hashlib.sha256(data).hexdigest(),
        "about": about,
    }
    path = folder / f"step_{step:012d}.json"
    write_atomically(path.with_suffix(".safetensors"), data)
    write_atomically(path, json.dumps(manifest, indent=1).encode())
    for old in list_checkpoints(folder)[:-KEPT]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """The manifests in a folder, oldest first."""
    return sorted(folder.glob("step_*.json"))


def load_newest(folder: Path, like: Tree) -> tuple[Tree, dict[str, Any], list[str]]:
    """Loads the newest checkpoint that is whole.

    Args:
        folder: a run's checkpoint folder.
        like: a pytree of arrays or shapes with the structure, shapes and dtypes to expect.

    Returns:
        The state, the manifest's `about`, and one message for each damaged checkpoint skipped.

    Raises:
        CheckpointError: there is none, all are damaged, or it does not fit `like`.
    """
    skipped: list[str] = []
    for path in reversed(list_checkpoints(folder)):
        try:
            arrays, about = _read(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            skipped.append(f"skipping damaged checkpoint {path}: {error}")
            continue
        return _from_arrays(arrays, like), about, skipped
    if skipped:
        raise CheckpointError("\n".join([*skipped, f"no whole checkpoint left in {folder}"]))
    raise CheckpointError(f"no checkpoint in {folder}")


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that its name holds either the old content or all of the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    manifest = json.loads(path.read_bytes())
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']} where {FORMAT} is known")
    data = path.with_suffix(".safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("its SHA-256 does not match its manifest")
    return load(data), manifest["about"]


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_arrays(state: Any) -> dict[str, np.ndarray]:
    def array(leaf: Any) -> np.ndarray:
        return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf, order="C")

    return {name: array(leaf) for name, leaf in _named_leaves(state)}


def _from_arrays(arrays: dict[str, np.ndarray], like: Tree) -> Tree:
    expected = dict(_named_leaves(like))
    if expected.keys() != arrays.keys():
        odd = sorted(expected.keys() ^ arrays.keys())[0]
        raise CheckpointError(f"the checkpoint is of another kind of run: {odd} does not match")
    leaves = []
    for name, leaf in expected.items():
        value = arrays[name]
        if _is_key(leaf):
            leaves.append(jax.random.wrap_key_data(jnp.asarray(value)))
            continue
        if (value.shape, value.dtype) != (leaf.shape, leaf.dtype):
            raise CheckpointError(
                f"the checkpoint is of another kind of run: {name} is "
                f"{value.dtype}{value.shape}, expected {leaf.dtype}{leaf.shape}"
            )
        leaves.append(jnp.asarray(value))
    return jax.tree.unflatten(jax.tree.structure(like), leaves)
