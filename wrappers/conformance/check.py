"""The conformance test: whether an environment keeps JaxMARL's contract.

A rule is a function that yields a line for each fault. There are three tables of rules: two on
shapes and types (wrappers/conformance/contract.py and here) and one on episodes of random actions
(wrappers/conformance/random_episodes.py).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxmarl.environments import spaces
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.conformance.contract import (
    ContractError,
    Traced,
    declaration_problems,
    describe,
    shape_problems,
    space_struct,
    trace,
    traced_actions,
    traced_call,
)
from wrappers.conformance.random_episodes import (
    episode_problems,
    known_length,
    play_random_episodes,
)

Rule = Callable[[Traced], Iterable[str]]


def check_env(env: MultiAgentEnv) -> None:
    """Checks that an environment keeps JaxMARL's contract, and what code built on it relies on.

        >>> wrappers.check_env(MyEnv())

    It takes seconds: a few episodes are played. docs/wrappers.md lists the rules.

    Args:
        env: an environment; also one in a wrapper.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ContractError: everything that is wrong, a line each with the method, the agent, and what
            was expected instead.
    """
    problems = find_problems(env)
    if problems:
        raise ContractError("\n".join([f"{env.name} breaks the contract:", *problems]))


def find_problems(env: MultiAgentEnv) -> list[str]:
    """The faults that `check_env` would raise, as a list; empty if there are none.

    If shapes are wrong, nothing is played.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
    """
    problems = list(declaration_problems(env))
    if problems:
        return problems
    try:
        traced = trace(env)
    except ContractError as error:
        return [str(error)]
    problems = list(shape_problems(traced)) or _run(_NEEDED, traced)
    if problems:
        return problems
    problems = _run(_RULES, traced)
    try:
        episodes = play_random_episodes(env, has_masks=_has_masks(traced))
    except Exception as error:  # whatever the environment raises
        reason = f"{type(error).__name__}: {error}"
        return [*problems, f"{env.name}: vmap and scan over its methods raise {reason}"]
    return problems + list(episode_problems(episodes))


def _run(rules: tuple[Rule, ...], traced: Traced) -> list[str]:
    problems = []
    for rule in rules:
        try:
            problems += rule(traced)
        except ContractError as error:  # of a method that could not be traced
            problems.append(str(error))
    return problems


# --- Types ---------------------------------------------------------------------------------------


def _dtypes(traced: Traced) -> Iterator[str]:
    env = traced.env
    for method, obs in (("reset", traced.obs), ("step_env", traced.transition[0])):
        for agent in env.agents:
            given, space = describe(obs[agent]), space_struct(env.observation_space(agent))
            if given != describe(space):
                yield f"{env.name}.{method}: obs[{agent!r}] is {given}, its space {describe(space)}"
    for agent in env.agents:
        reward = traced.transition[2][agent]
        if not jnp.issubdtype(reward.dtype, jnp.floating):
            yield f"{env.name}.step_env: rewards[{agent!r}] is {reward.dtype}, not floating-point"


def _weak_types(traced: Traced) -> Iterator[str]:
    leaves = zip(
        jax.tree_util.tree_leaves_with_path(traced.state),
        jax.tree.leaves(traced.transition[1]),
        strict=True,
    )
    for (path, old), new in leaves:
        if old.weak_type != new.weak_type:
            weak, strong = ("reset", "step_env") if old.weak_type else ("step_env", "reset")
            yield (
                f"{traced.env.name}.{weak}: state{jax.tree_util.keystr(path)} is weakly typed, "
                f"but not that of {strong}, so that step compiles twice"
            )


def _wide_types(traced: Traced) -> list[str]:
    with jax.enable_x64(True):
        return list(_traced_otherwise(traced, "with 64-bit types"))


def _strict_types(traced: Traced) -> list[str]:
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        return list(_traced_otherwise(traced, "with strict promotion"))


def _traced_otherwise(traced: Traced, how: str) -> Iterator[str]:
    """What changes when an environment is traced under other settings of JAX."""
    try:
        again = trace(traced.env)
    except ContractError as error:
        yield f"{error} ({how})"
        return
    for method, old, new in (
        ("reset", (traced.obs, traced.state), (again.obs, again.state)),
        ("step_env", traced.transition, again.transition),
    ):
        pairs = zip(jax.tree_util.tree_leaves_with_path(old), jax.tree.leaves(new), strict=True)
        changed = [(path, x, y) for (path, x), y in pairs if x.dtype != y.dtype]
        if changed:
            path, x, y = changed[0]
            more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
            yield (
                f"{traced.env.name}.{method}: {how}, {jax.tree_util.keystr(path)} becomes "
                f"{describe(y)}, which was {describe(x)}{more}"
            )


def _raw_keys(traced: Traced) -> Iterator[str]:
    env, key = traced.env, jax.eval_shape(jax.random.PRNGKey, 0)
    try:
        _, state = traced_call(env, "reset", key, length=2)
        traced_call(env, "step_env", key, state, traced_actions(env), length=5)
    except ContractError as error:
        yield f"{error} (with a raw key)"


# --- Methods -----------------------------------------------------------------------------------


def _step(traced: Traced) -> Iterator[str]:
    """`step` returns what `step_env` does, except `info`, to which wrappers add entries."""
    given = _traced_step(traced)
    if _types(given[:4]) != _types(traced.transition[:4]):
        yield f"{traced.env.name}.step: shapes or dtypes are not those of step_env"


def _get_obs(traced: Traced) -> Iterator[str]:
    given = traced_call(traced.env, "get_obs", traced.state)
    if not isinstance(given, dict):
        yield f"{traced.env.name}.get_obs returns a {type(given).__name__}, not a dict"


def _observed_alike(traced: Traced) -> Iterator[str]:
    env, again = traced.env, traced_call(traced.env, "get_obs", traced.state)
    for name, seen in traced.obs.items():
        if name not in again:
            yield f"{env.name}.get_obs lacks {name!r}, which reset returns"
        elif _types(again[name]) != _types(seen):
            given = describe(again[name])
            yield f"{env.name}.get_obs: obs[{name!r}] is {given}, reset's {describe(seen)}"


def _reset_state(traced: Traced) -> Iterator[str]:
    try:
        given = _traced_step(traced, traced.state)
    except ContractError as error:
        yield f"{error} (with a reset_state)"
        return
    if _types(given[:4]) != _types(traced.transition[:4]):
        yield f"{traced.env.name}.step with a reset_state: shapes or dtypes are not step_env's"


def _traced_step(traced: Traced, *reset_state: Any) -> Any:
    key = jax.eval_shape(jax.random.key, 0)
    args = key, traced.state, traced_actions(traced.env), *reset_state
    return traced_call(traced.env, "step", *args, length=5)


def _masks(traced: Traced) -> Iterator[str]:
    env = traced.env
    masks = traced_call(env, "get_avail_actions", traced.state)
    for agent in env.agents:
        space = env.action_space(agent)
        if agent not in masks:
            yield f"{env.name}.get_avail_actions lacks {agent!r}; it has {list(masks)}"
        elif isinstance(space, spaces.Discrete) and describe(masks[agent]) != f"bool ({space.n},)":
            given = describe(masks[agent])
            yield f"{env.name}.get_avail_actions: {agent!r} has {given}, not bool ({space.n},)"


def _has_masks(traced: Traced) -> bool:
    """Whether there are masks to choose actions by, of whatever dtype."""
    try:
        masks = traced_call(traced.env, "get_avail_actions", traced.state)
    except ContractError:
        return False
    action_spaces = {agent: traced.env.action_space(agent) for agent in traced.env.agents}
    return all(
        agent in masks
        and (not isinstance(space, spaces.Discrete) or masks[agent].shape == (space.n,))
        for agent, space in action_spaces.items()
    )


def _agent_classes(traced: Traced) -> Iterator[str]:
    env = traced.env
    try:
        classes = env.agent_classes
    except Exception as error:
        yield f"{env.name}.agent_classes raises {type(error).__name__}"
        return
    if not isinstance(classes, Mapping):
        yield f"{env.name}.agent_classes is a {type(classes).__name__}, not a dict"
        return
    listed = [agent for members in classes.values() for agent in members]
    if sorted(listed) != sorted(env.agents):
        yield f"{env.name}.agent_classes holds {listed}, not each of {env.agents} once"


def _world_state(traced: Traced) -> Iterator[str]:
    env: Any = traced.env
    seen = traced.obs.get("world_state")
    if seen is not None and hasattr(env, "world_state_size"):
        size = env.world_state_size()
        if seen.shape != (size,):
            yield f"{env.name}.world_state_size() is {size}, but obs['world_state'] {seen.shape}"


def _limit(traced: Traced) -> Iterator[str]:
    env, info = traced.env, traced.transition[4]
    if known_length(env) is not None and "terminated" not in info:
        yield (
            f"{env.name}.step_env: info lacks 'terminated', so that its end at max_steps counts "
            "as a termination; wrappers.TimeLimit distinguishes the two"
        )


# --- Instances ---------------------------------------------------------------------------------


def _pickle(traced: Traced) -> Iterator[str]:
    env = traced.env
    try:
        copy = pickle.loads(pickle.dumps(env))
    except Exception as error:
        yield f"{env.name}: pickling raises {type(error).__name__}: {error}"
        return
    try:
        equal = copy == env and hash(copy) == hash(env)
    except Exception as error:
        yield f"{env.name}: comparing it with a copy raises {type(error).__name__}: {error}"
        return
    if not equal:
        yield (
            f"{env.name}.__eq__: an environment and its copy are not equal, or not in their "
            "hashes, so that each compiles everything again"
        )


def _types(tree: Any) -> Any:
    """Structure and types; a list, because an environment's own classes may compare as arrays."""
    leaves, structure = jax.tree.flatten(tree)
    return [describe(leaf) for leaf in leaves], structure


_NEEDED: tuple[Rule, ...] = (_step, _get_obs)  # to play an episode
_RULES: tuple[Rule, ...] = (
    _observed_alike,
    _reset_state,
    _masks,
    _dtypes,
    _weak_types,
    _wide_types,
    _strict_types,
    _raw_keys,
    _agent_classes,
    _world_state,
    _limit,
    _pickle,
)
