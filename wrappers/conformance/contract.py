"""The part of JaxMARL's contract that shapes show: nothing is compiled or run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxmarl.environments import spaces
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.wrapper import Layer, Observations, Transition, Wrapper


class ContractError(ValueError):
    """An environment breaks JaxMARL's contract."""


class Traced(NamedTuple):
    """An environment, and the shapes and dtypes of what its methods return."""

    env: MultiAgentEnv
    obs: Observations
    state: Any
    transition: Transition


def check_shapes(env: MultiAgentEnv) -> None:
    """Checks that an environment can be driven at all.

    `wrappers.check_env` checks the rest of the contract.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ContractError: the method, the agent, and what was expected instead.
    """
    for problem in declaration_problems(env):
        raise ContractError(problem)
    traced = trace(env)
    for problem in shape_problems(traced):
        raise ContractError(problem)


def check_adaptable(env: MultiAgentEnv) -> None:
    """Refuses an environment that no adapter can drive.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ContractError: it breaks JaxMARL's contract; the message has the method, the agent and what
            was expected.
        ValueError: it is a wrapper that changes `step`, as `AutoReset`, while adapters call
            `step_env`.
    """
    if isinstance(env, Wrapper) and env.layer >= Layer.RESETS:
        raise ValueError(
            f"{type(env).__name__} changes `step`, which no adapter calls: "
            "adapt the environment inside it"
        )
    check_shapes(env)


def trace(env: MultiAgentEnv) -> Traced:
    """Traces `reset` and `step_env`.

    Raises:
        ContractError: one of them raises, or returns no tuple of the right length.
    """
    key = jax.eval_shape(jax.random.key, 0)
    obs, state = traced_call(env, "reset", key, length=2)
    transition = traced_call(env, "step_env", key, state, traced_actions(env), length=5)
    return Traced(env, obs, state, transition)


def traced_actions(env: MultiAgentEnv) -> dict[str, Any]:
    """An action for each agent, as shapes and dtypes."""
    key = jax.eval_shape(jax.random.key, 0)
    return {agent: jax.eval_shape(env.action_space(agent).sample, key) for agent in env.agents}


def traced_call(env: MultiAgentEnv, method: str, *args: Any, length: int | None = None) -> Any:
    """The shapes and dtypes of what a method returns: if `length` is given, a tuple of that length.

    Raises:
        ContractError: the method raises, or returns something else.
    """
    try:
        result = jax.eval_shape(getattr(env, method), *args)
    except Exception as error:
        text = str(error).partition("\n")[0]
        reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
        raise ContractError(f"{env.name}.{method} raises {reason}") from error
    if length is not None and not (isinstance(result, tuple) and len(result) == length):
        size = f" of {len(result)}" if isinstance(result, tuple) else ""
        given = f"{type(result).__name__}{size}"
        raise ContractError(f"{env.name}.{method} returns a {given}, not a tuple of {length}")
    return result


# --- Before anything is traced ----------------------------------------------------------------


def declaration_problems(env: MultiAgentEnv) -> Iterator[str]:
    """What is wrong with an environment's agents and spaces."""
    if not isinstance(env, MultiAgentEnv):
        raise TypeError(f"expected a JaxMARL environment, got {env!r}")
    yield from _agents(env)
    for agent in env.agents:
        for method in ("observation_space", "action_space"):
            yield from _space(env, method, agent)


def _agents(env: MultiAgentEnv) -> Iterator[str]:
    agents = list(env.agents)
    if not agents or len(set(agents)) != len(agents) or "__all__" in agents:
        yield f"{env.name}.agents is {agents!r}, not a list of distinct names"
    if env.num_agents != len(agents):
        yield f"{env.name}.num_agents is {env.num_agents!r}, but agents has {len(agents)}"


def _space(env: MultiAgentEnv, method: str, agent: str) -> Iterator[str]:
    try:
        space = getattr(env, method)(agent)
    except Exception as error:
        yield f"{env.name}.{method}({agent!r}) raises {type(error).__name__}: {error}"
        return
    if not isinstance(space, spaces.Space):
        yield f"{env.name}.{method}({agent!r}) is {space!r}, not a space of JaxMARL's"
    elif not isinstance(shape := getattr(space, "shape", ()), tuple):
        yield f"{env.name}.{method}({agent!r}) has the shape {shape!r}, which is no tuple"


