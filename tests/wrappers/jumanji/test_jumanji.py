"""Jumanji's environments: told in JaxMARL's terms, and otherwise what they were."""

import ast
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jumanji.environments.routing.cleaner.env import Cleaner
from jumanji.environments.routing.cleaner.generator import RandomGenerator as Mazes
from jumanji.environments.routing.connector.env import Connector
from jumanji.environments.routing.connector.generator import UniformRandomGenerator as Grids
from jumanji.environments.routing.lbf.env import LevelBasedForaging
from jumanji.environments.routing.lbf.generator import RandomGenerator as Groves
from jumanji.environments.routing.robot_warehouse.env import RobotWarehouse
from jumanji.environments.routing.robot_warehouse.generator import RandomGenerator as Halls
from jumanji.environments.routing.snake.env import Snake
from jumanji.wrappers import AutoResetWrapper, VmapWrapper

import wrappers
from wrappers import AgentId, AutoReset, PooledAutoReset, find_problems, from_jumanji

KEY = jax.random.key(0)
STEPS = 8  # of an episode, one more than any of the time limits below
EPISODES = 6
KEYS = jax.random.split(jax.random.PRNGKey(1), EPISODES)


def _warehouse():
    """5 rows of 10; its generator mixes dtypes."""
    with jax.numpy_dtype_promotion("standard"):
        hall = Halls(1, 3, 2, num_agents=2, sensor_range=1, request_queue_size=2)
        return RobotWarehouse(hall, time_limit=7)


def _foraging(time_limit=6, **options):
    grove = Groves(grid_size=5, num_agents=2, num_food=1, fov=2, force_coop=True)
    return LevelBasedForaging(grove, time_limit=time_limit, **options)


def _connector(time_limit=5):
    return Connector(Grids(grid_size=4, num_agents=2), time_limit=time_limit)


def _cleaner(time_limit=5):
    return Cleaner(Mazes(num_rows=5, num_cols=5, num_agents=2), time_limit=time_limit)


MAKERS = {
    "RobotWarehouse": _warehouse,
    "LevelBasedForaging": _foraging,
    "Connector": _connector,
    "Cleaner": _cleaner,
}


def _make(name):
    return MAKERS[name]()


@pytest.fixture(scope="module", params=MAKERS)
def env(request):
    return from_jumanji(_make(request.param))


def _stacked(rows):
    return jax.tree.map(lambda *x: np.stack(x), *rows)


@pytest.fixture(scope="module")
def episodes(env):
    """Random legal actions from raw keys, without a reset: leaves (EPISODES, STEPS, ...)."""
    rng = np.random.default_rng(0)

    def play(key):
        obs, state = env.reset(key)
        steps = []
        for _ in range(STEPS):
            mask = env.get_avail_actions(state)
            actions = {a: np.int32(rng.choice(np.flatnonzero(mask[a]))) for a in env.agents}
            before = {"mask": mask, "before": state, "seen": obs, "actions": actions}
            obs, state, rewards, dones, info = env.step_env(KEY, state, actions)
            after = {"obs": obs, "state": state, "rewards": rewards, "dones": dones, "info": info}
            steps.append(before | after)
        return _stacked(steps)

    return SimpleNamespace(**_stacked([play(key) for key in KEYS]))


def _shapes(tree):
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]


def _by_agent(of_agents, env):
    return np.stack([of_agents[agent] for agent in env.agents], axis=2)


@pytest.mark.loose_promotion
def test_it_plays_as_jumanji_does(env, episodes):
    """The same states, rewards, masks and ends, step by step."""
    reset, step = jax.jit(env.jumanji_env.reset), jax.jit(env.jumanji_env.step)

    def replay(key, actions):
        state, timestep = reset(key)
        steps = []
        for chosen in actions:
            before = state, timestep.observation
            state, timestep = step(state, jnp.asarray(chosen))
            steps.append((before, state, timestep))
        return _stacked(steps)

    actions = _by_agent(episodes.actions, env)
    before, after, timestep = _stacked([replay(*x) for x in zip(KEYS, actions, strict=True)])
    ours = (episodes.before.jumanji_state, episodes.before.observation)
    jax.tree.map(np.testing.assert_array_equal, ours, before)
    ours = (episodes.state.jumanji_state, episodes.state.observation)
    jax.tree.map(np.testing.assert_array_equal, ours, (after, timestep.observation))
    np.testing.assert_array_equal(_by_agent(episodes.mask, env), before[1].action_mask)
    # One for all in RobotWarehouse and Cleaner.
    reward, discount = (
        np.broadcast_to(x.reshape(EPISODES, STEPS, -1), (EPISODES, STEPS, 2))
        for x in (timestep.reward, timestep.discount)
    )
    np.testing.assert_array_equal(_by_agent(episodes.rewards, env), reward)
    last = timestep.last()
    np.testing.assert_array_equal(episodes.dones["__all__"], last)
    done = np.asarray(last)[..., None] | (discount == 0)
    np.testing.assert_array_equal(_by_agent(episodes.dones, env), done)
    for name, metric in timestep.extras.items():
        np.testing.assert_array_equal(episodes.info[name], np.stack([metric] * 2, axis=-1))


