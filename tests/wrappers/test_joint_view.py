"""The joint view: what one learner sees, does and gets, and whom it cannot stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.spaces import Box, Dict, Discrete, MultiDiscrete

import aerojax
from wrappers import AutoReset, ContractError
from wrappers.joint_view import JointView

KEY = jax.random.key(0)
SEEN = (Box(0.0, 9.0, (1,)),) * 2
DONE = (Discrete(3),) * 2


@pytest.fixture
def with_spaces(tally):
    """`with_spaces(observation=, action=)`: a game of these spaces; no step of it is taken."""

    def build(observation=SEEN, action=DONE):
        class Game(type(tally)):
            def get_obs(self, state):
                return {a: jnp.zeros(s.shape, s.dtype) for a, s in self.observation_spaces.items()}

            def step_env(self, key, state, actions):
                still = dict.fromkeys(self.agents, jnp.int32(0))
                return super().step_env(key, state, still)

        env = Game()
        env.observation_spaces = dict(zip(env.agents, observation, strict=True))
        env.action_spaces = dict(zip(env.agents, action, strict=True))
        return env

    return build


def test_observations_lie_end_to_end(with_spaces):
    view = JointView(with_spaces(observation=(Box(-1.0, 2.0, (1, 2)), Box(0.0, jnp.inf, (1,)))))
    space = view.observation_space
    assert space.shape == (3,)
    np.testing.assert_array_equal(space.low, [-1, -1, 0])
    np.testing.assert_array_equal(space.high, [2, 2, np.inf])
    obs = {"agent_1": jnp.array([5]), "agent_0": jnp.array([[3.0, 4.0]]), "world_state": KEY}
    np.testing.assert_array_equal(view.observe(obs), np.array([3, 4, 5], np.float32), strict=True)


def test_discrete_actions(with_spaces):
    view = JointView(with_spaces(action=(Discrete(4), MultiDiscrete([2, 3]))))
    np.testing.assert_array_equal(view.action_space.num_categories, [4, 2, 3])
    actions = view.actions(np.array([3, 1, 2]))
    assert actions["agent_0"].shape == ()
    assert actions["agent_0"].dtype == jnp.int32
    assert actions["agent_0"] == 3
    np.testing.assert_array_equal(actions["agent_1"], [1, 2])
    assert view.mask(view.env.reset(KEY)[1]) == {}  # there is one for the first agent only


def test_continuous_actions(with_spaces):
    view = JointView(with_spaces(action=(Box(-1.0, 1.0, (2,)), Box(0.0, 3.0, (1, 1)))))
    np.testing.assert_array_equal(view.action_space.low, [-1, -1, 0])
    np.testing.assert_array_equal(view.action_space.high, [1, 1, 3])
    actions = view.actions(np.array([0.5, -0.5, 2.0]))
    np.testing.assert_array_equal(actions["agent_0"], [0.5, -0.5])
    np.testing.assert_array_equal(actions["agent_1"], [[2.0]])
    assert view.mask(view.env.reset(KEY)[1]) == {}


def test_the_reward_is_the_mean(tally):
    reward = JointView(tally).reward({"agent_0": jnp.float32(1.0), "agent_1": jnp.float32(4.0)})
    assert (reward.shape, reward.dtype, float(reward)) == ((), jnp.float32, 2.5)


def test_masks_lie_end_to_end(tally):
    class Bound(type(tally)):
        def get_avail_actions(self, state):
            return {"agent_0": jnp.array([True, False, True]), "agent_1": jnp.zeros(3, bool)}

    mask = JointView(Bound()).mask(tally.reset(KEY)[1])["action_mask"]
    assert mask.dtype == jnp.int8
    np.testing.assert_array_equal(mask, [1, 0, 1, 0, 0, 0])


def test_equal_by_environment(tally):
    assert JointView(tally) == JointView(type(tally)())
    assert hash(JointView(tally)) == hash(JointView(type(tally)()))


def test_several_teams_are_refused():
    env = aerojax.make("1_vs_1", opponents="selfplay")
    with pytest.raises(ValueError, match="1_vs_1\\* has the teams allies, enemies: one learner"):
        JointView(env)


def test_teams_by_number_are_teams(tally):
    tally.teams = np.array([0, 0])  # as JaxMARL's SMAX has it
    assert JointView(tally).action_space.shape == (2,)
    tally.teams = np.array([0, 1])
    with pytest.raises(ValueError, match="has the teams team 0, team 1: one learner"):
        JointView(tally)


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ({"action": (Discrete(3), Box(0.0, 1.0, (1,)))}, "action space of agent_1 is a Box"),
        ({"action": (Box(0.0, 1.0, (1,)), Discrete(3))}, "action space of agent_1 is a Discrete"),
        ({"observation": (Box(0.0, 1.0, (1,)), Discrete(2))}, "of agent_1 is a Discrete; .* Box"),
        (
            {"observation": (Box(0, 9, (1,), jnp.uint8), Box(0.0, 9.0, (1,)))},
            "observation space of agent_1 is of float32, that of agent_0 uint8",
        ),
    ],
)
def test_spaces_that_do_not_go_together_are_refused(with_spaces, spaces, message):
    with pytest.raises(TypeError, match=message):
        JointView(with_spaces(**spaces))


def test_dictionaries_are_refused(with_spaces):
    env = with_spaces()
    env.action_spaces["agent_1"] = Dict({"x": Discrete(2)})
    with pytest.raises(TypeError, match="action space of agent_1 is a Dict"):
        JointView(env)


def test_what_no_adapter_takes(tally):
    class Broken(type(tally)):
        def get_obs(self, state):
            return dict.fromkeys(self.agents, jnp.zeros(2))

    with pytest.raises(ContractError, match=r"reset: obs\['agent_0'\] has .*\(2,\).*\(1,\)"):
        JointView(Broken())
    with pytest.raises(ValueError, match="AutoReset changes `step`, which no adapter"):
        JointView(AutoReset(tally))
    with pytest.raises(TypeError, match="JaxMARL"):
        JointView("paxmen-4")
