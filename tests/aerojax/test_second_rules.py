"""The environment against a second version of its rules, which knows the page and not the code."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax import LogUniform, Normal, Variation
from tests.aerojax import second_rules as second

GAMES, STEPS = 6, 16

VARIATION = Variation(
    mass=(0.8, 1.25),
    cd0=(0.8, 1.2),
    cl_max=(0.9, 1.1),
    thrust=LogUniform(0.7, 1.4),
    max_load=(0.8, 1.0),
    hit_points=(0.2, 1.0),
    radar_range=(0.3, 1.2),
    gun_range=(0.6, 1.4),
    gun_rate=(0.5, 3.0),
    radius=(6500.0, 9000.0),
    ceiling=Normal(10_000.0, 2000.0, 8000.0, 12_000.0),
    collision_range=(15.0, 60.0),
    close_range=(800.0, 2000.0),
    radar_angle=(30.0, 90.0),
    gun_angle=(20.0, 40.0),
    link_range=(1000.0, 6000.0),
    wind=(5.0, 25.0),
    gusts=(1.0, 5.0),
    noise=100.0,
    num_allies=(2, 3),
)

KINDS = [
    (scenario, control, variation)
    for scenario in aerojax.BENCHMARK
    for control in ("guided", "direct")
    for variation in (None, VARIATION)
]
QUICK = [KINDS[4 * i + (0, 3, 2, 1)[i % 4]] for i in range(7)]  # each scenario once


def _played(env):
    """GAMES games of STEPS steps, from where the teams meet: states, commands and what was paid."""

    def game(key):
        _, state = env.reset(key)
        motion = state.motion
        near = replace(motion, x=0.4 * motion.x, y=0.4 * motion.y, z=2500.0 + 0.3 * motion.z)
        # The objective starts from there, too.
        state = env.make_state(key, motion=near, **_world(state))
        sticks = jax.random.uniform(key, (STEPS, len(env.agents), 3), minval=-1.0)
        sticks = jnp.repeat(sticks[::4], 4, axis=0)  # held for two seconds

        def step(state, drawn):
            key, stick = drawn
            actions = dict(zip(env.agents, stick, strict=True))
            _, after, rewards, _, info = env.step_env(key, state, actions)
            first = {name: values[0] for name, values in info.items()}
            return after, (state, after, stick, rewards["ally_0"], first)

        return jax.lax.scan(step, state, (jax.random.split(key, STEPS), sticks))[1]

    keys = jax.random.split(jax.random.key(3), GAMES)
    played = jax.tree.map(_wide, jax.jit(jax.vmap(game))(keys))
    at = [(game, step) for game in range(GAMES) for step in range(STEPS)]
    moments = [jax.tree.map(lambda leaf, at=at: leaf[at], played) for at in at]
    return [moment for moment in moments if not moment[0].done]


def _world(state):
    return {} if state.world is None else {"world": state.world}


def _wide(leaf):
    leaf = np.asarray(leaf)
    return leaf.astype(np.float64) if leaf.dtype == np.float32 else leaf


@pytest.mark.parametrize(
    ("scenario", "control", "variation"),
    [
        pytest.param(
            *kind,
            id=f"{kind[0]}-{kind[1]}-{'varied' if kind[2] else 'fixed'}",
            marks=[] if kind in QUICK else [pytest.mark.slow],
        )
        for kind in KINDS
    ],
)
def test_every_step_is_that_of_the_second_rules(scenario, control, variation):
    env = aerojax.make(scenario, control=control, actions="continuous", variation=variation)
    if env.config.num_enemies:
        env = aerojax.make(env.config, opponents="selfplay")
    config, happened = env.config, set()
    slots = [env.slot_names.index(agent) for agent in env.agents]
    a = np.arange(config.num_aircraft) < config.team_a.own.stop
    for before, after, sticks, reward, info in _played(env):
        f = second.figures(config, before.world)
        commands = np.zeros((3, config.num_aircraft))
        commands[:, slots] = sticks.T
        _check_flight(
            second.fly(f, before.motion, commands, control, _gusts(before, after)),
            before,
            after,
            slots,
        )

        crash = second.crashed(f, before, after)
        flying = before.alive & ~crash
        detected = second.detections(f, after, flying, a)
        damage, target = np.zeros(len(a)), np.full(len(a), -1)
        if config.objective.guns:
            damage, target = second.shots(f, after.motion, detected)
        damage = np.minimum(damage, before.hp)
        terms, win, lose, over, alive = second.judge(config, f, before, after, damage, crash)

        np.testing.assert_array_equal(after.alive, alive)
        np.testing.assert_array_equal(after.target, target)
        seen = detected & alive[:, None] & alive
        np.testing.assert_array_equal(after.seen_a, seen[a][:, ~a])
        np.testing.assert_array_equal(after.seen_b, seen[~a][:, a])
        linked = second.links(f, after.motion)
        np.testing.assert_array_equal(after.linked_a, linked[a][:, a])
        np.testing.assert_array_equal(after.linked_b, linked[~a][:, ~a])
        np.testing.assert_allclose(after.hurt, damage, atol=1e-6)
        for name, value in terms.items():
            np.testing.assert_allclose(info[name], value, atol=1e-6, err_msg=name)
        total = sum(getattr(config.objective, name) * value for name, value in terms.items())
        np.testing.assert_allclose(reward, total, atol=1e-6)
        assert (info["win"], info["lose"], info["terminated"]) == (win, lose, over)
        happened |= {"hit"} if damage.any() else set()
        happened |= {"crash"} if crash.any() else set()
        happened |= {"seen"} if seen.any() else set()
        happened |= {"over"} if over else set()
    if config.num_enemies:
        assert "seen" in happened
    if config.objective.guns:
        assert "hit" in happened


def _gusts(before, after):
    if before.world is None:
        return None
    old, new = before.world.wind, after.world.wind
    return [
        np.array([old.x, old.y]),
        np.array([old.gust_x, old.gust_y]),
        np.array([new.gust_x, new.gust_y]),
    ]


def _check_flight(flown, before, after, slots):
    """Of the agents: the page does not say how an escorted asset steers."""
    moved = np.array([slot for slot in slots if before.alive[slot]])
    m = after.motion
    place = np.stack([m.x, m.y, m.z]) - flown.p
    np.testing.assert_allclose(place[:, moved], 0.0, atol=1e-3)
    velocity = np.stack([m.vx, m.vy, m.vz]) - flown.v
    np.testing.assert_allclose(velocity[:, moved], 0.0, atol=1e-3)
    up = np.stack([m.up_x, m.up_y, m.up_z]) - flown.u
    np.testing.assert_allclose(up[:, moved], 0.0, atol=1e-5)
    loads = np.stack([m.ny - flown.ny, m.nz - flown.nz, m.throttle - flown.th])
    np.testing.assert_allclose(loads[:, moved], 0.0, atol=1e-3)
    for now, then in zip(jax.tree.leaves(m), jax.tree.leaves(before.motion), strict=True):
        np.testing.assert_array_equal(now[~before.alive], then[~before.alive])
