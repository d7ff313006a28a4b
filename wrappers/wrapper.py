"""The base class of all wrappers, which forwards to the inner environment by default."""

# JaxMARL's annotations ask for a subclass of its own State, and its `step` is jitted as a whole.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, TypeVar, cast

import jax
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Space

from wrappers.batched_cond import batched_cond

Observations = dict[str, Array]
Transition = tuple[Observations, Any, dict[str, Array], dict[str, Array], dict[str, Any]]

Method = TypeVar("Method", bound=Callable[..., Any])


def jit_method(method: Method) -> Method:
    """`jax.jit` with `self` static. It keeps the method's type, which JAX would lose."""
    return cast(Method, jax.jit(method, static_argnums=0))


class Layer(IntEnum):
    """The position of a wrapper in a stack. No wrapper goes around one of a higher layer.

    `ANY` is the exception: it may be inside or outside of `ENDS` and `EPISODES`, because it changes
    observations or rewards, but not the end of an episode. It must be inside of `RESETS`.
    """

    ANY = 0
    ENDS = 1  # decides when an episode ends; wrappers that count episodes go around it
    EPISODES = 2  # counts or records whole episodes
    RESETS = 3  # resets in `step`; one in a stack, around all of the above
    CHECKS = 4  # checks all results; one in a stack, outermost


class WrappedState:
    """Base class for the state of a wrapper that `holds_state`."""

    env_state: Any

    @property
    def done(self) -> Array:
        """Whether the inner environment's episode has ended, bool ()."""
        return self.env_state.done


class Wrapper(MultiAgentEnv):
    """A JaxMARL environment around another one, with all attributes of the inner one.

    A subclass overrides `reset` and `step_env`. It need not override `step`, which calls both and
    resets at an episode's end. So each wrapper of a stack sees the state in which an episode ends.

    `layer` is the wrapper's position in a stack. A wrapper that ends episodes sets it to
    `Layer.ENDS`. Statistics inside of it would miss those ends, so they are rejected there.

    A wrapper with its own state sets `holds_state = True` and keeps the inner state in its field
    `env_state`. If a part of its state outlives an episode, it overrides `keep_across_reset`.

    An environment with `pure_observations = True` promises that `get_obs(state)` equals the
    observations that `reset` and `step` return. This saves copies of observations. The promise
    holds through a wrapper with `keeps_observations = True`: one that changes no observation, or
    changes those of `get_obs` in the same way.

    Wrappers of equal environments with equal options are equal, so that a second one compiles
    nothing again. They can be pickled.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ValueError: `env` has a wrapper that must be outside of this one, such as `AutoReset`.
    """

    holds_state = False  # whether the state is of this wrapper's own class, with an `env_state`
    layer = Layer.ANY
    keeps_observations = False  # whether `pure_observations` of the inner environment stays true

    def __init__(self, env: MultiAgentEnv) -> None:
        check_inner(type(self), env)
        self._env: Any = env

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also while unpickling, when there is no `_env` yet
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._env, name)

    @property
    def unwrapped(self) -> MultiAgentEnv:
        """The environment inside all wrappers."""
        return self._env.unwrapped if isinstance(self._env, Wrapper) else self._env

    def env_state(self, state: Any) -> Any:
        """The state of the environment inside all wrappers."""
        inner = self._inner(state)
        return self._env.env_state(inner) if isinstance(self._env, Wrapper) else inner

    def _inner(self, state: Any) -> Any:
        return state.env_state if self.holds_state else state

    # --- Members of the base class that are the inner environment's --------------------------

    @property
    def name(self) -> str:
        return self._env.name

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        return self._env.agent_classes

    def observation_space(self, agent: str) -> Space:
        return self._env.observation_space(agent)

    def action_space(self, agent: str) -> Space:
        return self._env.action_space(agent)

    def get_obs(self, state: Any) -> Observations:
        """Each agent's observation of a state, in the shape of the agent's space."""
        return self._env.get_obs(self._inner(state))

    def get_avail_actions(self, state: Any) -> dict[str, Array]:
        """Which of its k discrete actions each agent can take in a state, (k,)."""
        return self._env.get_avail_actions(self._inner(state))

    @property
    def pure_observations(self) -> bool:
        """Whether `get_obs(state)` equals the observations that `reset` and `step` return."""
        return self.keeps_observations and getattr(self._env, "pure_observations", False)

    # --- An episode ----------------------------------------------------------------------------

    def reset(self, key: Array) -> tuple[Observations, Any]:
        """Starts an episode.

        Args:
            key: one PRNG key.

        Returns:
            `(obs, state)`; `obs` has each agent's observation, in the shape of its space.
        """
        return self._env.reset(key)

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        """One step without a reset.

        Args:
            key: one PRNG key.
            state: the state before the step.
            actions: each agent's action, in the shape of its space.

        Returns:
            `(obs, state, rewards, dones, info)`; rewards are float () and dones bool () for each
            agent, and `dones["__all__"]` is bool ().
        """
        return self._env.step_env(key, state, actions)

    @jit_method
    def step(
        self,
        key: Array,
        state: Any,
        actions: Mapping[str, Any],
        reset_state: Any | None = None,
    ) -> Transition:
        """`step_env`, and a reset if the step ends the episode.

        Args:
            key: one PRNG key.
            state: the state before the step.
            actions: each agent's action, in the shape of its space.
            reset_state: the state to reset to, instead of a random one.

        Returns:
            `(obs, state, rewards, dones, info)` as of `step_env`. If the episode ended, `obs` and
            `state` are those after the reset.
        """
        step_key, reset_key = jax.random.split(key)
        obs, state, rewards, dones, info = self.step_env(step_key, state, actions)
        obs, state = self._reset_where_done(dones["__all__"], obs, state, reset_key, reset_state)
        return obs, state, rewards, dones, info

    def _reset_where_done(
        self, done: Array, obs: Observations, state: Any, key: Array, reset_state: Any | None
    ) -> tuple[Observations, Any]:
        """Observations and state: those of a reset where `done`, bool (), else those given."""

        if self.pure_observations:
            # Observations are large: passing them through the branch costs more than `get_obs`.
            state = batched_cond(self._restart)(done, state, key, reset_state)
            return self.get_obs(state), state

        def restart(old: tuple[Observations, Any], key: Array, fresh: Any) -> Any:
            obs, fresh = self.reset(key) if fresh is None else (self.get_obs(fresh), fresh)
            return obs, self.keep_across_reset(old[1], fresh)

        return batched_cond(restart)(done, (obs, state), key, reset_state)

    def _restart(self, old: Any, key: Array, fresh: Any | None) -> Any:
        return self.keep_across_reset(old, self.reset(key)[1] if fresh is None else fresh)

    def keep_across_reset(self, old: Any, fresh: Any) -> Any:
        """The state in which the next episode starts.

        Args:
            old: the state in which an episode ended.
            fresh: the state that a reset returned.

        Returns:
            `fresh`, with the parts of `old` that outlive an episode.
        """
        if not isinstance(self._env, Wrapper):
            return fresh
        inner = self._env.keep_across_reset(self._inner(old), self._inner(fresh))
        return fresh.replace(env_state=inner) if self.holds_state else inner

    # --- Equality: by environment and options --------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), self._env))

    def __repr__(self) -> str:
        options = [f", {name}={value!r}" for name, value in vars(self).items() if name[0] != "_"]
        return f"{type(self).__name__}({self._env!r}{''.join(options)})"


