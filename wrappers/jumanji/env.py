"""Jumanji's multi-agent environments as JaxMARL environments."""

# JaxMARL's annotations ask for a subclass of its own State.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete

from wrappers.jumanji.equality import configuration
from wrappers.wrapper import Observations, Transition, jit_method

# The viewer draws only, and the specs follow from the rest.
_NOT_CONFIGURATION = (
    "_viewer",
    "observation_spec",
    "action_spec",
    "reward_spec",
    "discount_spec",
)


class Step(NamedTuple):
    """A step in jumanji: states before and after, actions int32 (n,), and jumanji's `TimeStep`."""

    before: Any
    actions: Array
    after: Any
    timestep: Any


class View(NamedTuple):
    """What differs between jumanji's environments.

    `env` is jumanji's environment without wrappers, `seen` one of its observations.

    Attributes:
        observe: `(env, seen)`: float32 (n, ...), what each agent sees.
        bounds: `(env)`: the lowest and the highest of it.
        world_state: `(env, seen)`: float32 (W,).
        terminated: `(step)`: bool (), whether a last step ended the episode by the rules; in some
            environments jumanji's discount is the same at the time limit.
    """

    observe: Callable[[Any, Any], Array]
    bounds: Callable[[Any], tuple[ArrayLike, ArrayLike]]
    world_state: Callable[[Any, Any], Array]
    terminated: Callable[[Step], Array]


@struct.dataclass
class JumanjiState:
    """Attributes:
    jumanji_state: jumanji's.
    observation: jumanji's observation of it, with the action mask.
    done: bool (), whether the episode has ended.
    """

    jumanji_state: Any
    observation: Any
    done: Array

    @property
    def step(self) -> Array:
        """int32 (), steps taken in the episode."""
        return self.jumanji_state.step_count


