"""The environment around the rules: episodes, and what JAX makes of it."""

import copy
import dataclasses
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.waypoint import Waypoint

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def racer():
    """One agent after points that are drawn anew, and one opponent; both teams are random."""
    return aerojax.make(
        aerojax.Config(("fighter",), ("fighter",), Waypoint(num_points=1), max_steps=20)
    )


@pytest.fixture(scope="module")
def started(racer):
    return racer.reset(KEY)[1]


def _equal(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(np.testing.assert_array_equal, left, right)


def _close(left, right, tolerance=1e-4):
    """Another program may round otherwise, in the last places of some thousand metres."""
    assert jax.tree.structure(left) == jax.tree.structure(right)

    def check(a, b):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=10 * tolerance)

    jax.tree.map(check, left, right)


def _at(state, step):
    return dataclasses.replace(state, step=jnp.int32(step))


ACTIONS = {"ally_0": jnp.int32(30)}


# --- Episodes -------------------------------------------------------------------------------------


def test_in_mid_episode_step_is_step_env(racer, started):
    step_key, _ = jax.random.split(KEY)
    _close(racer.step(KEY, started, ACTIONS), racer.step_env(step_key, started, ACTIONS), 1e-6)


def test_the_last_step_resets_as_reset_does(racer, started):
    step_key, reset_key = jax.random.split(KEY)
    state = _at(started, racer.max_steps - 1)
    obs, after, *outcome = racer.step(KEY, state, ACTIONS)
    _equal((obs, after), racer.reset(reset_key))
    final = racer.step_env(step_key, state, ACTIONS)
    _equal(outcome, list(final[2:]))
    assert final[1].done
    assert not after.done


def test_the_last_step_resets_to_the_state_given(racer, started):
    step_key, _ = jax.random.split(KEY)
    _, wanted = racer.reset(jax.random.key(7))
    for step in (3, racer.max_steps - 1):
        state = _at(started, step)
        obs, after, *outcome = racer.step(KEY, state, ACTIONS, wanted)
        _, unreset, *expected = racer.step_env(step_key, state, ACTIONS)
        if step > 3:
            _equal(after, wanted)
        else:
            _close(after, unreset, 1e-6)
        _close(obs, racer.get_obs(after), 1e-6)
        _close(outcome, expected, 1e-6)


def test_the_time_limit_is_a_truncation(racer, started):
    for step, ends in ((racer.max_steps - 2, False), (racer.max_steps - 1, True)):
        _, after, _, dones, info = racer.step_env(KEY, _at(started, step), ACTIONS)
        assert bool(dones["__all__"]) == bool(dones["ally_0"]) == bool(after.done) == ends
        assert bool(info["truncated"].all()) == bool(info["truncated"].any()) == ends
        assert not info["terminated"].any()


def test_an_end_at_the_time_limit_is_a_termination(duel, state_of, still):
    state = state_of(
        duel,
        [(0, 0, 3000, 0, 200), (900, 0, 3000, 0, 200)],
        hp=[1, 0.01],
        step=duel.max_steps - 1,
    )
    _, _, rewards, dones, info = duel.step_env(KEY, state, still(duel))
    assert info["terminated"].all()
    assert not info["truncated"].any()
    np.testing.assert_array_equal(info["win"], [True, False])
    np.testing.assert_array_equal(info["lose"], [False, True])
    assert rewards["ally_0"] > 1.5 > 0 > rewards["enemy_0"]
    assert all(bool(done) for done in dones.values())


def test_the_dead_are_done_and_freeze(pairs, state_of, obstacles_of, still):
    """ally_1 flies into the ground, and its team-mate flies on."""
    aircraft = [
        (0, 0, 3000, 0, 200),
        (3000, 3000, 20, 0, 200, -30),
        (0, -5000, 3000, 0, 200),
        (-3000, -5000, 3000, 0, 200),
    ]
    state = state_of(pairs, aircraft, obstacles=obstacles_of((0, 5000, 500, 3000)))
    _, after, _, dones, info = pairs.step_env(KEY, state, still(pairs))
    np.testing.assert_array_equal(after.alive, [True, False, True, True])
    assert after.hp[1] == 0
    assert {name for name, done in dones.items() if done} == {"ally_1"}
    np.testing.assert_array_equal(info["crashes"], [0.5, 0.5, 0, 0])
    available = pairs.get_avail_actions(after)
    assert [bool(mask.all()) for mask in available.values()] == [True, False, True, True]
    _, later, *_ = pairs.step_env(KEY, after, still(pairs))
    for now, then in zip(jax.tree.leaves(after.motion), jax.tree.leaves(later.motion), strict=True):
        assert now[1] == then[1]
    assert later.motion.x[0] > after.motion.x[0]


