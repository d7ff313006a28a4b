"""What must not matter: where north is, which team is A, and who has which slot."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.base import Points
from aerojax.objectives.escort import Escort
from aerojax.objectives.pursuit import Pursuit
from aerojax.objectives.waypoint import Waypoint

STEPS = 40
FIGHTERS = ("fighter",) * 2
ANGLES = np.radians([0.0, 37.0, 90.0, 200.0])


def _make(objective, obstacles=0):
    return aerojax.make(
        aerojax.Config(
            FIGHTERS,
            FIGHTERS,
            objective,
            opponents="selfplay",
            actions="continuous",
            obstacles=obstacles,
        )
    )


def _episodes(env, states, actions):
    """A batch of episodes; actions (STEPS, batch, agents, 3)."""

    @jax.jit
    def play(states, actions):
        def step(states, action):
            named = {agent: action[:, i] for i, agent in enumerate(env.agents)}
            keys = jax.random.split(jax.random.key(0), len(action))
            obs, states, rewards, dones, info = jax.vmap(env.step_env)(keys, states, named)
            return states, (obs, rewards, dones, info, states)

        return jax.lax.scan(step, states, actions)[1]

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *states)
    return jax.tree.map(np.asarray, play(stacked, jnp.asarray(actions, jnp.float32)))


def _rotated(state, angle):
    cos, sin = jnp.float32(np.cos(angle)), jnp.float32(np.sin(angle))

    def turn(of, x, y):
        a, b = getattr(of, x), getattr(of, y)
        changes = {x: cos * a - sin * b, y: sin * a + cos * b}
        return (
            of._replace(**changes)
            if hasattr(of, "_replace")
            else dataclasses.replace(of, **changes)
        )

    task = turn(state.task, "x", "y") if hasattr(state.task, "x") else state.task
    return dataclasses.replace(
        state,
        motion=turn(turn(state.motion, "x", "y"), "vx", "vy"),
        obstacles=turn(state.obstacles, "x", "y"),
        task=task,
    )


def _swapped(state, order, swap_teams):
    """The state with its slots in another order, and the teams changed or not."""
    slots = lambda x: x[jnp.array(order)]  # noqa: E731
    one = {name: slots(getattr(state, name)) for name in ("hp", "alive", "hurt", "target", "turn")}
    seen = {"seen_a": state.seen_a, "seen_b": state.seen_b}
    task = state.task
    if swap_teams:
        seen = {"seen_a": state.seen_b, "seen_b": state.seen_a}
        task = dataclasses.replace(task, advantage_a=task.advantage_b, advantage_b=task.advantage_a)
    else:
        seen = {"seen_a": state.seen_a[::-1], "seen_b": state.seen_b[:, ::-1]}
    return dataclasses.replace(
        state, motion=jax.tree.map(slots, state.motion), task=task, **one, **seen
    )


def _actions(env, batch):
    """Everyone turns and climbs as it likes, the same in every episode of the batch."""
    rng = np.random.default_rng(1)
    drawn = rng.uniform(-1, 1, (STEPS // 8, 1, env.num_agents, 3)) * [1.0, 0.4, 1.0]
    return np.repeat(np.repeat(drawn, 8, axis=0), batch, axis=1)


def _same(left, right, tolerance=2e-3):
    np.testing.assert_allclose(left, right, atol=tolerance)


# Close enough for shots to fall, far enough from the obstacle for everyone to live.
FIGHT = [
    (0, 0, 3000, 0, 220),
    (0, 600, 3100, 10, 220),
    (1600, 200, 3000, 100, 180),
    (1900, -300, 2900, -120, 180),
]


@pytest.fixture(scope="module")
def fight(state_of, obstacles_of):
    """Episodes of one fight: turned, then with teams changed, then with slots changed."""
    env = _make(aerojax.Combat(), obstacles=1)
    state = state_of(env, FIGHT, obstacles=obstacles_of((3000, 2000, 500, 3300)))
    teams, slots = [2, 3, 0, 1], [1, 0, 2, 3]
    states = [_rotated(state, angle) for angle in ANGLES]
    states += [_swapped(state, teams, True), _swapped(state, slots, False)]
    actions = _actions(env, len(states))
    actions[:, 4], actions[:, 5] = actions[:, 4][:, teams], actions[:, 5][:, slots]
    return env, _episodes(env, states, actions)


def test_something_happens_in_the_fight(fight):
    _, (_, rewards, _, info, states) = fight
    assert info["damage_dealt"].sum() > 0.2
    assert (states.target >= 0).any()
    assert states.seen_a.any()
    assert not states.seen_a.all()
    assert np.ptp(rewards["ally_0"][:, 0]) > 0.1


def test_turning_the_arena_changes_nothing(fight):
    env, (obs, rewards, dones, info, states) = fight
    for i in range(1, len(ANGLES)):
        for agent in env.agents:
            _same(obs[agent][:, i], obs[agent][:, 0])
            _same(rewards[agent][:, i], rewards[agent][:, 0])
            np.testing.assert_array_equal(dones[agent][:, i], dones[agent][:, 0])
        for name, term in info.items():
            _same(term[:, i].astype(float), term[:, 0].astype(float)), name
        for name in ("alive", "seen_a", "seen_b", "target"):
            field = getattr(states, name)
            np.testing.assert_array_equal(field[:, i], field[:, 0])


def test_changing_the_teams_changes_the_outcomes(fight):
    env, (obs, rewards, dones, info, states) = fight
    others = dict(zip(env.agents, ["enemy_0", "enemy_1", "ally_0", "ally_1"], strict=True))
    for agent, other in others.items():
        _same(obs[agent][:, 4], obs[other][:, 0])
        _same(rewards[agent][:, 4], rewards[other][:, 0])
        np.testing.assert_array_equal(dones[agent][:, 4], dones[other][:, 0])
    for term in info.values():
        _same(term[:, 4][:, [2, 3, 0, 1]].astype(float), term[:, 0].astype(float))
    _same(states.hp[:, 4][:, [2, 3, 0, 1]], states.hp[:, 0])


def test_agents_change_places_with_their_slots(fight):
    env, (obs, rewards, _, _, states) = fight
    slots = [1, 0, 2, 3]
    _same(states.hp[:, 5][:, slots], states.hp[:, 0])
    # Enemies have their own team first, so that the allies are the third and the fourth.
    as_seen = [slots, slots, [0, 1, 3, 2], [0, 1, 3, 2]]
    before = ["ally_1", "ally_0", "enemy_0", "enemy_1"]
    for agent, other, seen in zip(env.agents, before, as_seen, strict=True):
        own, others, obstacle = np.split(obs[agent][:, 5], [16, 64], axis=1)
        others = others.reshape(STEPS, 12, 4)[:, :, seen].reshape(STEPS, 48)
        _same(np.concatenate([own, others, obstacle], axis=1), obs[other][:, 0])
        _same(rewards[agent][:, 5], rewards[other][:, 0])


POINTS = Points(*jnp.float32([[1500, -3000, 0], [0, 0, 4000], [3000, 3000, 3000]]))


@pytest.mark.parametrize("objective", [Waypoint(hits=0.0), Pursuit(), Escort()], ids=repr)
def test_turning_the_arena_changes_no_task(objective, state_of):
    """Waypoints that were reached reappear at random, so only the first is reached, at the end."""
    env = _make(objective)
    aircraft = [*FIGHT]
    if objective.convoy:
        aircraft.insert(2, (-4000, 0, 3000, 5, 150))
    state = state_of(env, aircraft)
    if isinstance(objective, Waypoint):
        far = Points(*(axis + 0 for axis in POINTS))._replace(x=POINTS.x + 2500)
        state = dataclasses.replace(state, task=far)
    if objective.convoy:
        task = dataclasses.replace(state.task, x=jnp.float32(6000))
        state = dataclasses.replace(state, task=task)
    states = [_rotated(state, angle) for angle in ANGLES[:2]]
    obs, rewards, dones, info, after = _episodes(env, states, _actions(env, 2))
    for agent in env.agents:
        _same(obs[agent][:, 1], obs[agent][:, 0])
        _same(rewards[agent][:, 1], rewards[agent][:, 0])
        np.testing.assert_array_equal(dones[agent][:, 1], dones[agent][:, 0])
    for term in info.values():
        _same(term[:, 1].astype(float), term[:, 0].astype(float))
    np.testing.assert_array_equal(after.alive[:, 1], after.alive[:, 0])
