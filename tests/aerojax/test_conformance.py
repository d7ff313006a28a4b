"""Objectives that would mix the environments of a batch are refused when an environment is made."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import pytest

import aerojax
from aerojax.conformance import state_shapes
from aerojax.objectives.base import Objective, Points, Verdict


@dataclass(frozen=True)
class Height(Objective):
    """Pays a team's mean height; its methods do all as they should."""

    height: float = 1.0

    needs_enemies: ClassVar[bool] = False

    def start(self, config, state, relation, draws):
        return state.motion.z

    def term(self, z):
        return jnp.mean(z, axis=0)

    def judge(self, config, fleet, before, after, events, draws):
        never = jnp.zeros_like(after.done)
        terms = {"height": self.term(after.motion.z)}
        return Verdict(
            after.motion.z, jnp.zeros_like(after.alive), terms, terms, never, never, never
        )


def make(objective):
    return aerojax.make(aerojax.Config(("fighter",) * 3, objective=objective))


def changed(name, **members):
    """An objective of `Height` with other members."""
    return dataclass(frozen=True)(type(name, (Height,), members))()


def test_one_that_names_its_axis_is_taken_and_keeps_environments_apart():
    env = make(Height())
    states = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), 3))[1]
    action = {agent: jnp.int32(22) for agent in env.agents}
    key = jax.random.key(1)
    together = jax.vmap(env.step_env, in_axes=(None, 0, None))(key, states, action)[2]["ally_0"]
    alone = [
        env.step_env(key, jax.tree.map(lambda x, i=i: x[i], states), action)[2]["ally_0"]
        for i in range(3)
    ]
    assert len({round(float(reward)) for reward in alone}) == 3
    assert together.tolist() == pytest.approx([float(reward) for reward in alone], rel=1e-5)


def _judge_with(**fields):
    def judge(self, *args):
        return Height.judge(self, *args)._replace(**{k: f(args[3]) for k, f in fields.items()})

    return judge


@pytest.mark.parametrize(
    ("members", "message"),
    [
        # Over all axes, and over the last, which is the batch.
        (
            {"term": lambda self, z: jnp.mean(z)},
            r"the term 'height' .*float32 \(\), not float32 \(1009,\)",
        ),
        (
            {"term": lambda self, z: jnp.mean(z, axis=-1)},
            r"the term 'height' .*float32 \(3,\), not",
        ),
        ({"term": lambda self, z: z}, r"the term 'height' .*float32 \(3,\), not float32 \(\)"),
        ({"reward": lambda self, terms: jnp.int32(0)}, r"the reward of team A is int32 \(\), not"),
        # Of the right shape, and still of all environments.
        (
            {"term": lambda self, z: jnp.mean(z - jnp.mean(z), axis=0)},
            r" mixes the environments .* reduce_sum of \(3, 1009\)",
        ),
        (
            {"term": lambda self, z: jax.jit(lambda z: z[0] / jnp.max(z[0]))(z)},
            r" mixes the environments .* reduce_max of \(1009,\)",
        ),
        ({"judge": _judge_with(over=lambda s: jnp.any(s.alive))}, r"the over is bool \(\), not"),
        ({"judge": _judge_with(win_a=lambda s: s.step)}, r"the win_a is int32 \(\), not bool \(\)"),
        (
            {"judge": _judge_with(removed=lambda s: s.done)},
            r"the removed is bool \(\), not .*3",
        ),
        ({"judge": _judge_with(task=lambda s: s.motion.z[0])}, r"the task is float32 \(\), not"),
        ({"start": lambda self, *args: jnp.zeros(3)}, r"the task is float32 \(3,\), not"),
        (
            {"features": lambda self, config, state, rows: rows.z, "num_features": lambda *_: 1},
            r"the features is float32 \(3,\), not float32 \(1, 3\)",
        ),
        ({"num_world_features": lambda *_: 2}, r"the world_features is .*\(0,\), not .*\(2,\)"),
        (
            {
                "num_points": 1,
                "points": lambda *_: Points(*jnp.zeros((3, 1))),
                "features": lambda self, config, state, rows: jnp.zeros((5, *rows.x.shape)),
                "world_features": lambda self, config, state: jnp.zeros((3, *state.step.shape)),
            },
            r"the points is Points\(.*'float32 \(1,\)'.* not .*'float32 \(1, 1009\)'",
        ),
        (
            {"arrange": lambda self, config, motion, axis, draws: motion.replace(x=axis)},
            r"the motion is Motion\(x='float32 \(\)'",
        ),
    ],
)
def test_what_would_mix_environments_is_named(members, message):
    with pytest.raises(ValueError, match=rf"Wrong\..*{message}"):
        make(changed("Wrong", **members))


def test_a_term_without_a_weight_and_a_weight_without_a_term():
    class Judged:
        def judge(self, *args):
            verdict = Height.judge(self, *args)
            return verdict._replace(terms_a=verdict.terms_a | {"depth": verdict.terms_a["height"]})

    with pytest.raises(ValueError, match="judge: no weight for the term 'depth' of team A"):
        make(changed("Wrong", judge=Judged.judge))
    with pytest.raises(KeyError, match="depth") as error:
        make(changed("Wrong", depth=1.0, __annotations__={"depth": float}))
    assert any("Wrong.judge was traced" in note for note in error.value.__notes__)


@pytest.mark.parametrize("scenario", ["escort_4_vs_3", "hide_and_seek_4_vs_2"])
def test_the_shapes_are_those_of_a_state(scenario):
    env = aerojax.make(scenario)
    _, state = jax.eval_shape(env.reset, jax.random.key(0))
    expected = jax.tree.map(lambda x: (x.shape, x.dtype), state)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), state_shapes(env.config, (), state.task)) == (
        expected
    )
