"""Checkpoints: exact, whole or skipped, and never of another run."""

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.runs.checkpoint import (
    KEPT,
    CheckpointError,
    _sealed,
    drop_later,
    list_checkpoints,
    load_newest,
    read_newest,
    save_checkpoint,
)
from tests.patience import HANG_SECONDS


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


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_any_flipped_byte_is_noticed(tmp_path, suffix):
    """Of the manifest; of the arrays' header and the arrays themselves."""
    save_checkpoint(tmp_path, 1, state(1), {"seconds": 1.5})
    newest = save_checkpoint(tmp_path, 2, state(2), {"seconds": 2.5}).with_suffix(suffix)
    whole = newest.read_bytes()
    assert read_newest(tmp_path)[2] == []
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        newest.write_bytes(flipped)
        _, about, skipped = read_newest(tmp_path)
        assert (about, len(skipped)) == ({"seconds": 1.5}, 1), place


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_any_truncation_is_noticed(tmp_path, suffix):
    save_checkpoint(tmp_path, 1, state(1), {"seconds": 1.5})
    newest = save_checkpoint(tmp_path, 2, state(2), {"seconds": 2.5}).with_suffix(suffix)
    for size in reversed(range(newest.stat().st_size)):
        os.truncate(newest, size)
        _, about, skipped = read_newest(tmp_path)
        assert (about, len(skipped)) == ({"seconds": 1.5}, 1), size


def test_one_checkpoint_under_the_name_of_another_is_noticed(tmp_path):
    old, new = (save_checkpoint(tmp_path, step, state(step), {}) for step in (1, 2))
    for suffix in (".json", ".safetensors"):
        new.with_suffix(suffix).write_bytes(old.with_suffix(suffix).read_bytes())
    _, _, skipped = read_newest(tmp_path)
    assert skipped == [f"skipping damaged checkpoint {new}: it is of step 1"]


def test_a_kill_at_any_moment_of_saving_loses_nothing(tmp_path):
    script = Path(__file__).parents[1] / "kill_while_saving.py"
    ended = subprocess.run(
        [sys.executable, script, tmp_path], capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert ended.returncode == 0, ended.stderr
    step, kills, torn = map(int, ended.stdout.split())
    assert kills > 40  # two checkpoints are four files, each written, flushed and renamed
    assert step > 10  # many had saved one before they died
    assert torn > 10  # and many died in the middle of it
    save_checkpoint(tmp_path, step + 1, state(), {})
    assert len(list(tmp_path.iterdir())) == 2 * KEPT  # what the killed left is cleared away


def test_going_on_from_an_earlier_one_drops_the_damaged_later_ones(tmp_path):
    """Else they would count among those kept, and a good one would be removed for them."""
    for step in (1, 2):
        newest = save_checkpoint(tmp_path, step, state(step), {"step": step})
    newest.with_suffix(".safetensors").write_bytes(b"")
    drop_later(tmp_path, read_newest(tmp_path)[1]["step"])
    save_checkpoint(tmp_path, 3, state(3), {})
    assert [p.stem for p in list_checkpoints(tmp_path)] == [f"step_{n:012d}" for n in (1, 3)]
    assert len(list(tmp_path.iterdir())) == 4


def test_another_format_is_refused_not_skipped(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, state(), {})
    monkeypatch.setattr("mars_demo.runs.checkpoint.FORMAT", 3)
    path = save_checkpoint(tmp_path, 2, state(), {})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=rf"{re.escape(str(path))} is in format 3.* reads 2"):
        read_newest(tmp_path)


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


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("file", [1, 2])
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch, call, file):
    """Wherever the disk refuses: in the arrays (the first file) or the manifest (the second)."""
    save_checkpoint(tmp_path, 1, state(1), {})
    before = sorted(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        fill_disk(patch, call, file)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(tmp_path, 2, state(2), {})
    loaded, _, skipped = load_newest(tmp_path, jax.eval_shape(state))
    assert same(loaded, state(1))
    assert skipped == []
    drop_later(tmp_path, 1)
    assert sorted(tmp_path.iterdir()) == before


def fill_disk(patch, call, file):
    """Lets the `file`-th call of that kind, and all after it, fail as on a full disk."""
    calls = []

    def refuse():
        calls.append(1)
        if len(calls) >= file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create(path, mode):
        if "x" in mode:
            refuse()
        return open(path, mode)

    def write(path, data):
        with open(path, "wb") as file:
            file.write(data[: len(data) // 2])
            refuse()
            file.write(data[len(data) // 2 :])

    if call == "open":
        patch.setattr("wrappers.atomic.open", create, raising=False)
    elif call == "write":
        patch.setattr(Path, "write_bytes", write)
    else:
        real = getattr(os, call)
        patch.setattr(os, call, lambda *args: (refuse(), real(*args))[1])


def with_arrays(manifest, data):
    """Puts other bytes in place of a checkpoint's arrays, with all checksums as they should be."""
    manifest.with_suffix(".safetensors").write_bytes(data)
    about = json.loads(manifest.read_text()) | {"sha256": hashlib.sha256(data).hexdigest()}
    del about["seal"]
    manifest.write_bytes(_sealed(about))


@pytest.mark.parametrize("data", [b"", b"garbage", b"\xff" * 64, (2).to_bytes(8, "little") + b"[]"])
def test_arrays_that_are_none_are_skipped_though_their_checksums_are_right(tmp_path, data):
    save_checkpoint(tmp_path, 1, state(1), {})
    newest = save_checkpoint(tmp_path, 2, state(2), {})
    with_arrays(newest, data)
    loaded, _, skipped = load_newest(tmp_path, jax.eval_shape(state))
    assert same(loaded, state(1))
    assert len(skipped) == 1
    assert "its arrays cannot be read" in skipped[0]
    assert "\n" not in skipped[0]


@pytest.mark.parametrize("text", [b"5", b"null", b"[]", b"{}", b"[" * 200_000, b'{"format": []}'])
def test_a_manifest_that_is_none_is_skipped(tmp_path, text):
    save_checkpoint(tmp_path, 1, state(1), {})
    save_checkpoint(tmp_path, 2, state(2), {}).write_bytes(text)
    _, _, skipped = read_newest(tmp_path)
    assert len(skipped) == 1
    assert "\n" not in skipped[0]


def test_another_kind_of_random_numbers_is_refused(tmp_path):
    with jax.default_prng_impl("rbg"):
        save_checkpoint(tmp_path, 1, state(), {})
        assert same(load_newest(tmp_path, state())[0], state())
    with pytest.raises(CheckpointError, match=r"\['key'\] is no key of the PRNG threefry2x32"):
        load_newest(tmp_path, state())
