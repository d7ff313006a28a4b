"""gymnax's own rollout, wrappers and registry, and an episode worked out by hand."""

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnax.environments import spaces
from gymnax.experimental.rollout import RolloutWrapper
from gymnax.registration import _registry
from gymnax.wrappers.gym import GymnaxToGymWrapper
from gymnax.wrappers.purerl import LogWrapper

import aerojax
import paxmen
from wrappers import AutoReset, TimeLimit, to_gymnax

pytestmark = pytest.mark.loose_promotion

KEY = jax.random.key(0)
LIMIT = 4


@pytest.fixture
def limited(tally):
    """Ends by the rules at a total of 5, or is cut short after four steps."""
    return TimeLimit(tally, LIMIT)


def play(env, moves, params=None):
    """The state and each step of an episode."""
    _, state = env.reset(KEY, params)
    steps = []
    for move in moves:
        steps.append(env.step(KEY, state, jnp.array(move), params))
        state = steps[-1][1]
    return steps


def test_spaces(limited):
    env = to_gymnax(limited)
    params = env.default_params
    assert env.name == "Tally"
    assert params.max_steps_in_episode == LIMIT
    assert env.observation_space(params).shape == (2,)
    actions = env.action_space(params)
    assert isinstance(actions, spaces.Tuple)
    assert [space.n for space in actions.spaces] == [3, 3]
    assert to_gymnax(limited.unwrapped).default_params.max_steps_in_episode == 2**31 - 1


def test_continuous_actions():
    env = to_gymnax(aerojax.make("1_vs_1", actions="continuous"))
    space = env.action_space(env.default_params)
    assert isinstance(space, spaces.Box)
    assert (space.shape, space.dtype) == ((3,), jnp.float32)
    np.testing.assert_array_equal(space.high, [1.0, 1.0, 1.0])
    shapes = jax.eval_shape(env.step, KEY, env.reset(KEY)[1], space.sample(KEY))
    assert shapes[0].shape == env.observation_space(env.default_params).shape


def test_an_episode(limited):
    env = to_gymnax(limited)
    first, second, third = play(env, [(1, 2), (2, 0), (0, 0)])
    obs, state, reward, terminated, truncated, info = first
    np.testing.assert_array_equal(obs, [3, 3])
    assert (int(state.time), float(reward)) == (1, 1.5)
    assert not terminated | truncated | info["win"]
    obs, state, reward, terminated, truncated, info = second
    np.testing.assert_array_equal(obs, [0, 0])
    np.testing.assert_array_equal(info["final_observation"], [5, 5])
    assert (int(state.time), float(reward)) == (0, 1.0)
    assert terminated & info["win"] & ~truncated
    assert int(third[1].time) == 1


def test_time_limits_truncate(limited):
    env = to_gymnax(limited)
    *_, (_, _, _, terminated, truncated, _) = play(env, [(0, 0)] * LIMIT)
    assert truncated & ~terminated
    shorter = env.default_params.replace(max_steps_in_episode=2)
    *_, (_, state, _, terminated, truncated, _) = play(env, [(0, 0)] * 2, shorter)
    assert truncated & ~terminated
    assert int(state.time) == 0


def test_an_end_at_the_limit_is_an_end(limited):
    env = to_gymnax(limited)
    params = env.default_params.replace(max_steps_in_episode=2)
    *_, (_, _, _, terminated, truncated, _) = play(env, [(2, 2), (2, 2)], params)
    assert terminated & ~truncated


def test_a_tuple_is_as_good_as_an_array(limited):
    env = to_gymnax(limited)
    _, state = env.reset(KEY)
    as_tuple = env.step(KEY, state, (jnp.int32(1), jnp.int32(2)))
    jax.tree.map(np.testing.assert_array_equal, as_tuple, env.step(KEY, state, jnp.array([1, 2])))