class JumanjiEnv(MultiAgentEnv):
    """One of jumanji's environments; `from_jumanji` makes it.

    - Observations are float32 in about [0, 1], and `obs["world_state"]` is (W,); docs/jumanji.md
      has the layouts.
    - Rewards are those of jumanji, an agent's own or one for all.
    - `dones` of an agent is true from the step on from which jumanji discounts its future by 0,
      which in Connector may come before the episode's end; `dones["__all__"]` is true at the end.
    - `info` has an entry (n,) for each agent, the same for all: `terminated` and `truncated` (the
      time limit alone), bool, and jumanji's own metrics.
    - Random numbers of an episode come from a key in the state, as in jumanji: `step_env`, and a
      `step` that ends no episode, do not use their own key.

    Environments are equal if their types and attributes are (`wrappers.jumanji.equality`), so that
    a second one compiles nothing again.

    Attributes:
        jumanji_env: the environment inside.
        max_steps: its time limit.
    """

    def __init__(self, env: Any, view: View) -> None:
        super().__init__(num_agents=int(env.num_agents))
        self.jumanji_env = _in_32_bits(env)
        self.max_steps = int(env.unwrapped.time_limit)
        self._view = view
        self._bare = self.jumanji_env.unwrapped
        self._configuration = configuration(self.jumanji_env, _NOT_CONFIGURATION)
        self._hash = hash(self._configuration)
        with _as_in_jumanji():
            seen = self._bare.observation_spec.generate_value()
            sizes = self.jumanji_env.action_spec.num_values.tolist()
        views, world_state = jax.eval_shape(
            lambda seen: (view.observe(self._bare, seen), view.world_state(self._bare, seen)), seen
        )
        self._world_state_size = world_state.size
        low, high = view.bounds(self._bare)
        space = Box(low, high, views.shape[1:], jnp.float32)
        self.observation_spaces = dict.fromkeys(self.agents, space)
        self.action_spaces = {
            agent: Discrete(size) for agent, size in zip(self.agents, sizes, strict=True)
        }

    @property
    def name(self) -> str:
        """That of jumanji's class."""
        return type(self._bare).__name__

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        """One class: the agents are alike."""
        return {"agent": list(self.agents)}

    @property
    def teams(self) -> dict[str, list[str]]:
        """One team, though in LevelBasedForaging and Connector its agents earn apart."""
        return {"team": list(self.agents)}

    def world_state_size(self) -> int:
        """W, the length of the world state."""
        return self._world_state_size

    # --- JaxMARL's contract; `step` is its own ------------------------------------------------

    @jit_method
    def reset(self, key: Array) -> tuple[Observations, JumanjiState]:
        """Starts an episode: jumanji's of the same key, typed or raw."""
        with _as_in_jumanji():
            state, timestep = self.jumanji_env.reset(_raw(key))
        state, seen = _strong((state, timestep.observation))
        state = JumanjiState(state, seen, jnp.zeros((), bool))
        return self.get_obs(state), state

    def step_env(self, key: Array, state: JumanjiState, actions: Mapping[str, Any]) -> Transition:
        """One step without a reset.

        Raises:
            TypeError: an action is not an integer.
            ValueError: an agent is missing or unknown, or an action is not of shape () or (1,).
        """
        return self._step_env(state, self._in_order(actions))

    def get_obs(self, state: JumanjiState) -> Observations:
        """Each agent's observation float32 (...), and the world state float32 (W,)."""
        views = self._view.observe(self._bare, state.observation)
        obs = {agent: views[i] for i, agent in enumerate(self.agents)}
        return obs | {"world_state": self._view.world_state(self._bare, state.observation)}

    def get_avail_actions(self, state: JumanjiState) -> dict[str, Array]:
        """bool (number of actions,) for each agent: jumanji's mask."""
        return {agent: state.observation.action_mask[i] for i, agent in enumerate(self.agents)}

    # --- Equality: by configuration -----------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._configuration == self._configuration

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, tuple[Any, View]]:
        return JumanjiEnv, (self.jumanji_env, self._view)

    def __repr__(self) -> str:
        return f"from_jumanji({self.jumanji_env!r})"

    # --- One step -----------------------------------------------------------------------------

    @jit_method
    def _step_env(self, before: JumanjiState, actions: tuple[Array, ...]) -> Transition:
        chosen = jnp.stack([jnp.reshape(action, ()).astype(jnp.int32) for action in actions])
        with _as_in_jumanji():
            after, timestep = self.jumanji_env.step(before.jumanji_state, chosen)
        after, timestep = _strong((after, timestep))
        last = timestep.last()
        terminated = last & self._view.terminated(
            Step(before.jumanji_state, chosen, after, timestep)
        )
        entries = timestep.extras | {"terminated": terminated, "truncated": last & ~terminated}
        reward = self._each(timestep.reward.astype(jnp.float32))
        done = last | self._each(timestep.discount == 0)
        state = JumanjiState(after, timestep.observation, last)
        return (
            self.get_obs(state),
            state,
            {agent: reward[i] for i, agent in enumerate(self.agents)},
            {agent: done[i] for i, agent in enumerate(self.agents)} | {"__all__": last},
            {name: self._each(x) for name, x in entries.items()},
        )

    def _each(self, x: Array) -> Array:
        return jnp.broadcast_to(x, (self.num_agents,))

    def _in_order(self, actions: Mapping[str, Any]) -> tuple[Array, ...]:
        if not isinstance(actions, Mapping):
            raise TypeError(f"actions map agents to integers, not {type(actions).__name__}")
        if set(actions) != set(self.agents):
            given, agents = ", ".join(map(str, actions)), ", ".join(self.agents)
            raise ValueError(f"{self.name} got actions for {given}; its agents are {agents}")
        ordered = {agent: jnp.asarray(actions[agent]) for agent in self.agents}
        for agent, action in ordered.items():
            if not jnp.issubdtype(action.dtype, jnp.integer):
                raise TypeError(f"the action of {agent} is of {action.dtype}; valid: an integer")
            if action.shape not in ((), (1,)):
                raise ValueError(f"the action of {agent} has shape {action.shape}; valid: (), (1,)")
        return tuple(ordered.values())


@contextmanager
def _as_in_jumanji() -> Iterator[None]:
    """Arithmetic as jumanji counts on it, whatever the caller's settings: 32 bits, mixed types."""
    with (
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


def _in_32_bits(env: Any) -> Any:
    """The environment, or where it may hold wider arrays a copy whose arrays have 32 bits."""
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        return env
    with _as_in_jumanji(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the types are narrower than what they were
        return pickle.loads(pickle.dumps(env))


def _raw(key: Array) -> Array:
    """A key for jumanji to keep in its state, where a raw one can be saved like other arrays."""
    return jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key


def _strong(tree: Any) -> Any:
    """Without weak types, which would compile every function of a state twice."""
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, x.dtype), tree)
