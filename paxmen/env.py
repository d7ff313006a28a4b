"""PaxMen as a JaxMARL environment."""

# JaxMARL's annotations ask for a subclass of its own State, and its `step` is jitted as a whole.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

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
from paxmen.batching import batch_last, on_demand
from paxmen.layouts import NUM_ACTIONS, SIZES, VIEW_CELLS, build_maze
from paxmen.state import State

Observations = dict[str, Array]
Transition = tuple[Observations, State, dict[str, Array], dict[str, Array], dict[str, Array]]

Method = TypeVar("Method", bound=Callable[..., Any])


def jit_method(method: Method) -> Method:
    """`jax.jit` with `self` static, of the method's own type: what JAX returns has no types."""
    return cast(Method, jax.jit(method, static_argnums=0))


class PaxMen(MultiAgentEnv):
    """A team that eats the dots in the rooms around its hub.

    Observations are float32: (25,) for each agent in `agents`, its 5x5 window row by row, and (W,)
    under "world_state". Actions are 0 up, 1 down, 2 right, 3 left, 4 eat; others do nothing. Every
    agent gets the team's reward, and an episode is `max_steps` long. docs/paxmen.md has the rules.

    Environments of one agent count are equal, so a second one compiles nothing again.

    Args:
        num_agents: 4, 5 or 6.

    Raises:
        ValueError: there is no PaxMen for that many agents.
    """

    pure_observations = True  # `get_obs` shows what `reset` and `step` do: wrappers ask

    def __init__(self, num_agents: int = 4) -> None:
        if num_agents not in list(SIZES):
            valid = ", ".join(map(str, SIZES))
            raise ValueError(f"PaxMen has no {num_agents!r} agents; valid: {valid}")
        super().__init__(num_agents=int(num_agents))
        self.maze = build_maze(self.num_agents)
        self.max_steps = self.maze.max_steps
        self.observation_spaces = {
            agent: Box(-1.0, 1.0, (VIEW_CELLS,), jnp.float32) for agent in self.agents
        }
        self.action_spaces = {agent: Discrete(NUM_ACTIONS) for agent in self.agents}

    @property
    def name(self) -> str:
        """The name that `paxmen.make` takes."""
        return f"paxmen-{self.num_agents}"

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        """One class: the agents are alike."""
        return {"agent": list(self.agents)}

    @property
    def teams(self) -> dict[str, list[str]]:
        """The agents that share a reward: all of them."""
        return {"team": list(self.agents)}

    def world_state_size(self) -> int:
        """W, the length of the world state."""
        return self.maze.num_cells

    # --- JaxMARL's contract -------------------------------------------------------------------

    def observation_space(self, agent: str) -> Box:
        """Box (25,)."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """Five actions."""
        return self.action_spaces[agent]

    @jit_method
    def reset(self, key: Array) -> tuple[Observations, State]:
        """Starts an episode: layout, dots and agents drawn uniformly."""
        state = rules.spawn(self.maze, key)
        return self._observe(state), state

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

    def grid(self, layout_id: ArrayLike) -> Array:
        """float32 (G, G): -1 wall, 0 open.

        Args:
            layout_id: int (), 0..3. Of a traced one the nearest in 0..3 is taken.

        Raises:
            TypeError: a layout that is no integer.
            ValueError: a wrong shape, or (unless traced) a layout outside 0..3.
        """
        return states.grid(self.maze, layout_id)

    def agent_positions(self, state: State) -> Array:
        """int32 (n, 2): row and column of each agent."""
        return states.agent_positions(self.maze, state)

    def dots_on_grid(self, state: State) -> Array:
        """bool (G, G): the active dots."""
        return states.dots_on_grid(self.maze, state)

    def make_state(
        self,
        layout_id: ArrayLike,
        agent_positions: ArrayLike,
        dots_on_grid: ArrayLike,
        step: ArrayLike = 0,
    ) -> State:
        """The state with exactly these contents.

        Whatever is traced cannot be refused for its values: then the nearest layout in 0..3 and the
        nearest step in 0..`max_steps` are taken, an agent that is on no open cell stands in the
        hub's first, its top left corner, and a dot outside the rooms is left out.

        Args:
            layout_id: int (), 0..3.
            agent_positions: int (n, 2), row and column of open cells.
            dots_on_grid: bool (G, G), true on cells of rooms only: dots lie nowhere else.
            step: int (), steps taken, 0..`max_steps`; at `max_steps` the episode is over.

        Raises:
            TypeError: a layout, position or step that is no integer.
            ValueError: a wrong shape, or (unless traced) a layout or step out of bounds, an agent
                on no open cell or a dot outside the rooms.
        """
        return states.make_state(self.maze, layout_id, agent_positions, dots_on_grid, step)

    def scene(
        self, states: State, rewards: ArrayLike | None = None, *, title: str | None = None
    ) -> dict[str, Any]:
        """One episode for the viewers of `wrappers`: see `paxmen.scene.episode_scene`."""
        from paxmen.scene import episode_scene

        return episode_scene(self, states, rewards, title=title)

    # --- Equality: by configuration -----------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.num_agents == self.num_agents

    def __hash__(self) -> int:
        return hash((type(self), self.num_agents))

    def __reduce__(self) -> tuple[type[PaxMen], tuple[int]]:
        return type(self), (self.num_agents,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_agents={self.num_agents})"

    # --- One step -----------------------------------------------------------------------------

    @jit_method
    def _step(
        self,
        key: Array,
        state: State,
        actions: dict[str, Array],
        reset_state: State | None,
    ) -> Transition:
        state, share = self._play(state, actions)
        done, empty = state.done, rules.is_empty(state)
        if reset_state is None:
            state = on_demand(partial(rules.renew, self.maze))(empty | done, state, key)
        else:
            state = self._respawn(empty, state, key)
            state = jax.tree.map(lambda new, old: jnp.where(done, new, old), reset_state, state)
        return self._observe(state), state, *self._outcome(share, done, empty)

    @jit_method
    def _step_env(self, key: Array, state: State, actions: dict[str, Array]) -> Transition:
        state, share = self._play(state, actions)
        empty = rules.is_empty(state)
        state = self._respawn(empty, state, key)
        return self._observe(state), state, *self._outcome(share, state.done, empty)

    def _play(self, state: State, actions: dict[str, Array]) -> tuple[State, Array]:
        return batch_last(partial(rules.play, self.maze))(state, stack_actions(actions))

    def _respawn(self, empty: Array, state: State, key: Array) -> State:
        return on_demand(partial(rules.respawn, self.maze))(empty, state, key)

    @jit_method
    def _observe(self, state: State) -> Observations:
        views = observation.views(self.maze, state)
        obs = {agent: views[i] for i, agent in enumerate(self.agents)}
        return {**obs, "world_state": observation.world_state(self.maze, state)}

    def _outcome(
        self, share: Array, done: Array, respawned: Array
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        reward = rules.reward(share)
        everyone = (self.num_agents,)
        info = {
            "dots_eaten": share,
            "respawned": jnp.broadcast_to(respawned, everyone),
            "terminated": jnp.zeros(everyone, bool),
            "truncated": jnp.broadcast_to(done, everyone),
        }
        rewards = dict.fromkeys(self.agents, reward)
        dones = dict.fromkeys([*self.agents, "__all__"], done)
        return rewards, dones, info
