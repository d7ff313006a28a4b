"""JaxMARL's rollout manager for Q-learning, corrected for teams that share a reward."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.wrappers.baselines import CTRolloutManager

from wrappers.checked import Checked
from wrappers.mava_view import MavaView
from wrappers.pooled_auto_reset import PooledAutoReset
from wrappers.wrapper import Transition, jit_method, wrappers_of


class RolloutManager(CTRolloutManager):
    """`CTRolloutManager` of JaxMARL's Q-learning baselines, with three faults corrected.

    - JaxMARL sets the observation of each agent that is done to zero; after an auto-reset that is
      the first observation of the next episode. Here only the observations of agents that are done
      before their episode ends are set to zero.
    - JaxMARL sums rewards over agents, so that a shared reward counts once for each of them. Here
      `rewards["__all__"]` is the team's reward, if the environment has `teams`.
    - JaxMARL concatenates observations, and treats all actions as available. Here `obs["__all__"]`
      is the world state and `get_valid_actions` returns the environment's masks, if it has them.

    Without `teams` rewards are summed. Arguments, attributes and methods are JaxMARL's.

    Raises:
        TypeError: `env` is a batch already, as `PooledAutoReset` is.
        ValueError: the agents to train are of several teams, which share no reward; or `env` is a
            `MavaView`, which never resets, or `Checked`, which must be the outermost.
    """

    def __init__(
        self,
        env: MultiAgentEnv,
        batch_size: int,
        training_agents: list[str] | None = None,
        preprocess_obs: bool = True,
    ) -> None:
        if isinstance(env, PooledAutoReset | CTRolloutManager):
            raise TypeError(f"RolloutManager batches environments; {type(env).__name__} is a batch")
        for inner in wrappers_of(env):
            if isinstance(inner, MavaView | Checked):
                raise ValueError(f"RolloutManager does not go around {type(inner).__name__}")
        super().__init__(env, batch_size, training_agents, preprocess_obs)
        teams = getattr(env, "teams", None)
        if isinstance(teams, dict):
            _check_one_team(teams, self.training_agents)
            self.global_reward = self._team_reward
        shapes: Any = jax.eval_shape(env.reset, jax.random.key(0))
        if "world_state" in shapes[0]:
            self.global_state = lambda obs, state: obs["world_state"]
        self._every_action = self.get_valid_actions
        self.get_valid_actions = self._available_or_every

    @jit_method
    def wrapped_step(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, key: Array, state: Any, actions: dict[str, Array]
    ) -> Transition:
        """One step of one environment; `batch_step` is its vmapped form.

        `obs["__all__"]` is the world state (W,), and `rewards["__all__"]` the team's reward ().
        """
        seen, state, rewards, dones, infos = self._env.step(key, state, actions)
        obs = {agent: seen[agent] for agent in self.agents} if self.preprocess_obs else dict(seen)
        if self.preprocess_obs:
            obs = jax.tree.map(self._preprocess_obs, obs, self.agents_one_hot)
            for agent in self.agents:
                gone = dones[agent] & ~dones["__all__"]
                obs[agent] = jnp.where(gone, jnp.zeros_like(obs[agent]), obs[agent])
        obs["__all__"] = self.global_state(seen, state)
        rewards = rewards | {"__all__": self.global_reward(rewards)}
        return obs, state, rewards, dones, infos

    def _team_reward(self, rewards: dict[str, Array]) -> Array:
        """The reward () that all training agents share."""
        return rewards[self.training_agents[0]]

    def _available_or_every(self, states: Any) -> dict[str, Array]:
        """float32 (B, A) for each agent; `states` are those of the bare environment."""
        try:
            return jax.vmap(self._available)(states)
        except NotImplementedError:  # as of JaxMARL's MPE
            return self._every_action(states)

    def _available(self, state: Any) -> dict[str, Array]:
        """float32 (A,) for each agent, padded to A actions, those of the largest space."""
        masks = self._env.get_avail_actions(state)
        return {
            agent: jnp.pad(mask.astype(jnp.float32), (0, self.max_action_space - mask.shape[-1]))
            for agent, mask in masks.items()
        }


def _check_one_team(teams: dict[str, list[str]], agents: list[str]) -> None:
    playing = [team for team, members in teams.items() if set(members) & set(agents)]
    if len(playing) > 1:
        raise ValueError(
            f"the agents to train, {', '.join(agents)}, are of {len(playing)} teams, "
            f"{', '.join(playing)}, which share no reward; choose those of one by training_agents"
        )
