"""A team that is played by a pool of policies and scripts, for learners that know only their own.

A pool is a list of `Policies` and `Script`s. Its members are counted through it: a `Script` is one,
`Policies` are as many as their parameters are stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Space

from wrappers.batched_cond import batched_cond
from wrappers.conventions import teams_of
from wrappers.wrapper import Observations, Transition, WrappedState, Wrapper

Actions = dict[str, Array]

_BLOCKS_EACH = 4  # blocks of environments for each policy, if all are drawn equally often


@struct.dataclass
class Policies:
    """K policies of one architecture, which differ in their parameters.

    Attributes:
        params: a pytree, leaves (K, ...).
        act: `act(params, memory, obs, available, key) -> (memory, actions)` of one policy in one
            environment. `obs` are the observations of the team's agents by their names, and
            `available` their masks of actions, or None if the environment has none.
        memory: what `act` remembers at the start of an episode, a pytree of arrays.
    """

    params: Any
    act: Callable[..., Any] = struct.field(pytree_node=False)
    memory: Any = ()

    @property
    def count(self) -> int:
        """K."""
        return jax.tree.leaves(self.params)[0].shape[0]


@struct.dataclass
class Script:
    """One member that sees everything.

    Attributes:
        act: `act(state) -> actions` of the team's agents by their names, from the environment's
            state.
    """

    act: Callable[[Any], Any] = struct.field(pytree_node=False)

    @property
    def count(self) -> int:
        """1."""
        return 1


Pool = Sequence[Policies | Script]


@struct.dataclass
class OpponentsState(WrappedState):
    """Attributes:
    env_state: the inner environment's.
    member: int32 (), who of the pool plays this episode; -1 before its first step.
    seen: what the pool's team observes.
    memories: what each of the pool's `Policies` remembers.
    lead: float32 (), the learner's return in this episode less the pool's: mean rewards of agents.
    """

    env_state: Any
    member: Array
    seen: Observations
    memories: tuple[Any, ...]
    lead: Array


class Opponents(Wrapper):
    """An environment with one team less, which a pool plays.

    One member is drawn for each episode, by `weights`; it starts with the memory that its
    `Policies` say. The learner gets the observations, rewards and ends of the other agents.
    Entries of `info` that have a number for each agent keep those of the others, and there are two
    more, (n,) and the same for all of them:

    - `opponent`: int32, the member that played the step.
    - `lead`: float32, the learner's return in this episode so far less the pool's; of each team the
      mean of its agents' rewards.

    Two such wrappers are equal if their environments, teams, pools and weights are. Within a
    compiled function parameters and weights may be traced, for `step_env` and for what
    `inspect.unwrap` makes of a wrapper's `step`, which is compiled on its own.

        >>> env = aerojax.make("1_vs_1", opponents="selfplay")
        >>> ace = wrappers.Script(lambda state: env.script_actions(state, "ace", enemies=True))
        >>> env = wrappers.Opponents(env, "enemies", [ace])

    Args:
        env: an environment with several teams (`wrappers.conventions.teams_of`).
        team: the name of the team that the pool plays.
        pool: who plays it.
        weights: (members,), how likely each is drawn; they need not sum to 1. All alike if None.

    Raises:
        TypeError: `env` is not a JaxMARL environment, or the pool holds something else.
        ValueError: the environment has one team, or no team of that name; the pool is empty, or a
            member cannot play the team; or there are not as many weights as members.
    """

    holds_state = True
    keeps_observations = True

    def __init__(
        self,
        env: MultiAgentEnv,
        team: str,
        pool: Pool,
        weights: ArrayLike | Sequence[float] | None = None,
    ) -> None:
        super().__init__(env)
        teams = teams_of(env)
        if len(teams) < 2:
            raise ValueError(f"{env.name} has one team; Opponents takes environments with several")
        if team not in teams:
            raise ValueError(f"{env.name} has no team {team!r}; valid: {', '.join(teams)}")
        self.team = team
        self.pool = tuple(pool)
        self._theirs = teams[team]
        self.agents = [agent for agent in env.agents if agent not in self._theirs]
        self.num_agents = len(self.agents)
        self.teams = {name: agents for name, agents in teams.items() if name != team}
        self._check_pool()
        count = sum(part.count for part in self.pool)
        self._weights = jnp.asarray(np.ones(count) if weights is None else weights, jnp.float32)
        if self._weights.shape != (count,):
            raise ValueError(
                f"weights are of shape {self._weights.shape}; "
                f"valid: one for each of {count} members"
            )

    def _check_pool(self) -> None:
        if not self.pool:
            raise ValueError("the pool is empty; valid: one or more of Policies and Script")
        for part in self.pool:
            if not isinstance(part, (Policies, Script)):
                raise TypeError(f"the pool holds {part!r}; valid: Policies and Script")
        shown: Any = jax.eval_shape(self._env.reset, jax.random.key(0))
        obs, state = shown
        spaces = {agent: self._env.action_space(agent) for agent in self._theirs}
        key = jax.random.key(0)
        drawn: Any = {a: jax.eval_shape(space.sample, key) for a, space in spaces.items()}
        expected = {agent: x.shape for agent, x in drawn.items()}
        for number, part in enumerate(self.pool):
            actions = self._tried(number, part, {a: obs[a] for a in self._theirs}, state)
            shapes = {agent: x.shape for agent, x in actions.items()}
            if shapes != expected:
                raise ValueError(
                    f"entry {number} of the pool returns actions {shapes} for the team "
                    f"{self.team} of {self._env.name}; valid: {expected}"
                )

    def _tried(self, number: int, part: Policies | Script, obs: Any, state: Any) -> Any:
        """The shapes of the actions of a member of a part of the pool."""
        try:
            if isinstance(part, Script):
                return jax.eval_shape(part.act, state)
            params = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), part.params)
            masks = jax.eval_shape(self._masks, state)
            key = jax.random.key(0)
            out: Any = jax.eval_shape(part.act, params, part.memory, obs, masks, key)
            memory, actions = out
            if (was := _shapes(part.memory)) != (now := _shapes(memory)):
                raise ValueError(f"its memory turns from {was} into {now}")
            return actions
        except Exception as error:  # whatever a policy raises that is given something else
            seen = {agent: x.shape for agent, x in obs.items()}
            said = " ".join(str(error).split())[:300]
            raise ValueError(
                f"entry {number} of the pool cannot play the team {self.team} of "
                f"{self._env.name}, who observe {seen}: {said}"
            ) from None

    # --- The others' spaces ---------------------------------------------------------------------

    @property
    def observation_spaces(self) -> dict[str, Space]:
        """Each agent's space."""
        return {agent: self._env.observation_space(agent) for agent in self.agents}

    @property
    def action_spaces(self) -> dict[str, Space]:
        """Each agent's space."""
        return {agent: self._env.action_space(agent) for agent in self.agents}

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        found: Any = self._env.agent_classes
        classes: Any = found() if callable(found) else found  # a method in JaxMARL's particles
        ours = {name: [a for a in of if a in self.agents] for name, of in classes.items()}
        return {name: agents for name, agents in ours.items() if agents}

    # --- An episode -----------------------------------------------------------------------------

    def reset(self, key: Array) -> tuple[Observations, OpponentsState]:
        obs, env_state = self._env.reset(key)
        start = jnp.int32(-1), self._seen(obs), start_memories(self.pool)
        return self._ours(obs), OpponentsState(env_state, *start, jnp.zeros((), jnp.float32))

    def step_env(self, key: Array, state: OpponentsState, actions: Mapping[str, Any]) -> Transition:
        draw_key, act_key, step_key = jax.random.split(key, 3)
        # Not in `reset`, which has to be free of traced values: see `batched_cond`.
        drawn = self._draw(draw_key)
        member = jnp.where(state.member < 0, drawn, state.member)
        told = state.env_state, state.seen, self._masks(state.env_state), act_key
        memories, theirs = play_member(self.pool, member, state.memories, *told)
        everyone = {agent: actions[agent] for agent in self.agents} | theirs
        obs, env_state, rewards, dones, info = self._env.step_env(
            step_key, state.env_state, everyone
        )
        lead = state.lead + self._lead(rewards)
        told = {"opponent": member, "lead": lead}
        info = self._info_of_ours(info) | {
            name: jnp.broadcast_to(x, self.num_agents) for name, x in told.items()
        }
        dones = {name: dones[name] for name in [*self.agents, "__all__"]}
        state = OpponentsState(env_state, member, self._seen(obs), memories, lead)
        return self._ours(obs), state, self._ours(rewards), dones, info

    def get_obs(self, state: OpponentsState) -> Observations:
        return self._ours(self._env.get_obs(state.env_state))

    def get_avail_actions(self, state: OpponentsState) -> dict[str, Array]:
        available = self._env.get_avail_actions(state.env_state)
        return {agent: available[agent] for agent in self.agents}

    # --- The pool -------------------------------------------------------------------------------

    def _draw(self, key: Array) -> Array:
        """A member, int32 ()."""
        ends = jnp.cumsum(self._weights)
        place = ends[-1] * jax.random.uniform(key, (), ends.dtype)
        last = jnp.int32(ends.size - 1)  # where rounding brings the place to the very end
        return jnp.minimum(jnp.sum(ends <= place, dtype=jnp.int32), last)

    def _masks(self, env_state: Any) -> dict[str, Array] | None:
        try:
            available = self._env.get_avail_actions(env_state)
        except NotImplementedError:
            return None
        return {agent: available[agent] for agent in self._theirs}

    # --- What is whose --------------------------------------------------------------------------

    def _ours(self, of_all: Mapping[str, Any]) -> dict[str, Any]:
        """Without the pool's agents; what is of no agent, as the world state, stays."""
        return {name: x for name, x in of_all.items() if name not in self._theirs}

    def _lead(self, rewards: Mapping[str, Array]) -> Array:
        def mean(agents: Sequence[str]) -> Array:
            return jnp.mean(jnp.stack([jnp.asarray(rewards[a], jnp.float32) for a in agents]))

        return mean(self.agents) - mean(self._theirs)

    def _seen(self, obs: Observations) -> Observations:
        return {agent: obs[agent] for agent in self._theirs}

    def _info_of_ours(self, info: dict[str, Any]) -> dict[str, Any]:
        everyone = self._env.agents
        places = np.array([everyone.index(agent) for agent in self.agents])

        def own(x: Array) -> Array:
            return x[places] if jnp.ndim(x) and x.shape[0] == len(everyone) else x

        return jax.tree.map(own, self._ours(info))

    # --- Equality -------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or self._env != other._env or self.team != other.team:
            return False
        mine, its = (jax.tree.flatten((one.pool, one._weights)) for one in (self, other))
        return mine[1] == its[1] and all(map(_same, mine[0], its[0]))

    def __hash__(self) -> int:
        return hash((type(self), self._env, self.team))

    def __repr__(self) -> str:
        return f"Opponents({self._env!r}, team={self.team!r}, pool of {len(self._weights)})"


