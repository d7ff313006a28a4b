"""The training step: order of agents and environments, replay of memory, and learning."""

import dataclasses
import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.spaces import Discrete

import aerojax
from mars_demo.learning.config import Config
from mars_demo.learning.rollout import Episode, Transition
from mars_demo.learning.sharding import ALONE
from mars_demo.learning.task import Task
from mars_demo.learning.train import Trainer, finished_episodes
from mars_demo.learning.update import normalised
from mars_demo.tasks.registry import get_task
from tests.mars_demo.conftest import Duel, Toy, make_duel_task, make_toy_task

pytestmark = pytest.mark.loose_promotion  # flax and optax


def run(trainer, updates, seed=0):
    state = trainer.init(jax.random.key(seed))
    history = []
    for _ in range(updates):
        state, metrics = trainer.step(state)
        history.append({k: float(v) for k, v in metrics.items()})
    return state, history


def score(line):
    return line["score_sum"] / line["episodes"]


@pytest.mark.parametrize("algo", ["mars", "mappo", "maspo"])
def test_every_objective_learns_to_read_signs(toy_trainer, toy_config, algo):
    # 2 agents * 4 steps = 8 right answers at best; guessing gets 8 / 3. A wrong order of agents,
    # environments or time between rollout and update leaves the team guessing.
    _, history = run(toy_trainer(toy_config.replace(algo=algo)), 40)
    assert score(history[0]) < 4
    assert score(history[-1]) > 7.5


@pytest.mark.parametrize(("actions", "best"), [("multi", 7.5), ("box", 6.5)])
def test_other_actions_are_learned(toy_trainer, toy_config, actions, best):
    # Guessing gets 8 / 3 of the "multi", and in the "box" 8 * (1 - 0.583).
    _, history = run(toy_trainer(toy_config, actions=actions), 60)
    assert score(history[0]) < 5
    assert score(history[-1]) > best
    assert max(line["first_ratio_error"] for line in history) <= 1e-5


def test_images_are_learned_from(toy_task, toy_config):
    task = dataclasses.replace(toy_task(), image=(1, 3, 1), world_image=(2, 3, 1))
    _, history = run(Trainer(task, toy_config), 40)
    assert score(history[-1]) > 7.5


def test_a_team_trains_on_a_mixture_of_worlds(toy_config):
    """Eight games at once, in as many worlds; games of four steps, after which all are others."""
    variation = aerojax.Variation(
        num_allies=(1, 2), mass=(0.7, 1.4), radius=(7000.0, 9000.0), wind=(0.0, 20.0), noise=100.0
    )
    task = Task(
        "mixture",
        partial(aerojax.make, "identical_2_vs_2", max_steps=4, variation=variation),
        episode_length=4,
        preset=lambda algo: toy_config,
    )
    config = toy_config.replace(num_envs=8, rollout_steps=8, total_steps=8 * 8 * 2)
    trainer = Trainer(task, config)
    state = trainer.init(jax.random.key(0))
    before = np.unique(state.progress.env_state.world.radius)
    state, metrics = trainer.step(state)
    assert all(np.isfinite(value) for value in metrics.values())
    after = np.unique(state.progress.env_state.world.radius)
    assert len(before) == len(after) == 8
    assert not np.intersect1d(before, after).size
    assert np.any(state.progress.env_state.world.present[:, 1] == 0.0)


def test_agents_of_other_actions_than_the_first_are_refused(toy_config):
    class Unlike(Toy):
        def action_space(self, agent):
            return Discrete(3 if agent == "agent_0" else 4)

    task = dataclasses.replace(make_toy_task(), make=Unlike)
    with pytest.raises(ValueError, match="actions of agent_1 are Categorical"):
        Trainer(task, toy_config)


