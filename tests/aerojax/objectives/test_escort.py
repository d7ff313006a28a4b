"""Escort: arrival, loss and their rewards, by hand; and whom attackers prefer."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

import aerojax
from aerojax.objectives.escort import Escort, EscortTask
from aerojax.pilots.scripts import SCRIPTS

WEIGHTS = Escort(
    damage_dealt=1.0,
    damage_taken=-0.5,
    kills=1.0,
    losses=-0.5,
    crashes=-0.2,
    asset_damage=-1.0,
    arrival=2.0,
    asset_lost=-2.0,
    shaping=0.0,
)
TASK = EscortTask(*map(jnp.float32, (5000, 0, 0, 0)))


@pytest.fixture(scope="module")
def env():
    return aerojax.make(
        aerojax.Config(
            ("fighter",), ("fighter",), WEIGHTS, opponents="selfplay", actions="continuous"
        )
    )


@pytest.fixture(scope="module")
def state_at(env, state_of):
    """The escort, the asset at some x of its way, and an attacker."""

    def build(x, **fields):
        aircraft = [(0, 0, 3000, 0, 200), (x, 0, 3000, 0, 150), (0, 5000, 3000, 0, 200)]
        return state_of(env, aircraft, task=TASK, **fields)

    return build


def test_the_asset_is_flown_by_a_script(env):
    assert env.agents == ["ally_0", "enemy_0"]
    assert env.slot_names == ["ally_0", "asset", "enemy_0"]
    assert env.slot_classes[1] == "asset"


def test_nothing_happens_on_the_way(env, state_at, judge):
    verdict, a, b = judge(env, state_at(0), state_at(4399))
    assert not (verdict.over | verdict.win_a | verdict.win_b)
    assert (float(a), float(b)) == (0, 0)


def test_arrival_within_600_m(env, state_at, judge):
    verdict, a, b = judge(env, state_at(4000), state_at(4401))
    assert bool(verdict.win_a & verdict.over & ~verdict.win_b)
    assert (float(a), float(b)) == (2, -2)


def test_the_asset_is_lost(env, state_at, judge):
    """It loses 1.25 of its 2.5 hit points in the end; the combat terms count the escorts alone."""
    end = dataclasses.replace(state_at(0), alive=jnp.array([1, 0, 1], bool))
    verdict, a, b = judge(env, state_at(0), end, damage=[0, 1.25, 0])
    assert bool(verdict.win_b & verdict.over & ~verdict.win_a)
    assert float(a) == pytest.approx(-2 - 0.5)
    assert float(b) == pytest.approx(2 + 0.5)


def test_no_attacker_left_is_an_arrival(env, state_at, judge):
    end = dataclasses.replace(state_at(0), alive=jnp.array([1, 1, 0], bool))
    verdict, a, _ = judge(env, state_at(0), end, damage=[0.2, 0, 0.6])
    assert bool(verdict.win_a & verdict.over)
    assert float(a) == pytest.approx(2 + 0.6 - 0.5 * 0.2 + 1)


def test_escorts_may_all_be_lost(env, state_at, judge):
    end = dataclasses.replace(state_at(0), alive=jnp.array([0, 1, 1], bool))
    verdict, a, b = judge(env, state_at(0), end)
    assert not verdict.over
    assert (float(a), float(b)) == (-0.5, 1)


@pytest.mark.parametrize("known", [True, False])
def test_attackers_go_for_the_asset(env, state_of, known):
    """The escort is 500 m to the right, the asset far to the left: they fly there if they know."""
    aircraft = [(0, -500, 3000, 0, 200), (0, 7000, 3000, 0, 150), (0, 0, 3000, 0, 200)]
    state = state_of(env, aircraft, task=TASK, seen_b=[[True, known]])
    config = env.config

    @jax.jit
    def command(state):
        return SCRIPTS["pursuit"](config, config.fleet, state, config.team_b)

    assert (float(command(state).lateral[0]) < 0) == known


def test_the_asset_crosses_the_arena(env, still):
    """10 km at 150 m/s, while nobody is in the way."""
    _, state = env.reset(jax.random.key(0))
    asset = jax.tree.map(lambda x: float(x[1]), state.motion)
    task = state.task
    away = (asset.x - float(task.x)) ** 2 + (asset.y - float(task.y)) ** 2
    assert away**0.5 == pytest.approx(10_000, rel=1e-4)
    assert (asset.vx**2 + asset.vy**2) ** 0.5 == pytest.approx(150, rel=1e-5)

    actions = still(env) | {"enemy_0": jnp.array([0.3, 0.0, 0.0])}

    @jax.jit
    def fly(state):
        def step(state, _):
            _, state, _, _, info = env.step_env(jax.random.key(0), state, actions)
            return state, (info["win"][0], state.motion.z[1])

        return jax.lax.scan(step, state, length=140)

    # The escort is dead, and the attacker circles far above.
    motion = dataclasses.replace(state.motion, z=state.motion.z.at[2].set(8000.0))
    alive = jnp.array([False, True, True])
    _, (won, z) = fly(dataclasses.replace(state, alive=alive, motion=motion))
    first = int(jnp.argmax(won))
    assert won.any()
    assert first * 0.5 == pytest.approx((10_000 - 600) / 150, abs=3)
    assert float(jnp.max(jnp.abs(z[:first] - 3000))) < 250
