"""Policies that agents share or do not: each agent acts by its own group's parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.learning.distributions import Categorical
from mars_demo.learning.networks import Actor
from mars_demo.learning.rollout import View
from mars_demo.learning.team import Team, group_agents

pytestmark = pytest.mark.loose_promotion  # flax

T, E, A, F, N, H = 3, 2, 4, 5, 6, 8

GROUPS = {"alike": ((3, 0), (2, 1)), "unequal": ((1,), (3, 0, 2))}


@pytest.fixture(scope="module")
def view():
    """All agents see different things, and each lacks another action."""
    return View(
        features=jax.random.normal(jax.random.key(1), (T, E, A, F)),
        available=jnp.tile(~jnp.eye(A, N, dtype=bool), (T, E, 1, 1)),
        decides=jnp.ones((T, E, A), bool),
        world_state=jnp.zeros((T, E, 1)),
    )


@pytest.fixture(scope="module", params=GROUPS)
def team(request, view):
    """A recurrent team, its parameters, a memory, and where episodes start."""
    team = Team(Actor(Categorical(N), H, recurrent=True), GROUPS[request.param])
    params = jax.jit(team.init)(jax.random.key(0), view)
    memory = jax.random.normal(jax.random.key(2), (E, A, H))
    return team, params, memory, jnp.arange(T * E).reshape(T, E) == 3


def test_each_agent_acts_by_the_policy_of_its_group(team, view):
    team, params, memory, first = team
    memories, log_probs = jax.jit(team.act)(params, memory, view, first)
    for policy, group in enumerate(team.groups):
        own = jax.tree.map(lambda x, i=policy: x[i], params)
        for agent in group:
            after, expected = team.actor.apply(
                own,
                memory[:, agent],
                view.features[:, :, agent],
                first,
                view.available[:, :, agent],
            )
            np.testing.assert_allclose(log_probs[:, :, agent], expected, atol=1e-6)
            np.testing.assert_allclose(memories[:, agent], after, atol=1e-6)


def test_one_groups_loss_does_not_touch_anothers_parameters(team, view):
    team, params, memory, first = team
    own = np.array([[agent in group for agent in range(A)] for group in team.groups], np.float32)

    def loss(params, counts):
        _, log_probs = team.act(params, memory, view, first)
        return -jnp.sum(counts * log_probs[..., -1])

    gradients = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0)))(params, own)
    for gradient in jax.tree.leaves(gradients):  # (the loss of a group, the parameters of a group)
        moved = np.any(gradient.reshape(2, 2, -1) != 0, axis=-1)
        assert not moved[0, 1]
        assert not moved[1, 0]
    assert moved[0, 0]
    assert moved[1, 1]


def test_policies_start_out_different(team):
    team, params, *_ = team
    kernels = params["params"]["in"]["kernel"]
    assert len(np.unique(np.asarray(kernels).reshape(len(team.groups), -1), axis=0)) == len(kernels)


class Roster:
    agents = ("ally_0", "ally_1", "ally_2")
    agent_classes = {"scout": ["ally_2", "ally_0"], "heavy": ["ally_1"]}  # noqa: RUF012


def test_groups_of_a_roster():
    assert group_agents(Roster(), "shared") == ((0, 1, 2),)
    assert group_agents(Roster(), "class") == ((2, 0), (1,))
    assert group_agents(Roster(), "agent") == ((0,), (1,), (2,))


def test_classes_that_are_a_method():
    """As of JaxMARL's particles."""
    particles = Roster()
    particles.agent_classes = lambda: Roster.agent_classes
    assert group_agents(particles, "class") == ((2, 0), (1,))


def test_classes_that_are_not_said():
    said = r"policies is 'class', but MultiAgentEnv does not say its agent_classes; valid: shared"
    with pytest.raises(ValueError, match=said):
        group_agents(MultiAgentEnv(num_agents=3), "class")


@pytest.mark.parametrize("classes", [{"a": ["ally_0"]}, {"a": ["ally_0", "ally_1", "ally_1"]}])
def test_classes_that_do_not_name_every_agent_once(classes):
    odd = Roster()
    odd.agent_classes = classes
    with pytest.raises(ValueError, match="name every agent once"):
        group_agents(odd, "class")
