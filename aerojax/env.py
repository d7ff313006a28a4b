"""AeroJAX as a JaxMARL environment."""

# JaxMARL's annotations ask for a subclass of its own State, and its `step` is jitted as a whole.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Box, Discrete

from aerojax import actions as action_rules
from aerojax import observation
from aerojax.aircraft import Fleet
from aerojax.batching import batch_last
from aerojax.config import Config, nearest_first
from aerojax.conformance import check_objective
from aerojax.draws import Draws, draw_words
from aerojax.observation import Sight
from aerojax.pilots.scripts import SCRIPTS, usable_scripts
from aerojax.rules import step as rules
from aerojax.rules.flight import Command
from aerojax.rules.spawn import spawn
from aerojax.rules.step import Outcome
from aerojax.state import State

MOST_WORDS = 1_000_000  # more than any configuration draws in a step

Observations = dict[str, Array]
Transition = tuple[Observations, State, dict[str, Array], dict[str, Array], dict[str, Array]]

Method = TypeVar("Method", bound=Callable[..., Any])


def jit_method(method: Method) -> Method:
    """`jax.jit` with `self` static, of the method's own type: what JAX returns has no types."""
    return cast(Method, jax.jit(method, static_argnums=0))


class AeroJAX(MultiAgentEnv):
    """Teams of aircraft in three dimensions.

    Observations are float32: (F,) for each agent and (W,) under "world_state". Actions are one of
    45 commands, or three numbers in [-1, 1]. Every agent gets its team's reward. Agents are
    `ally_0..`, and in self-play also `enemy_0..`. docs/aerojax.md has the rules.

    Environments of equal configuration are equal, so a second one compiles nothing again.

    Args:
        config: the task; `aerojax.make` makes those that have a name.

    Raises:
        ValueError: the objective mixes the environments of a batch, or returns what no objective
            may: see `aerojax.conformance`.
    """

    pure_observations = True  # `get_obs` shows what `reset` and `step` do: wrappers ask

    def __init__(self, config: Config) -> None:
        check_objective(config)
        self.config = config
        self._teams = [(config.team_a, config.num_allies)]
        if config.selfplay:
            self._teams.append((config.team_b, config.num_enemies))
        super().__init__(num_agents=config.num_agents)
        enemies = [f"enemy_{i}" for i in range(config.num_enemies)]
        allies = [f"ally_{i}" for i in range(config.num_allies)]
        self.slot_names = [*allies, *config.objective.convoy, *enemies]
        self.agents = [*allies, *enemies] if config.selfplay else allies
        self.max_steps = config.max_steps
        sight = Box(-jnp.inf, jnp.inf, (observation.size(config),), jnp.float32)
        self.observation_spaces = dict.fromkeys(self.agents, sight)
        stick = Box(-1.0, 1.0, (3,), jnp.float32)
        space = Discrete(action_rules.NUM_ACTIONS) if self._discrete else stick
        self.action_spaces = dict.fromkeys(self.agents, space)

    @property
    def name(self) -> str:
        """The scenario's name, or "custom"."""
        return self.config.name

    @property
    def _discrete(self) -> bool:
        return self.config.actions == "discrete"

    @property
    def slot_classes(self) -> list[str]:
        """The class of each slot's aircraft."""
        return [aircraft.name for aircraft in self.config.classes]

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        """Each class of aircraft, with the agents that fly it."""
        classes: dict[str, list[str]] = {}
        for name, aircraft in zip(self.slot_names, self.slot_classes, strict=True):
            if name in self.agents:
                classes.setdefault(aircraft, []).append(name)
        return classes

    @property
    def teams(self) -> dict[str, list[str]]:
        """The agents of each team, which share a reward."""
        allies = self.config.num_allies
        teams = {"allies": self.agents[:allies], "enemies": self.agents[allies:]}
        return {name: agents for name, agents in teams.items() if agents}

    @property
    def fleet(self) -> Fleet:
        """The slots' coefficients, NumPy float32 (N,) each."""
        return self.config.fleet

    def world_state_size(self) -> int:
        """W, the length of the world state."""
        return observation.world_size(self.config)

    # --- JaxMARL's contract -------------------------------------------------------------------

    def observation_space(self, agent: str) -> Box:
        """Box (F,)."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete | Box:
        """45 commands; with continuous actions Box (3,)."""
        return self.action_spaces[agent]

    @jit_method
    def reset(self, key: Array) -> tuple[Observations, State]:
        """Starts an episode."""
        words = draw_words(key, self._words[0])
        sight, state = batch_last(self._start)(self._constants, words)
        return self._observations(sight), state

    def step(
        self,
        key: Array,
        state: State,
        actions: Mapping[str, ArrayLike],
        reset_state: State | None = None,
    ) -> Transition:
        """`step_env`, and in the step that ends the episode a reset.

        Args:
            key: a PRNG key, typed or raw.
            state: the state to step.
            actions: for each agent an integer (), or (1,), of any type; with continuous actions
                floating-point (3,).
            reset_state: the state to reset to, instead of a random one.

        Returns:
            `(obs, state, rewards, dones, info)`; obs and state are those after the reset, the rest
            belongs to the step. `info` has an entry (n,) for each agent: the terms of its team's
            reward, float32, and `win`, `lose`, `terminated` and `truncated`, bool.

        Raises:
            TypeError: an action of another type.
            ValueError: an agent missing or unknown, or an action of another shape.
        """
        checked = action_rules.check_actions(actions, self.agents, self._discrete)
        return self._step(key, state, checked, reset_state)

    def step_env(self, key: Array, state: State, actions: Mapping[str, ArrayLike]) -> Transition:
        """One step without a reset; see `step`."""
        checked = action_rules.check_actions(actions, self.agents, self._discrete)
        return self._step_env(key, state, checked)

    @jit_method
    def get_obs(self, state: State) -> Observations:
        """What each agent sees, and the world state."""
        return self._observations(batch_last(self._observe)(self._constants, state))

    @jit_method
    def get_avail_actions(self, state: State) -> dict[str, Array]:
        """bool (45,) for each agent; with continuous actions bool (3,), whether it is alive."""
        return batch_last(self._available)(state)

    # --- Scripts ------------------------------------------------------------------------------

    def script_actions(self, state: State, script: str, enemies: bool = False) -> Observations:
        """What a script would do in the agents' place.

        Args:
            state: the state to act in.
            script: a name of `aerojax.SCRIPTS`.
            enemies: for the enemies (in self-play), not for the allies.

        Returns:
            For each agent of that team float32 (3,), or the nearest of the 45 commands, int32 ().

        Raises:
            ValueError: no script, or no such team.
        """
        if enemies and not self.config.selfplay:
            raise ValueError("the enemies are agents in self-play only")
        valid = usable_scripts(self.config, self._teams[int(enemies)][0])
        if script not in valid:
            raise ValueError(
                f"no script {script!r} for this task; valid: {nearest_first(script, valid)}"
            )
        return self._script_actions(state, script, enemies)

    @partial(jax.jit, static_argnums=(0, 2, 3))
    def _script_actions(self, state: State, script: str, enemies: bool) -> Observations:
        sides, count = self._teams[int(enemies)]
        first = sum(n for _, n in self._teams[: int(enemies)])

        def decide(fleet: Fleet, state: State) -> list[Array]:
            command = SCRIPTS[script](self.config, fleet, state, sides)
            if self._discrete:
                return list(action_rules.encode(command)[:count])
            return [jnp.stack([part[i] for part in command]) for i in range(count)]

        decided = batch_last(decide)(self._constants, state)
        return dict(zip(self.agents[first : first + count], decided, strict=True))

    # --- Views of a state ---------------------------------------------------------------------

    @property
    def task_radius(self) -> float:
        """m, at which a point of the task counts as reached."""
        return self.config.objective.point_radius

    def task_points(self, state: State) -> Array:
        """float32 (P, 3): the places that the task is about, m."""
        return jnp.stack(self.config.objective.points(self.config, state.task), axis=-1)

    def scene(
        self, states: State, rewards: ArrayLike | None = None, *, title: str | None = None
    ) -> dict[str, Any]:
        """One episode for the viewers of `wrappers`: see `aerojax.drawing.scene.episode_scene`."""
        from aerojax.drawing.scene import episode_scene

        return episode_scene(self, states, rewards, title=title)

    # --- Equality: by configuration -----------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.config == self.config

    def __hash__(self) -> int:
        return hash((type(self), self.config))

    def __reduce__(self) -> tuple[type[AeroJAX], tuple[Config]]:
        return type(self), (self.config,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config!r})"

    # --- One step -----------------------------------------------------------------------------

    @jit_method
    def _step(
        self, key: Array, state: State, actions: dict[str, Array], reset_state: State | None
    ) -> Transition:
        step_key, reset_key = jax.random.split(key)
        words = draw_words(step_key, self._words[1])
        if reset_state is None:
            fresh = draw_words(reset_key, self._words[0])
            step = batch_last(self._play_and_spawn)
            return self._transition(*step(self._constants, state, actions, words, fresh))
        step = batch_last(self._play_and_replace)
        return self._transition(*step(self._constants, state, actions, words, reset_state))

    @jit_method
    def _step_env(self, key: Array, state: State, actions: dict[str, Array]) -> Transition:
        words = draw_words(key, self._words[1])
        step = batch_last(self._play)
        return self._transition(*step(self._constants, state, actions, words))

    def _transition(self, sight: Sight, state: State, outcome: Outcome) -> Transition:
        ends = {"terminated": outcome.terminated, "truncated": outcome.truncated}
        everyone = (self.num_agents,)
        info = {
            **dict(zip(self.config.objective.term_names, self._each(outcome.terms), strict=True)),
            "win": self._each(outcome.win),
            "lose": self._each(outcome.lose),
            **{name: jnp.broadcast_to(end, everyone) for name, end in ends.items()},
        }
        done = outcome.terminated | outcome.truncated
        alive = dict(zip(self.slot_names, outcome.alive, strict=True))
        dones = {agent: done | ~alive[agent] for agent in self.agents}
        rewards = dict(zip(self.agents, self._each(outcome.reward), strict=True))
        return self._observations(sight), state, rewards, dones | {"__all__": done}, info

    def _each(self, of_teams: Array) -> Array:
        """(..., n) of (..., teams): for each agent what is its team's."""
        return jnp.concatenate(
            [
                jnp.broadcast_to(of_teams[..., i : i + 1], (*of_teams.shape[:-1], count))
                for i, (_, count) in enumerate(self._teams)
            ],
            axis=-1,
        )

    def _observations(self, sight: Sight) -> Observations:
        seen = dict(zip(self.agents, sight.agents, strict=True))
        return {**seen, "world_state": sight.world}

    # What follows runs with a batch axis behind all others: see `batch_last`.

    def _start(self, fleet: Fleet, words: Array) -> tuple[Sight, State]:
        state = spawn(self.config, fleet, Draws(words))
        return self._observe(fleet, state), state

    def _play(
        self, fleet: Fleet, state: State, actions: dict[str, Array], words: Array
    ) -> tuple[Sight, State, Outcome]:
        commands = self._commands(state, actions)
        state, outcome = rules.play(self.config, fleet, state, commands, Draws(words))
        return self._observe(fleet, state), state, outcome

    def _play_and_spawn(
        self, fleet: Fleet, state: State, actions: dict[str, Array], words: Array, fresh: Array
    ) -> tuple[Sight, State, Outcome]:
        reset_state = spawn(self.config, fleet, Draws(fresh))
        return self._play_and_replace(fleet, state, actions, words, reset_state)

    def _play_and_replace(
        self, fleet: Fleet, state: State, actions: dict[str, Array], words: Array, fresh: State
    ) -> tuple[Sight, State, Outcome]:
        commands = self._commands(state, actions)
        state, outcome = rules.play(self.config, fleet, state, commands, Draws(words))
        kept = jax.tree.map(lambda new, old: jnp.where(state.done, new, old), fresh, state)
        return self._observe(fleet, kept), kept, outcome

    def _commands(self, state: State, actions: dict[str, Array]) -> Command:
        if self._discrete:
            return action_rules.decode(jnp.stack([actions[agent] for agent in self.agents]))
        dtype = state.motion.x.dtype  # wider actions would widen the state
        sticks = [actions[agent].astype(dtype) for agent in self.agents]
        return action_rules.clean(jnp.stack(sticks, axis=1))

    def _observe(self, fleet: Fleet, state: State) -> Sight:
        return observation.observe(self.config, fleet, state)

    def _available(self, state: State) -> dict[str, Array]:
        motion = state.motion
        slots = [self.slot_names.index(agent) for agent in self.agents]
        alive = jnp.stack([state.alive[slot] for slot in slots])
        if not self._discrete:
            masks = jnp.broadcast_to(alive[:, None], (len(slots), 3, *alive.shape[1:]))
        else:
            z, vz = (jnp.stack([x[slot] for slot in slots]) for x in (motion.z, motion.vz))
            guided = self.config.control == "guided"
            masks = action_rules.available(z, vz, alive, self.config.ceiling, guided)
        return dict(zip(self.agents, masks, strict=True))

    # --- Constants ----------------------------------------------------------------------------

    @property
    def _constants(self) -> Fleet:
        return jax.tree.map(jnp.asarray, self.fleet)

    @property
    def _words(self) -> tuple[int, int]:
        """How many random words a reset and a step take."""
        return _count_words(self.config)


@cache
def _count_words(config: Config) -> tuple[int, int]:
    def count(rule: Callable[..., Any], *args: Any) -> tuple[int, Any]:
        used = 0

        def counted(words: Array, *args: Any) -> Any:
            nonlocal used
            draws = Draws(words)
            out = rule(config, config.fleet, *args, draws)
            used = draws.used
            return out

        out = jax.eval_shape(counted, jax.ShapeDtypeStruct((MOST_WORDS,), jnp.uint32), *args)
        return used, out

    spawn_words, state = count(spawn)
    stick: Any = jax.ShapeDtypeStruct((config.num_agents,), jnp.float32)
    step_words, _ = count(rules.play, state, Command(stick, stick, stick))
    return spawn_words, step_words
