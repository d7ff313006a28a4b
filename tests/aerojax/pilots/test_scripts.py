"""Scripted pilots: what they see, what they do, and that each level beats the one below."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.objectives.waypoint import Waypoint
from aerojax.pilots.scripts import SCRIPTS

FIGHTERS = ("circle", "pursuit", "ace", "evader", "hider")


# --- What they see --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def commands(pairs):
    """`commands(state)`: of team A by each script, (n,) for each part."""
    config = pairs.config

    @jax.jit
    def decide(state):
        fleet = jax.tree.map(jnp.asarray, config.fleet)
        return {name: SCRIPTS[name](config, fleet, state, config.team_a) for name in FIGHTERS}

    return decide


MINE = [(-2000, 0, 3000, 0, 200), (-2000, 2000, 3000, 10, 200)]


def _against(*foes):
    """Two of mine and two foes, the second far away."""
    return [*MINE, *foes, (6000, -3000, 4000, 180, 200)][:4]


@pytest.fixture(scope="module")
def tower(obstacles_of):
    return obstacles_of((0, 6000, 500, 3000))


@pytest.mark.parametrize("name", FIGHTERS)
def test_who_is_unseen_changes_no_command(pairs, commands, state_of, tower, name):
    """The second foe is known to nobody; the first is, and counts."""

    def decide(first, second):
        aircraft = [*MINE, first, second]
        state = state_of(pairs, aircraft, obstacles=tower, seen_a=[[1, 0], [0, 0]])
        return np.stack(commands(state)[name])

    near, known = (-1500, 500, 3200, 180, 250), (1000, 1500, 2800, 200, 200)
    far = (5000, -4000, 1000, 90, 120)
    np.testing.assert_array_equal(decide(known, near), decide(known, far))
    if name not in ("circle", "hider"):
        other = (1000, -2500, 3300, 90, 200)
        assert (decide(known, far) != decide(other, far)).any()


@pytest.mark.parametrize("name", ["pursuit", "ace"])
def test_team_mates_tell_each_other(pairs, commands, state_of, tower, name):
    """Only the first sees the foe; without the datalink the second patrols."""
    aircraft = _against((1000, 500, 3500, 90, 200))
    told, alone = (
        np.stack(
            commands(
                state_of(pairs, aircraft, obstacles=tower, seen_a=[[1, 0], [0, 0]], linked_a=linked)
            )[name]
        )
        for linked in (np.ones((2, 2)), np.eye(2))
    )
    np.testing.assert_array_equal(told[:, 0], alone[:, 0])
    assert (told[:, 1] != alone[:, 1]).any()


# --- What they do ---------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, -1])
def test_turns(pairs, commands, state_of, obstacles_of, side):
    """A foe to the left (side 1): fighters turn left, evaders right, a hider to its obstacle."""
    aircraft = [
        (0, 0, 3000, 0, 200),
        (-6000, 0, 6000, 0, 200),
        (2000, 1500 * side, 3000, 0, 200),
        (7000, 0, 6000, 0, 200),
    ]
    tower = obstacles_of((1000, 4000 * side, 500, 3000))
    state = state_of(pairs, aircraft, obstacles=tower, seen_a=[[1, 0], [0, 0]])
    lateral = {name: float(command.lateral[0]) for name, command in commands(state).items()}
    assert lateral["pursuit"] * side < 0
    assert lateral["ace"] * side < 0
    assert lateral["evader"] * side > 0
    assert lateral["hider"] * side < 0


@pytest.mark.parametrize(("gap", "known", "throttle"), [(500, 1, 1), (400, 1, -1), (400, 0, 1)])
def test_who_is_near_closes_in_no_further(pairs, commands, state_of, tower, gap, known, throttle):
    """Behind a foe that flies away: full throttle at 500 m, idle at 400, full if nobody saw it."""
    aircraft = [(0, 0, 3000, 0, 200), (-6000, 0, 6000, 0, 200), (gap, 0, 3000, 0, 200)]
    state = state_of(
        pairs,
        [*aircraft, (7000, 0, 6000, 0, 200)],
        obstacles=tower,
        seen_a=[[known, 0], [0, 0]],
    )
    for name in ("pursuit", "ace"):
        assert float(commands(state)[name].throttle[0]) == throttle, name


@pytest.mark.parametrize("name", FIGHTERS)
@pytest.mark.parametrize(
    ("aircraft", "sign"), [((0, 0, 700, 0, 200, -20), 1), ((0, 0, 9300, 0, 200, 20), -1)]
)
def test_everyone_keeps_off_the_ground_and_the_ceiling(
    pairs, commands, state_of, tower, name, aircraft, sign
):
    far = [(x, -3000, 3000, 0, 200) for x in (0, 3000, 5000)]
    state = state_of(pairs, [aircraft, *far], obstacles=tower)
    assert float(commands(state)[name].vertical[0]) == sign


@pytest.mark.parametrize("name", FIGHTERS)
@pytest.mark.parametrize("side", [1, -1])
def test_everyone_turns_back_at_the_edge(pairs, commands, state_of, tower, name, side):
    """The middle lies behind, to the right (side 1) or to the left."""
    far = [(x, -3000, 3000, 0, 200) for x in (0, 3000, 5000)]
    state = state_of(pairs, [(7000, 100 * side, 3000, 0, 200), *far], obstacles=tower)
    assert float(commands(state)[name].lateral[0]) == side


# --- Games ----------------------------------------------------------------------------------------

LADDER = ("circle", "pursuit", "ace")
GAMES = 400


@pytest.fixture(scope="module")
def games():
    """`games(a, b)`: how many of 400 games of 5 against 5 each of two scripts wins."""
    return _arena("identical_5_vs_5")


@pytest.fixture(scope="module")
def duels():
    """The same of one against one."""
    return _arena("1_vs_1")


def _arena(scenario):
    env = aerojax.make(scenario, opponents="selfplay", actions="continuous")

    def decide(state, number, enemies):
        scripts = [partial(env.script_actions, script=s, enemies=enemies) for s in LADDER]
        return jax.lax.switch(number, scripts, state)

    def one(a, b, key):
        def step(carry, key):
            state, *scores = carry
            actions = decide(state, a, False) | decide(state, b, True)
            _, after, _, _, info = env.step_env(key, state, actions)
            ends = (info["win"][0], info["lose"][0])
            scores = [score | (end & ~state.done) for score, end in zip(scores, ends, strict=True)]
            done = state.done | after.done
            return (dataclasses.replace(after, done=done), *scores), None

        _, state = env.reset(key)
        start = (state, jnp.bool_(False), jnp.bool_(False))
        (_, won, lost), _ = jax.lax.scan(step, start, jax.random.split(key, env.max_steps))
        return won, lost

    @jax.jit
    def play(a, b, keys):
        won, lost = jax.vmap(one, in_axes=(None, None, 0))(a, b, keys)
        return jnp.sum(won), jnp.sum(lost)

    def score(a, b):
        numbers = (jnp.int32(LADDER.index(name)) for name in (a, b))
        return map(int, play(*numbers, jax.random.split(jax.random.key(1), GAMES)))

    return score


@pytest.mark.parametrize(("better", "worse"), [("pursuit", "circle"), ("ace", "pursuit")])
def test_each_level_beats_the_one_below(games, better, worse):
    won, lost = games(better, worse)
    assert won + lost > GAMES / 2, "most games are decided"
    assert won >= 0.6 * (won + lost)


@pytest.mark.parametrize(
    ("better", "worse"), [("pursuit", "circle"), ("ace", "circle"), ("ace", "pursuit")]
)
def test_a_duel_of_two_levels_is_decided(duels, better, worse):
    won, lost = duels(better, worse)
    assert won + lost > GAMES / 2
    assert won >= 0.6 * (won + lost)


@pytest.mark.parametrize("action", [5, 24, 33])
def test_escorts_that_do_not_think_lose_the_asset(unthinking, action):
    """A circle at full speed, a slow climb, and a slow climb to the right."""
    assert unthinking(action) <= 0.2


@pytest.fixture(scope="module")
def unthinking():
    """`unthinking(action)`: the share of 64 escorts won if all do the same all the time."""
    env = aerojax.make("escort_4_vs_3")

    @jax.jit
    def play(action, keys):
        def one(key):
            def step(state, key):
                actions = dict.fromkeys(env.agents, action)
                _, state, _, _, info = env.step_env(key, state, actions)
                return state, info["win"][0]

            _, won = jax.lax.scan(step, env.reset(key)[1], jax.random.split(key, env.max_steps))
            return jnp.any(won)

        return jnp.mean(jax.vmap(one)(keys).astype(jnp.float32))

    return lambda action: play(jnp.int32(action), jax.random.split(jax.random.key(2), 64))


@pytest.mark.parametrize("script", ["pursuit", "ace"])
def test_mirror_matches_are_fair(games, script):
    won, lost = games(script, script)
    assert won + lost > GAMES / 2
    assert abs(won - lost) < 3 * (won + lost) ** 0.5


@pytest.mark.parametrize(
    ("config", "term", "least"),
    [
        (aerojax.Config(("fighter",) * 2, objective=Waypoint(), radius=6000.0), "hits", 3.0),
        (aerojax.make("search_4").config, "found", 0.6),
    ],
    ids=["waypoint", "search"],
)
def test_scripts_play_tasks_without_opponents(config, term, least):
    """The mean of some whole episodes; straight flight would leave the arena with next to none."""
    env = aerojax.make(config)

    @jax.jit
    @jax.vmap
    def play(key):
        def step(carry, key):
            state, over = carry
            actions = env.script_actions(state, env.config.objective.script)
            _, state, _, _, info = env.step_env(key, state, actions)
            return (state, over | state.done), jnp.where(over, 0.0, info[term][0])

        _, state = env.reset(key)
        start = (state, jnp.bool_(False))
        (state, _), scores = jax.lax.scan(step, start, jax.random.split(key, env.max_steps))
        return jnp.sum(scores), jnp.mean(state.alive.astype(jnp.float32))

    scores, alive = play(jax.random.split(jax.random.key(0), 32))
    assert scores.mean() > least
    assert alive.mean() > 0.8
