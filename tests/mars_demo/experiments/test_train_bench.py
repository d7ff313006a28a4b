import importlib.util
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from mars_demo.cli.main import main
from mars_demo.experiments import train_bench
from mars_demo.experiments.train_bench import SCRIPT, SETTINGS, bench_training
from mars_demo.tasks.registry import spread_task

pytestmark = pytest.mark.loose_promotion  # optax, and JaxMARL's script

CHECKOUT = os.environ.get("JAXMARL_CHECKOUT")
FAKE_SCRIPT = """
import jax.numpy as jnp
import wandb
def make_train(config):
    assert wandb.mode == "disabled"
    assert config["OF_ITS_OWN"] == 7
    assert (config["NUM_ENVS"], config["NUM_STEPS"], config["LR"]) == (16, 8, 1e-2)
    return lambda key: jnp.sum(key)
"""


@pytest.fixture
def small(monkeypatch, toy_trainer, toy_config):
    """The same bench on the toy task, by the trainer that other tests have compiled."""
    monkeypatch.setattr(train_bench, "CONFIG", toy_config)
    monkeypatch.setattr(train_bench, "Trainer", lambda task, config, devices: toy_trainer(config))


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder laid out as JaxMARL's, its script a stand-in, with what the script imports."""
    for path, text in {SCRIPT: FAKE_SCRIPT, SETTINGS: '"OF_ITS_OWN": 7\n"LR": 1.0'}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    wandb = SimpleNamespace(mode=None)
    wandb.init = lambda mode: setattr(wandb, "mode", mode)
    reader = SimpleNamespace(load=Path.read_text, to_container=yaml.safe_load)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "omegaconf", SimpleNamespace(OmegaConf=reader))
    return tmp_path


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_alone_it_says_how_to_measure_the_other(small):
    lines = bench_training(None, None, repeats=1).splitlines()
    assert "16 environments x 8 steps, 2 epochs x 2 minibatches" in lines[0]
    name, speed, ratio, _ = cells(lines[4])
    assert name.startswith("mars_demo")
    assert float(speed.replace(",", "")) > 0
    assert ratio == "not measured"
    assert "git clone" in lines[-1]


def test_beside_a_checkout_both_do_the_same_work(small, checkout):
    ours, theirs = map(cells, bench_training(None, checkout, repeats=2).splitlines()[4:])
    speeds = [float(row[1].replace(",", "")) for row in (ours, theirs)]
    assert theirs[2] == "1.00"
    assert float(ours[2]) == pytest.approx(speeds[0] / speeds[1], abs=0.006)


def test_a_script_that_lacks_a_package(checkout, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not installed
    with pytest.raises(ImportError, match="pip install wandb hydra-core distrax"):
        train_bench.their_training(checkout)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--train --checkout nowhere", f"no {SCRIPT} in nowhere"),
        ("--train --repeats 0", "repeats must be at least 1, got 0"),
        ("--train --steps 3", "drop --num-envs and --steps"),
        ("--checkout nowhere", "--checkout goes with --train"),
    ],
)
def test_mistakes_are_told(options, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["bench", *options.split()])
    assert stop.value.code == 2
    assert re.search(re.escape(said), capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.skipif(
    not CHECKOUT or importlib.util.find_spec("wandb") is None,
    reason="JAXMARL_CHECKOUT names no checkout of JaxMARL, or what its scripts import is missing",
)
def test_twice_and_a_half_as_fast_as_jaxmarl():
    rows = bench_training(spread_task(), Path(str(CHECKOUT)), repeats=5).splitlines()[4:]
    assert float(cells(rows[0])[2]) >= 2.5
