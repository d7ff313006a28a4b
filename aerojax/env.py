"""AeroJAX as a JaxMARL environment."""

# JaxMARL's annotations ask for a subclass of its own State, and its `step` is jitted as a whole.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar, Unpack, cast

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
from aerojax.rules.spawn import complete, place, spawn
from aerojax.rules.step import Outcome
from aerojax.rules.world import draw_world, world_of
from aerojax.state import Made, State, World, checked

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
        bound = observation.bound(config)
        sight = Box(-bound, bound, (observation.size(config),), jnp.float32)
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
        """Starts an episode, in a world drawn as `Config.variation` says."""
        sight, state = batch_last(self._start)(self._constants, self._fresh(key))
        return self._observations(sight), state

    def reset_with(self, key: Array, world: World) -> tuple[Observations, State]:
        """Starts an episode in a world of one's own; all else is as `reset(key)` draws it.

        The step that ends the episode draws another world. To stay in this one, give `step` a
        `reset_state`.

        Args:
            key: a PRNG key, typed or raw.
            world: such as one of `draw_world`, changed by `replace`. Every field is float32, ()
                or (N,).

        Raises:
            ValueError: the configuration has no variation, or the world has other fields or
                shapes.
        """
        self._check_varies()
        valid = jax.eval_shape(self.draw_world, jax.random.key(0))
        return self._reset_with(key, checked("world", world, valid))

    def make_state(self, key: Array | None = None, **fields: Unpack[Made]) -> State:
        """A state of one's own making, with all that follows from what is given.

        What is left out is as `reset(key)` draws it. Who detects whom, the datalinks and, unless it
        is given, the task with its potentials are computed. Who has no hit points is dead, and the
        dead have none.

        Args:
            key: a PRNG key; None: that of the number 0.
            **fields: fields of `State`: `motion`, `hp`, `alive`, `hurt`, `target`, `turn`,
                `obstacles`, `task`, `step` or `world`, as JAX, NumPy or Python has them.

        Raises:
            TypeError: another field.
            ValueError: a field of another shape or kind.
        """
        if "world" in fields:
            self._check_varies()
        key = jax.random.key(0) if key is None else key
        valid = jax.eval_shape(self.reset, key)[1]
        names = Made.__annotations__
        for name in fields:
            if name not in names:
                raise TypeError(
                    f"unknown field {name!r}; valid: {', '.join(nearest_first(name, names))}"
                )
        return self._make_state(
            key, {name: checked(name, fields[name], getattr(valid, name)) for name in fields}
        )

    @jit_method
    def draw_world(self, key: Array) -> World:
        """The world in which `reset(key)` starts.

        Raises:
            ValueError: the configuration has no variation.
        """
        self._check_varies()
        return batch_last(self._draw_world)(self._fresh(key).world)

    @jit_method
    def _reset_with(self, key: Array, world: World) -> tuple[Observations, State]:
        start = batch_last(self._start_in)
        sight, state = start(self._constants, world, self._fresh(key).start)
        return self._observations(sight), state

    @jit_method
    def _make_state(self, key: Array, fields: dict[str, Any]) -> State:
        fresh = self._fresh(key)
        world = fields.get("world", batch_last(self._draw_world)(fresh.world))
        return batch_last(self._make)(self._constants, fresh.start, world, fields)

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
            reward, float32; `win`, `lose`, `terminated` and `truncated`, bool; and of itself
            `hit`, `killed`, `was_hit` and `crashed`, bool.

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
    def get_world_states(self, state: State) -> dict[str, Array]:
        """float32 (W,) for each team of `teams`: the world state with its own aircraft first.

        `obs["world_state"]` is team A's, for all.
        """
        views = batch_last(self._world_states)(state)
        return dict(zip(self.teams, views, strict=True))

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
                f"no script {script!r} for this task; valid: "
                f"{', '.join(nearest_first(script, valid))}"
            )
        return self._script_actions(state, script, enemies)

    @partial(jax.jit, static_argnums=(0, 2, 3))
    def _script_actions(self, state: State, script: str, enemies: bool) -> Observations:
        sides, count = self._teams[int(enemies)]
        first = sum(n for _, n in self._teams[: int(enemies)])

        def decide(fleet: Fleet | None, state: State) -> list[Array]:
            fleet = _fleet_of(fleet, state.world)
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
        words = draw_words(step_key, self._words.step)
        if reset_state is None:
            fresh = self._fresh(reset_key)
            step = batch_last(self._play_and_spawn)
            return self._transition(*step(self._constants, state, actions, words, fresh))
        step = batch_last(self._play_and_replace)
        return self._transition(*step(self._constants, state, actions, words, reset_state))

    @jit_method
    def _step_env(self, key: Array, state: State, actions: dict[str, Array]) -> Transition:
        words = draw_words(key, self._words.step)
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
            **dict(zip(rules.DEEDS, self._of_agents(outcome.deeds), strict=True)),
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

    def _of_agents(self, of_slots: Array) -> Array:
        """(..., n) of (..., N): without the slots that are no agents."""
        parts = [of_slots[..., slots] for slots in self.config.agent_slots]
        return jnp.concatenate(parts, axis=-1)

    def _observations(self, sight: Sight) -> Observations:
        seen = dict(zip(self.agents, sight.agents, strict=True))
        return {**seen, "world_state": sight.world}

    # What follows runs with a batch axis behind all others: see `batch_last`.

    def _draw_world(self, words: Array | None) -> World | None:
        variation = self.config.variation
        if variation is None or words is None:
            return None
        return draw_world(self.config, variation, Draws(words))

    def _start(self, fleet: Fleet | None, fresh: Fresh) -> tuple[Sight, State]:
        return self._start_in(fleet, self._draw_world(fresh.world), fresh.start)

    def _start_in(
        self, fleet: Fleet | None, world: World | None, words: Array
    ) -> tuple[Sight, State]:
        state = self._spawn(fleet, world, words)
        return self._observe(fleet, state), state

    def _spawn(self, fleet: Fleet | None, world: World | None, words: Array) -> State:
        return spawn(self.config, _fleet_of(fleet, world), Draws(words), world)

    def _make(
        self, fleet: Fleet | None, words: Array, world: World | None, fields: dict[str, Any]
    ) -> State:
        draws, fleet = Draws(words), _fleet_of(fleet, world)
        state = replace(place(self.config, fleet, draws, world), **fields)
        alive = state.alive & (state.hp > 0.0)
        state = replace(state, alive=alive, hp=jnp.where(alive, state.hp, 0.0))
        state = complete(self.config, fleet, state, draws)
        return replace(state, task=fields.get("task", state.task))

    def _play(
        self, fleet: Fleet | None, state: State, actions: dict[str, Array], words: Array
    ) -> tuple[Sight, State, Outcome]:
        state, outcome = self._rules(fleet, state, actions, words)
        return self._observe(fleet, state), state, outcome

    def _play_and_spawn(
        self,
        fleet: Fleet | None,
        state: State,
        actions: dict[str, Array],
        words: Array,
        fresh: Fresh,
    ) -> tuple[Sight, State, Outcome]:
        reset_state = self._spawn(fleet, self._draw_world(fresh.world), fresh.start)
        return self._play_and_replace(fleet, state, actions, words, reset_state)

    def _play_and_replace(
        self,
        fleet: Fleet | None,
        state: State,
        actions: dict[str, Array],
        words: Array,
        fresh: State,
    ) -> tuple[Sight, State, Outcome]:
        state, outcome = self._rules(fleet, state, actions, words)
        kept = jax.tree.map(lambda new, old: jnp.where(state.done, new, old), fresh, state)
        return self._observe(fleet, kept), kept, outcome

    def _rules(
        self, fleet: Fleet | None, state: State, actions: dict[str, Array], words: Array
    ) -> tuple[State, Outcome]:
        commands, fleet = self._commands(state, actions), _fleet_of(fleet, state.world)
        return rules.play(self.config, fleet, state, commands, Draws(words))

    def _commands(self, state: State, actions: dict[str, Array]) -> Command:
        if self._discrete:
            return action_rules.decode(jnp.stack([actions[agent] for agent in self.agents]))
        dtype = state.motion.x.dtype  # wider actions would widen the state
        sticks = [actions[agent].astype(dtype) for agent in self.agents]
        return action_rules.clean(jnp.stack(sticks, axis=1))

    def _observe(self, fleet: Fleet | None, state: State) -> Sight:
        return observation.observe(self.config, _fleet_of(fleet, state.world), state)

    def _world_states(self, state: State) -> list[Array]:
        return [observation.world_state(self.config, state, sides) for sides, _ in self._teams]

    def _available(self, state: State) -> dict[str, Array]:
        motion = state.motion
        slots = [self.slot_names.index(agent) for agent in self.agents]
        alive = jnp.stack([state.alive[slot] for slot in slots])
        if not self._discrete:
            masks = jnp.broadcast_to(alive[:, None], (len(slots), 3, *alive.shape[1:]))
        else:
            z, vz = (jnp.stack([x[slot] for slot in slots]) for x in (motion.z, motion.vz))
            guided = self.config.control == "guided"
            ceiling = world_of(self.config, state).ceiling
            masks = action_rules.available(z, vz, alive, ceiling, guided)
        return dict(zip(self.agents, masks, strict=True))

    # --- Constants ----------------------------------------------------------------------------

    @property
    def _constants(self) -> Fleet | None:
        """The slots' coefficients; None where they are the state's."""
        return None if self.config.variation else jax.tree.map(jnp.asarray, self.fleet)

    @property
    def _words(self) -> Words:
        return _count_words(self.config)

    def _fresh(self, key: Array) -> Fresh:
        """Random words for a reset; those of the world leave the others what they were."""
        start = draw_words(key, self._words.start)
        if self.config.variation is None:
            return Fresh(start, None)
        return Fresh(start, draw_words(jax.random.fold_in(key, 1), self._words.world))

    # --- Worlds -------------------------------------------------------------------------------

    def _check_varies(self) -> None:
        if self.config.variation is None:
            raise ValueError(
                "without Config.variation all episodes have one world; make the environment with "
                "variation=aerojax.Variation()"
            )


