"""Plays a few episodes of random actions, and checks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments import spaces
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.conventions import terminated_truncated
from wrappers.wrapper import Observations, Wrapper

BATCH = 2
DEFAULT_STEPS, MAX_STEPS = 100, 1000


class Outcome(NamedTuple):
    """What a step returned, without the state."""

    obs: Observations
    rewards: dict[str, Array]
    dones: dict[str, Array]


class Moment(NamedTuple):
    """One step of an episode, taken twice: by `step_env`, and by `step`, which plays on."""

    obs: Observations  # before the step, as `reset` or `step` returned them
    get_obs: Observations  # before the step, as `get_obs` returned them
    counter: Array | None  # before the step, the state's own count of steps
    masks: dict[str, Array]
    actions: dict[str, Array]
    key: Array
    bare: Outcome  # of `step_env`
    resetting: Outcome  # of `step`
    truncated: Array


class RandomEpisodes(NamedTuple):
    """Recorded episodes: the keys (B,) they start from, and their moments, arrays (B, T, ...)."""

    env: MultiAgentEnv
    key: Array
    moments: Moment


def play_random_episodes(env: MultiAgentEnv, has_masks: bool) -> RandomEpisodes:
    """Plays until each episode of known length has ended twice: one function is compiled.

    Args:
        env: an environment whose shapes are right.
        has_masks: whether `get_avail_actions` may be called.
    """
    max_steps = known_length(env)
    length = DEFAULT_STEPS if max_steps is None else min(2 * max_steps + 1, MAX_STEPS)
    keys = jax.random.split(jax.random.key(0), BATCH)
    run = jax.jit(jax.vmap(partial(_play, env, has_masks, length)))
    record = jax.tree.map(lambda x: x if _is_key(x) else np.asarray(x), run(keys))
    return RandomEpisodes(env, *record)


def episode_problems(episodes: RandomEpisodes) -> Iterator[str]:
    """Faults that recorded episodes show, a line each."""
    for check in _CHECKS:
        yield from check(episodes)


def known_length(env: MultiAgentEnv) -> int | None:
    """Steps of an episode, if the environment has `max_steps`."""
    max_steps = getattr(env, "max_steps", None)
    return None if max_steps is None else int(max_steps)


def _play(env: Any, has_masks: bool, length: int, key: Array) -> tuple[Array, Moment]:
    reset_key, key = jax.random.split(key)

    def step(carry: tuple[Observations, Any], key: Array) -> tuple[Any, Moment]:
        obs, state = carry
        action_key, key = jax.random.split(key)
        masks = env.get_avail_actions(state) if has_masks else {}
        actions = _sample(env, masks, action_key)
        # The base class steps with this key, so that XLA computes only once what is the same.
        bare = env.step_env(jax.random.split(key)[0], state, actions)
        after = env.step(key, state, actions)
        moment = Moment(
            obs=obs,
            get_obs=env.get_obs(state),
            counter=_counter(env, state),
            masks=masks,
            actions=actions,
            key=key,
            bare=Outcome(bare[0], bare[2], bare[3]),
            resetting=Outcome(after[0], after[2], after[3]),
            truncated=terminated_truncated(bare[3], bare[4])[1],
        )
        return after[:2], moment

    _, moments = jax.lax.scan(step, env.reset(reset_key), jax.random.split(key, length))
    return reset_key, moments


def _sample(env: Any, masks: dict[str, Array], key: Array) -> dict[str, Array]:
    """A random action for each agent, among the available ones."""

    def draw(agent: str, key: Array) -> Array:
        space, mask = env.action_space(agent), masks.get(agent)
        if mask is None or not isinstance(space, spaces.Discrete):
            return space.sample(key)
        lots = jax.random.uniform(key, mask.shape, minval=1.0, maxval=2.0)
        return jnp.argmax(lots * mask.astype(lots.dtype)).astype(space.dtype)

    keys = jax.random.split(key, len(env.agents))
    return {agent: draw(agent, key) for agent, key in zip(env.agents, keys, strict=True)}


def _counter(env: MultiAgentEnv, state: Any) -> Any:
    inner = env.env_state(state) if isinstance(env, Wrapper) else state
    return getattr(inner, "step", None)


# --- Observations and rewards -------------------------------------------------------------------


def _members_of_their_spaces(r: RandomEpisodes) -> Iterator[str]:
    for method, obs in (("reset", _starts(r)), ("step_env", r.moments.bare.obs)):
        for agent in r.env.agents:
            for space, x in _parts(r.env.observation_space(agent), obs[agent]):
                fault = _fault(x, *_bounds(space))
                if fault is not None:
                    yield f"{r.env.name}.{method}: obs[{agent!r}] has the value {fault}"


def _starts(r: RandomEpisodes) -> Observations:
    return jax.tree.map(lambda x: x[:, 0], r.moments.obs)


def _fault(x: np.ndarray, low: Any, high: Any) -> str | None:
    """The first value that is not finite or not within the bounds."""
    if np.any(infinite := ~np.isfinite(x)):
        return f"{x[infinite][0]}"
    if np.any(outside := (x < low) | (x > high)):
        low, high = (np.broadcast_to(bound, x.shape)[outside][0] for bound in (low, high))
        return f"{x[outside][0]}, but its space is from {low} to {high}"
    return None


def _parts(space: Any, x: Any) -> Iterator[tuple[Any, np.ndarray]]:
    if isinstance(space, spaces.Dict):
        for name, part in space.spaces.items():
            yield from _parts(part, x[name])
    elif isinstance(space, spaces.Tuple):
        for part, value in zip(space.spaces, x, strict=True):
            yield from _parts(part, value)
    else:
        yield space, x


def _bounds(space: Any) -> tuple[Any, Any]:
    if isinstance(space, spaces.Discrete):
        return 0, space.n - 1
    if isinstance(space, spaces.MultiDiscrete):
        return 0, np.asarray(space.num_categories) - 1
    return np.asarray(space.low), np.asarray(space.high)


def _finite(r: RandomEpisodes) -> Iterator[str]:
    bare = r.moments.bare
    views = {name: seen for name, seen in bare.obs.items() if name not in r.env.agents}
    for what, values in (("rewards", bare.rewards), ("obs", views)):
        for name, value in values.items():
            if not all(np.all(np.isfinite(x)) for x in jax.tree.leaves(value)):
                yield f"{r.env.name}.step_env: {what}[{name!r}] is not always finite"


def _observed_again(r: RandomEpisodes) -> Iterator[str]:
    obs, again = r.moments.obs, r.moments.get_obs
    for name in obs.keys() & again.keys():
        for method, part in (("reset", np.s_[:, :1]), ("step", np.s_[:, 1:])):
            if not _same(*jax.tree.map(lambda x, p=part: x[p], (obs[name], again[name]))):
                yield f"{r.env.name}.get_obs: obs[{name!r}] is not what {method} returned"


def _some_action(r: RandomEpisodes) -> Iterator[str]:
    for agent, mask in r.moments.masks.items():
        is_choice = isinstance(r.env.action_space(agent), spaces.Discrete)
        if is_choice and not np.all(np.any(mask, axis=-1)):
            yield f"{r.env.name}.get_avail_actions: {agent!r} has no available action at times"


# --- How episodes end --------------------------------------------------------------------------


def _all_done(r: RandomEpisodes) -> Iterator[str]:
    dones = r.moments.bare.dones
    for agent in r.env.agents:
        if np.any(dones["__all__"] & ~dones[agent]):
            yield f"{r.env.name}.step_env: dones[{agent!r}] is false where dones['__all__'] is true"


def _length(r: RandomEpisodes) -> Iterator[str]:
    max_steps, done = known_length(r.env), r.moments.resetting.dones["__all__"]
    if max_steps is None or max_steps > done.shape[1]:
        return
    for ends, truncated in zip(done, r.moments.truncated, strict=True):
        last = np.flatnonzero(ends)
        lengths = np.diff(last, prepend=-1)
        wrong = (lengths > max_steps) | (truncated[last] & (lengths != max_steps))
        if not last.size or np.any(wrong):
            steps = f"{lengths[wrong][0]}" if last.size else f"more than {done.shape[1]}"
            yield f"{r.env.name}.step: an episode has {steps} steps, but max_steps is {max_steps}"
            return


def _fresh_start(r: RandomEpisodes) -> Iterator[str]:
    """In an episode's last step, `step` returns obs and state of a reset, the rest of the step."""
    bare, resetting, counter = r.moments.bare, r.moments.resetting, r.moments.counter
    if counter is not None:
        renewed = counter[:, 1:][resetting.dones["__all__"][:, :-1]]
        if np.any(renewed != counter[0, 0]):
            yield (
                f"{r.env.name}.step: after an episode's end the state is at step "
                f"{renewed.max()}, after reset at {counter[0, 0]}"
            )
    ends = bare.dones["__all__"]
    for what, of_step, own in (
        ("rewards", bare.rewards, resetting.rewards),
        ("dones", bare.dones, resetting.dones),
    ):
        for name in of_step:
            wrong = ~np.isclose(of_step[name], own[name], rtol=1e-4, atol=1e-5, equal_nan=True)
            # A random step differs at other times, too.
            if np.any(wrong[ends]) and not np.any(wrong[~ends]):
                yield (
                    f"{r.env.name}.step: {what}[{name!r}] is not that of step_env "
                    "in the step that ends an episode"
                )


