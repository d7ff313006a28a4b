"""Mazes of all kinds and every option, against the rules in plain Python.

The plain rules know a level by its drawing alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen
from paxmen import PaxMen

STEPS, STATES = 6, 48

# Hubs and rooms of different sizes, a loop, a room with two doors, one beside the hub, a dead end,
# and the largest rooms that there can be, up to the edge of the grid.
DRAWN = [
    """
    ##########
    #oooo.00##
    #oooo#000#
    #oooo..00#
    ###.####.#
    #.######.#
    #ooo####.#
    #ooo.....#
    #ooo######
    ##########
    """,
    """
    ######
    #1234#
    #ooo##
    #ooo##
    ######
    """,
    """
    oooooooo#oooooooo
    oooooooo#oooooooo
    oooooooo0oooooooo
    oooooooo0oooooooo
    ########00#######
    """,
]


class Plain:
    """One level, read from its drawing, and the rules in dictionaries and loops."""

    def __init__(self, drawing, config):
        self.config = config
        signs = {
            (row, col): sign
            for row, line in enumerate(drawing.split())
            for col, sign in enumerate(line)
        }
        self.open = {place for place, sign in signs.items() if sign != "#"}
        self.hub = sorted(place for place, sign in signs.items() if sign == "0")
        self.rooms = self._groups(p for p, sign in signs.items() if sign == "o")
        corridors = self._groups(p for p, sign in signs.items() if sign == ".")
        leading = [[] for _ in self.rooms]
        for corridor in corridors:
            of = [i for i, room in enumerate(self.rooms) if self._beside(corridor) & set(room)]
            leading[of[0] if of else 0] += corridor
        self.cells = list(self.hub)
        for corridor, room in zip(leading, self.rooms, strict=True):
            self.cells += sorted(corridor) + room

    @staticmethod
    def _beside(places):
        around = [(-1, 0), (1, 0), (0, -1), (0, 1)]
        return {(row + down, col + right) for row, col in places for down, right in around}

    def _groups(self, places):
        groups = []
        for place in sorted(places):
            touched = [group for group in groups if place in self._beside(group)]
            groups = [group for group in groups if group not in touched]
            groups.append(sorted([place, *(other for group in touched for other in group)]))
        return sorted(groups)

    def step(self, positions, dots, actions):
        """New positions, the dots left, own rewards, and the rooms that draw new dots."""
        moves = {0: (-1, 0), 1: (1, 0), 2: (0, 1), 3: (0, -1)}
        after = []
        for (row, col), action in zip(positions, actions, strict=True):
            down, right = moves.get(action, (0, 0))
            target = row + down, col + right
            after.append(target if target in self.open else (row, col))
        own = [-self.config.penalty] * len(positions)
        left = set(dots)
        for dot in dots:
            eaters = [
                agent for agent, action in enumerate(actions) if action == 4 and after[agent] == dot
            ]
            for agent in eaters:
                own[agent] = 1 / len(eaters)
            if eaters:
                left.remove(dot)
        empty = [not left & set(room) for room in self.rooms]
        new = {
            "all": [all(empty)] * len(empty),
            "room": empty,
            "never": [False] * len(empty),
        }[self.config.respawn]
        return after, left, own, new

    def window(self, agent, positions, dots):
        radius, (row, col) = self.config.view // 2, positions[agent]
        others = positions[:agent] + positions[agent + 1 :]

        def value(place):
            if place in others:
                return 0.1
            return 1.0 if place in dots else 0.0 if place in self.open else -1.0

        span = range(-radius, radius + 1)
        return [value((row + down, col + right)) for down in span for right in span]

    def world(self, positions, dots):
        values = [0.1 if c in positions else 1.0 if c in dots else 0.0 for c in self.cells]
        return values + [0.0] * (self.config.mazes.num_cells - len(values))


def _drawn():
    return paxmen.parse_mazes(DRAWN)


CASES = {
    "fewer rooms than agents": lambda: PaxMen(
        12,  # whose names do not sort as their numbers do
        mazes=paxmen.generate_mazes(12, 6, 0, arms=2),
        view=3,
        dots_per_room=1,
        penalty=0.5,
        shared_reward=False,
        respawn="room",
        max_steps=4,
    ),
    "more rooms than agents": lambda: PaxMen(
        3, mazes=paxmen.generate_mazes(3, 6, 1, arms=5), view=7, dots_per_room=9, respawn="never"
    ),
    "drawn": lambda: PaxMen(4, mazes=_drawn(), view=11, dots_per_room=2, respawn="all"),
    "drawn, room by room": lambda: PaxMen(
        4, mazes=_drawn(), view=9, dots_per_room=6, penalty=0.0, respawn="room"
    ),
}


@pytest.fixture(scope="module", params=CASES)
def env(request):
    return CASES[request.param]()


@pytest.fixture(scope="module")
def levels(env):
    return [Plain(env.config.mazes.draw(i), env.config) for i in range(env.num_levels)]


def _random_state(env, levels, rng, index):
    """Agents in and around one room, many of them on one dot, so that they share it."""
    layout_id = index % len(levels)
    level = levels[layout_id]
    room = level.rooms[rng.integers(len(level.rooms))]
    dots = [room[-1], *(room[i] for i in rng.permutation(len(room))[: rng.integers(3)])]
    if index % 3:
        dots += [other[0] for other in level.rooms]
    places = [*dots[:1] * 12, *room, level.cells[rng.integers(len(level.cells))]]
    positions = [places[i] for i in rng.integers(len(places), size=env.num_agents)]
    return layout_id, positions, set(dots)


def test_it_plays_as_in_plain_python(env, levels):
    rng = np.random.default_rng(0)
    drawn = [_random_state(env, levels, rng, index) for index in range(STATES)]
    side = env.config.mazes.side
    on_grid = np.zeros((STATES, side, side), bool)
    for index, (_, _, dots) in enumerate(drawn):
        on_grid[(index, *np.transpose(sorted(dots)))] = True
    actions = rng.choice([-1, 0, 1, 2, 3, 4, 4, 4, 4], (STATES, STEPS, env.num_agents))

    @jax.jit
    @jax.vmap
    def play(layout_id, positions, dots, actions):
        def step(state, now):
            key, action = now
            action = {agent: action[i] for i, agent in enumerate(env.agents)}
            obs, state, rewards, dones, info = env.step_env(key, state, action)
            places = env.agent_positions(state), env.dots_on_grid(state)
            return state, (obs, places, rewards, dones["__all__"], info)

        state = env.make_state(layout_id, positions, dots, 0)
        keys = jax.random.split(jax.random.key(0), STEPS)
        return jax.lax.scan(step, state, (keys, actions))[1]

    layout_ids, positions, _ = zip(*drawn, strict=True)
    arrays = [np.array(x, np.int32) for x in (layout_ids, positions)]
    played = jax.tree.map(np.asarray, play(*arrays, on_grid, actions.astype(np.int32)))
    seen = {"shared": 0, "new": 0, "old": 0}
    for index, (layout_id, positions, dots) in enumerate(drawn):
        level = levels[layout_id]
        for time in range(STEPS):
            now = jax.tree.map(lambda x, i=index, t=time: x[i, t], played)
            obs, (places, grid), rewards, done, info = now
            acted = actions[index, time].tolist()
            positions, left, own, new = level.step(positions, dots, acted)
            assert places.tolist() == [list(place) for place in positions]
            dots = {tuple(place) for place in np.argwhere(grid).tolist()}
            assert dots <= {place for room in level.rooms for place in room}
            for room, is_new in zip(level.rooms, new, strict=True):
                if is_new:
                    assert len(dots & set(room)) == env.config.dots_per_room
                else:
                    assert dots & set(room) == left & set(room)
            for agent, name in enumerate(env.agents):
                earned = sum(own) if env.config.shared_reward else own[agent]
                assert rewards[name] == pytest.approx(earned, abs=1e-5)
                window = np.float32(level.window(agent, positions, dots))
                np.testing.assert_array_equal(obs[name], window)
            np.testing.assert_array_equal(
                obs["world_state"], np.float32(level.world(positions, dots))
            )
            np.testing.assert_allclose(info["dots_eaten"], np.maximum(own, 0), rtol=1e-6)
            assert info["respawned"].tolist() == [any(new)] * env.num_agents
            assert done == (time + 1 >= env.max_steps)
            seen["shared"] += any(0 < reward < 1 for reward in own)
            seen["new"] += any(new)
            seen["old"] += not any(new)
    assert seen["shared"] > 3, "the states must let agents share dots"
    assert seen["old"] > 3
    assert (seen["new"] > 3) == (env.config.respawn != "never")


def test_agents_at_opposite_edges_do_not_see_one_another():
    """The end of one row and the beginning of the next are no neighbours."""
    mazes = paxmen.parse_mazes(["ooo.0.ooo\nooo#0#ooo\nooo#0#ooo"])
    for view in (5, 11):
        env = PaxMen(3, mazes=mazes, view=view)
        state = env.make_state(0, [(0, 8), (1, 0), (2, 8)], np.zeros((9, 9), bool))
        obs = np.asarray([env.get_obs(state)[agent] for agent in env.agents])
        seen = np.isclose(obs, 0.1).sum(axis=1)
        assert seen.tolist() == [1, 0, 1]  # the first and the last, two rows apart


@pytest.fixture(scope="module")
def resets(env):
    """Levels, positions and dots of many resets, and of as many to the last level."""

    @jax.jit
    @jax.vmap
    def draw(key):
        states = env.reset(key)[1], env.reset_to_level(key, env.num_levels - 1)[1]
        return [(s.layout_id, env.agent_positions(s), env.dots_on_grid(s)) for s in states]

    return jax.tree.map(np.asarray, draw(jax.random.split(jax.random.key(7), 2048)))


def test_resets_draw_agents_in_the_hub_and_dots_in_the_rooms(env, levels, resets):
    for layout_ids, positions, dots in resets:
        for layout_id, level in enumerate(levels):
            here = layout_ids == layout_id
            for team in positions[here].tolist():
                assert len({*map(tuple, team)} & {*level.hub}) == env.num_agents
            for room in level.rooms:
                drawn = dots[here][:, *np.transpose(room)].sum(axis=1)
                assert (drawn == env.config.dots_per_room).all()
            assert dots[here].sum() == here.sum() * env.config.dots_per_room * len(level.rooms)


def test_every_cell_of_a_hub_and_of_a_room_comes_as_often(env, levels, resets):
    layout_ids, positions, dots = resets[1]
    assert (layout_ids == env.num_levels - 1).all()
    level = levels[-1]
    for places, count in [(level.hub, env.num_agents), *((r, None) for r in level.rooms)]:
        if count is None:
            often = dots[:, *np.transpose(places)].sum(axis=0)
            share = env.config.dots_per_room / len(places)
        else:
            often = np.array([(positions == place).all(axis=2).sum() for place in places])
            share = count / len(places)
        # Five standard deviations of a binomial.
        slack = 5 * np.sqrt(2048 * share * (1 - share)) + 1e-9
        np.testing.assert_allclose(often, np.full(len(places), 2048 * share), atol=slack)


def test_levels_are_uniform(env, resets):
    counts = np.bincount(resets[0][0], minlength=env.num_levels)
    share = 1 / env.num_levels
    assert abs(counts - 2048 * share).max() < 5 * np.sqrt(2048 * share * (1 - share))


def test_a_reset_to_the_level_that_a_reset_drew_is_that_reset(env):
    drawn = env.reset(jax.random.key(3))
    same = env.reset_to_level(jax.random.key(3), drawn[1].layout_id)
    jax.tree.map(np.testing.assert_array_equal, same, drawn)


def test_the_last_step_resets_as_reset_does(env):
    _, state = env.reset(jax.random.key(0))
    state = state.replace(step=jnp.int32(env.max_steps - 1))
    actions = {agent: jnp.int32(4) for agent in env.agents}
    obs, after, _, dones, _ = env.step(jax.random.key(5), state, actions)
    assert dones["__all__"]
    jax.tree.map(np.testing.assert_array_equal, (obs, after), env.reset(jax.random.key(5)))


def test_64_bits_change_nothing():
    env = CASES["drawn, room by room"]()

    def play():
        obs, state = env.reset(jax.random.key(0))
        actions = {agent: jnp.int32(i % 5) for i, agent in enumerate(env.agents)}
        views = env.agent_positions(state), env.dots_on_grid(state), env.grid(state.layout_id)
        return obs, state, views, env.step(jax.random.key(1), state, actions)

    narrow = play()
    with jax.enable_x64(True):
        wide = play()
    jax.tree.map(np.testing.assert_array_equal, narrow, wide)
    types = [jax.tree.map(lambda x: x.dtype, played) for played in (narrow, wide)]
    assert types[0] == types[1]


def test_spaces_have_the_views_size(env):
    for agent in env.agents:
        assert env.observation_space(agent).shape == (env.config.view**2,)
    assert env.world_state_size() == env.config.mazes.num_cells


# --- What is refused, and what is equal -----------------------------------------------------------

BOARD = ["#######", "#ooo00#", "#ooo00#", "#ooo00#", "#######"]


@pytest.fixture(scope="module")
def board():
    return paxmen.parse_mazes(["\n".join(BOARD)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_agents": 7}, "num_agents must be at most 6, the hub cells of maze 0, got 7"),
        ({"num_agents": 65}, "num_agents must be a whole number from 1 to 64, got 65"),
        ({"num_agents": 0}, "num_agents must be a whole number from 1 to 64, got 0"),
        ({"num_agents": 4.0}, "num_agents must be a whole number .* got 4.0"),
        ({"num_agents": True}, "num_agents must be a whole number .* got True"),
        ({"mazes": "paxmen-4"}, "mazes must be a paxmen.Mazes, got 'paxmen-4'; generate_mazes"),
        ({"max_steps": 0}, "max_steps must be a whole number from 1 .* got 0"),
        ({"view": 4}, "unknown view 4; valid: 3, 5, 7, 9, 11"),
        ({"view": 5.0}, "unknown view 5.0; valid"),
        ({"dots_per_room": 10}, "dots_per_room must be a whole number from 1 to 9, got 10"),
        ({"penalty": -0.1}, "penalty must be a number of at least 0, got -0.1"),
        ({"penalty": float("nan")}, "penalty must be a number of at least 0, got nan"),
        ({"penalty": "0"}, "penalty must be a number of at least 0, got '0'"),
        ({"shared_reward": 1}, "unknown shared_reward 1; valid: True, False"),
        ({"respawn": "rooms"}, "unknown respawn 'rooms'; valid: all, room, never"),
    ],
)
def test_options_that_cannot_be(board, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        PaxMen(**{"num_agents": 2, "mazes": board} | options)
    assert "\n" not in str(caught.value)


def test_the_smallest_hub_and_room_count():
    with pytest.raises(ValueError, match="at most 4, the hub cells of maze 1, got 5"):
        PaxMen(5, mazes=_drawn())
    with pytest.raises(ValueError, match="dots_per_room must be a whole number from 1 to 6, got 7"):
        PaxMen(4, mazes=_drawn(), dots_per_room=7)


def test_an_unknown_option_lists_the_nearest_first():
    with pytest.raises(TypeError, match="unknown option 'views'; valid: view, "):
        paxmen.make("paxmen-4", views=7)


def test_levels_that_are_not_there(board):
    env = PaxMen(2, mazes=board)
    _, state = env.reset(jax.random.key(0))
    for level in (1, -1):
        wrong = state.replace(layout_id=jnp.int32(level))
        for view in (
            lambda level=level: env.grid(level),
            lambda wrong=wrong: env.agent_positions(wrong),
            lambda wrong=wrong: env.dots_on_grid(wrong),
            lambda level=level: env.reset_to_level(jax.random.key(0), level),
            lambda level=level: env.config.mazes.draw(level),
        ):
            with pytest.raises(ValueError, match=rf"must be in 0\.\.0, got {level}"):
                view()
    with pytest.raises(TypeError, match="layout_id must be of integers, got dtype float64"):
        env.grid(0.5)
    with pytest.raises(ValueError, match=r"level must have shape \(\), got \(2,\)"):
        env.reset_to_level(jax.random.key(0), jnp.zeros(2, int))


def test_equal_options_are_equal_environments(board):
    import pickle

    again = paxmen.parse_mazes(["\n".join(BOARD)], name="another name")
    env = PaxMen(2, mazes=board, view=7)
    for same in (PaxMen(2, mazes=again, view=7), pickle.loads(pickle.dumps(env))):
        assert same == env
        assert hash(same) == hash(env)
    others = [
        {"view": 5},
        {"num_agents": 3},
        {"max_steps": 99},
        {"dots_per_room": 2},
        {"penalty": 0.1},
        {"shared_reward": False},
        {"respawn": "room"},
        {"mazes": board.padded(20)},
    ]
    usual = {"num_agents": 2, "mazes": board, "view": 7}
    assert all(PaxMen(**usual | other) != env for other in others)
    assert repr(env).startswith("PaxMen(num_agents=2, mazes=Mazes('mazes', 1 levels, ")
    assert repr(env).endswith(", view=7)")


def test_named_environments_are_their_options():
    assert paxmen.make("paxmen-5") == PaxMen(5)
    assert paxmen.make("paxmen-4", view=7, respawn="room") == PaxMen(4, view=7, respawn="room")
    assert repr(paxmen.make("paxmen-6", max_steps=20)) == "PaxMen(num_agents=6, max_steps=20)"
    crowded = paxmen.make("paxmen-4", num_agents=9)
    assert (crowded.num_agents, crowded.max_steps, crowded.name) == (9, 100, "paxmen-4")


def test_who_shares_a_reward(board):
    assert PaxMen(2, mazes=board).teams == {"team": ["agent_0", "agent_1"]}
    own = PaxMen(2, mazes=board, shared_reward=False)
    assert own.teams == {"agent_0": ["agent_0"], "agent_1": ["agent_1"]}