@pytest.mark.parametrize("step", [5, 199])
def test_steps_after_the_end_pay_nothing_more(duel, state_of, still, step):
    """ally_0 shoots enemy_0 down, in mid-episode or as time runs out."""
    aircraft = [(0, 0, 3000, 0, 200), (900, 0, 3000, 0, 200)]
    state = state_of(duel, aircraft, hp=[1, 0.01], step=step)
    _, after, rewards, _, _ = duel.step_env(KEY, state, still(duel))
    assert rewards["ally_0"] > 1.5
    _, later, rewards, dones, info = duel.step_env(KEY, after, still(duel))
    assert [float(reward) for reward in rewards.values()] == [0, 0]
    assert all(bool(done) for done in dones.values())
    assert bool(later.done)
    assert not any(info[name].any() for name in ("win", "lose", *duel.config.objective.term_names))


def test_the_end_stays_the_end(state_of):
    """An asset that arrived flies on, out of its destination."""
    escort = aerojax.make("escort_4_vs_3")
    _, state = escort.reset(KEY)
    state = dataclasses.replace(state, done=jnp.bool_(True))
    actions = dict.fromkeys(escort.agents, jnp.int32(22))
    _, later, rewards, dones, info = escort.step_env(KEY, state, actions)
    assert bool(later.done & dones["__all__"] & info["terminated"].all())
    assert not any(float(reward) for reward in rewards.values())


def test_info_says_who_did_what(pairs, state_of, obstacles_of, still):
    """ally_0 shoots enemy_0 down, enemy_1 hits ally_1, which flies into the ground in the next."""
    aircraft = [
        (0, 0, 3000, 0, 200),
        (5000, 5000, 40, 0, 200, -10),
        (900, 0, 3000, 0, 200),
        (4100, 5000, 40, 0, 200),
    ]
    state = state_of(
        pairs, aircraft, hp=[1, 1, 0.01, 1], obstacles=obstacles_of((0, -5000, 300, 2000))
    )
    _, state, _, _, info = pairs.step_env(KEY, state, still(pairs))
    done = {name: info[name].tolist() for name in ("hit", "killed", "was_hit", "crashed")}
    assert done == {
        "hit": [True, False, False, True],
        "killed": [True, False, False, False],
        "was_hit": [False, True, True, False],
        "crashed": [False, False, False, False],
    }
    motion = dataclasses.replace(state.motion, z=state.motion.z.at[1].set(-1.0))
    state = dataclasses.replace(state, motion=motion)
    _, _, _, _, info = pairs.step_env(KEY, state, still(pairs))
    np.testing.assert_array_equal(info["crashed"], [False, True, False, False])
    assert not info["killed"].any()


