"""Whether an objective keeps the environments of a batch apart, found before anything runs.

A batch is the last axis of all that an objective gets (`aerojax.batching`), and JAX does not mind a
sum over all axes, which adds up the environments too. So what an objective returns is traced for
one environment and for a batch of an odd size, and no axis of that size may get lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from aerojax.config import Config
from aerojax.draws import Draws
from aerojax.objectives.base import Events, Points
from aerojax.rules.geometry import Relation
from aerojax.rules.world import draw_world
from aerojax.state import Motion, Obstacles, State

BATCH = 1009  # environments; a size that no axis of a task has
WORDS = 1_000_000  # more than any objective draws

Batch = tuple[int, ...]  # (): one environment
Shape = jax.ShapeDtypeStruct


@cache
def check_objective(config: Config) -> None:
    """Traces what the task asks of its objective, for one environment and for a batch.

    Raises:
        ValueError: something has another shape than `Objective` and `Verdict` say, or is computed
            across the batch.
    """
    single = _check_start(config, (), {})["task"]
    of_batch = jax.tree.map(_widened, single)
    _check_start(config, (BATCH,), {"task": of_batch})
    for batch, task in (((), single), ((BATCH,), of_batch)):
        _check_views(config, batch, task)
        _check_judge(config, batch, task)


def state_shapes(config: Config, batch: Batch, task: Any = ()) -> State:
    """The shapes of a state, and of the task in it."""
    a, b = (side.stop - side.start for side in config.team_a)

    def flags(*shape: int) -> Any:
        return Shape((*shape, *batch), jnp.bool_)

    def integers(*shape: int) -> Any:
        return Shape((*shape, *batch), jnp.int32)

    each = _floats(batch, a + b)
    return State(
        motion=Motion(*[each] * 12),
        hp=each,
        alive=flags(a + b),
        hurt=each,
        target=integers(a + b),
        seen_a=flags(a, b),
        seen_b=flags(b, a),
        linked_a=flags(a, a),
        linked_b=flags(b, b),
        turn=each,
        obstacles=Obstacles(*[_floats(batch, config.obstacles)] * 4),
        task=task,
        step=integers(),
        done=flags(),
        world=_world(config, batch),
    )


def _world(config: Config, batch: Batch) -> Any:
    variation = config.variation
    if variation is None:
        return None
    return jax.eval_shape(lambda words: draw_world(config, variation, Draws(words)), _words(batch))


def _check_start(config: Config, batch: Batch, wanted: dict[str, Any]) -> dict[str, Any]:
    objective, state = config.objective, state_shapes(config, batch)

    def start(state: State, relation: Relation, axis: Array, words: Array) -> dict[str, Any]:
        draws = Draws(words)
        return {
            "motion": objective.arrange(config, state.motion, axis, draws),
            "task": objective.start(config, state, relation, draws),
        }

    given = state, _relation(config, batch), _floats(batch), _words(batch)
    return _check(config, "start", start, {"motion": state.motion} | wanted, *given)


def _check_views(config: Config, batch: Batch, task: Any) -> None:
    objective, state = config.objective, state_shapes(config, batch, task)

    def view(state: State) -> dict[str, Any]:
        return {
            "points": objective.points(config, state.task),
            "features": objective.features(config, state, state.motion),
            "world_features": objective.world_features(config, state),
        }

    wanted = {
        "features": _floats(batch, objective.num_features(config), config.num_aircraft),
        "world_features": _floats(batch, objective.num_world_features(config)),
    }
    if objective.num_points:
        wanted["points"] = Points(*[_floats(batch, objective.num_points)] * 3)
    _check(config, "features", view, wanted, state)


def _check_judge(config: Config, batch: Batch, task: Any) -> None:
    objective, state = config.objective, state_shapes(config, batch, task)

    def judge(fleet: Any, state: State, relation: Relation, words: Array) -> dict[str, Any]:
        events = Events(state.hurt, state.alive, relation, relation)
        verdict = objective.judge(config, fleet, state, state, events, Draws(words))
        terms = {"A": verdict.terms_a, "B": verdict.terms_b}
        return {
            **{_term(name, team): term for team in terms for name, term in terms[team].items()},
            **{name: getattr(verdict, name) for name in ("win_a", "win_b", "over", "removed")},
            **{f"reward of team {team}": objective.reward(terms[team]) for team in terms},
            "task": verdict.task,
        }

    number, flag = _floats(batch), Shape(batch, jnp.bool_)
    wanted = {
        **{_term(name, team): number for team in "AB" for name in objective.term_names},
        **{"win_a": flag, "win_b": flag, "over": flag, "removed": state.alive},
        **{f"reward of team {team}": number for team in "AB"},
        "task": task,
    }
    fleet = jax.tree.map(lambda x: _floats(batch, *x.shape), config.fleet)
    given = fleet, state, _relation(config, batch), _words(batch)
    unweighted = _check(config, "judge", judge, wanted, *given).keys() - wanted.keys()
    if unweighted:
        names = ", ".join(sorted(unweighted))
        raise ValueError(f"{type(objective).__name__}.judge: no weight for the {names}")


def _check(
    config: Config, method: str, function: Callable[..., Any], wanted: dict[str, Any], *given: Any
) -> dict[str, Any]:
    """The shapes that `function` returns by name, after a look at those that are `wanted`."""
    where = f"{type(config.objective).__name__}.{method}"
    try:
        program, found = jax.make_jaxpr(function, return_shape=True)(*given)
    except Exception as error:
        error.add_note(f"{where} was traced, with {BATCH} for a batch behind all other axes")
        raise
    for name, shapes in wanted.items():
        if _described(found[name]) != _described(shapes):
            raise ValueError(
                f"{where}: the {name} is {_described(found[name])}, not {_described(shapes)}; "
                f"a batch of {BATCH} may be the last axis, so sums and means name axis=0"
            )
    for equation in _equations(program.jaxpr):
        if any(map(_has_batch, equation.invars)) and not all(map(_has_batch, equation.outvars)):
            shapes = " and ".join(str(x.aval.shape) for x in equation.invars if _has_batch(x))
            raise ValueError(
                f"{where} mixes the environments of a batch of {BATCH}, the last axis: "
                f"{equation.primitive} of {shapes} loses it, so sums and means name axis=0"
            )
    return found


def _equations(program: Any) -> Iterator[Any]:
    """The equations of a program and of all those inside it, other than the calls of these."""
    for equation in program.eqns:
        parts = [getattr(x, "jaxpr", x) for x in jax.tree.leaves(list(equation.params.values()))]
        programs = [part for part in parts if hasattr(part, "eqns")]
        if not programs:
            yield equation
        for inner in programs:
            yield from _equations(inner)


def _term(name: str, team: str) -> str:
    return f"term {name!r} of team {team}"


def _has_batch(variable: Any) -> bool:
    return BATCH in getattr(variable.aval, "shape", ())


def _described(shapes: Any) -> Any:
    """Texts in place of shapes."""
    return jax.tree.map(lambda x: f"{x.dtype} {x.shape}", shapes)


def _widened(shape: Shape) -> Shape:
    return Shape((*shape.shape, BATCH), shape.dtype)


def _relation(config: Config, batch: Batch) -> Relation:
    a, b = (side.stop - side.start for side in config.team_a)
    return Relation(*[_floats(batch, a, b)] * 6)


def _words(batch: Batch) -> Any:
    return Shape((WORDS, *batch), jnp.uint32)


def _floats(batch: Batch, *shape: int) -> Any:
    return Shape((*shape, *batch), jnp.float32)