def check_inner(outer: type[Any], env: Any) -> None:
    """Checks that an environment may be inside of a wrapper of the class `outer`.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ValueError: one of its wrappers must be outside of `outer`, or is an `outer` that may be in
            a stack only once.
    """
    name, layer = outer.__name__, outer.layer
    if not isinstance(env, MultiAgentEnv):
        raise TypeError(f"{name} wraps JaxMARL environments, not {env!r}")
    for inner in wrappers_of(env):
        if layer >= Layer.EPISODES and type(inner) is outer:
            raise ValueError(f"{name} is inside already: one is enough")
        if inner.layer > (layer or Layer.EPISODES) or layer == inner.layer == Layer.RESETS:
            raise ValueError(f"{type(inner).__name__} goes around {name}, not inside")


def wrappers_of(env: Any) -> Iterator[Wrapper]:
    """The wrappers around an environment, the outermost first."""
    while isinstance(env, Wrapper):
        yield env
        env = env._env


class ObservationWrapper(Wrapper):
    """A wrapper that changes only observations; a subclass overrides `observe`."""

    keeps_observations = True

    def observe(self, obs: Observations) -> Observations:
        """The observations to return in place of `obs`, in the shapes of the wrapper's spaces."""
        raise NotImplementedError

    def reset(self, key: Array) -> tuple[Observations, Any]:
        obs, state = self._env.reset(key)
        return self.observe(obs), state

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        obs, state, rewards, dones, info = self._env.step_env(key, state, actions)
        return self.observe(obs), state, rewards, dones, info

    def get_obs(self, state: Any) -> Observations:
        return self.observe(self._env.get_obs(state))
