"""The losses: agents without a choice leave no trace in them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mars_demo.learning.config import Config
from mars_demo.learning.distributions import Categorical
from mars_demo.learning.networks import Actor, Critic
from mars_demo.learning.rollout import View
from mars_demo.learning.team import Team
from mars_demo.learning.update import Batch, make_loss, make_optimiser, update

pytestmark = pytest.mark.loose_promotion  # flax

T, E, F, N, W = 3, 4, 5, 6, 7


@pytest.fixture(scope="module")
def losses():
    """The gradient of the loss, parameters, and a batch of three agents who all decide."""
    team, critic = Team(Actor(Categorical(N), 8, recurrent=False), ((0, 1, 2),)), Critic(8)
    keys = jax.random.split(jax.random.key(0), 8)
    features = jax.random.normal(keys[0], (T, E, 3, F))
    view = View(
        features=features,
        available=jnp.ones((T, E, 3, N), bool),
        decides=jnp.ones((T, E, 3), bool),
        world_state=jax.random.normal(keys[1], (T, E, W)),
    )
    batch = Batch(
        view=view,
        memory=team.initial_memory(E),
        first=jnp.zeros((T, E), bool),
        action=jax.random.randint(keys[2], (T, E, 3), 0, N),
        log_prob=-1.5 + 0.1 * jax.random.normal(keys[3], (T, E, 3)),
        advantage=jax.random.normal(keys[4], (T, E)),
        value_target=jax.random.normal(keys[5], (T, E)),
    )
    params = {
        "actor": team.init(keys[6], view),
        "critic": critic.init(keys[7], view.world_state),
    }
    loss = make_loss(Config(algo="mars", entropy=0.1), team, critic)
    return jax.jit(jax.value_and_grad(loss, has_aux=True)), params, batch


def select_agents(batch, agents):
    view = batch.view._replace(
        **{name: getattr(batch.view, name)[:, :, agents] for name in View._fields[:-1]}
    )
    return batch._replace(
        view=view,
        memory=batch.memory[:, agents],
        action=batch.action[..., agents],
        log_prob=batch.log_prob[..., agents],
    )


def close(one, two):
    """Losses, statistics and gradients."""
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one, two)


def test_an_agent_without_a_choice_might_as_well_not_be_there(losses):
    gradient, params, batch = losses
    view = batch.view
    dead = batch._replace(
        view=view._replace(
            features=view.features.at[:, :, 1].set(0.0),
            available=view.available.at[:, :, 1].set(jnp.arange(N) == 2),
            decides=view.decides.at[:, :, 1].set(False),
        ),
        action=batch.action.at[..., 1].set(2),
        log_prob=batch.log_prob.at[..., 1].set(-3.0),  # not even its ratio counts
    )
    close(gradient(params, dead), gradient(params, select_agents(batch, np.array([0, 2]))))


def test_a_batch_of_the_dead_teaches_the_actor_nothing(losses):
    gradient, params, batch = losses
    nobody = batch._replace(view=batch.view._replace(decides=jnp.zeros((T, E, 3), bool)))
    (_, (means, statistics)), grads = gradient(params, nobody)
    assert all(np.all(g == 0) for g in jax.tree.leaves(grads["actor"]))
    assert means["surrogate"] == means["entropy"] == 0
    assert all(np.all(total == 0) for total in statistics[:-2])


def test_what_advantages_are_normalised_over(losses):
    """A single minibatch is the rollout; without any, advantages' size is the gradient's."""
    _, params, batch = losses
    team, critic = Team(Actor(Categorical(N), 8, recurrent=False), ((0, 1, 2),)), Critic(8)
    batch = batch._replace(advantage=100.0 + 7.0 * batch.advantage)
    norms = {}
    for scope in ("rollout", "minibatch", "none"):
        config = Config(num_envs=E, epochs=1, minibatches=1, advantage_norm=scope)
        opt_state = make_optimiser(config).init(params)
        run = jax.jit(functools.partial(update, config, team, critic))
        norms[scope] = float(run(params, opt_state, batch, jax.random.key(0))[2]["grad_norm"])
    assert norms["rollout"] == pytest.approx(norms["minibatch"], rel=1e-5)
    assert norms["none"] > 20 * norms["rollout"]
