"""What a run needs of memory, against what is there."""

import jax
import pytest

from mars_demo.runs import memory

pytestmark = pytest.mark.loose_promotion  # flax and optax


def test_the_estimate_counts_the_state_and_one_rollout(toy_trainer, toy_config):
    needed = memory.needed_bytes(toy_trainer(toy_config))
    longer = memory.needed_bytes(toy_trainer(toy_config.replace(rollout_steps=9)))
    # One more step of 16 environments, in bytes. Of each agent (two): features 12, mask 3,
    # decides 1, action 4, log-probability 4. Of the environment: world state 24 before and after,
    # reward 4, three flags, and three totals 12.
    assert longer - needed == 16 * (2 * (12 + 3 + 1 + 4 + 4) + 2 * 24 + 4 + 3 + 12)
    state = toy_trainer(toy_config).init(jax.random.key(0))
    state_bytes = sum(x.nbytes for x in jax.tree.leaves(state))
    assert needed == pytest.approx(state_bytes + 8 * (longer - needed), abs=64)  # the key's words


def test_too_little_memory_is_told_before_compiling(monkeypatch, toy_trainer, toy_config):
    trainer = toy_trainer(toy_config)
    needed = memory.needed_bytes(trainer)
    monkeypatch.setattr(memory, "free_bytes", lambda: needed)
    memory.check_memory(trainer)
    with pytest.raises(ValueError, match="x 2 seeds must fit"):
        memory.check_memory(trainer, seeds=2)
    monkeypatch.setattr(memory, "free_bytes", lambda: needed * 7 // 10)
    with pytest.raises(
        ValueError, match=r"^num_envs 16 x rollout_steps 8 must fit.*: num_envs 10$"
    ):
        memory.check_memory(trainer)  # a multiple of two minibatches, at most 11.2
    monkeypatch.setattr(memory, "free_bytes", lambda: 10)
    with pytest.raises(ValueError, match="nearest by that estimate: none; lower rollout_steps"):
        memory.check_memory(trainer)
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    memory.check_memory(trainer)


def test_free_memory_is_read_from_linux_and_the_container(tmp_path):
    file = tmp_path / "file"
    file.write_text("MemTotal:  16000 kB\nMemAvailable:    8000 kB\n")
    assert memory._available(file) == 8000 * 1024
    file.write_text("MemTotal:  16000 kB\n")
    assert memory._available(file) is None
    file.write_text("123456\n")
    assert memory._limit(file) == 123456
    file.write_text("max\n")
    assert memory._limit(file) is None
    assert memory._limit(tmp_path / "none") is None


def test_this_machine_has_some():
    assert memory.free_bytes() is None or memory.free_bytes() > 2**20
