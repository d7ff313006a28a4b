"""JaxMARL's training scripts, unchanged, on our environments: a few updates each.

They are not in JaxMARL's wheel. JAXMARL_CHECKOUT names a folder with its repository (0.2.0), and
the Python that runs this needs what the scripts import: wandb, hydra-core, distrax, flashbax.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import HANG_SECONDS

CHECKOUT = os.environ.get("JAXMARL_CHECKOUT")
MISSING = [
    name
    for name in ("wandb", "hydra", "distrax", "flashbax")
    if importlib.util.find_spec(name) is None
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHECKOUT,
        reason="JAXMARL_CHECKOUT names no checkout of JaxMARL; its wheel has no scripts",
    ),
    pytest.mark.skipif(bool(MISSING), reason=f"JaxMARL's scripts import {', '.join(MISSING)}"),
]

RUN = """
import runpy, sys, wrappers
wrappers.register_with_jaxmarl()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
ON_POLICY = ("NUM_ENVS=8", "NUM_STEPS=16", "TOTAL_TIMESTEPS=512", "NUM_SEEDS=1")
Q_LEARNING = (
    *("+alg=ql_rnn_mpe", "++alg.NUM_ENVS=8", "++alg.NUM_STEPS=26", "SAVE_PATH=null"),
    *("++alg.TOTAL_TIMESTEPS=1248", "++alg.LEARNING_STARTS=300", "++alg.BUFFER_BATCH_SIZE=8"),
    *("++alg.TEST_NUM_ENVS=8", "++alg.TEST_NUM_STEPS=30"),
)


@pytest.mark.parametrize("name", ["paxmen-4", "identical_2_vs_2"])
@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("IPPO/ippo_ff_mpe.py", (*ON_POLICY, "ENV_NAME={name}")),
        ("MAPPO/mappo_rnn_mpe.py", (*ON_POLICY, "ENV_NAME={name}")),
        ("QLearning/qmix_rnn.py", (*Q_LEARNING, "++alg.ENV_NAME={name}")),
    ],
)
def test_a_script_trains(script, options, name, tmp_path):
    path = Path(str(CHECKOUT)).resolve() / "baselines" / script
    assert path.exists(), f"no {script} in {CHECKOUT}"
    command = [sys.executable, "-c", RUN, str(path), *(text.format(name=name) for text in options)]
    environment = os.environ | {"WANDB_MODE": "disabled", "MPLBACKEND": "agg"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert run.returncode == 0, run.stderr[-3000:]
