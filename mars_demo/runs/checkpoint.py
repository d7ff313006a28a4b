"""Checkpoints: safetensors beside a JSON manifest, written so that a crash loses nothing.

A checkpoint is two files, `step_N.safetensors` with every array of the training state and
`step_N.json` with its SHA-256, its own, and what the run was. Each is written under a temporary
name, flushed to disk and renamed, the manifest last: a checkpoint exists when its manifest does.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mars_demo.runs.reading import NONSENSE, check_type, in_one_line
from wrappers.atomic import write_atomically

FORMAT = 2
"""Of the manifest. Format 1 had no checksum of its own."""
KEPT = 2
"""Checkpoints kept in a run's folder: the newest, and one before it should that be damaged."""

# Arrays that earlier versions saved and this one has no use for: the deviation says the same.
_DROPPED = (".value_scale.square",)

Tree = TypeVar("Tree")


class CheckpointError(Exception):
    """A checkpoint is missing, damaged, or belongs to another configuration or version."""


def save_checkpoint(folder: Path, step: int, state: Any, about: dict[str, Any]) -> Path:
    """Writes a checkpoint and removes all but the newest `KEPT`.

    Args:
        folder: the run's checkpoint folder; created if need be.
        step: environment steps done, which names the checkpoint.
        state: any pytree of arrays.
        about: JSON-able facts to keep with it; `load_newest` returns them.

    Returns:
        The manifest's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save(to_arrays(state))
    manifest = {
        "format": FORMAT,
        "step": step,
        "sha256": hashlib.sha256(data).hexdigest(),
        "about": about,
    }
    path = folder / f"step_{step:012d}.json"
    write_atomically(path.with_suffix(".safetensors"), data)
    write_atomically(path, _sealed(manifest))
    _remove(folder, keep=list_checkpoints(folder)[-KEPT:])
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """The manifests in a folder, oldest first."""
    return sorted(folder.glob("step_*.json"))


def drop_later(folder: Path, step: int) -> None:
    """Removes the checkpoints after `step`, and what a killed process left half-written.

    A run that goes on from `step` could not read them, and they must not count among `KEPT`.
    """
    _remove(folder, [p for p in list_checkpoints(folder) if p.stem <= f"step_{step:012d}"])


def read_newest(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any], list[str]]:
    """The newest checkpoint that is whole, as it is on disk.

    Returns:
        Its arrays by name, the manifest's `about`, and a message for each damaged one skipped.

    Raises:
        CheckpointError: there is none, all are damaged, or it is in a format of another version.
    """
    skipped: list[str] = []
    for path in reversed(list_checkpoints(folder)):
        try:
            return *_read(path), skipped
        except (OSError, *NONSENSE) as error:
            skipped.append(f"skipping damaged checkpoint {path}: {in_one_line(error)}")
    if skipped:
        raise CheckpointError("; ".join([*skipped, f"no whole checkpoint left in {folder}"]))
    raise CheckpointError(f"no checkpoint in {folder}")


def load_newest(folder: Path, like: Tree) -> tuple[Tree, dict[str, Any], list[str]]:
    """Loads the newest checkpoint that is whole.

    Args:
        folder: a run's checkpoint folder.
        like: a pytree of arrays or shapes with the structure, shapes and dtypes to expect.

    Returns:
        The state, the manifest's `about`, and one message for each damaged checkpoint skipped.

    Raises:
        CheckpointError: as `read_newest`, or it does not fit `like`.
    """
    arrays, about, skipped = read_newest(folder)
    return from_arrays(arrays, like), about, skipped


def to_arrays(state: Any) -> dict[str, np.ndarray]:
    """The leaves of a pytree by their paths, PRNG keys as their words."""

    def array(leaf: Any) -> np.ndarray:
        return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf, order="C")

    return {name: array(leaf) for name, leaf in _named_leaves(state)}


def from_arrays(arrays: dict[str, np.ndarray], like: Tree) -> Tree:
    """The inverse: a pytree like `like`; CheckpointError unless names, shapes and dtypes fit."""
    arrays = {name: array for name, array in arrays.items() if name not in _DROPPED}
    expected = dict(_named_leaves(like))
    if expected.keys() != arrays.keys():
        odd = sorted(expected.keys() ^ arrays.keys())[0]
        raise CheckpointError(f"the checkpoint is of another kind of run: {odd} does not match")
    leaves = []
    for name, leaf in expected.items():
        value = jnp.asarray(arrays[name])
        if _is_key(leaf):
            value = _wrap_key(name, value)
        if (value.shape, value.dtype) != (leaf.shape, leaf.dtype):
            raise CheckpointError(
                f"the checkpoint is of another kind of run: {name} is "
                f"{value.dtype}{value.shape}, expected {leaf.dtype}{leaf.shape}"
            )
        leaves.append(value)
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def read_arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file by name; ValueError if it is none."""
    try:
        return load(data)
    except (SafetensorError, *NONSENSE) as error:
        raise ValueError(f"its arrays cannot be read: {in_one_line(error)}") from None


def _remove(folder: Path, keep: list[Path]) -> None:
    """Removes every file of a checkpoint that is not kept, manifests before their arrays."""
    kept = {path.stem for path in keep}
    for path in [*folder.glob(".step_*.tmp*"), *sorted(folder.glob("step_*.*"))]:
        if path.stem not in kept:
            path.unlink(missing_ok=True)


def _sealed(manifest: dict[str, Any]) -> bytes:
    """The manifest's text, its own SHA-256 last."""
    seal = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    return json.dumps(manifest | {"seal": seal}, indent=1).encode()


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    text = path.read_bytes()
    manifest = json.loads(text)
    if manifest["format"] != 1:
        if _sealed({k: v for k, v in manifest.items() if k != "seal"}) != text:
            raise ValueError("its manifest was changed")
        if manifest["format"] != FORMAT:
            there = in_one_line(manifest["format"])
            raise CheckpointError(f"{path} is in format {there}, this version reads {FORMAT}")
    if path.stem != f"step_{manifest['step']:012d}":
        raise ValueError(f"it is of step {manifest['step']}")
    data = path.with_suffix(".safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise ValueError("its SHA-256 does not match its manifest")
    return read_arrays(data), check_type(manifest["about"], dict)


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def _wrap_key(name: str, words: Any) -> Any:
    try:
        return jax.random.wrap_key_data(words)
    except (TypeError, ValueError):
        raise CheckpointError(
            f"the checkpoint's {name} is no key of the PRNG {jax.config.jax_default_prng_impl}: "  # pyright: ignore[reportAttributeAccessIssue]
            "set JAX_DEFAULT_PRNG_IMPL to what the run was started with"
        ) from None


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
