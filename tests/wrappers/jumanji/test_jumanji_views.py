"""What jumanji's four environments tell: observations, rewards and ends, drawn by hand."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jumanji.environments.routing.cleaner.env import Cleaner
from jumanji.environments.routing.cleaner.generator import RandomGenerator as Mazes
from jumanji.environments.routing.connector.env import Connector
from jumanji.environments.routing.connector.generator import UniformRandomGenerator as Grids
from jumanji.environments.routing.connector.types import Agent as Wire
from jumanji.environments.routing.lbf.env import LevelBasedForaging
from jumanji.environments.routing.lbf.generator import RandomGenerator as Groves
from jumanji.environments.routing.robot_warehouse.env import RobotWarehouse
from jumanji.environments.routing.robot_warehouse.generator import RandomGenerator as Halls
from jumanji.environments.routing.robot_warehouse.types import Agent as Robot
from jumanji.environments.routing.robot_warehouse.types import Direction, Position

from wrappers import from_jumanji

KEY = jax.random.key(0)
NOOP, FORWARD, LOAD = 0, 1, 5  # of robots and foragers
EAST = 2  # of wires, to the right
SWEEP, SWEEP_DOWN = 1, 2  # of cleaners, to the right and down
GROVE = Groves(grid_size=5, num_agents=2, num_food=1, fov=2, force_coop=True)
GOING, TERMINATED, TRUNCATED = (False, False), (True, False), (False, True)


def _start(env, **fields):
    """A state after a reset, with fields of jumanji's state replaced."""
    state = env.reset(KEY)[1]
    old = state.jumanji_state
    new = jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), old.replace(**fields), old)
    return state.replace(jumanji_state=new)


def _play(env, state, *actions):
    """One step: rewards and dones in the agents' order (that of all is the last), and its end."""
    chosen = {agent: jnp.int32(action) for agent, action in zip(env.agents, actions, strict=True)}
    obs, after, rewards, dones, info = env.step_env(KEY, state, chosen)
    return SimpleNamespace(
        obs=obs,
        state=after,
        rewards=[pytest.approx(float(rewards[agent]), abs=1e-6) for agent in env.agents],
        dones=[bool(dones[name]) for name in (*env.agents, "__all__")],
        end=(bool(info["terminated"][0]), bool(info["truncated"][0])),
    )


@pytest.fixture(scope="module")
def warehouse():
    """5 rows of 10; its generator mixes dtypes."""
    with jax.numpy_dtype_promotion("standard"):
        hall = Halls(1, 3, 2, num_agents=2, sensor_range=1, request_queue_size=2)
        return from_jumanji(RobotWarehouse(hall, time_limit=7))


@pytest.fixture(scope="module")
def foraging():
    return from_jumanji(LevelBasedForaging(GROVE, time_limit=6))


@pytest.fixture(scope="module")
def connector():
    return from_jumanji(Connector(Grids(grid_size=4, num_agents=2), time_limit=5))


@pytest.fixture(scope="module")
def cleaner():
    return from_jumanji(Cleaner(Mazes(num_rows=5, num_cols=5, num_agents=2), time_limit=5))


# --- RobotWarehouse ------------------------------------------------------------------------------


def _facing(warehouse, **fields):
    """Robots at (4, 8) and (4, 9), the last cells of the last row, face to face."""
    grid = warehouse.reset(KEY)[1].jumanji_state.grid
    grid = grid.at[1].set(0).at[1, 4, 8].set(1).at[1, 4, 9].set(2)
    place = Position(np.array([4, 4]), np.array([8, 9]))
    agents = Robot(place, np.array([Direction.RIGHT, Direction.LEFT]), np.zeros(2))
    return _start(warehouse, grid=grid, agents=agents, **fields)


def test_robots_that_collide_terminate(warehouse):
    crash = _play(warehouse, _facing(warehouse), FORWARD, NOOP)
    assert (crash.dones, crash.end) == ([True] * 3, TERMINATED)
    calm = _play(warehouse, _facing(warehouse), NOOP, NOOP)
    assert (calm.dones, calm.end) == ([False] * 3, GOING)


def test_robots_out_of_time_are_truncated(warehouse):
    """Jumanji gives both the same discount."""
    late = _facing(warehouse, step_count=warehouse.max_steps - 1)
    calm = _play(warehouse, late, NOOP, NOOP)
    assert (calm.dones, calm.end) == ([True] * 3, TRUNCATED)
    assert _play(warehouse, late, FORWARD, NOOP).end == TERMINATED