def start_memories(pool: Pool) -> tuple[Any, ...]:
    """What each part of a pool remembers at the start of an episode."""
    memories = tuple(part.memory if isinstance(part, Policies) else () for part in pool)
    return jax.tree.map(jnp.asarray, memories)


def play_member(
    pool: Pool,
    member: Array,
    memories: tuple[Any, ...],
    state: Any,
    seen: Observations,
    available: dict[str, Array] | None,
    key: Array,
) -> tuple[tuple[Any, ...], Actions]:
    """What one member of a pool does in one environment.

    Args:
        pool: who may play.
        member: int32 (), who does.
        memories: see `start_memories`.
        state: the environment's, for scripts.
        seen: what each agent of the team observes.
        available: their masks of actions, if the environment has any.
        key: a PRNG key.

    Returns:
        The memories afterwards, and the agents' actions.
    """
    first, after = 0, []
    actions: Actions | None = None
    for part, memory in zip(pool, memories, strict=True):
        own = (member >= first) & (member < first + part.count)
        if isinstance(part, Script):
            remembered, chosen = memory, _run_script(part.act, own, state)
        else:
            number = jnp.clip(member - first, 0, part.count - 1)
            remembered, chosen = _run_drawn(part, number, memory, seen, available, key)
        after.append(remembered)
        actions = chosen if actions is None else _where(own, chosen, actions)
        first += part.count
    assert actions is not None
    return tuple(after), actions


