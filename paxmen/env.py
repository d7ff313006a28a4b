"""PaxMen as a JaxMARL environment."""

# JaxMARL's annotations ask for a subclass of its own State, and its `step` is jitted as a whole.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete

from paxmen import observation, rules
from paxmen import state as states
from paxmen.actions import check_actions, stack_actions
from paxmen.batching import batch_last, batched_cond
from paxmen.classic import SIZES, classic_mazes
from paxmen.config import MAX_STEPS, MOST_AGENTS, Config, Respawn
from paxmen.layouts import NUM_ACTIONS, Maze
from paxmen.mazes import Mazes
from paxmen.state import State

Observations = dict[str, Array]
Transition = tuple[Observations, State, dict[str, Array], dict[str, Array], dict[str, Array]]

Method = TypeVar("Method", bound=Callable[..., Any])


def jit_method(method: Method) -> Method:
    """`jax.jit` with `self` static, of the method's own type: what JAX returns has no types."""
    return cast(Method, jax.jit(method, static_argnums=0))


class PaxMen(MultiAgentEnv):
    """A team that eats the dots in the rooms around its hub.

    Observations are float32: (view * view,) for each agent in `agents`, its window row by row, and
    (W,) under "world_state". Actions are 0 up, 1 down, 2 right, 3 left, 4 eat; others do nothing.
    An episode is `max_steps` long. docs/paxmen.md has the rules; the defaults are theirs.

    Environments of equal options are equal, so a second one compiles nothing again.

    Args:
        num_agents: 1 to 64, and no more than any level has hub cells.
        mazes: the levels, from `generate_mazes`, `parse_mazes` or `load_mazes`
            [the four classic ones, which 4, 5 and 6 agents have].
        max_steps: steps of an episode [100, 115, 130 on the classic levels of 4, 5, 6 agents; 100
            on others].
        view: rows and columns that an agent sees: 3, 5, 7, 9 or 11.
        dots_per_room: dots that a room draws at a time, on distinct cells.
        penalty: what a step costs an agent that eats nothing in it.
        shared_reward: every agent gets the sum of all agents' rewards; else each its own.
        respawn: when dots come back: "all", in every room once all are empty; "room", in each room
            once it is empty; "never".

    Raises:
        ValueError: an option that cannot be, in one line with what can.
    """

    pure_observations = True  # `get_obs` shows what `reset` and `step` do: wrappers ask

    def __init__(
        self,
        num_agents: int = 4,
        *,
        mazes: Mazes | None = None,
        max_steps: int | None = None,
        view: int = Config.view,
        dots_per_room: int = Config.dots_per_room,
        penalty: float = Config.penalty,
        shared_reward: bool = Config.shared_reward,
        respawn: Respawn = Config.respawn,
    ) -> None:
        if mazes is None:
            mazes = _classic_mazes(num_agents)
        self.config = Config(
            num_agents=num_agents,
            mazes=mazes,
            max_steps=_usual_steps(mazes) if max_steps is None else max_steps,
            view=view,
            dots_per_room=dots_per_room,
            penalty=penalty,
            shared_reward=shared_reward,
            respawn=respawn,
        )
        super().__init__(num_agents=int(num_agents))
        self.max_steps = self.config.max_steps
        self.observation_spaces = {
            agent: Box(-1.0, 1.0, (view**2,), jnp.float32) for agent in self.agents
        }
        self.action_spaces = {agent: Discrete(NUM_ACTIONS) for agent in self.agents}

    @property
    def name(self) -> str:
        """That of the mazes: of named environments, the name that `paxmen.make` takes."""
        return self.config.mazes.name

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        """One class: the agents are alike."""
        return {"agent": list(self.agents)}

    @property
    def teams(self) -> dict[str, list[str]]:
        """The agents that share a reward: all, or each with nobody."""
        if self.config.shared_reward:
            return {"team": list(self.agents)}
        return {agent: [agent] for agent in self.agents}

    @property
    def maze(self) -> Maze:
        """The constant tables of the mazes."""
        return self.config.maze

    @property
    def num_levels(self) -> int:
        """L, the levels of the mazes; `state.layout_id` says which one an episode plays."""
        return len(self.config.mazes)

    def world_state_size(self) -> int:
        """W, the length of the world state."""
        return self.config.mazes.num_cells

    # --- JaxMARL's contract -------------------------------------------------------------------

    def observation_space(self, agent: str) -> Box:
        """Box (V,): a square view, row by row; V is 25 by default."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """Five actions."""
        return self.action_spaces[agent]

    @jit_method
    def reset(self, key: Array) -> tuple[Observations, State]:
        """Starts an episode: level, dots and agents drawn uniformly."""
        state = rules.spawn(self.config, key)
        return self._observe(state), state

    def reset_to_level(self, key: Array, level: ArrayLike) -> tuple[Observations, State]:
        """Starts an episode on one level: dots and agents drawn as `reset` draws them.

        Args:
            key: a PRNG key, typed or raw.
            level: int (), 0..num_levels-1.

        Raises:
            ValueError: a wrong shape, or (unless traced) no such level.
        """
        states.check_layout(self.maze, level, "level")
        return self._reset_to_level(key, jnp.asarray(level, jnp.int32))

    def step(
        self,
        key: Array,
        state: State,
        actions: Mapping[str, ArrayLike],
        reset_state: State | None = None,
    ) -> Transition:
        """`step_env`, and in the step that ends the episode a reset.

        Args:
            key: a PRNG key, typed or raw. The state after a reset is that of `reset(key)`.
            state: the state to step.
            actions: an integer (), or (1,), of any type for each agent.
            reset_state: the state to reset to, instead of a random one.

        Returns:
            `(obs, state, rewards, dones, info)`; obs and state are those after the reset, the rest
            belongs to the step. `info` has an entry (n,) for each agent:
            `dots_eaten` float32, the agent's share of the dots eaten in this step (their sum is
            the number of dots); and the same for all, bool: `respawned`, `terminated` (never),
            `truncated` (the time limit).

        Raises:
            TypeError: an action that is not an integer.
            ValueError: an agent missing or unknown, or an action of another shape.
        """
        return self._step(key, state, check_actions(actions, self.agents), reset_state)

    def step_env(self, key: Array, state: State, actions: Mapping[str, ArrayLike]) -> Transition:
        """One step without a reset; see `step`."""
        return self._step_env(key, state, check_actions(actions, self.agents))

    def get_obs(self, state: State) -> Observations:
        """What each agent sees, and the world state."""
        return self._observe(state)

    @jit_method
    def get_avail_actions(self, state: State) -> dict[str, Array]:
        """bool (5,) for each agent: all five, always."""
        return {agent: jnp.ones((NUM_ACTIONS,), bool) for agent in self.agents}

    # --- Views of a state ---------------------------------------------------------------------

    # Each raises ValueError, unless traced, for a level that is not there.

    def grid(self, layout_id: ArrayLike) -> Array:
        """float32 (G, G): -1 wall, 0 open.

        Args:
            layout_id: int (), the level. Of a traced one the nearest that is there is taken.

        Raises:
            TypeError: a level that is no integer.
            ValueError: a wrong shape, or (unless traced) a level that is not there.
        """
        states.check_layout(self.maze, layout_id)
        return states.grid(self.maze, states.nearest_layout(self.maze, layout_id))

    def agent_positions(self, state: State) -> Array:
        """int32 (n, 2): row and column of each agent."""
        states.check_layout(self.maze, state.layout_id)
        return states.agent_positions(self.maze, state)

    def dots_on_grid(self, state: State) -> Array:
        """bool (G, G): the active dots."""
        states.check_layout(self.maze, state.layout_id)
        return states.dots_on_grid(self.maze, state)

    def make_state(
        self,
        layout_id: ArrayLike,
        agent_positions: ArrayLike,
        dots_on_grid: ArrayLike,
        step: ArrayLike = 0,
    ) -> State:
        """The state with exactly these contents.

        Whatever is traced cannot be refused for its values: then the nearest level that is there
        and the nearest step in 0..`max_steps` are taken, an agent that is on no open cell stands in
        the hub's first, its top left corner, and a dot outside the rooms is left out.

        Args:
            layout_id: int (), the level, 0..num_levels-1.
            agent_positions: int (n, 2), row and column of open cells.
            dots_on_grid: bool (G, G), true on cells of rooms only: dots lie nowhere else.
            step: int (), steps taken, 0..`max_steps`; at `max_steps` the episode is over.

        Raises:
            TypeError: a level, position or step that is no integer.
            ValueError: a wrong shape, or (unless traced) a level or step out of bounds, an agent
                on no open cell or a dot outside the rooms.
        """
        return states.make_state(self.config, layout_id, agent_positions, dots_on_grid, step)

    def scene(
        self, states: State, rewards: ArrayLike | None = None, *, title: str | None = None
    ) -> dict[str, Any]:
        """One episode for the viewers of `wrappers`: see `paxmen.scene.episode_scene`."""
        from paxmen.scene import episode_scene

        return episode_scene(self, states, rewards, title=title)

    # --- Equality: by configuration -----------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.config == self.config

    def __hash__(self) -> int:
        return hash((type(self), self.config))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **vars(self.config)), ()

    def __repr__(self) -> str:
        usual = {field.name: field.default for field in dataclasses.fields(Config)}
        usual["max_steps"] = _usual_steps(self.config.mazes)
        if self.num_agents in SIZES:
            usual["mazes"] = classic_mazes(self.num_agents)
        options = vars(self.config).items()
        shown = [f"{name}={value!r}" for name, value in options if value != usual[name]]
        return f"{type(self).__name__}({', '.join(shown)})"

    # --- One step -----------------------------------------------------------------------------

    @jit_method
    def _reset_to_level(self, key: Array, level: Array) -> tuple[Observations, State]:
        state = rules.spawn(self.config, key, level)
        return self._observe(state), state

    @jit_method
    def _step(
        self,
        key: Array,
        state: State,
        actions: dict[str, Array],
        reset_state: State | None,
    ) -> Transition:
        state, share = self._play(state, actions)
        done, empty = state.done, rules.dots_return(self.config, state)
        if reset_state is None:
            state = batched_cond(partial(rules.restart_or_respawn, self.config))(
                empty | done, state, key
            )
        else:
            state = self._respawn(empty, state, key)
            state = jax.tree.map(lambda new, old: jnp.where(done, new, old), reset_state, state)
        return self._observe(state), state, *self._outcome(share, done, empty)

    @jit_method
    def _step_env(self, key: Array, state: State, actions: dict[str, Array]) -> Transition:
        state, share = self._play(state, actions)
        empty = rules.dots_return(self.config, state)
        state = self._respawn(empty, state, key)
        return self._observe(state), state, *self._outcome(share, state.done, empty)

    def _play(self, state: State, actions: dict[str, Array]) -> tuple[State, Array]:
        return batch_last(partial(rules.play, self.config))(
            state, stack_actions(actions, self.agents)
        )

    def _respawn(self, empty: Array, state: State, key: Array) -> State:
        return batched_cond(partial(rules.respawn, self.config))(empty, state, key)

    @jit_method
    def _observe(self, state: State) -> Observations:
        views = observation.views(self.config, state)
        obs = {agent: views[i] for i, agent in enumerate(self.agents)}
        return {**obs, "world_state": observation.world_state(self.config, state)}

    def _outcome(
        self, share: Array, done: Array, respawned: Array
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        own = rules.rewards(self.config, share)
        everyone = (self.num_agents,)
        info = {
            "dots_eaten": share,
            "respawned": jnp.broadcast_to(respawned, everyone),
            "terminated": jnp.zeros(everyone, bool),
            "truncated": jnp.broadcast_to(done, everyone),
        }
        dones = dict.fromkeys([*self.agents, "__all__"], done)
        if self.config.shared_reward:
            rewards = dict.fromkeys(self.agents, jnp.sum(own))
        else:
            rewards = {agent: own[i] for i, agent in enumerate(self.agents)}
        return rewards, dones, info


def _classic_mazes(num_agents: Any) -> Mazes:
    if num_agents not in list(SIZES):
        valid = ", ".join(map(str, SIZES))
        raise ValueError(
            f"there are no classic mazes for {num_agents!r} agents; valid: {valid}, or 1 to "
            f"{MOST_AGENTS} with mazes of one's own"
        )
    return classic_mazes(int(num_agents))


def _usual_steps(mazes: Mazes) -> int:
    steps = {classic_mazes(num_agents): sizes.max_steps for num_agents, sizes in SIZES.items()}
    return steps.get(mazes, MAX_STEPS)
