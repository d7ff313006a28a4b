"""Evaluation: whole episodes, counted once, of the policy that it was given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mars_demo.evaluation.episodes as evaluation
from mars_demo.cli.demo import format_scores
from mars_demo.evaluation.episodes import (
    Policy,
    evaluate,
    learned_policy,
    on_task,
    random_policy,
    record,
)
from mars_demo.evaluation.pretrained import load_pretrained
from mars_demo.runs.folder import RunError
from mars_demo.tasks.registry import get_task

pytestmark = pytest.mark.loose_promotion  # flax


def knows_the_signs(task):
    agents = task.make().agents

    def act(params, memory, obs, state, key):
        return memory, dict(zip(agents, state.signs, strict=True))

    return Policy(act)


def test_a_perfect_team_scores_all(toy_task):
    played = evaluate(toy_task(), knows_the_signs(toy_task()), jax.random.key(0), episodes=5)
    np.testing.assert_array_equal(played.score, np.full(5, 8.0))  # 2 agents, 4 steps
    np.testing.assert_array_equal(played.reward, np.full(5, 4.0))
    np.testing.assert_array_equal(played.length, np.full(5, 4))


def test_steps_after_the_end_do_not_count(toy_task):
    import dataclasses

    longer = dataclasses.replace(toy_task(), episode_length=9)
    played = evaluate(longer, knows_the_signs(longer), jax.random.key(0), episodes=3)
    np.testing.assert_array_equal(played.score, np.full(3, 8.0))
    assert len(record(longer, knows_the_signs(longer), jax.random.key(0)).rewards) == 4


def test_the_random_policy_guesses(toy_task):
    played = evaluate(toy_task(), random_policy(toy_task()), jax.random.key(0), episodes=2000)
    # Mean 8 / 3, standard deviation of a mean sqrt(8 * 2 / 9 / 2000) = 0.03.
    assert played.score.mean() == pytest.approx(8 / 3, abs=5 * 0.03)


def test_the_learned_policy_is_the_one_given(toy_trainer, toy_task, toy_config):
    trainer = toy_trainer(toy_config)
    state = trainer.init(jax.random.key(0))
    for _ in range(40):
        state, _ = trainer.step(state)
    scores = {}
    for greedy in (False, True):
        policy = learned_policy(trainer, state.params["actor"], greedy)
        scores[greedy] = evaluate(toy_task(), policy, jax.random.key(1), 64).score.mean()
    zeroed = jax.tree.map(jnp.zeros_like, state.params["actor"])
    blank = evaluate(toy_task(), learned_policy(trainer, zeroed), jax.random.key(1), 64)
    assert scores[True] == 8.0
    assert 7.5 < scores[False] <= 8.0
    assert blank.score.mean() < 4


def test_runs_of_one_shape_share_what_is_compiled(toy_trainer, toy_task, toy_config):
    compiled = []
    for seed in (0, 1):
        trainer = toy_trainer(toy_config.replace(seed=seed))
        params = trainer.init(jax.random.key(seed)).params["actor"]
        evaluate(toy_task(), learned_policy(trainer, params), jax.random.key(1), 4)
        compiled.append(evaluation._play_all._cache_size())
    assert compiled[0] == compiled[1]
    evaluate(toy_task(), learned_policy(trainer, params, greedy=True), jax.random.key(1), 4)
    assert evaluation._play_all._cache_size() == compiled[1] + 1


def test_a_recording_holds_the_states_from_reset_to_end(toy_task):
    recording = record(toy_task(), knows_the_signs(toy_task()), jax.random.key(0))
    np.testing.assert_array_equal(recording.states.step, np.arange(5))
    np.testing.assert_array_equal(recording.rewards, np.ones(4))


def test_random_play_on_paxmen_eats_next_to_nothing():
    task = get_task("paxmen-4")
    played = evaluate(task, random_policy(task), jax.random.key(0), episodes=256)
    assert 0.4 < played.score.mean() < 1.1
    assert np.all(played.length == 100)
    table = format_scores(task, {"random": played})
    assert "dots an episode" in table
    assert "256" in table


def test_a_team_plays_levels_that_it_never_saw():
    team = load_pretrained("paxmen-4")
    moved = on_task(team, get_task("paxmen-generated-4-heldout"))
    assert moved.trainer.task.name == "paxmen-generated-4-heldout"
    assert moved.title == "paxmen-generated-4-heldout, mars, trained on paxmen-4"
    assert moved.actor is team.actor
    played = evaluate(moved.trainer.task, moved.policy(), jax.random.key(0), episodes=8)
    np.testing.assert_array_equal(played.length, np.full(8, 100))
    assert played.score.mean() > 5, "a random team eats less than one dot"
    for name in ("paxmen-5", "mpe/spread-3"):
        with pytest.raises(RunError, match=f"a team of paxmen-4 cannot play {name}: the number"):
            on_task(team, get_task(name))