def _same(a: Array, b: Array) -> bool:
    if a is b or isinstance(a, Tracer) or isinstance(b, Tracer):
        return a is b
    return a.dtype == b.dtype and np.array_equal(a, b)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: (jnp.shape(x), jnp.result_type(x)), tree)


def _where(chosen: Array, new: Actions, old: Actions) -> Actions:
    return {agent: jnp.where(chosen, new[agent].astype(x.dtype), x) for agent, x in old.items()}


def _run_script(act: Callable[[Any], Actions], needed: Array, state: Any) -> Actions:
    """A script's actions; zeros where the whole batch has no need of it."""
    shapes = jax.eval_shape(act, state)
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return batched_cond(lambda _, state: act(state))(needed, nothing, state)


def _run_drawn(policies: Policies, number: Array, *inputs: Any) -> tuple[Any, Actions]:
    """`act(params[number], *inputs)`.

    In a batch, environments of one policy are put together in blocks, for which its parameters are
    read once: a copy for each environment would take longer than the networks do.
    """

    def one(number: Array, params: Any, *inputs: Any) -> Any:
        return policies.act(jax.tree.map(lambda x: x[number], params), *inputs)

    drawn = jax.custom_batching.custom_vmap(one)

    @drawn.def_vmap
    def _(axis_size: int, in_batched: Any, number: Array, params: Any, *inputs: Any) -> Any:
        axes = jax.tree.map(lambda batched: 0 if batched else None, tuple(in_batched))
        if any(jax.tree.leaves(in_batched[1])) or not in_batched[0]:
            out = jax.vmap(one, in_axes=axes)(number, params, *inputs)
        else:

            def widen(x: Array, batched: bool) -> Array:
                return x if batched else jnp.broadcast_to(x, (axis_size, *x.shape))

            inputs = jax.tree.map(widen, inputs, tuple(in_batched[2:]))
            out = _in_blocks(one, number, params, inputs)
        return out, jax.tree.map(lambda _: True, out)

    return drawn(number, policies.params, *inputs)