def test_masks_and_observations_of_a_state(tally):
    class Bound(type(tally)):
        def get_avail_actions(self, state):
            return {"agent_0": jnp.array([True, False, True]), "agent_1": jnp.zeros(3, bool)}

    class Silent(type(tally)):
        def get_avail_actions(self, state):
            raise NotImplementedError

    env = to_gymnax(Bound())
    obs, state = env.reset(KEY)
    np.testing.assert_array_equal(env.action_mask(state), [1, 0, 1, 0, 0, 0])
    assert env.action_mask(state).dtype == jnp.bool_
    np.testing.assert_array_equal(env.observe(KEY, state, None, env.default_params), obs)
    assert to_gymnax(Silent()).action_mask(state) is None


# --- What gymnax does with it -------------------------------------------------------------------


def test_its_rollout():
    env = to_gymnax(TimeLimit(paxmen.make("paxmen-4"), LIMIT))
    rollout = RolloutWrapper(env=env)
    keys = jax.random.split(KEY, 2)
    obs, action, reward, next_obs, done, total = rollout.batch_rollout(keys, None)
    assert obs.shape == next_obs.shape == (2, LIMIT, 100)
    assert [part.shape for part in action] == [(2, LIMIT)] * 4
    np.testing.assert_array_equal(done, [[False] * (LIMIT - 1) + [True]] * 2)
    np.testing.assert_allclose(total[:, 0], reward.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(obs[:, 1:], next_obs[:, :-1])


def test_its_log(limited):
    env = LogWrapper(to_gymnax(limited))
    second, third = play(env, [(1, 2), (2, 0), (0, 0)])[1:]
    for _, _, _, _, _, info in (second, third):
        assert float(info["returned_episode_returns"]) == 2.5
        assert int(info["returned_episode_lengths"]) == 2
    assert second[5]["returned_episode"]
    assert not third[5]["returned_episode"]


def test_its_registry(limited):
    gymnax.register("Tally-house", lambda: to_gymnax(limited))
    try:
        env, params = gymnax.make("Tally-house")
        assert env == to_gymnax(limited)
        assert params == env.default_params
    finally:
        del _registry["Tally-house"]
        gymnax.registered_envs.remove("Tally-house")


def test_its_own_bridge_to_gymnasium(limited):
    env = GymnaxToGymWrapper(to_gymnax(limited), seed=0)
    obs, _ = env.reset()
    assert obs in env.observation_space
    obs, reward, *_ = env.step((1, 2))
    assert (obs.tolist(), float(reward)) == ([3.0, 3.0], 1.5)


# --- Several instances, and what is refused -----------------------------------------------------


def test_a_second_instance_compiles_nothing_again(traced_tally):
    make, traces = traced_tally

    def steps():
        play(to_gymnax(make()), [(0, 0)])
        return len(traces)

    assert 0 < steps() == steps()


def test_wrong_environments(tally):
    with pytest.raises(ValueError, match="one learner cannot have the rewards of several"):
        to_gymnax(aerojax.make("1_vs_1", opponents="selfplay"))
    with pytest.raises(ValueError, match="AutoReset changes `step`"):
        to_gymnax(AutoReset(tally))


# --- Training -----------------------------------------------------------------------------------


def test_a_step_of_reinforce_learns_what_pays(tally):
    """Adding more pays more: from a uniform policy, one step up the gradient prefers to add 2."""

    def policy(bias, obs, key):
        return jax.random.categorical(key, bias, shape=(2,))

    rollout = RolloutWrapper(policy, env=to_gymnax(tally), num_env_steps=8)
    _, action, reward, _, _, _ = rollout.batch_rollout(jax.random.split(KEY, 16), jnp.zeros(3))

    def objective(bias):
        taken = jax.nn.log_softmax(bias)[action].sum(axis=-1)
        return jnp.mean((reward - reward.mean()) * taken)

    step = jax.grad(objective)(jnp.zeros(3))
    assert step[2] > step[1] > step[0]
