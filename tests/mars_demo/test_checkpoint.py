"""Checkpoints: exact, whole or skipped, and never of another run."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.checkpoint import (
    KEPT,
    CheckpointError,
    list_checkpoints,
    load_newest,
    save_checkpoint,
    write_atomically,
)


def state(scale=1):
    return {
        "key": jax.random.key(scale),
        "weights": (jnp.arange(6, dtype=jnp.float32).reshape(2, 3) * scale, jnp.int32(scale)),
        "flags": jnp.array([True, False]),
        "words": jnp.array([2**32 - scale], jnp.uint32),
        "empty": jnp.zeros((4, 0), jnp.float32),
    }


def same(a, b):
    def raw(x):
        is_key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(x) if is_key else x)

    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(x.dtype == y.dtype and np.array_equal(raw(x), raw(y)) for x, y in pairs)


def test_round_trip_bit_for_bit(tmp_path):
    save_checkpoint(tmp_path, 5, state(), {"note": 1})
    loaded, about, skipped = load_newest(tmp_path, jax.eval_shape(state))
    assert same(loaded, state())
    assert about == {"note": 1}
    assert skipped == []


def test_keeps_the_newest_two(tmp_path):
    for step in (1, 2, 10):
        save_checkpoint(tmp_path, step, state(step), {})
    assert [json.loads(p.read_text())["step"] for p in list_checkpoints(tmp_path)] == [2, 10]
    assert len(list(tmp_path.iterdir())) == 2 * KEPT


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "delete"])
def test_a_damaged_one_is_skipped_for_the_one_before(tmp_path, suffix, damage):
    save_checkpoint(tmp_path, 1, state(1), {})
    newest = save_checkpoint(tmp_path, 2, state(2), {}).with_suffix(suffix)
    data = bytearray(newest.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 0x40
    kept = {"flip": data, "truncate": data[: len(data) // 2], "empty": b"", "delete": None}[damage]
    if kept is None:
        newest.unlink()
    else:
        newest.write_bytes(kept)
    loaded, _, skipped = load_newest(tmp_path, jax.eval_shape(state))
    assert same(loaded, state(1))
    if not (suffix == ".json" and damage == "delete"):  # without a manifest there is no checkpoint
        assert len(skipped) == 1
        assert newest.stem in skipped[0]


def test_all_damaged_or_none_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint in"):
        load_newest(tmp_path, jax.eval_shape(state))
    path = save_checkpoint(tmp_path, 1, state(), {})
    path.with_suffix(".safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="no whole checkpoint left"):
        load_newest(tmp_path, jax.eval_shape(state))


def test_another_shape_dtype_or_structure_is_refused(tmp_path):
    save_checkpoint(tmp_path, 1, state(), {})
    like = jax.eval_shape(state)
    shape = like | {"flags": jax.ShapeDtypeStruct((3,), jnp.bool_)}
    with pytest.raises(CheckpointError, match="flags"):
        load_newest(tmp_path, shape)
    dtype = like | {"words": jax.ShapeDtypeStruct((1,), jnp.int32)}
    with pytest.raises(CheckpointError, match=r"words.*uint32.*int32"):
        load_newest(tmp_path, dtype)
    with pytest.raises(CheckpointError, match="more"):
        load_newest(tmp_path, like | {"more": jax.ShapeDtypeStruct((), jnp.float32)})


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
