"""Teams as rows: who stands where, and what each is told."""

import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import pytest
from jaxmarl.environments.smax import map_name_to_scenario

import aerojax
import wrappers
from mars_demo.learning.config import Config
from mars_demo.learning.rollout import Viewer
from mars_demo.learning.sides import Sides, identities, sides_of
from mars_demo.learning.task import Task
from mars_demo.learning.team import group_agents
from mars_demo.learning.train import Trainer

UNLIKE = Sides(((0, 2, 3), (1,)))


def test_rows_and_back():
    x = jnp.arange(8, dtype=jnp.int32).reshape(2, 4) + 1
    rows = UNLIKE.split(x)
    np.testing.assert_array_equal(rows, [[1, 3, 4], [2, 0, 0], [5, 7, 8], [6, 0, 0]])
    np.testing.assert_array_equal(UNLIKE.join(rows), x)
    deep = jnp.ones((2, 4, 5), bool)
    np.testing.assert_array_equal(UNLIKE.split(deep)[..., 2], UNLIKE.split(x) > 0)
    np.testing.assert_array_equal(UNLIKE.each(jnp.array([7, 8])), [7, 7, 8, 8])


def test_one_team_is_left_as_it_is():
    alone, x = Sides(((0, 1),)), jnp.ones((3, 2))
    assert all(same is x for same in (alone.split(x), alone.join(x), alone.each(x)))


def test_rewards_and_scores_are_of_ones_own_team():
    rewards = UNLIKE.rewards(jnp.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [5.0, 50.0]]))
    np.testing.assert_array_equal(rewards, [3, 2, 30, 20])
    info = {"dots": jnp.array([[1, 2, 3, 4], [5, 6, 7, 8]]), "time": jnp.array([100, 200])}

    def score(reward, info):
        return reward + (info["dots"].sum() + info["time"]).astype(jnp.float32)

    scores = UNLIKE.scores(score, rewards, info, 4)
    np.testing.assert_array_equal(scores, [3 + 108, 2 + 102, 30 + 220, 20 + 206])


def test_opposite_numbers_are_told_the_same():
    env = aerojax.make("special_5_vs_5", opponents="selfplay")
    sides = sides_of(env)
    np.testing.assert_array_equal(identities(env, sides, True), np.tile(np.eye(5), (2, 1)))
    assert identities(env, sides, False).shape == (10, 0)
    classes = group_agents(env, "class")
    assert classes == tuple((place,) for place in range(5))
    assert group_agents(env, "shared") == ((0, 1, 2, 3, 4),)
    unlike = aerojax.make("identical_5_vs_7", opponents="selfplay")
    told = identities(unlike, sides_of(unlike), True)
    np.testing.assert_array_equal(told[:, 7:], np.repeat(np.eye(2), [5, 7], axis=0))
    escort = aerojax.make("escort_4_vs_3", opponents="selfplay")
    with pytest.raises(ValueError, match="the teams are not of the same classes; valid: shared"):
        group_agents(escort, "class")


OTHERS = {
    "tag": lambda: wrappers.TimeLimit(jaxmarl.make("MPE_simple_tag_v3"), 25),
    "smax": lambda: jaxmarl.make("SMAX", scenario=map_name_to_scenario("2s3z")),
    "aerojax": lambda: aerojax.make("1_vs_1", opponents="selfplay"),
}
SMALL = Config(
    opponents="self",
    num_envs=4,
    rollout_steps=3,
    epochs=1,
    minibatches=2,
    hidden=8,
    stagger=False,
)


@pytest.mark.loose_promotion
@pytest.mark.parametrize("name", OTHERS)
def test_adversaries_of_other_packages_learn_too(name):
    env = OTHERS[name]()
    task = Task(name, lambda: env, episode_length=5, preset=lambda algo: Config(algo=algo))
    trainer = Trainer(task, SMALL)
    state, metrics = trainer.step(trainer.init(jax.random.key(0)))
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves((state.params, metrics)))
    rows = 2 * SMALL.num_envs
    assert state.progress.view.features.shape[0] == rows
    decides = np.asarray(state.progress.view.decides).sum(axis=1)
    sizes = [len(team) for team in trainer.view.sides.teams]
    np.testing.assert_array_equal(decides, sizes * SMALL.num_envs)


def test_a_team_sees_what_its_own_agents_see():
    """A view's row is that of the team's agents alone, and its world bears the team's number."""
    env = aerojax.make("1_vs_1", opponents="selfplay")
    obs, state = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), 3))
    task = Task("duel", lambda: env, episode_length=5, preset=lambda algo: Config(algo=algo))
    view: Viewer = Trainer(task, SMALL).view
    seen = view.of_sides(obs, state)
    for row, agent in enumerate(env.agents):
        np.testing.assert_array_equal(seen.features[row::2, 0, :-1], obs[agent])
        world = np.asarray(seen.world_state[row::2])
        np.testing.assert_array_equal(world[:, :-2], obs["world_state"])
        np.testing.assert_array_equal(world[:, -2:], np.tile(np.eye(2)[row], (3, 1)))