def test_an_end_is_one_or_the_other(env, episodes):
    terminated, truncated = episodes.info["terminated"], episodes.info["truncated"]
    assert terminated.shape == truncated.shape == (EPISODES, STEPS, 2)
    last = episodes.dones["__all__"]
    np.testing.assert_array_equal(terminated[..., 0] ^ truncated[..., 0], last)
    np.testing.assert_array_equal(terminated & truncated, False)
    assert truncated[:, env.max_steps - 1].any()
    assert not truncated[:, : env.max_steps - 1].any()
    np.testing.assert_array_equal(episodes.state.done, last)
    np.testing.assert_array_equal(
        episodes.state.step, np.tile(np.arange(1, STEPS + 1), (EPISODES, 1))
    )


def test_spaces_hold_what_is_seen(env, episodes):
    for agent in env.agents:
        space = env.observation_space(agent)
        for obs in (episodes.seen[agent], episodes.obs[agent]):
            assert obs.dtype == space.dtype == jnp.float32
            assert obs.shape[-len(space.shape) :] == space.shape
            assert np.all(obs >= space.low)
            assert np.all(obs <= space.high)
        assert episodes.mask[agent].shape[-1] == env.action_space(agent).n
        assert episodes.mask[agent].dtype == jnp.bool_
    assert episodes.obs["world_state"].shape[-1:] == (env.world_state_size(),)


def test_nothing_is_wider_than_32_bits_or_weakly_typed(env):
    actions = {agent: jnp.int32(0) for agent in env.agents}
    started = jax.eval_shape(env.reset, KEY)
    transition = jax.eval_shape(env.step_env, KEY, started[1], actions)
    for leaf in jax.tree.leaves((started, transition)):
        assert leaf.dtype.itemsize <= 4
        assert not leaf.weak_type
    assert _shapes(transition[:2]) == _shapes(started)


@pytest.mark.parametrize(
    "name",
    [
        "Connector",
        *(
            pytest.param(name, marks=pytest.mark.slow)  # seconds each
            for name in ("RobotWarehouse", "LevelBasedForaging", "Cleaner")
        ),
    ],
)
def test_the_contract_is_kept(name):
    assert find_problems(from_jumanji(_make(name))) == []


def test_it_is_described(env):
    assert env.name == type(env.jumanji_env).__name__
    assert env.agents == ["agent_0", "agent_1"]
    assert env.agent_classes == {"agent": env.agents}
    assert env.teams == {"team": env.agents}
    assert env.max_steps == env.jumanji_env.time_limit


# --- With our wrappers -------------------------------------------------------------------------


def test_agent_ids_go_with_vectors(env):
    shape = env.observation_space("agent_0").shape
    if len(shape) == 1:
        assert AgentId(env).observation_space("agent_0").shape == (shape[0] + 2,)
    else:
        with pytest.raises(TypeError, match="AgentId extends floating-point vectors"):
            AgentId(env)


def test_both_resets_give_what_a_start_gives(env):
    """That of JaxMARL's `step`, and that of `AutoReset` in a batch."""
    started = jax.eval_shape(env.reset, KEY)
    one = {agent: jnp.int32(0) for agent in env.agents}
    assert _shapes(jax.eval_shape(env.step, KEY, started[1], one)[:2]) == _shapes(started)
    keys, all_ = jax.random.split(KEY, 4), {agent: jnp.zeros(4, jnp.int32) for agent in env.agents}
    started = jax.eval_shape(jax.vmap(env.reset), keys)
    stepped = jax.eval_shape(jax.vmap(AutoReset(env).step), keys, started[1], all_)
    assert _shapes(stepped[:2]) == _shapes(started)
    assert _shapes(stepped[4]["final_observation"]) == _shapes(started[0])


def test_a_pool_of_resets():
    env = from_jumanji(_make("Connector"))
    pooled = PooledAutoReset(env, num_envs=4, pool_size=2)
    _, state = pooled.reset(KEY)
    wait = {agent: jnp.zeros(4, jnp.int32) for agent in env.agents}
    for step in range(env.max_steps):
        np.testing.assert_array_equal(state.env_state.step, [step] * 4)
        _, state, _, dones, info = pooled.step(KEY, state, wait)
    assert dones["__all__"].all()
    assert info["truncated"].all()
    np.testing.assert_array_equal(state.env_state.step, [0] * 4)


# --- Equality, keys, settings ------------------------------------------------------------------