class Words(NamedTuple):
    """How many random words are taken."""

    start: int  # by a reset
    step: int
    world: int  # by the draw of a world


class Fresh(NamedTuple):
    """Random words for a reset, uint32."""

    start: Array
    world: Array | None  # None: nothing varies


def _fleet_of(constants: Fleet | None, world: World | None) -> Fleet:
    """The slots' coefficients: those of the world, or constants."""
    fleet = constants if world is None else world.fleet
    assert fleet is not None, "constants, where nothing varies"
    return fleet


@cache
def _count_words(config: Config) -> Words:
    def count(rule: Callable[..., Any], *args: Any) -> tuple[int, Any]:
        used = 0

        def counted(words: Array, *args: Any) -> Any:
            nonlocal used
            draws = Draws(words)
            out = rule(draws, *args)
            used = draws.used
            return out

        out = jax.eval_shape(counted, jax.ShapeDtypeStruct((MOST_WORDS,), jnp.uint32), *args)
        return used, out

    variation, fleet = config.variation, config.fleet
    world_words, world = 0, None
    if variation is not None:
        world_words, world = count(lambda draws: draw_world(config, variation, draws))
    start_words, state = count(lambda draws, world: spawn(config, fleet, draws, world), world)
    stick: Any = jax.ShapeDtypeStruct((config.num_agents,), jnp.float32)
    commands = Command(stick, stick, stick)
    step_words, _ = count(
        lambda draws, state, commands: rules.play(config, fleet, state, commands, draws),
        state,
        commands,
    )
    return Words(start_words, step_words, world_words)
