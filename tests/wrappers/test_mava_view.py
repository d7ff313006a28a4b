"""What Mava asks of an environment, worked out by hand, and Mava's own wrapper around it.

MAVA_CHECKOUT names a folder with Mava's repository; of what it imports, the Python that runs the
slow test needs brax, distrax, tensorflow-probability and jumanji.
"""

import importlib.util
import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.spaces import Box, Discrete, MultiDiscrete

import aerojax
import paxmen
from wrappers import AgentId, AutoReset, MavaView, TimeLimit

KEY = jax.random.key(0)
LIMIT = 4


def test_the_members(tally, play):
    env = MavaView(tally)
    assert (env.action_dim, env.state_size) == (3, 2)
    (obs, state, *_), _ = play(env, [(1, 2), (0, 0)])
    np.testing.assert_array_equal(env.get_global_state(state, obs), [[3, 3], [3, 3]])
    mask = env.action_mask(state)
    assert mask.dtype == jnp.bool_
    np.testing.assert_array_equal(mask, np.ones((2, 3)))


def test_masks_have_a_row_for_each_agent(tally):
    class Bound(type(tally)):
        def get_avail_actions(self, state):
            return {"agent_0": jnp.array([1.0, 0.0, 1.0]), "agent_1": jnp.array([0.0, 0.0, 1.0])}

    class Silent(type(tally)):
        def get_avail_actions(self, state):
            raise NotImplementedError

    _, state = tally.reset(KEY)
    np.testing.assert_array_equal(MavaView(Bound()).action_mask(state), [[1, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(MavaView(Silent()).action_mask(state), np.ones((2, 3)))


def test_a_step_does_not_reset(tally, play):
    (obs, state, _, dones, _), *_ = play(MavaView(tally), [(2, 2), (2, 2)])[1:]
    assert dones["__all__"]
    assert int(state.total) == 8
    np.testing.assert_array_equal(obs["agent_0"], [8])
    np.testing.assert_array_equal(obs["world_state"], [8, 8])


def test_around_other_wrappers(tally):
    env = MavaView(TimeLimit(AgentId(tally), LIMIT))
    assert env.max_steps == LIMIT
    assert env.state_size == 6
    obs, state = env.reset(KEY)
    np.testing.assert_array_equal(env.get_global_state(state, obs), [[0, 1, 0, 0, 0, 1]] * 2)
    assert env.action_mask(state).shape == (2, 3)


def test_an_environments_own_world_state():
    bare = paxmen.make("paxmen-4")
    env = MavaView(bare)
    assert (env.action_dim, env.state_size) == (5, bare.world_state_size())
    obs, state = env.reset(KEY)
    np.testing.assert_array_equal(env.get_global_state(state, obs), [obs["world_state"]] * 4)
    available = bare.get_avail_actions(state)
    np.testing.assert_array_equal(env.action_mask(state), [available[a] for a in env.agents])


def test_continuous_actions():
    env = MavaView(aerojax.make("identical_2_vs_2", actions="continuous"))
    assert env.action_dim == 3
    _, state = jax.eval_shape(env.reset, KEY)
    mask = jax.eval_shape(env.action_mask, state)
    assert (mask.shape, mask.dtype) == ((2, 3), jnp.bool_)


@pytest.mark.parametrize(
    ("kind", "spaces", "message"),
    [
        ("action", (Discrete(3), Discrete(4)), "action space of agent_1 is Discrete of 4"),
        ("action", (MultiDiscrete([3, 2]),) * 2, "agents act in MultiDiscrete"),
        ("action", (Box(0.0, 1.0, ()),) * 2, "agents act in Box"),
        ("observation", (Discrete(9),) * 2, "agents observe Discrete of 9"),
    ],
)
def test_agents_that_mava_has_no_network_for(tally, kind, spaces, message):
    class Other(type(tally)):
        def get_obs(self, state):
            if kind == "action":
                return super().get_obs(state)
            return dict.fromkeys(self.agents, state.total)

        def step_env(self, key, state, actions):
            zeros = dict.fromkeys(self.agents, jnp.int32(0))
            return super().step_env(key, state, zeros)

    env = Other()
    setattr(env, f"{kind}_spaces", dict(zip(env.agents, spaces, strict=True)))
    with pytest.raises(TypeError, match=message):
        MavaView(env)


def test_agents_that_see_different_things(tally):
    class Other(type(tally)):
        def get_obs(self, state):
            return super().get_obs(state) | {"agent_1": jnp.zeros(2)}

    env = Other()
    env.observation_spaces = env.observation_spaces | {"agent_1": Box(0.0, 9.0, (2,))}
    with pytest.raises(TypeError, match="observation space of agent_1 is Box, float32"):
        MavaView(env)


def test_auto_reset_goes_elsewhere(tally):
    with pytest.raises(ValueError, match="AutoReset goes around MavaView"):
        MavaView(AutoReset(tally))


# --- Mava's own wrappers ------------------------------------------------------------------------

CHECKOUT = os.environ.get("MAVA_CHECKOUT")


@pytest.fixture
def mava(monkeypatch):
    """`mava(name)`: a file of `mava/wrappers`. The package itself imports every suite it knows."""
    if not CHECKOUT:
        pytest.skip("MAVA_CHECKOUT names no checkout of Mava, which is on no package index")
    for name in ("brax", "distrax", "tensorflow_probability", "jumanji"):
        pytest.importorskip(name, reason=f"Mava's wrapper imports {name}: pip install {name}")
    monkeypatch.syspath_prepend(CHECKOUT)

    def load(name):
        path = Path(str(CHECKOUT)) / "mava" / "wrappers" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"mava_{name}", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"mava_{name}", module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.slow
@pytest.mark.loose_promotion
@pytest.mark.parametrize(
    "env", [paxmen.make("paxmen-4"), aerojax.make("identical_2_vs_2")], ids=lambda env: env.name
)
def test_its_wrapper(env, mava):
    jaxmarl, auto_reset = mava("jaxmarl"), mava("auto_reset_wrapper")

    class ForMava(jaxmarl.JaxMarlWrapper):
        def __init__(self, view, has_global_state=False):
            super().__init__(view, has_global_state, view.max_steps)

        @property
        def action_dim(self):
            return self._env.action_dim

        @property
        def state_size(self):
            return self._env.state_size

        def action_mask(self, state):
            return self._env.action_mask(state)

        def get_global_state(self, state, obs):
            return self._env.get_global_state(state, obs)

    view = MavaView(TimeLimit(env, LIMIT))
    wrapped = auto_reset.AutoResetWrapper(ForMava(view, has_global_state=True))
    n, k, s = view.num_agents, view.action_dim, view.state_size
    state, first = wrapped.reset(jax.random.PRNGKey(0))

    def step(state, key):
        action = jax.random.randint(key, (n,), 0, k)
        return wrapped.step(state, action)

    _, steps = jax.jit(lambda state, keys: jax.lax.scan(step, state, keys))(
        state, jax.random.split(jax.random.PRNGKey(1), 2 * LIMIT)
    )
    seen = steps.observation
    assert first.observation.agents_view.shape == seen.agents_view.shape[1:]
    assert seen.agents_view.shape[:2] == (2 * LIMIT, n)
    assert seen.action_mask.shape == (2 * LIMIT, n, k)
    assert seen.global_state.shape == (2 * LIMIT, n, s)
    wrapped.observation_spec().validate(first.observation)
    wrapped.action_spec().validate(jnp.zeros(n, jnp.int32))
    np.testing.assert_array_equal(steps.last(), ([False] * (LIMIT - 1) + [True]) * 2)
    # What Mava keeps of a last step is where the episode ended, not where the next one starts.
    final = steps.extras["real_next_obs"]
    same = (np.asarray(final.global_state) == np.asarray(seen.global_state)).all(axis=(1, 2))
    np.testing.assert_array_equal(same, ~np.asarray(steps.last()))
