"""A program of test_sharding.py: the toy task on 1, 2 and 8 devices of one process.

    python -m tests.mars_demo.sharded_toy 2 8

Prints, as JSON, how far the parameters after one update on the same rollout are from those of one
device, and the mean score of the last updates of training on each count that is named.
"""

import json
import sys

import jax
import numpy as np

from mars_demo.learning.sharding import REPLICATED, SHARDED, shard
from mars_demo.learning.train import Trainer
from mars_demo.learning.update import update
from mars_demo.runs.checkpoint import from_arrays, to_arrays
from tests.mars_demo.conftest import TOY_CONFIG, make_toy_task

LATER = jax.sharding.PartitionSpec(None, "envs")  # time first


def update_on(trainer, devices, state, rollout):
    def step(state, rollout):
        params, _, batch, _ = trainer._estimate(state, rollout)
        key = jax.random.key(0)
        args = trainer.config, trainer.team, trainer.critic, params, state.opt_state, batch, key
        return update(*args, trainer.shards)[0]

    fields = dict.fromkeys(state._fields, REPLICATED) | {"progress": SHARDED}
    return shard(step, devices, (type(state)(**fields), LATER), REPLICATED)(state, rollout)


def score_after_training(devices):
    trainer = Trainer(make_toy_task(), TOY_CONFIG, devices)
    state, history = trainer.init(jax.random.key(0)), []
    for _ in range(40):
        state, metrics = trainer.step(state)
        history.append(float(metrics["score_sum"] / metrics["episodes"]))
    assert_resumable(trainer, state)
    return float(np.mean(history[-5:]))


def assert_resumable(trainer, state):
    """A state that went through a file goes on as it would have, in what is compiled for it."""
    step = trainer.step.lower(state).compile()
    again = trainer.place(from_arrays(to_arrays(state), jax.eval_shape(lambda: state)))
    for _ in range(2):
        state, metrics = step(state)
        again, same = step(again)
    assert metrics == same, (metrics, same)


def main():
    task, scores, gaps = make_toy_task(mortal=True), {}, {}
    whole = TOY_CONFIG.replace(minibatches=1)  # in which all devices' batches are one
    alone = Trainer(task, whole, jax.devices()[:1])
    state = alone.init(jax.random.key(0))
    _, rollout = jax.jit(alone._collect)(state, jax.random.key(1))
    expected = update_on(alone, jax.devices()[:1], state, rollout)
    for count in (1, 2, 8):
        devices = jax.devices()[:count]
        got = update_on(Trainer(task, whole, devices), devices, state, rollout)
        pairs = zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True)
        gaps[count] = max(float(np.max(np.abs(one - two))) for one, two in pairs)
        if str(count) in sys.argv[1:]:
            scores[count] = score_after_training(devices)
    print(json.dumps({"scores": scores, "gaps": gaps}))


if __name__ == "__main__":
    main()