def test_an_equal_environment_compiles_nothing_again(env):
    actions = {agent: jnp.int32(0) for agent in env.agents}
    env.step_env(KEY, env.reset(KEY)[1], actions)
    compiled = type(env)._step_env._cache_size()
    for again in (from_jumanji(_make(env.name)), pickle.loads(pickle.dumps(env))):
        assert again == env
        assert hash(again) == hash(env)
        again.step_env(KEY, again.reset(KEY)[1], actions)
    assert type(env)._step_env._cache_size() == compiled


def test_what_tells_environments_apart():
    envs = [
        _foraging(),
        _foraging(time_limit=7),
        _foraging(penalty=0.5),
        _foraging(normalize_reward=False),
        _connector(),
        Connector(Grids(grid_size=5, num_agents=2), time_limit=5),
        Connector(Grids(grid_size=4, num_agents=3), time_limit=5),
    ]
    assert len({from_jumanji(env) for env in [*envs, _foraging(), _connector()]}) == len(envs)


def test_functions_count_by_identity():
    def generator_of(draw):
        generator = Grids(grid_size=4, num_agents=2)
        generator.draw = draw
        return from_jumanji(Connector(generator))

    draws = [lambda: 0, lambda: 0]
    assert generator_of(draws[0]) == generator_of(draws[0])
    assert generator_of(draws[0]) != generator_of(draws[1])


def test_typed_and_raw_keys_start_the_same_episode(env):
    typed, raw = env.reset(jax.random.key(3)), env.reset(jax.random.PRNGKey(3))
    jax.tree.map(np.testing.assert_array_equal, typed, raw)


@pytest.mark.parametrize("name", ["Connector", "RobotWarehouse"])
def test_with_64_bits_nothing_changes(name, x64):
    """Jumanji's Connector does not run with them; RobotWarehouse makes 64-bit constants."""
    env = from_jumanji(_make(name))
    started = jax.eval_shape(env.reset, KEY)
    actions = {agent: jnp.int64(0) for agent in env.agents}
    transition = jax.eval_shape(env.step_env, KEY, started[1], actions)
    assert _shapes(transition[:2]) == _shapes(started)
    assert max(leaf.dtype.itemsize for leaf in jax.tree.leaves(transition)) == 4


def test_nans_on_the_way_are_not_errors():
    """Jumanji's LevelBasedForaging divides 0 by 0 and mends it."""
    env = from_jumanji(_make("LevelBasedForaging"))
    state = env.reset(KEY)[1]
    with jax.debug_nans(True):
        env.step_env(KEY, state, {agent: jnp.int32(0) for agent in env.agents})


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actions", "error", "text"),
    [
        ({"agent_0": 0}, ValueError, "got actions for agent_0; its agents are agent_0, agent_1"),
        ({"agent_0": 0, "agent_1": 0, "agent_2": 0}, ValueError, "agent_2; its agents are"),
        ({"agent_0": 0, "agent_1": 0.5}, TypeError, "agent_1 is of float32; valid: an integer"),
        ({"agent_0": 0, "agent_1": np.array([0, 0])}, ValueError, r"agent_1 has shape \(2,\)"),
        ([0, 0], TypeError, "actions map agents to integers, not list"),
    ],
)
def test_bad_actions(env, actions, error, text):
    state = jax.eval_shape(env.reset, KEY)[1]
    with pytest.raises(error, match=text):
        env.step_env(KEY, state, actions)


@pytest.mark.loose_promotion
@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (Snake, TypeError, "takes jumanji's RobotWarehouse, .*Cleaner, not Snake"),
        (object, TypeError, "not object"),
        (lambda: VmapWrapper(_connector()), ValueError, "not one in VmapWrapper"),
        (lambda: AutoResetWrapper(_connector()), ValueError, "not one in AutoResetWrapper"),
        (lambda: Cleaner(Mazes(3, 5, 2)), ValueError, "3 rows and 5 columns; valid: as many"),
    ],
)
def test_what_it_refuses(make, error, text):
    with pytest.raises(error, match=text):
        from_jumanji(make())


def test_without_jumanji_the_error_names_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "wrappers.jumanji.views", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "jumanji"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install \"paxmen-aerojax\[suite\]\""):
        from_jumanji(object())


def test_jumanji_is_imported_by_one_file_and_that_on_demand():
    importers = set()
    for file in Path(wrappers.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(tree := ast.parse(file.read_text())))
        if any(_imports(node, "jumanji") for node in nodes):
            importers.add(file.name)
        assert not any(_imports(node, "wrappers.jumanji.views") for node in tree.body), file
    assert importers == {"views.py"}


def _imports(node, package):
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module] if isinstance(node, ast.ImportFrom) else []
    return any(f"{name}.".startswith(f"{package}.") for name in names)