def test_memory_is_replayed_as_it_was_collected(toy_trainer, toy_config):
    # Rollouts of 7 steps cut episodes of 4 at every phase, so that chunks start in mid-episode.
    config = toy_config.replace(network="gru", rollout_steps=7, total_steps=16 * 7 * 8)
    _, history = run(toy_trainer(config, hide=True), 8)
    assert max(line["first_ratio_error"] for line in history) <= 1e-6
    assert max(line["ratio_max"] for line in history) > 1 + 1e-3  # the policy does move


def test_recurrent_team_remembers_what_it_was_shown(toy_trainer, toy_config):
    # The sign is shown once: without memory at best 2 + 2 * 3 / 3 = 4 right answers.
    gru = toy_config.replace(network="gru", rollout_steps=7, total_steps=16 * 7 * 8)
    _, remembered = run(toy_trainer(gru, hide=True), 200)
    _, forgot = run(toy_trainer(toy_config, hide=True), 100)
    assert score(forgot[-1]) < 5
    assert score(remembered[-1]) > 6.5


def test_agents_with_policies_of_their_own_learn(toy_trainer, toy_config):
    _, history = run(toy_trainer(toy_config.replace(policies="agent")), 40)
    assert score(history[-1]) > 7.5


def test_a_critic_of_all_observations():
    task = get_task("paxmen-4")
    sizes = []
    for asked in (False, True):
        config = Config(num_envs=4, critic_observations=asked)
        params = jax.eval_shape(Trainer(task, config).init, jax.random.key(0)).params
        sizes.append(params["critic"]["params"]["in"]["kernel"].shape[0])
    assert sizes[1] - sizes[0] == 4 * 3 * 25, "three channels of 25 cells, for each of four agents"


def test_one_update_is_one_rollout_of_every_environment(toy_trainer, toy_config):
    # 16 environments * 8 steps / 4 steps an episode = 32 episodes, each of length 4.
    state, history = run(toy_trainer(toy_config), 1)
    assert history[0]["episodes"] == 32
    assert history[0]["length_sum"] == 4 * 32
    assert int(state.updates) == 1


def test_learning_rate_counts_gradient_steps(toy_trainer, toy_config):
    # Linear decay reaches zero at the last update: the next one moves nothing.
    config = toy_config.replace(lr_decay=True, total_steps=16 * 8 * 3)
    trainer = toy_trainer(config)
    state, _ = run(trainer, 2)
    snapshots = [jax.tree.map(np.asarray, state.params)]
    for _ in range(2):
        state, _ = trainer.step(state)
        snapshots.append(jax.tree.map(np.asarray, state.params))
    last, beyond = (
        max(jax.tree.leaves(jax.tree.map(lambda a, b: np.max(np.abs(a - b)), x, y)))
        for x, y in itertools.pairwise(snapshots)
    )
    assert last > 1e-4
    assert beyond < 1e-7  # zero but for the rounding of count / total


def test_values_bootstrap_from_a_time_limit_but_not_from_an_end(toy_trainer, toy_config):
    # One step before the end the return is that step's reward alone where the end is a true one;
    # at a time limit the value of the state after it is added.
    means = {}
    for terminal in (True, False):
        trainer = toy_trainer(toy_config, terminal=terminal)
        state, _ = run(trainer, 60)
        world = jnp.eye(3, dtype=jnp.float32)[jnp.array([0, 1])].reshape(1, -1)
        means[terminal] = float(trainer.critic.apply(state.params["critic"], world)[0])
    # With gamma 0.9 and reward 1: sum of 1..4 steps averages 2.26; going on for ever gives 10.
    assert means[True] < 3.0
    assert means[False] > 3.5


def test_the_dead_make_no_decision(toy_trainer, toy_config):
    trainer = toy_trainer(toy_config.replace(rollout_steps=4), mortal=True)
    state = trainer.init(jax.random.key(0))
    _, rollout = jax.jit(trainer._collect)(state, jax.random.key(1))
    alive = np.array([[True, True], [True, True], [True, False], [True, False]])
    np.testing.assert_array_equal(rollout.view.decides[:, 0], alive)
    assert np.all(rollout.action[2:, :, 1] == 0)
    _, _, batch, _ = trainer._estimate(state, rollout)
    advantage = normalised(batch, ALONE)
    weight = rollout.view.decides.sum(axis=-1)
    assert np.average(advantage, weights=weight) == pytest.approx(0, abs=1e-6)
    assert np.average(np.square(advantage), weights=weight) == pytest.approx(1, abs=1e-4)


