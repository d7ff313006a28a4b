"""The 47 tasks of the suite: each can be made, traced and trained on."""

import importlib.util
import math
from collections.abc import Iterator

import jax
import numpy as np
import pytest

from mars_demo.evaluation.episodes import evaluate, learned_policy
from mars_demo.learning.config import Config
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer, TrainState
from mars_demo.tasks.registry import SUITE, get_task, task_facts

pytestmark = pytest.mark.loose_promotion  # others wrote most of them

NAMES = [name for names in SUITE.values() for name in names]
SMALLEST = [
    "aerojax/pursuit_3_vs_1",
    "smax/3s_vs_5z",
    "rware/tiny-2ag",
    "lbf/8x8-2p-2f-coop",
    "connector/con-5x5x3a",
    "mpe/spread-3",
    "mabrax/hopper_3x1",
]
TINY = {"num_envs": 4, "rollout_steps": 4, "epochs": 1, "minibatches": 2, "hidden": 16}
BRAX = importlib.util.find_spec("brax") is not None


@pytest.fixture(autouse=True, scope="module")
def _quick_compilation():
    """The slow tier, too, does not optimise what it runs for two updates."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def need(name: str) -> Task:
    """The task, unless what it needs is not installed."""
    if name.startswith("mabrax/"):
        pytest.importorskip("brax")
    return get_task(name)


def tiny(task: Task, algo: str = "mars") -> Config:
    return task.preset(algo).replace(**TINY)


def test_the_suite_has_47_tasks():
    counts = {family: len(names) for family, names in SUITE.items()}
    assert counts == {
        "paxmen": 3,
        "aerojax": 7,
        "smax": 11,
        "rware": 7,
        "lbf": 7,
        "connector": 4,
        "mpe": 3,
        "mabrax": 5,
    }
    assert sum(counts.values()) == len(set(NAMES)) == 47
    for family, names in SUITE.items():
        assert all(name.startswith(f"{family}/") for name in names)


@pytest.mark.parametrize("name", NAMES)
def test_presets_differ_between_algorithms_in_eps_alone(name):
    if name.startswith("paxmen/"):
        pytest.skip("tuned for each algorithm: docs/results.md")
    preset = get_task(name).preset
    same = {preset(algo).replace(algo="mars", eps=1.0) for algo in ("mars", "mappo", "maspo")}
    assert same == {preset("mars")}


def test_facts_of_a_task_fit_a_line():
    facts = {name: task_facts(name) for name in NAMES if BRAX or name[:7] != "mabrax/"}
    assert facts["mpe/spread-5"] == (
        "5 agents, observation (30,), 5 actions, 25 steps, score: return"
    )
    for name, line in facts.items():
        assert line.endswith(f" steps, score: {get_task(name).score_name}"), line


def of_type(x):
    return x.shape, x.dtype, x.weak_type  # all of which a compiled step expects


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SMALLEST])
def test_every_other_task_traces(name):
    task = need(name)
    assert task.episode_length == task.make().max_steps  # pyright: ignore[reportAttributeAccessIssue]
    trainer = Trainer(task, tiny(task).replace(stagger=False))
    state = jax.eval_shape(trainer.init, jax.random.key(0))
    after, metrics = jax.eval_shape(trainer.step, state)
    same = jax.tree.map(lambda x, y: of_type(x) == of_type(y), state, after)
    assert all(jax.tree.leaves(same))
    assert {metric.shape for metric in metrics.values()} == {()}
    for features, image in (
        (state.progress.view.features, task.image),
        (state.progress.view.world_state, task.world_image),
    ):
        assert features.dtype == np.float32
        assert image is None or math.prod(image) <= features.shape[-1]


def train(
    task: Task, algos: tuple[str, ...], stagger: bool = True
) -> Iterator[tuple[Trainer, TrainState]]:
    """Two updates with each algorithm, from one start, which does not depend on it."""
    start = Trainer(task, tiny(task).replace(stagger=stagger))
    for algo in algos:
        trainer = Trainer(task, tiny(task, algo))
        state, metrics = start.init(jax.random.key(0)), {}
        before = jax.device_get(state.params)
        for _ in range(2):
            state, metrics = trainer.step(state)
        assert all(np.isfinite(metric) for metric in metrics.values()), metrics
        moved = jax.tree.map(lambda x, y: bool(np.any(x != y)), before, state.params)
        assert any(jax.tree.leaves(moved["actor"]))
        assert any(jax.tree.leaves(moved["critic"]))
        yield trainer, state


# Other tests train on PaxMen.
@pytest.mark.parametrize("name", SMALLEST)
def test_one_task_of_each_environment_trains(name):
    task = need(name)
    staggered = Trainer(task, tiny(task))  # traced only: it takes as long to compile as the rest
    assert jax.eval_shape(staggered.init, jax.random.key(0)).updates.shape == ()
    assert len(list(train(task, ("mars",), stagger=False))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_task_trains_and_evaluates_with_every_algorithm(name):
    task = need(name)
    for trainer, state in train(task, ("mars", "mappo", "maspo")):
        policy = learned_policy(trainer, state.params["actor"])
        played = evaluate(task, policy, jax.random.key(1), episodes=2)
        assert np.all(np.isfinite(played.reward))
        assert np.all(np.isfinite(played.score))
        assert np.all((played.length > 0) & (played.length <= task.episode_length))
    jax.clear_caches()  # the programs of 47 environments would fill the memory
