"""A program of test_determinism.py: the toy task's bits, and its seeds together.

    python -m tests.mars_demo.seeds_toy CORE alone
    python -m tests.mars_demo.seeds_toy CORE together

Runs on one core. `alone` prints the SHA-256 of the state after training. `together` trains two
seeds in one program, and prints the largest difference of their parameters from those of each seed
alone, after 1 and after 10 updates.
"""

import hashlib
import os
import sys

import jax
import numpy as np

from mars_demo.runs.checkpoint import to_arrays
from tests.mars_demo.conftest import TOY_CONFIG, make_trainer

TRAINER = make_trainer(TOY_CONFIG.replace(network="gru", stagger=True))


def digest() -> str:
    state = TRAINER.init(jax.random.key(0))
    for _ in range(20):
        state, metrics = TRAINER.step(state)
    whole = hashlib.sha256()
    for name, array in sorted(to_arrays((state, metrics)).items()):
        whole.update(name.encode() + array.tobytes())
    return whole.hexdigest()


def gaps() -> list[float]:
    keys = jax.random.split(jax.random.key(0), 2)
    together = jax.jit(jax.vmap(TRAINER.init))(keys)
    alone = [TRAINER.init(key) for key in keys]
    step, found = jax.jit(jax.vmap(TRAINER.step)), []
    for update in range(1, 11):
        together, _ = step(together)
        alone = [TRAINER.step(state)[0] for state in alone]
        if update in (1, 10):
            stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *(s.params for s in alone))
            apart = jax.tree.map(lambda a, b: np.max(np.abs(a - b)), stacked, together.params)
            found.append(float(max(jax.tree.leaves(apart))))
    return found


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    print(*(gaps() if sys.argv[2] == "together" else [digest()]))