def test_masks_are_those_of_the_agents(racer, started):
    high = dataclasses.replace(started.motion, z=jnp.array([250.0, 3000.0]))
    mask = racer.get_avail_actions(dataclasses.replace(started, motion=high))["ally_0"]
    np.testing.assert_array_equal(mask, np.arange(45) // 3 % 3 != 0)


# --- What JAX makes of it -------------------------------------------------------------------------


def test_without_jit_it_is_the_same(duel, state_of, still):
    state = state_of(duel, [(0, 0, 3000, 0, 200), (900, 100, 3000, 170, 200)])
    jitted = duel.step_env(KEY, state, still(duel))
    with jax.disable_jit():
        _close(duel.step_env(KEY, state, still(duel)), jitted)


def test_vmap_is_a_loop_over_environments_nested_or_not(duel, state_of, still):
    """Environments that go on, and some in which one is shot down or the time is over."""
    meeting, alone = [(0, 0, 3000, 0, 200), (900, 0, 3000, 20, 200)], [(0, 0, 3000, 0, 200)] * 2
    states = [
        state_of(duel, meeting, step=3),
        state_of(duel, meeting, hp=[1, 0.01]),
        state_of(duel, meeting, step=duel.max_steps - 1),
        state_of(duel, alone),
    ]
    keys = jax.random.split(KEY, 4)
    actions = still(duel)
    loop = [duel.step_env(key, state, actions) for key, state in zip(keys, states, strict=True)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *states)
    once = jax.vmap(duel.step_env, in_axes=(0, 0, None))(keys, stacked, actions)
    _close(once, jax.tree.map(lambda *x: jnp.stack(x), *loop))
    square = jax.tree.map(lambda x: x.reshape(2, 2, *x.shape[1:]), (keys, stacked))
    twice = jax.vmap(jax.vmap(duel.step_env, in_axes=(0, 0, None)), in_axes=(0, 0, None))
    flat = jax.tree.map(lambda x: x.reshape(4, *x.shape[2:]), twice(*square, actions))
    _close(flat, once)
    assert once[1].done.tolist() == [False, True, True, True]


def test_typed_and_raw_keys_draw_the_same(racer, started):
    typed, raw = jax.random.key(3), jax.random.PRNGKey(3)
    _equal(racer.reset(typed), racer.reset(raw))
    _equal(racer.step_env(typed, started, ACTIONS), racer.step_env(raw, started, ACTIONS))


def test_64_bits_change_nothing(duel):
    def play():
        obs, state = duel.reset(KEY)
        actions = {agent: np.array([0.1, 0.2, 1.0]) for agent in duel.agents}
        return obs, state, duel.step_env(KEY, state, actions)

    narrow = play()
    with jax.enable_x64(True):
        wide = play()
    _close(narrow, wide)
    dtypes = [jax.tree.map(lambda x: x.dtype, played) for played in (narrow, wide)]
    assert dtypes[0] == dtypes[1]
    allowed = {jnp.dtype(d) for d in (jnp.float32, jnp.int32, jnp.bool_)}
    assert {leaf.dtype for leaf in jax.tree.leaves(wide)} <= allowed


NASTY = np.float32([np.nan, np.inf, -np.inf, 1e9, -1e9, 0.3, -1, 3e38])


@pytest.mark.parametrize("control", ["guided", "direct"])
def test_whatever_the_actions_everything_stays_finite(control):
    """A whole episode, with all that may vary switched on, and NaN an error on the way."""
    env = aerojax.make(
        "1_vs_1",
        opponents="selfplay",
        actions="continuous",
        control=control,
        obstacles=2,
        stochastic_sensors=True,
        stochastic_guns=True,
        link_dropout=0.2,
    )
    rng = np.random.default_rng(0)
    commands = jnp.asarray(rng.choice(NASTY, (200, 2, 3)))

    @jax.jit
    def play(state, commands):
        def step(state, command):
            actions = dict(zip(env.agents, command, strict=True))
            obs, state, rewards, _, info = env.step_env(KEY, state, actions)
            return state, (obs, state, rewards, info)

        return jax.lax.scan(step, state, commands)[1]

    _, state = env.reset(KEY)
    with jax.debug_nans(True):
        history = play(state, commands)
    for leaf in jax.tree.leaves(history):
        assert np.isfinite(leaf).all()
    space = env.observation_space("ally_0")
    assert 0 < space.high < np.inf
    for agent in env.agents:
        assert np.abs(history[0][agent]).max() <= space.high == -space.low


def test_a_second_equal_environment_compiles_nothing():
    traces = 0

    def play(env, key):
        nonlocal traces
        traces += 1
        return env.reset(key)[0]["ally_0"]

    played = jax.jit(play, static_argnums=0)
    one, other = (aerojax.make("1_vs_1", max_steps=7) for _ in range(2))
    _equal(played(one, KEY), played(other, KEY))
    played(pickle.loads(pickle.dumps(one)), jax.random.key(1))
    assert traces == 1
    played(aerojax.make("1_vs_1", max_steps=8), KEY)
    assert traces == 2


def test_equality_copies_and_pickles():
    env = aerojax.make("special_5_vs_5")
    again = aerojax.make("special_5_vs_5")
    for same in (again, copy.copy(env), copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert same == env
        assert hash(same) == hash(env)
        assert repr(same) == repr(env)
    assert env != aerojax.make("special_5_vs_5", opponents="pursuit")
    assert env != env.config


def test_importing_starts_no_backend_and_prints_nothing():
    code = (
        "import sys, aerojax, jax; from jax._src import xla_bridge;"
        "assert aerojax.make and aerojax.list_scenarios()['search_4'];"
        "assert not xla_bridge._backends and 'jaxmarl' not in sys.modules;"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
