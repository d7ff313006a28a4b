"""Aircraft placed by hand, and the environments that several files share."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import aerojax
from aerojax.draws import Draws
from aerojax.objectives.base import Events
from aerojax.rules import step as rules
from aerojax.state import Motion, Obstacles

KEY = jax.random.key(0)
MOST_WORDS = 4096  # more random words than any rule here takes


def _motion(*aircraft, throttle=0.6):
    """Wings level, a load factor of 1; each is (x, y, z, heading, speed) or with a climb behind.

    Metres, metres a second, and degrees: of the heading from x towards y, of the climb upwards.
    """
    rows = [(*given, 0.0)[:6] for given in aircraft]
    x, y, z, heading, speed, climb = np.array(rows, np.float64).reshape(-1, 6).T
    heading, climb = np.radians(heading), np.radians(climb)
    level = np.zeros_like(x)
    up = (-np.sin(climb) * np.cos(heading), -np.sin(climb) * np.sin(heading), np.cos(climb))
    columns = (
        x,
        y,
        z,
        speed * np.cos(climb) * np.cos(heading),
        speed * np.cos(climb) * np.sin(heading),
        speed * np.sin(climb),
        *up,
        level,
        level + 1.0,
        level + throttle,
    )
    return Motion(*(jnp.asarray(column, jnp.float32) for column in columns))


@pytest.fixture(scope="session")
def motion_of():
    """`motion_of((x, y, z, heading, speed), ...)`: a `Motion`."""
    return _motion


@pytest.fixture(scope="session")
def obstacles_of():
    """`obstacles_of((x, y, radius, height), ...)`: `Obstacles`, m."""

    def build(*cylinders):
        columns = np.array(cylinders, np.float32).reshape(-1, 4).T
        return Obstacles(*map(jnp.asarray, columns))

    return build


@pytest.fixture(scope="session")
def state_of():
    """`state_of(env, aircraft, **fields)`: a state in which all live and nobody sees anybody."""

    def build(env, aircraft, **fields):
        _, shape = jax.eval_shape(env.reset, KEY)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shape)
        motion = aircraft if isinstance(aircraft, Motion) else _motion(*aircraft)
        state = replace(
            blank,
            motion=motion,
            hp=jnp.asarray(env.fleet.max_hp),
            alive=jnp.ones_like(blank.alive),
            target=jnp.full_like(blank.target, -1),
            linked_a=jnp.ones_like(blank.linked_a),
            linked_b=jnp.ones_like(blank.linked_b),
            turn=jnp.ones_like(blank.turn),
        )
        given = {
            name: jnp.asarray(value, getattr(state, name).dtype)
            if name not in ("task", "obstacles")
            else value
            for name, value in fields.items()
        }
        return replace(state, **given)

    return build


@partial(jax.jit, static_argnums=0)
def _look(config, state, words):
    fleet = jax.tree.map(jnp.asarray, config.fleet)
    relation = rules.relate_teams(config, state.motion)
    return rules.look(config, fleet, state, relation, Draws(words))


@pytest.fixture(scope="session")
def look():
    """`look(env, state)`: the state with what everyone sees and who is linked."""

    def looked(env, state):
        return _look(env.config, state, jnp.zeros((MOST_WORDS,), jnp.uint32))

    return looked


@pytest.fixture(scope="session")
def duel():
    """One fighter against another, both flown by agents with continuous actions."""
    return aerojax.make("1_vs_1", opponents="selfplay", actions="continuous")


@pytest.fixture(scope="session")
def pairs():
    """Two against two in self-play with continuous actions, and one obstacle."""
    return aerojax.make("identical_2_vs_2", opponents="selfplay", actions="continuous", obstacles=1)


@pytest.fixture(scope="session")
def still():
    """`still(env)`: the action of each agent that keeps it straight and level."""

    def build(env):
        return dict.fromkeys(env.agents, jnp.array([0.0, 0.0, 0.2]))

    return build


@partial(jax.jit, static_argnums=0)
def _judge(config, before, after, damage, crashed, words):
    fleet = jax.tree.map(jnp.asarray, config.fleet)
    relations = [rules.relate_teams(config, state.motion) for state in (before, after)]
    events = Events(damage, crashed, *relations)
    verdict = config.objective.judge(config, fleet, before, after, events, Draws(words))
    return verdict, *map(config.objective.reward, (verdict.terms_a, verdict.terms_b))


@pytest.fixture(scope="session")
def judge():
    """`judge(env, before, after, damage=, crashed=)`: the verdict, and both teams' rewards."""

    def judged(env, before, after, damage=None, crashed=None):
        nothing = np.zeros(env.config.num_aircraft)
        return _judge(
            env.config,
            before,
            after,
            jnp.asarray(nothing if damage is None else damage, jnp.float32),
            jnp.asarray(nothing if crashed is None else crashed, bool),
            jax.random.bits(KEY, (MOST_WORDS,), jnp.uint32),
        )

    return judged
