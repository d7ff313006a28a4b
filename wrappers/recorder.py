"""A wrapper that records the states of whole episodes inside a compiled loop, for the viewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from wrappers.wrapper import Layer, Observations, Transition, WrappedState, Wrapper


@struct.dataclass
class Tape:
    """A recorded episode of n agents, with room for T steps.

    Attributes:
        states: states of the bare environment, leaves (T + 1, ...); the first is that of the reset.
        rewards: float32 (T, n).
        length: int32 (), steps of the episode; only the first T are recorded.
        episode: int32 (), the number of the episode, from 0; -1 if there is none.
    """

    states: Any
    rewards: Array
    length: Array
    episode: Array


@struct.dataclass
class RecorderState(WrappedState):
    """The state of `Recorder`.

    Attributes:
        env_state: the inner environment's state.
        running: the current episode.
        last: the last chosen episode that ended.
    """

    env_state: Any
    running: Tape
    last: Tape

    @property
    def step(self) -> Array:
        """int32 (), steps taken in the episode."""
        return self.running.length


class Recorder(Wrapper):
    """Records states and rewards, and keeps the last chosen episode that ended.

    Every environment of a batch has its own tapes, which take memory, so record only a few.

    Args:
        env: the environment.
        max_steps: T, how many steps of an episode are recorded; later steps are not.
        choose: `choose(episode)`, bool (): whether to keep the episode with that number, int32 ();
            None keeps every episode.

    Raises:
        ValueError: `max_steps` is not a positive integer.
    """

    holds_state = True
    layer = Layer.EPISODES
    keeps_observations = True

    def __init__(
        self,
        env: MultiAgentEnv,
        max_steps: int,
        choose: Callable[[Array], Array] | None = None,
    ) -> None:
        super().__init__(env)
        if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
            raise ValueError(f"max_steps is {max_steps!r}; valid: a positive integer")
        self.tape_steps = max_steps
        self.choose = choose

    def reset(self, key: Array) -> tuple[Observations, RecorderState]:
        obs, env_state = self._env.reset(key)
        blank = self._blank(env_state)
        return obs, RecorderState(env_state, self._begin(blank, env_state), blank)

    def step_env(self, key: Array, state: RecorderState, actions: Mapping[str, Any]) -> Transition:
        obs, env_state, rewards, dones, info = self._env.step_env(key, state.env_state, actions)
        running = self._extend(state.running, env_state, rewards)
        keep = dones["__all__"]
        if self.choose is not None:
            keep = keep & self.choose(running.episode)
        last = jax.tree.map(lambda new, old: jnp.where(keep, new, old), running, state.last)
        return obs, RecorderState(env_state, running, last), rewards, dones, info

    def keep_across_reset(self, old: RecorderState, fresh: RecorderState) -> RecorderState:
        fresh = super().keep_across_reset(old, fresh)
        running = fresh.running.replace(episode=old.running.episode + 1)  # pyright: ignore[reportAttributeAccessIssue]
        return fresh.replace(running=running, last=old.last)  # pyright: ignore[reportAttributeAccessIssue]

    def recording(self, state: RecorderState) -> tuple[Any, np.ndarray] | None:
        """The last chosen episode that ended; None before there is one.

        Args:
            state: of one environment, not of a batch, and not traced; also that of a wrapper
                around this one.

        Returns:
            `(states, rewards)`: states of the bare environment, leaves (t + 1, ...), from the reset
            to the state in which the episode ended, and rewards float32 (t, n). The viewers draw
            them: `wrappers.save_scene(env.scene(states, rewards.mean(1)), path)`.
        """
        while not isinstance(state, RecorderState):
            state = state.env_state
        tape = jax.tree.map(np.asarray, state.last)
        if tape.episode < 0:
            return None
        return jax.tree.map(lambda x: x[: tape.length + 1], tape.states), tape.rewards[
            : tape.length
        ]

    # --- Tapes ----------------------------------------------------------------------------------

    def _blank(self, env_state: Any) -> Tape:
        steps = self.tape_steps

        def room(x: Array) -> Array:
            return jnp.broadcast_to(jnp.zeros_like(x), (steps + 1, *x.shape))

        return Tape(
            states=jax.tree.map(room, self._bare(env_state)),
            rewards=jnp.zeros((steps, self.num_agents), jnp.float32),
            length=jnp.zeros((), jnp.int32),
            episode=jnp.full((), -1, jnp.int32),
        )

    def _begin(self, tape: Tape, env_state: Any) -> Tape:
        first = jax.tree.map(lambda xs, x: xs.at[0].set(x), tape.states, self._bare(env_state))
        return tape.replace(states=first, episode=jnp.zeros((), jnp.int32))  # pyright: ignore[reportAttributeAccessIssue]

    def _extend(self, tape: Tape, env_state: Any, rewards: dict[str, Array]) -> Tape:
        """The tape with one more step of rewards (n,); a full tape only counts the step."""
        t = tape.length

        def write(xs: Array, x: Array, index: Array) -> Array:
            return xs.at[index].set(x, mode="drop")

        reward = jnp.stack([rewards[agent].astype(jnp.float32) for agent in self.agents])
        return Tape(
            states=jax.tree.map(
                lambda xs, x: write(xs, x, t + 1), tape.states, self._bare(env_state)
            ),
            rewards=write(tape.rewards, reward, t),
            length=t + 1,
            episode=tape.episode,
        )

    def _bare(self, env_state: Any) -> Any:
        return self._env.env_state(env_state) if isinstance(self._env, Wrapper) else env_state
