"""The environment around the rules: episodes, and what JAX makes of it."""

import copy
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from paxmen.env import PaxMen

NAMES = ("paxmen-4", "paxmen-5", "paxmen-6")
LIMITS = list(zip(NAMES, (100, 115, 130), strict=True))
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def env():
    return paxmen.make("paxmen-4")


def _actions(env, *numbers):
    """The numbers over and over, one for each agent."""
    return {agent: jnp.int32(numbers[i % len(numbers)]) for i, agent in enumerate(env.agents)}


def _equal(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(np.testing.assert_array_equal, left, right)


def _at_step(env, step):
    _, state = env.reset(KEY)
    dots = env.dots_on_grid(state)
    return env.make_state(state.layout_id, env.agent_positions(state), dots, step)


# --- Episodes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "limit"), LIMITS)
def test_an_episode_ends_on_its_last_step_as_a_truncation(name, limit):
    env = paxmen.make(name)
    _, state = env.reset(KEY)

    def step(state, key):
        drawn = jax.random.randint(key, (env.num_agents,), 0, 5)
        action = dict(zip(env.agents, drawn, strict=True))
        _, state, _, dones, info = env.step(key, state, action)
        return state, (state.step, dones, info)

    keys = jax.random.split(KEY, 2 * limit)
    _, (steps, dones, info) = jax.jit(lambda s: jax.lax.scan(step, s, keys))(state)
    ends = np.arange(2 * limit) % limit == limit - 1
    np.testing.assert_array_equal(steps, np.where(ends, 0, np.arange(1, 2 * limit + 1) % limit))
    assert set(dones) == {*env.agents, "__all__"}
    for done in dones.values():
        np.testing.assert_array_equal(done, ends)
    np.testing.assert_array_equal(info["truncated"].all(axis=1), ends)
    np.testing.assert_array_equal(info["truncated"].any(axis=1), ends)
    assert not info["terminated"].any()


def test_in_mid_episode_step_is_step_env(env):
    state, actions = _at_step(env, 50), _actions(env, 0, 1, 2, 3)
    _equal(env.step(KEY, state, actions), env.step_env(KEY, state, actions))
    _, other = env.reset(jax.random.key(1))
    _equal(env.step(KEY, state, actions, other), env.step_env(KEY, state, actions))


def test_after_the_last_dot_in_mid_episode_step_is_step_env(env):
    dots = np.zeros((41, 41), bool)
    dots[4, 20] = True
    state, actions = env.make_state(0, [(4, 20)] * 4, dots, 50), _actions(env, 4)
    _, after, _, _, info = transition = env.step(KEY, state, actions)
    assert info["respawned"].all()
    assert env.dots_on_grid(after).sum() == 12
    _equal(transition, env.step_env(KEY, state, actions))
    _equal(transition, env.step(KEY, state, actions, env.reset(KEY)[1]))


def test_the_last_step_resets_as_reset_does(env):
    state, actions = _at_step(env, env.max_steps - 1), _actions(env, 0, 1, 2, 3)
    obs, after, *outcome = env.step(KEY, state, actions)
    _equal((obs, after), env.reset(KEY))
    _equal(outcome, list(env.step_env(KEY, state, actions)[2:]))
    assert outcome[1]["__all__"]


def test_the_last_step_resets_to_the_state_given(env):
    state, actions = _at_step(env, env.max_steps - 1), _actions(env, 0, 1, 2, 3)
    wanted = _at_step(env, 17)
    obs, after, *outcome = env.step(KEY, state, actions, wanted)
    _equal(after, wanted)
    _equal(obs, env.get_obs(wanted))
    _equal(outcome, list(env.step_env(KEY, state, actions)[2:]))


def test_step_env_plays_on_into_a_state_that_is_done(env):
    state = _at_step(env, env.max_steps - 1)
    assert not state.done
    _, after, _, _, _ = env.step_env(KEY, state, _actions(env, 0))
    assert after.done
    assert int(after.step) == env.max_steps


@pytest.mark.parametrize("step", [0, 50])
def test_the_last_dot_in_the_last_step_is_a_reset(env, step):
    """New dots and the end in one step: the reset wins, and `info` tells of both."""
    dots = np.zeros((41, 41), bool)
    dots[4, 20] = True
    state = env.make_state(0, [(4, 20)] * 4, dots, env.max_steps - 1)
    obs, after, rewards, dones, info = env.step(jax.random.key(step), state, _actions(env, 4))
    _equal((obs, after), env.reset(jax.random.key(step)))
    assert float(rewards["agent_0"]) == pytest.approx(1)
    assert dones["__all__"]
    assert info["respawned"].all()
    assert info["truncated"].all()


# --- What JAX makes of it -------------------------------------------------------------------------


def test_without_jit_it_is_the_same(env):
    def play():
        obs, state = env.reset(KEY)
        history = [(obs, state)]
        for i in range(3):
            transition = env.step(jax.random.key(i), state, _actions(env, i, 4, 3))
            history.append(transition)
            state = transition[1]
        return history

    jitted = play()
    with jax.disable_jit():
        _equal(play(), jitted)


def test_vmap_is_a_loop_over_environments(env):
    """A batch in which some go on, some end and some eat the last dot."""
    keys = jax.random.split(KEY, 6)
    no_dots = np.zeros((41, 41), bool)
    last_dot = no_dots.copy()
    last_dot[4, 20] = True
    states = [
        _at_step(env, 3),
        _at_step(env, env.max_steps - 1),
        env.make_state(0, [(4, 20)] * 4, last_dot, 10),
        env.make_state(0, [(4, 20)] * 4, last_dot, env.max_steps - 1),
        _at_step(env, env.max_steps - 2),
        env.make_state(0, [(4, 20), (4, 19), (4, 20), (20, 20)], last_dot, 10),
    ]
    actions = [_actions(env, *numbers) for numbers in [(0, 1), (4,), (4,), (4,), (2, 3), (3, 2)]]
    stack = lambda *trees: jax.tree.map(lambda *x: jnp.stack(x), *trees)  # noqa: E731
    for method in (env.step, env.step_env):
        batch = jax.vmap(method)(keys, stack(*states), stack(*actions))
        loop = [method(*args) for args in zip(keys, states, actions, strict=True)]
        _equal(batch, stack(*loop))


def test_vmap_twice(env):
    keys = jax.random.split(KEY, (2, 3))
    _, states = jax.vmap(jax.vmap(env.reset))(keys)
    actions = {agent: jnp.full((2, 3), 4) for agent in env.agents}
    twice = jax.vmap(jax.vmap(env.step))(keys, states, actions)
    flat = jax.tree.map(lambda x: x.reshape(6, *x.shape[2:]), (keys, states, actions))
    once = jax.vmap(env.step)(*flat)
    _equal(jax.tree.map(lambda x: x.reshape(6, *x.shape[2:]), twice), once)


def test_two_environments_compile_once():
    traces = 0

    def play(env, key):
        nonlocal traces
        traces += 1
        _, state = env.reset(key)
        return env.step(key, state, _actions(env, 0))[0]["agent_0"]

    played = jax.jit(play, static_argnums=0)
    one, other = PaxMen(4), PaxMen(4)
    _equal(played(one, KEY), played(other, KEY))
    played(pickle.loads(pickle.dumps(one)), jax.random.key(1))
    assert traces == 1
    played(PaxMen(5), KEY)
    assert traces == 2


def test_equality_copies_and_pickles():
    env = PaxMen(4)
    for same in (PaxMen(4), copy.copy(env), copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert same == env
        assert hash(same) == hash(env)
        assert repr(same) == repr(env) == "PaxMen(num_agents=4)"
    assert env != PaxMen(5)
    assert env != "PaxMen(num_agents=4)"


def test_typed_and_raw_keys_draw_the_same(env):
    typed, raw = jax.random.key(3), jax.random.PRNGKey(3)
    _equal(env.reset(typed), env.reset(raw))
    state = _at_step(env, env.max_steps - 1)
    _equal(env.step(typed, state, _actions(env, 0)), env.step(raw, state, _actions(env, 0)))


def test_64_bits_change_nothing(env):
    def play():
        obs, state = env.reset(KEY)
        views = env.agent_positions(state), env.dots_on_grid(state), env.grid(state.layout_id)
        return obs, state, views, env.step(KEY, state, _actions(env, 0, 1, 2, 4))

    narrow = play()
    with jax.enable_x64(True):
        wide = play()
        integers = {agent: jnp.int64(i) for i, agent in enumerate(env.agents)}
        _, _, rewards, _, _ = env.step_env(KEY, wide[1], integers)
        beyond = {agent: jnp.int64(2**32) for agent in env.agents}
        _, stayed, *_ = env.step_env(KEY, wide[1], beyond)
    _equal(narrow, wide)
    dtypes = [jax.tree.map(lambda x: x.dtype, played) for played in (narrow, wide)]
    assert dtypes[0] == dtypes[1]
    seen = {leaf.dtype for leaf in jax.tree.leaves((wide, rewards))}
    assert seen <= {jnp.dtype(d) for d in (jnp.float32, jnp.int32, jnp.uint32, jnp.bool_)}
    _equal(stayed.replace(step=wide[1].step), wide[1])


def test_no_nan_on_the_way(env):
    with jax.debug_nans(True):
        _, state = env.reset(KEY)
        env.step(KEY, state, _actions(env, 4))


@pytest.mark.parametrize("name", NAMES)
def test_the_step_sorts_nothing(name):
    env = paxmen.make(name)
    keys = jax.random.split(KEY, 8)

    def play(keys):
        _, states = jax.vmap(env.reset)(keys)
        return jax.vmap(env.step)(keys, states, {agent: jnp.zeros(8, int) for agent in env.agents})

    text = jax.jit(play).lower(keys).as_text("hlo")
    assert "compare" in text, "this is the program"
    assert " sort(" not in text


def test_importing_starts_no_backend_and_prints_nothing():
    code = (
        "import sys, paxmen, jax; from jax._src import xla_bridge;"
        "assert not xla_bridge._backends and 'jaxmarl' not in sys.modules;"
        "assert paxmen.list_envs()[:3] == ['paxmen-4', 'paxmen-5', 'paxmen-6']"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