def _in_blocks(one: Callable[..., Any], number: Array, params: Any, inputs: Any) -> Any:
    """`one` of every environment, leaves (E, ...), in blocks of the same number."""
    (num_envs,) = number.shape
    count = jax.tree.leaves(params)[0].shape[0]
    size = max(1, num_envs // (_BLOCKS_EACH * count))
    num_blocks = -(-num_envs // size) + count  # each policy may leave one half empty
    which = jnp.arange(count, dtype=jnp.int32)
    totals = jnp.sum(number[:, None] == which[None], axis=0, dtype=jnp.int32)
    blocks = -(-totals // size)
    order = jnp.argsort(number).astype(jnp.int32)
    ends, block_ends = jnp.cumsum(totals), jnp.cumsum(blocks)
    sorted_number = number[order]
    rank = jnp.arange(num_envs, dtype=jnp.int32) - (ends - totals)[sorted_number]
    place = (block_ends - blocks)[sorted_number] * size + rank
    who = jnp.zeros(num_blocks * size, jnp.int32).at[place].set(order)
    of_block = jnp.searchsorted(block_ends, jnp.arange(num_blocks, dtype=jnp.int32), side="right")
    of_block = jnp.minimum(of_block, count - 1)
    gathered = jax.tree.map(lambda x: x[who].reshape(num_blocks, size, *x.shape[1:]), inputs)
    axes = (None, None, *[0] * len(inputs))
    out = jax.vmap(jax.vmap(one, in_axes=axes), in_axes=(0, *axes[1:]))(of_block, params, *gathered)
    where = jnp.zeros(num_envs, jnp.int32).at[order].set(place)
    return jax.tree.map(lambda x: x.reshape(num_blocks * size, *x.shape[2:])[where], out)
