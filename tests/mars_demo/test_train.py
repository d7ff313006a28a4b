"""The training step: order of agents and environments, replay of memory, and learning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.train import Trainer

pytestmark = pytest.mark.loose_promotion  # flax and optax


def run(task, config, updates):
    trainer = Trainer(task, config)
    state = trainer.init(jax.random.key(config.seed))
    history = []
    for _ in range(updates):
        state, metrics = trainer.step(state)
        history.append({k: float(v) for k, v in metrics.items()})
    return trainer, state, history


def score(line):
    return line["score_sum"] / line["episodes"]


@pytest.mark.parametrize("algo", ["mars", "mappo", "maspo"])
def test_every_objective_learns_to_read_signs(toy_task, toy_config, algo):
    # 2 agents * 4 steps = 8 right answers at best; guessing gets 8 / 3. A wrong order of agents,
    # environments or time between rollout and update leaves the team guessing.
    _, _, history = run(toy_task(), toy_config.replace(algo=algo), 40)
    assert score(history[0]) < 4
    assert score(history[-1]) > 7.5


def test_memory_is_replayed_as_it_was_collected(toy_task, toy_config):
    # Rollouts of 7 steps cut episodes of 4 at every phase, so that chunks start in mid-episode.
    config = toy_config.replace(network="gru", rollout_steps=7, total_steps=16 * 7 * 8)
    _, _, history = run(toy_task(hide=True), config, 8)
    assert max(line["first_ratio_error"] for line in history) <= 1e-6
    assert max(line["ratio_max"] for line in history) > 1 + 1e-3  # the policy does move


def test_recurrent_team_remembers_what_it_was_shown(toy_task, toy_config):
    # The sign is shown once: without memory at best 2 + 2 * 3 / 3 = 4 right answers.
    steps = 16 * 8 * 150
    gru = toy_config.replace(network="gru", total_steps=steps)
    mlp = toy_config.replace(total_steps=steps)
    _, _, remembered = run(toy_task(hide=True), gru, 150)
    _, _, forgot = run(toy_task(hide=True), mlp, 150)
    assert score(forgot[-1]) < 5
    assert score(remembered[-1]) > 6.5


def test_one_update_is_one_rollout_of_every_environment(toy_task, toy_config):
    # 16 environments * 8 steps / 4 steps an episode = 32 episodes, each of length 4.
    _, state, history = run(toy_task(), toy_config, 1)
    assert history[0]["episodes"] == 32
    assert history[0]["length_sum"] == 4 * 32
    assert int(state.updates) == 1


def test_learning_rate_counts_gradient_steps(toy_task, toy_config):
    # Linear decay reaches zero at the last update: the next one moves nothing.
    config = toy_config.replace(lr_decay=True, total_steps=16 * 8 * 3)
    trainer, state, _ = run(toy_task(), config, 2)
    moving = jax.tree.map(np.asarray, state.params)
    state, _ = trainer.step(state)
    last = jax.tree.map(np.asarray, state.params)
    state, _ = trainer.step(state)
    after = jax.tree.map(np.asarray, state.params)
    changes = [
        max(jax.tree.leaves(jax.tree.map(lambda a, b: np.max(np.abs(a - b)), x, y)))
        for x, y in ((moving, last), (last, after))
    ]
    assert changes[0] > 0
    assert changes[1] == 0


def test_values_bootstrap_from_a_time_limit_but_not_from_an_end(toy_task, toy_config):
    # One step before the end the return is that step's reward alone where the end is a true one;
    # at a time limit the value of the state after it is added.
    means = {}
    for terminal in (True, False):
        config = toy_config.replace(total_steps=16 * 8 * 60)
        trainer, state, _ = run(toy_task(terminal=terminal), config, 60)
        world = jnp.eye(3, dtype=jnp.float32)[jnp.array([0, 1])].reshape(1, -1)
        means[terminal] = float(trainer.critic.apply(state.params["critic"], world)[0])
    # With gamma 0.9 and reward 1: sum of 1..4 steps averages 2.26; going on for ever gives 10.
    assert means[True] < 3.0
    assert means[False] > 3.5


def test_stagger_spreads_ages_over_the_episode(toy_task, toy_config):
    trainer = Trainer(toy_task(), toy_config.replace(stagger=True, num_envs=256))
    progress = trainer.init(jax.random.key(0)).progress
    counts = np.bincount(np.asarray(progress.env_state.step), minlength=4)
    assert counts.shape == (4,)
    # Binomial(256, 1/4): mean 64, standard deviation 6.9.
    assert np.all(np.abs(counts - 64) < 5 * 6.9)


def test_same_seed_same_bits(toy_task, toy_config):
    _, one, _ = run(toy_task(), toy_config, 3)
    _, two, _ = run(toy_task(), toy_config, 3)
    _, other, _ = run(toy_task(), toy_config.replace(seed=1), 3)
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        np.any(np.asarray(a) != np.asarray(b))
        for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True)
    )