def test_stagger_spreads_ages_over_the_episode(toy_trainer, toy_config):
    trainer = toy_trainer(toy_config.replace(stagger=True, num_envs=256))
    progress = trainer.init(jax.random.key(0)).progress
    counts = np.bincount(np.asarray(progress.env_state.step), minlength=4)
    assert counts.shape == (4,)
    # Binomial(256, 1/4): mean 64, standard deviation 6.9.
    assert np.all(np.abs(counts - 64) < 5 * 6.9)


def test_episodes_cut_short_by_the_stagger_are_not_counted(toy_trainer, toy_config):
    """Those under way at the start end within 4 of the 8 steps, and a whole one follows."""
    trainer = toy_trainer(toy_config.replace(stagger=True))
    _, history = run(trainer, 3)
    assert [line["episodes"] for line in history] == [16, 32, 32]
    assert [line["length_sum"] for line in history] == [4 * 16, 4 * 32, 4 * 32]


@pytest.mark.parametrize("updates", [0, 1, 3])
def test_what_counts_as_a_whole_episode(updates):
    """Rollouts of 5 steps: one episode is as old as the run, the other begins with step 2."""
    steps = jnp.arange(1, 6, dtype=jnp.int32)
    length = jnp.stack([5 * updates + steps, jnp.array([1, 1, 2, 3, 4])], axis=1)
    done = jnp.zeros((5, 2), bool).at[3].set(True)
    totals = Episode(reward=2.0 * length, score=3.0 * length, length=length)
    rollout = Transition(*[None] * len(Transition._fields))._replace(done=done, episode=totals)

    def counted(updates):
        return {name: float(x) for name, x in finished_episodes(rollout, updates).items()}

    whole = {"episodes": 1, "return_sum": 6, "score_sum": 9, "length_sum": 3}
    assert counted(jnp.int32(updates)) == whole
    first = 5 * updates + 4  # the length of the other
    both = {"return_sum": 6 + 2 * first, "score_sum": 9 + 3 * first, "length_sum": 3 + first}
    assert counted(None) == both | {"episodes": 2}


def test_same_seed_same_bits(toy_trainer, toy_config):
    trainer = toy_trainer(toy_config)
    one, two, other = (jax.tree.leaves(run(trainer, 3, seed)[0].params) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# --- Several teams: each learns from its own reward ---------------------------------------------


def test_each_team_of_a_duel_learns_from_its_own_reward(toy_config):
    """Who names his sign wins from who does not: at best 4 right answers, guessing gets 4 / 3."""
    _, history = run(Trainer(make_duel_task(), toy_config.replace(opponents="self")), 40)
    assert score(history[0]) < 2
    assert score(history[-1]) > 3.75
    assert history[-1]["return_sum"] == pytest.approx(0, abs=1e-4)
    assert history[-1]["episodes"] == 2 * 32  # each of two teams


def test_the_mean_of_both_teams_teaches_nothing(toy_config):
    """What the trainer did before it knew of teams."""

    class OneTeam(Duel):
        teams = None

        def step_env(self, key, state, actions):
            obs, state, rewards, dones, info = super().step_env(key, state, actions)
            mean = (rewards["agent_0"] + rewards["agent_1"]) / 2
            return obs, state, dict.fromkeys(rewards, mean), dones, info

    task = dataclasses.replace(make_duel_task(), make=OneTeam)
    _, history = run(Trainer(task, toy_config), 40)
    assert score(history[-1]) < 2


def test_a_team_has_no_opponents(toy_task, toy_config):
    with pytest.raises(ValueError, match="toy has no opponents; leave out --opponents"):
        Trainer(toy_task(), toy_config.replace(opponents="self"))