# --- The same again ----------------------------------------------------------------------------


def _repeats(r: RandomEpisodes) -> Iterator[str]:
    """The first episode's first steps, alone and twice."""
    env, moments = r.env, r.moments
    first, again = env.reset(r.key[0]), env.reset(r.key[0])
    if not _same(first, again):
        yield f"{env.name}.reset: the same key starts two different episodes"
    elif not _same(first[0], jax.tree.map(lambda x: x[0], _starts(r))):
        yield f"{env.name}.reset: obs is not what vmap over a batch of keys gives"
    _, state = first
    for t in range(2):
        key, actions = moments.key[0, t], jax.tree.map(lambda x, t=t: x[0, t], moments.actions)
        one, other = (env.step(key, state, actions) for _ in range(2))
        if not _same(one, other):
            yield f"{env.name}.step: the same key and actions have two different outcomes"
            return
        obs, state, rewards, dones, _ = one
        batch = jax.tree.map(lambda x, t=t: x[0, t], moments.resetting)
        if not _same(Outcome(obs, rewards, dones), batch):
            yield f"{env.name}.step: the outcome is not what vmap over a batch gives"
            return


def _same(one: Any, other: Any) -> bool:
    """Whether two pytrees agree, floating-point numbers up to their rounding."""
    close = partial(np.allclose, rtol=1e-4, atol=1e-5, equal_nan=True)
    return all(jax.tree.leaves(jax.tree.map(close, _plain(one), _plain(other))))


def _plain(tree: Any) -> Any:
    return jax.tree.map(lambda x: np.asarray(jax.random.key_data(x) if _is_key(x) else x), tree)


def _is_key(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


_CHECKS: tuple[Callable[[RandomEpisodes], Iterator[str]], ...] = (
    _members_of_their_spaces,
    _finite,
    _observed_again,
    _some_action,
    _all_done,
    _length,
    _fresh_start,
    _repeats,
)
