"""Several devices learn what one learns. They are forced on the host, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.sharding import AXIS, Shards
from mars_demo.learning.train import check_shares
from tests.patience import HANG_SECONDS

PROJECT = Path(__file__).parents[3]


def run_on_eight_devices(*counts):
    environment = os.environ | {
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
    }
    run = subprocess.run(
        [sys.executable, "-m", "tests.mars_demo.sharded_toy", *map(str, counts)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "learning", [(8,), pytest.param((1, 2, 8), marks=pytest.mark.slow)], ids=["eight", "all"]
)
def test_devices_together_are_one(learning):
    """An update on the same rollout is the same sum; training on other draws learns as well."""
    result = run_on_eight_devices(*learning)
    assert result["gaps"].keys() == {"1", "2", "8"}
    assert all(gap < 1e-6 for gap in result["gaps"].values()), result
    assert all(result["scores"][str(count)] > 7.8 for count in learning), result  # of 8


def test_what_devices_do_together():
    """Two of them, by an axis of that name, and one alone."""
    both, alone = Shards(2), Shards()
    x = jnp.array([1.0, 5.0])

    def together(x):
        return both.mean(x), both.sum(x), both.max(x), both.own_key(jax.random.PRNGKey(0))

    *results, keys = jax.vmap(together, axis_name=AXIS)(x)
    for result, expected in zip(results, (3.0, 6.0, 5.0), strict=True):
        np.testing.assert_array_equal(result, [expected, expected])
    assert not np.array_equal(keys[0], keys[1])
    assert alone.mean(x) is alone.sum(x) is alone.max(x) is alone.own_key(x) is x
    assert (both.share(6), alone.share(6)) == (3, 6)


def test_shares_are_whole(toy_config):
    check_shares(toy_config, Shards(8))  # 16 environments in 2 minibatches
    with pytest.raises(ValueError, match=r"devices x minibatches \(3 x 2\), got 16; nearest: 18"):
        check_shares(toy_config, Shards(3))
