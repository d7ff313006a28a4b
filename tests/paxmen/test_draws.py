"""The distributions of a reset's draws, at a fixed key, and a short episode kept as literals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

import paxmen

NAMES = ("paxmen-4", "paxmen-5", "paxmen-6")
HUB_SIDE = {4: 3, 5: 5, 6: 7}
SAMPLES = 20_480


@pytest.fixture(scope="module", params=NAMES)
def resets(request):
    """The environment, and layouts, positions and room cells' dots of many resets."""
    env = paxmen.make(request.param)

    @jax.jit
    @jax.vmap
    def draw(key):
        _, state = env.reset(key)
        return state.layout_id, env.agent_positions(state), env.dots_on_grid(state)

    return env, *map(np.asarray, draw(jax.random.split(jax.random.key(7), SAMPLES)))


def _uniform(counts):
    """A fixed key makes a fixed verdict; 1e-4 leaves room for the dozens of tests made here."""
    assert chisquare(counts).pvalue > 1e-4


def test_layouts_are_uniform(resets):
    _, layout_ids, _, _ = resets
    _uniform(np.bincount(layout_ids, minlength=4))


def test_dots_are_three_distinct_cells_of_each_room(resets, layout_of):
    env, layout_ids, _, dots = resets
    for layout_id in range(4):
        here = dots[layout_ids == layout_id]
        rooms = [here[:, *np.transpose(r)] for r in layout_of(env.num_agents, layout_id).rooms]
        assert here.sum() == sum(room.sum() for room in rooms), "no dot outside the rooms"
        for room in rooms:
            assert (room.sum(axis=1) == 3).all()
            # Not quite chi-square's due: the counts of one draw are tied. That only narrows them.
            _uniform(room.sum(axis=0))


def test_all_455_sets_of_dots_are_alike(resets, layout_of):
    env, layout_ids, _, dots = resets
    sets = np.zeros(2**15, int)
    for layout_id in range(4):
        here = dots[layout_ids == layout_id]
        for room in layout_of(env.num_agents, layout_id).rooms:
            np.add.at(sets, here[:, *np.transpose(room)] @ (1 << np.arange(15)), 1)
    sets = sets[[bin(i).count("1") == 3 for i in range(2**15)]]
    assert len(sets) == 455
    _uniform(sets)


def test_rooms_are_independent(resets, layout_of):
    env, layout_ids, _, dots = resets
    first, second = (
        np.concatenate(
            [
                dots[layout_ids == i][:, *np.transpose(layout_of(env.num_agents, i).rooms[room])]
                for i in range(4)
            ]
        ).astype(float)
        for room in (0, 1)
    )
    together = first.T @ second / SAMPLES
    # Two cells of two rooms both hold a dot in 1/25 of the draws, with a deviation of 0.0014.
    np.testing.assert_allclose(together, np.full((15, 15), 0.04), atol=0.007)


def test_agents_stand_on_distinct_cells_of_the_hub(resets):
    env, _, positions, _ = resets
    side = HUB_SIDE[env.num_agents]
    hub = positions - 19
    assert (hub >= 0).all()
    assert (hub < side).all()
    cells = np.sort(hub @ [side, 1], axis=1)
    assert (np.diff(cells, axis=1) > 0).all()


def test_every_agent_and_every_pair_is_uniform_over_the_hub(resets):
    env, _, positions, _ = resets
    side = HUB_SIDE[env.num_agents]
    cells = (positions - 19) @ [side, 1]
    for agent in range(env.num_agents):
        _uniform(np.bincount(cells[:, agent], minlength=side**2))
    for one, other in [(0, 1), (0, env.num_agents - 1), (env.num_agents - 2, env.num_agents - 1)]:
        pairs = np.bincount(cells[:, one] * side**2 + cells[:, other], minlength=side**4)
        _uniform(pairs.reshape(side**2, side**2)[~np.eye(side**2, dtype=bool)])


def test_layout_and_agents_are_independent(resets):
    env, layout_ids, positions, _ = resets
    side = HUB_SIDE[env.num_agents]
    cells = (positions[:, 0] - 19) @ [side, 1]
    _uniform(np.bincount(layout_ids * side**2 + cells, minlength=4 * side**2))


def test_golden_reset_and_step():
    """Guards against draws that change by accident. When they change on purpose, write anew:
    every literal here comes from the program, none from the rules."""
    env = paxmen.make("paxmen-4")
    _, state = env.reset(jax.random.key(42))
    layout_id, positions = int(state.layout_id), []
    dots = np.argwhere(np.asarray(env.dots_on_grid(state))).tolist()
    for i in range(2):
        positions.append(env.agent_positions(state).tolist())
        actions = {agent: jnp.int32(a) for agent, a in zip(env.agents, (i, 1, 2, 3), strict=True)}
        _, state, rewards, _, _ = env.step(jax.random.key(i), state, actions)
        assert float(rewards["agent_0"]) == pytest.approx(-0.1)
    assert layout_id == 1
    assert positions == [
        [[19, 20], [20, 21], [20, 20], [21, 21]],
        [[18, 20], [21, 21], [20, 21], [21, 20]],
    ]
    assert dots == [
        *([11, 19], [12, 21], [13, 19]),
        *([19, 31], [19, 32], [20, 9], [20, 10], [20, 33], [21, 7]),
        *([35, 19], [37, 20], [38, 19]),
    ]