def test_a_delivery_earns_for_all_robots(warehouse):
    """Robot 0 carries a requested shelf down to the goal left of the middle, (4, 4)."""
    state = warehouse.reset(KEY)[1].jumanji_state
    shelf = state.request_queue[0]
    rows, columns = state.shelves.position
    grid = state.grid.at[0, rows[shelf], columns[shelf]].set(0).at[0, 3, 4].set(shelf + 1)
    grid = grid.at[1].set(0).at[1, 3, 4].set(1).at[1, 0, 0].set(2)
    shelves = state.shelves._replace(
        position=Position(rows.at[shelf].set(3), columns.at[shelf].set(4))
    )
    place = Position(np.array([3, 0]), np.array([4, 0]))
    agents = Robot(place, np.array([Direction.DOWN, Direction.DOWN]), np.array([1, 0]))
    loaded = _start(warehouse, grid=grid, agents=agents, shelves=shelves)
    assert _play(warehouse, loaded, FORWARD, NOOP).rewards == [1.0, 1.0]
    assert _play(warehouse, loaded, NOOP, NOOP).rewards == [0.0, 0.0]


def test_what_a_robot_sees(warehouse):
    """Row, column, carrying, one of four directions, on a highway; then its surroundings."""
    obs = _play(warehouse, _facing(warehouse), NOOP, NOOP).obs
    np.testing.assert_allclose(obs["agent_0"][:8], [1, 8 / 9, 0, 0, 1, 0, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(obs["agent_1"][:8], [1, 1, 0, 0, 0, 0, 1, 1], rtol=1e-6)
    both = np.concatenate([obs["agent_0"], obs["agent_1"]])
    np.testing.assert_array_equal(obs["world_state"], both)


# --- LevelBasedForaging --------------------------------------------------------------------------


def _around(foraging, food_level, **fields):
    """Food at (2, 2), with agents of level 1 on its left and right."""
    state = foraging.reset(KEY)[1].jumanji_state
    food = state.food_items.replace(position=np.array([[2, 2]]), level=np.array([food_level]))
    agents = state.agents.replace(position=np.array([[2, 1], [2, 3]]), level=np.ones(2))
    return _start(foraging, food_items=food, agents=agents, **fields)


def test_the_foragers_that_load_earn(foraging):
    heavy, light = _around(foraging, 2), _around(foraging, 1)
    both = _play(foraging, heavy, LOAD, LOAD)
    assert (both.rewards, both.dones, both.end) == ([0.5, 0.5], [True] * 3, TERMINATED)
    alone = _play(foraging, heavy, LOAD, NOOP)
    assert (alone.rewards, alone.dones, alone.end) == ([0.0, 0.0], [False] * 3, GOING)
    assert _play(foraging, light, LOAD, NOOP).rewards == [1.0, 0.0]


def test_foragers_out_of_time_are_truncated(foraging):
    late = _around(foraging, 2, step_count=foraging.max_steps - 1)
    assert _play(foraging, late, NOOP, NOOP).end == TRUNCATED
    assert _play(foraging, late, LOAD, LOAD).end == TERMINATED


def test_what_a_forager_sees(foraging):
    """Food, itself, the other: row and column of 4, level of 4 (two agents of level 2)."""
    obs = _play(foraging, _around(foraging, 2), NOOP, NOOP).obs
    seen = np.array([2, 2, 2, 2, 1, 1, 2, 3, 1]) / 4
    np.testing.assert_allclose(obs["agent_0"], seen, rtol=1e-6)


def test_what_is_out_of_sight(foraging):
    state = foraging.reset(KEY)[1].jumanji_state
    agents = state.agents.replace(position=np.array([[0, 0], [4, 4]]), level=np.ones(2))
    obs = _play(foraging, _start(foraging, agents=agents), NOOP, NOOP).obs
    np.testing.assert_allclose(obs["agent_0"][6:], [-0.25, -0.25, 0], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:scatter inputs have incompatible types")
def test_what_a_forager_sees_as_grids():
    """Levels of agents, levels of food, and whether a cell is free, around the agent."""
    foraging = from_jumanji(LevelBasedForaging(GROVE, time_limit=6, grid_observation=True))
    assert foraging.observation_space("agent_0").shape == (5, 5, 3)
    seen = _play(foraging, _around(foraging, 2), NOOP, NOOP).obs["agent_0"]
    np.testing.assert_allclose(seen[2, :, 0] * 4, [0, 0, 1, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(seen[2, :, 1] * 4, [0, 0, 0, 2, 0], rtol=1e-6)
    np.testing.assert_array_equal(seen[2, :, 2], [0, 1, 0, 0, 0])


# --- Connector -----------------------------------------------------------------------------------


def _wires(connector, **fields):
    """One in row 0, one in row 3, both from column 0 to column 2, after a step of waiting."""
    grid = np.zeros((4, 4), np.int32)
    grid[0, [0, 2]] = 2, 3
    grid[3, [0, 2]] = 5, 6
    start, target = np.array([[0, 0], [3, 0]]), np.array([[0, 2], [3, 2]])
    agents = Wire(id=np.arange(2), start=start, target=target, position=start)
    mask = np.zeros((2, 5), bool)  # jumanji's step computes the next
    state = _start(connector, grid=grid, agents=agents, action_mask=mask, **fields)
    return _play(connector, state, NOOP, NOOP).state


def test_a_wire_that_connects_is_done_before_the_end(connector):
    halfway = _play(connector, _wires(connector), EAST, EAST)
    assert (halfway.rewards, halfway.dones) == ([-0.03, -0.03], [False] * 3)
    first = _play(connector, halfway.state, EAST, NOOP)
    assert (first.rewards, first.dones, first.end) == (
        [0.97, -0.03],
        [True, False, False],
        GOING,
    )
    second = _play(connector, first.state, NOOP, EAST)
    assert (second.rewards, second.dones, second.end) == ([0.0, 0.97], [True] * 3, TERMINATED)


def test_wires_out_of_time_are_truncated(connector):
    """Though a wire is connected, and jumanji discounts its future by 0."""
    late = _wires(connector, step_count=connector.max_steps - 3)
    halfway = _play(connector, late, EAST, NOOP)
    last = _play(connector, halfway.state, EAST, NOOP)
    assert (last.rewards, last.dones, last.end) == ([0.97, -0.03], [True] * 3, TRUNCATED)


def test_what_a_wire_sees(connector):
    obs = _play(connector, _wires(connector), EAST, NOOP).obs
    first, second = obs["agent_0"], obs["agent_1"]
    for seen, heads in ((first, [[0, 1], [3, 0]]), (second, [[3, 0], [0, 1]])):
        targets = [[row, 2] for row, _ in heads]
        planes = [heads[0], targets[0], heads[1], targets[1], [0, 0]]
        assert [np.argwhere(seen[..., i]).tolist() for i in range(5)] == [[x] for x in planes]
    world = obs["world_state"].reshape(4, 4, 3)
    np.testing.assert_array_equal(world[0, :, :], [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0] * 3])
    np.testing.assert_array_equal(world[3, :, :], [[0, 1, 0], [0] * 3, [0, 0, 1], [0] * 3])
    assert not world[1:3].any()


# --- Cleaner -------------------------------------------------------------------------------------


def _corridor(cleaner, row, columns, **fields):
    """Agents in these columns of row 0, whose tiles are dirty 0, clean 1, wall 2."""
    grid = np.full((5, 5), 2)
    grid[0] = row
    mask = np.zeros((2, 4), bool)
    mask[:, SWEEP] = True
    places = np.stack([np.zeros(2), columns], axis=-1)
    return _start(cleaner, grid=grid, agents_locations=places, action_mask=mask, **fields)


def test_a_clean_tile_earns_for_all_cleaners(cleaner):
    moved = _play(cleaner, _corridor(cleaner, [1, 0, 0, 2, 2], [0, 0]), SWEEP, SWEEP)
    assert (moved.rewards, moved.dones, moved.end) == ([0.5, 0.5], [False] * 3, GOING)
    moved = _play(cleaner, moved.state, SWEEP, SWEEP)
    assert (moved.rewards, moved.dones, moved.end) == ([0.5, 0.5], [True] * 3, TERMINATED)


def test_a_cleaner_at_a_wall_terminates(cleaner):
    start = _corridor(cleaner, [1, 0, 0, 2, 2], [0, 0])
    assert _play(cleaner, start, SWEEP_DOWN, SWEEP).end == TERMINATED


def test_cleaners_out_of_time_are_truncated(cleaner):
    """Jumanji has one discount for all three ends."""
    late = {"step_count": cleaner.max_steps - 1}
    start = _corridor(cleaner, [1, 0, 0, 2, 2], [0, 0], **late)
    assert _play(cleaner, start, SWEEP, SWEEP).end == TRUNCATED
    assert _play(cleaner, start, SWEEP_DOWN, SWEEP).end == TERMINATED
    nearly = _corridor(cleaner, [1, 0, 2, 2, 2], [0, 0], **late)
    assert _play(cleaner, nearly, SWEEP, SWEEP).end == TERMINATED


def test_what_a_cleaner_sees(cleaner):
    start = _corridor(cleaner, [1, 1, 0, 0, 2], [1, 0])
    obs = _play(cleaner, start, SWEEP, SWEEP).obs
    tiles = [[0, 0, 0, 1, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    places = [[0, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    np.testing.assert_array_equal(obs["agent_0"][0].T, tiles + places)
    np.testing.assert_array_equal(obs["agent_1"][0].T, tiles + places[::-1])
    np.testing.assert_array_equal(obs["agent_1"][1:, :, :2], 0)
    world = obs["world_state"].reshape(5, 5, 4)
    np.testing.assert_array_equal(world[0].T, [*tiles, [0, 0.5, 0.5, 0, 0]])
