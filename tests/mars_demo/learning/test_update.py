"""The losses and their optimiser against NumPy, and who counts in them."""

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
from mars_demo.learning.update import Batch, make_loss, make_optimiser, minibatch_groups, update

pytestmark = pytest.mark.loose_promotion  # flax

T, E, F, N, W = 3, 4, 5, 6, 7


def networks():
    """A feed-forward team of three with one policy, and a critic."""
    return Team(Actor(Categorical(N), 8, recurrent=False), ((0, 1, 2),)), Critic(8)


@pytest.fixture(scope="module")
def losses():
    """The gradient of the loss, parameters, and a batch of three agents who all decide."""
    team, critic = networks()
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


@pytest.fixture(scope="module")
def parts(losses):
    """What the losses are made of: log-probabilities of all actions (T, E, A, N), values (T, E)."""
    _, params, batch = losses
    team, critic = networks()
    _, log_probs = team.act(params["actor"], batch.memory, batch.view, batch.first)
    values = critic.apply(params["critic"], batch.view.world_state)
    return np.asarray(log_probs, np.float64), np.asarray(values, np.float64)


def mars_by_hand(log_ratio, advantage, eps):
    """As published, less the constant: A (r - 1) - |A| λ (r + 1/r - 2)."""
    ratio, lower = np.exp(log_ratio), 1 / ((1 + eps) ** 2 - 1)
    barrier = np.where(advantage > 0, 1 + lower, lower) * (ratio + 1 / ratio - 2)
    return advantage * (ratio - 1) - np.abs(advantage) * barrier


def test_the_loss_by_hand(losses, parts):
    """Half the mean squared error, less the surrogate, less a tenth of the entropy."""
    gradient, params, batch = losses
    log_probs, values = parts
    decides = np.ones((T, E, 3), bool)
    decides[0, 1, 2] = decides[2, 3] = False
    view = batch.view._replace(decides=jnp.asarray(decides))
    (loss, (means, _)), _ = gradient(params, batch._replace(view=view))
    chosen = np.take_along_axis(log_probs, np.asarray(batch.action)[..., None], -1)[..., 0]
    advantage = np.broadcast_to(np.asarray(batch.advantage)[..., None], chosen.shape)
    log_ratio = chosen - np.asarray(batch.log_prob)
    surrogate = mars_by_hand(log_ratio, advantage, eps=0.2)[decides].mean()
    entropy = -np.sum(np.exp(log_probs) * log_probs, axis=-1)[decides].mean()
    value_loss = 0.5 * np.mean((values - np.asarray(batch.value_target)) ** 2)
    assert means["surrogate"] == pytest.approx(surrogate, rel=1e-4)
    assert means["entropy"] == pytest.approx(entropy, rel=1e-5)
    assert means["value_loss"] == pytest.approx(value_loss, rel=1e-5)
    assert loss == pytest.approx(value_loss - surrogate - 0.1 * entropy, rel=1e-4)


def test_metrics_of_an_update_that_moves_nothing(losses, parts):
    """Every epoch takes every environment once, so that means over its steps are the batch's."""
    gradient, params, batch = losses
    config = Config(
        num_envs=E, epochs=2, minibatches=2, lr=1e-12, entropy=0.1, advantage_norm="none"
    )
    run = jax.jit(functools.partial(update, config, *networks()))
    moved, _, metrics = run(params, make_optimiser(config).init(params), batch, jax.random.key(0))
    close(moved, params)
    (_, (means, _)), _ = gradient(params, batch)
    for name, expected in means.items():
        assert metrics[name] == pytest.approx(float(expected), rel=1e-5)
    one = config.replace(epochs=1, minibatches=1)
    run = jax.jit(functools.partial(update, one, *networks()))
    metrics = run(params, make_optimiser(one).init(params), batch, jax.random.key(0))[2]
    actor = jax.tree.leaves(gradient(params, batch)[1]["actor"])
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in actor))
    assert metrics["grad_norm"] == pytest.approx(norm, rel=1e-5)


def test_each_epoch_has_an_order_of_its_own():
    groups = np.asarray(minibatch_groups(jax.random.key(0), 12, epochs=3, minibatches=4))
    assert groups.shape == (12, 3)
    epochs = groups.reshape(3, 12)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(12), (3, 1)))
    assert len(np.unique(epochs, axis=0)) == 3
    assert np.all(np.any(epochs != np.arange(12), axis=1))


def adam_by_hand(gradients, rates, limit):
    """Where Adam takes a vector from zero, its gradients cut to `limit` in norm."""
    x, first, second = 0.0, 0.0, 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        gradient = gradient * min(1.0, limit / np.linalg.norm(gradient))
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        x = x - rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-5)
    return x


@pytest.mark.parametrize("decay", [False, True])
def test_the_optimiser_by_hand(decay):
    """The second gradient is cut, and each network's by its own norm."""
    config = Config(
        lr=0.01,
        lr_decay=decay,
        max_grad_norm=0.5,
        total_steps=256 * 25,  # one update, of four gradient steps
        epochs=2,
        minibatches=2,
    )
    gradients = {
        "actor": [np.array([0.1, -0.2]), np.array([30.0, 40.0]), np.array([-0.1, 0.1])],
        "critic": [np.array([1e-4, 2e-4]), np.array([0.3, 0.0]), np.array([0.0, -50.0])],
    }
    optimiser = make_optimiser(config)
    params = {name: jnp.zeros(2) for name in gradients}
    state = optimiser.init(params)
    for step in range(3):
        now = {name: jnp.asarray(all_of[step], jnp.float32) for name, all_of in gradients.items()}
        updates, state = optimiser.update(now, state, params)
        params = jax.tree.map(jnp.add, params, updates)
    rates = 0.01 * np.array([1.0, 0.75, 0.5]) if decay else [0.01] * 3
    for name, all_of in gradients.items():
        np.testing.assert_allclose(params[name], adam_by_hand(all_of, rates, 0.5), rtol=1e-4)


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
    batch = batch._replace(advantage=100.0 + 7.0 * batch.advantage)
    norms = {}
    for scope in ("rollout", "minibatch", "none"):
        config = Config(num_envs=E, epochs=1, minibatches=1, advantage_norm=scope)
        opt_state = make_optimiser(config).init(params)
        run = jax.jit(functools.partial(update, config, *networks()))
        norms[scope] = float(run(params, opt_state, batch, jax.random.key(0))[2]["grad_norm"])
    assert norms["rollout"] == pytest.approx(norms["minibatch"], rel=1e-5)
    assert norms["none"] > 20 * norms["rollout"]