# --- What is traced ----------------------------------------------------------------------------


def shape_problems(traced: Traced) -> Iterator[str]:
    """Faults that make an environment impossible to drive, a line each."""
    for check in _SHAPE_CHECKS:
        yield from check(traced)


def _observations(traced: Traced) -> Iterator[str]:
    env = traced.env
    for method, obs in (("reset", traced.obs), ("step_env", traced.transition[0])):
        yield from _missing(env, method, "obs", obs, env.agents)
        for agent in env.agents:
            space = space_struct(env.observation_space(agent))
            if agent in obs and _shapes(obs[agent]) != _shapes(space):
                yield (
                    f"{env.name}.{method}: obs[{agent!r}] has {_of_shape(obs[agent])}, "
                    f"its space {_of_shape(space)}"
                )


def _state(traced: Traced) -> Iterator[str]:
    env, before, after = traced.env, traced.state, traced.transition[1]
    if jax.tree.structure(before) != jax.tree.structure(after):
        yield (
            f"{env.name}.step_env: the state is {jax.tree.structure(after)}, "
            f"but reset returned {jax.tree.structure(before)}"
        )
        return
    leaves = zip(jax.tree_util.tree_leaves_with_path(before), jax.tree.leaves(after), strict=True)
    for (path, old), new in leaves:
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            yield (
                f"{env.name}.step_env: state{jax.tree_util.keystr(path)} is {describe(new)}, "
                f"but reset returned {describe(old)}"
            )


def _rewards(traced: Traced) -> Iterator[str]:
    env, rewards = traced.env, traced.transition[2]
    yield from _missing(env, "step_env", "rewards", rewards, env.agents)
    for agent in env.agents:
        if agent in rewards and not _is_scalar(rewards[agent]):
            given = describe(rewards[agent])
            yield f"{env.name}.step_env: rewards[{agent!r}] is {given}, not a number ()"


def _dones(traced: Traced) -> Iterator[str]:
    env, dones = traced.env, traced.transition[3]
    names = [*env.agents, "__all__"]
    yield from _missing(env, "step_env", "dones", dones, names)
    for name in names:
        if name in dones and not (_is_scalar(dones[name]) and dones[name].dtype == jnp.bool_):
            yield f"{env.name}.step_env: dones[{name!r}] is {describe(dones[name])}, not bool ()"


def _info(traced: Traced) -> Iterator[str]:
    info = traced.transition[4]
    if not isinstance(info, dict):
        yield f"{traced.env.name}.step_env: info is a {type(info).__name__}, not a dict"


_SHAPE_CHECKS: tuple[Callable[[Traced], Iterator[str]], ...] = (
    _observations,
    _state,
    _rewards,
    _dones,
    _info,
)


def _missing(
    env: MultiAgentEnv, method: str, what: str, given: Any, names: list[str]
) -> Iterator[str]:
    if not isinstance(given, dict):
        yield f"{env.name}.{method}: {what} is a {type(given).__name__}, not a dict"
        return
    for name in names:
        if name not in given:
            yield f"{env.name}.{method}: {what} lacks {name!r}; it has {list(given)}"


# --- Shapes -----------------------------------------------------------------------------------


def space_struct(space: Any) -> Any:
    """A member of a space: a pytree of shapes and dtypes."""
    if isinstance(space, spaces.Dict):
        return {name: space_struct(part) for name, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(space_struct(part) for part in space.spaces)
    return jax.ShapeDtypeStruct(space.shape, space.dtype)


def describe(x: Any) -> str:
    """An array's dtype and shape, as in float32 (3,)."""
    return " and ".join(f"{leaf.dtype} {leaf.shape}" for leaf in jax.tree.leaves(x))


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: x.shape, tree)


def _of_shape(tree: Any) -> str:
    shapes = _shapes(tree)
    return f"shape {shapes}" if isinstance(tree, jax.ShapeDtypeStruct) else f"shapes {shapes}"


def _is_scalar(x: Any) -> bool:
    return getattr(x, "shape", None) == ()
