"""What holds whatever the agents do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import paxmen

NAMES = ("paxmen-4", "paxmen-5", "paxmen-6")


@pytest.fixture(scope="module", params=NAMES)
def episode(request):
    """The environment, and `play(seed, actions (T, n))`: everything that happens, stacked."""
    env = paxmen.make(request.param)

    @jax.jit
    def play(seed, actions):
        def step(state, now):
            key, action = now
            action = {agent: action[i] for i, agent in enumerate(env.agents)}
            obs, state, rewards, dones, info = env.step(key, state, action)
            return state, (obs, view(state), rewards, dones, info)

        def view(state):
            return state.layout_id, env.agent_positions(state), env.dots_on_grid(state)

        key = jax.random.key(seed)
        _, state = env.reset(key)
        # A step before the limit: the run goes over the end of one episode.
        state = state.replace(step=jnp.int32(env.max_steps - 20))
        first = view(state)
        return first, jax.lax.scan(step, state, (jax.random.split(key, len(actions)), actions))[1]

    return env, play


@given(seed=st.integers(0, 2**31 - 1), data=st.data())
def test_invariants(episode, layout_of, seed, data):
    env, play = episode
    numbers = data.draw(st.lists(st.integers(-1, 6), min_size=16, max_size=16))
    # Each agent plays its own cut of the numbers, so that few draws make long walks.
    actions = np.array([np.roll(numbers * 3, 5 * i) for i in range(env.num_agents)]).T
    _, (obs, (layout_ids, positions, dots), rewards, dones, info) = jax.tree.map(
        np.asarray, play(np.int32(seed), actions.astype(np.int32))
    )
    steps = np.arange(len(actions))
    layouts = [layout_of(env.num_agents, int(i)) for i in layout_ids]
    for step, layout in zip(steps, layouts, strict=True):
        in_rooms = [int(sum(dots[(step, *cell)] for cell in room)) for room in layout.rooms]
        assert max(in_rooms) <= 3
        assert sum(in_rooms) == dots[step].sum() > 0
        assert {tuple(p) for p in positions[step].tolist()} <= set(layout.cells)
    np.testing.assert_array_equal(dones["__all__"], steps == 19)
    np.testing.assert_array_equal(dones["agent_0"], dones["__all__"])
    eaten = info["dots_eaten"]
    expected = np.where(eaten > 0, eaten, np.float32(-0.025)).sum(axis=1)
    for reward in rewards.values():
        np.testing.assert_allclose(reward, expected, atol=1e-6)
    total = eaten.sum(axis=1)
    np.testing.assert_allclose(total, total.round(), atol=1e-6)
    for agent, views in obs.items():
        assert np.isin(views, np.float32([-1, 0, 0.1, 1])).all()
        assert views.dtype == np.float32
        assert (agent == "world_state") <= (views >= 0).all()
