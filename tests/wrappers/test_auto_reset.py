"""AutoReset: what the reset would hide, and nothing else changed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from wrappers import AutoReset
from wrappers.conventions import terminated_truncated


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


@pytest.fixture(scope="module")
def last_step(env):
    """The step that ends an episode, with and without the wrapper, from the same state."""
    _obs, state = env.reset(jax.random.key(0))
    state = state.replace(step=jnp.int32(env.max_steps - 1))
    actions = {agent: jnp.int32(4) for agent in env.agents}
    key = jax.random.key(1)
    wrapped = AutoReset(env).step(key, state, actions)
    bare = env.step_env(jax.random.split(key)[0], state, actions)
    return wrapped, bare


def test_the_final_observation_is_that_before_the_reset(last_step):
    (obs, state, _, dones, info), (final_obs, *_) = last_step
    assert dones["__all__"]
    assert int(state.step) == 0
    jax.tree.map(np.testing.assert_array_equal, info["final_observation"], final_obs)
    assert any(np.any(obs[a] != final_obs[a]) for a in obs)


def test_rewards_and_dones_belong_to_the_step(last_step):
    (_, _, rewards, dones, _), (_, _, bare_rewards, bare_dones, _) = last_step
    jax.tree.map(np.testing.assert_array_equal, rewards, bare_rewards)
    jax.tree.map(np.testing.assert_array_equal, dones, bare_dones)


def test_a_time_limit_is_a_truncation(last_step):
    info = last_step[0][4]
    assert (bool(info["terminated"]), bool(info["truncated"])) == (False, True)
    assert info["truncated"].shape == ()


@pytest.mark.parametrize(
    ("done", "told", "expected"),
    [
        (False, [True, False], (False, False)),  # one agent's end is not the team's
        (True, [True, False], (True, False)),
        (True, [False, False], (False, True)),
        (True, None, (True, False)),
        (False, None, (False, False)),
    ],
)
def test_how_an_episode_ended(done, told, expected):
    info = {} if told is None else {"terminated": jnp.array(told)}
    ends = terminated_truncated({"__all__": jnp.bool_(done), "agent_0": jnp.bool_(True)}, info)
    assert tuple(map(bool, ends)) == expected


def test_the_reset_has_a_key_of_its_own(env, last_step):
    """Not that of the step, whose chance would be that of the start."""
    (obs, state, *_), _ = last_step
    fresh_obs, fresh = env.reset(jax.random.split(jax.random.key(1))[1])
    jax.tree.map(np.testing.assert_array_equal, (obs, state), (fresh_obs, fresh))


@pytest.mark.parametrize("pure", [False, True])
def test_the_next_episode_may_start_from_a_given_state(tally, pure):
    class Game(type(tally)):
        pure_observations = pure

    env = AutoReset(Game())
    _, state = env.reset(jax.random.key(0))
    state = state.replace(total=jnp.int32(4))
    given = state.replace(total=jnp.int32(3), draw=jnp.float32(0.25))
    actions = dict.fromkeys(env.agents, jnp.int32(1))
    obs, after, _, dones, info = env.step(jax.random.key(1), state, actions, given)
    assert dones["__all__"]
    np.testing.assert_array_equal(obs["agent_0"], [3])
    np.testing.assert_array_equal(info["final_observation"]["agent_0"], [6])
    assert (int(after.total), float(after.draw)) == (3, 0.25)


def test_in_mid_episode_nothing_is_reset(env):
    wrapped = AutoReset(env)
    obs, state = wrapped.reset(jax.random.key(0))
    actions = {agent: jnp.int32(4) for agent in env.agents}
    obs, state, _, _, info = wrapped.step(jax.random.key(1), state, actions)
    assert int(state.step) == 1
    jax.tree.map(np.testing.assert_array_equal, info["final_observation"], obs)
    assert not info["terminated"]
    assert not info["truncated"]


def test_info_before_the_first_step_has_a_steps_structure(env):
    wrapped = AutoReset(env)
    obs, state = wrapped.reset(jax.random.key(0))
    initial = wrapped.initial_info(obs, state)
    actions = {agent: jnp.int32(4) for agent in env.agents}
    info = jax.eval_shape(wrapped.step, jax.random.key(1), state, actions)[4]
    described = (jax.tree.map(lambda x: (x.shape, x.dtype), tree) for tree in (initial, info))
    assert next(described) == next(described)
    jax.tree.map(np.testing.assert_array_equal, initial["final_observation"], obs)
    assert not initial["terminated"]


def test_nobody_done_draws_no_reset(tally):
    resets = []

    class Counting(type(tally)):
        def reset(self, key):
            jax.debug.callback(lambda: resets.append(1))
            return super().reset(key)

    env = AutoReset(Counting())
    _, states = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), 2))
    jax.effects_barrier()
    resets.clear()
    step = jax.jit(jax.vmap(env.step))
    keys = jax.random.split(jax.random.key(1), 2)
    for drawn in (False, True):  # 2 + 2 and 1 + 1; then the first is done, and the batch draws
        actions = {agent: jnp.array([2, 1], jnp.int32) for agent in env.agents}
        _, states, _, dones, _ = step(keys, states, actions)
        jax.effects_barrier()
        assert bool(resets) == drawn
    np.testing.assert_array_equal(dones["__all__"], [True, False])
    np.testing.assert_array_equal(states.total, [0, 4])


@pytest.mark.parametrize("pure", [False, True])
def test_gradients_pass_through(tally, pure):
    """What is kept is differentiable, although the batch branches as one."""

    seen = tally.get_obs

    def total(scale):
        class Scaled(type(tally)):
            pure_observations = pure

            def get_obs(self, state):
                return {agent: x * (scale if pure else 1.0) for agent, x in seen(state).items()}

            def step_env(self, key, state, actions):
                obs, *rest = super().step_env(key, state, actions)
                return {agent: x * (1.0 if pure else scale) for agent, x in obs.items()}, *rest

        env = AutoReset(Scaled())
        _, states = jax.vmap(tally.reset)(jax.random.split(jax.random.key(0), 2))
        actions = {agent: jnp.array([2, 1], jnp.int32) for agent in env.agents}
        obs, *_ = jax.vmap(env.step)(jax.random.split(jax.random.key(1), 2), states, actions)
        return jnp.sum(obs["agent_0"])

    assert float(jax.grad(total)(jnp.float32(1.0))) == 6.0


def test_what_is_seen_is_what_the_step_showed_unless_observations_are_pure(tally):
    class Noisy(type(tally)):
        def step_env(self, key, state, actions):
            obs, *rest = super().step_env(key, state, actions)
            return {agent: x + 0.5 for agent, x in obs.items()}, *rest

    class Pure(Noisy):
        pure_observations = True

    actions = dict.fromkeys(tally.agents, jnp.int32(1))
    for env, seen in ((Noisy(), 2.5), (Pure(), 2.0)):
        _, state = env.reset(jax.random.key(0))
        obs, *_ = AutoReset(env).step(jax.random.key(1), state, actions)
        np.testing.assert_array_equal(obs["agent_1"], [seen])
