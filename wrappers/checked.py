"""A wrapper for debugging, which checks the inputs and outputs of an environment."""

# `step` is not jitted, unlike JaxMARL's: the caller's `checkify` must transform it, because that is
# the only way for an error to leave a compiled function.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.experimental import checkify

from wrappers.wrapper import Layer, Observations, Transition, Wrapper


class Checked(Wrapper):
    """Checks actions, observations and rewards in every step.

    Shapes are checked during tracing. Values must be finite and in their spaces, which is checked
    by `jax.experimental.checkify`. The caller's function must return its error:

        step = jax.jit(checkify.checkify(jax.vmap(Checked(AutoReset(env)).step)))
        error, (obs, state, rewards, dones, info) = step(keys, states, actions)
        error.throw()  # names the environment, the method and the agent

    It must be the outermost wrapper, because an error cannot leave the branch in which `AutoReset`
    resets. docs/wrappers.md has the cost.

    Raises:
        ValueError: during tracing, if a shape differs from its space's.
        jax.experimental.checkify.JaxRuntimeError: by `throw`, if a value is outside its space.
    """

    layer = Layer.CHECKS
    keeps_observations = True

    def reset(self, key: Array) -> tuple[Observations, Any]:
        obs, state = self._env.reset(key)
        self._check_observations("reset", obs)
        return obs, state

    def step_env(self, key: Array, state: Any, actions: Mapping[str, Any]) -> Transition:
        self._check_actions("step_env", actions)
        return self._check_transition("step_env", self._env.step_env(key, state, actions))

    def step(
        self,
        key: Array,
        state: Any,
        actions: Mapping[str, Any],
        reset_state: Any | None = None,
    ) -> Transition:
        self._check_actions("step", actions)
        return self._check_transition("step", self._env.step(key, state, actions, reset_state))

    def _check_actions(self, method: str, actions: Mapping[str, Any]) -> None:
        for agent in self.agents:
            what = f"action of {agent}"
            self._check_member(method, what, self.action_space(agent), actions[agent])

    def _check_transition(self, method: str, transition: Transition) -> Transition:
        obs, _, rewards, _, info = transition
        self._check_observations(method, obs)
        if "final_observation" in info:
            self._check_observations(method, info["final_observation"])
        for agent in self.agents:
            self._check_finite(method, f"reward of {agent}", rewards[agent], ())
        return transition

    def _check_observations(self, method: str, obs: Observations) -> None:
        for agent in self.agents:
            space = self.observation_space(agent)
            self._check_member(method, f"observation of {agent}", space, obs[agent])
        if "world_state" in obs:
            seen = obs["world_state"]
            self._check_finite(method, "world state", seen, seen.shape)

    def _check_member(self, method: str, what: str, space: Any, x: Any) -> None:
        self._check_finite(method, what, x, space.shape)
        text = f"{self._where(method, what)} is outside its space: {{x}}"
        checkify.check(jnp.all(space.contains(x)), text, x=jnp.asarray(x))

    def _check_finite(self, method: str, what: str, x: Any, shape: tuple[int, ...]) -> None:
        x = jnp.asarray(x)
        where = self._where(method, what)
        if x.shape != tuple(shape):
            raise ValueError(f"{where} has shape {x.shape}, not {tuple(shape)}")
        checkify.check(jnp.all(jnp.isfinite(x)), f"{where} is not finite: {{x}}", x=x)

    def _where(self, method: str, what: str) -> str:
        return f"{self.name}.{method}: the {what}"
