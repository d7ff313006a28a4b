"""Measures how fast environments step, all in one process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.runs.outputs import markdown_table


class Measurement(NamedTuple):
    """The measurements of one environment."""

    name: str
    steps_per_second: float  # environment steps, of the best timed call
    first_call: float  # seconds to trace, compile and run the reset and the first rollout
    bytes_per_step: float  # memory traffic of one environment, counted by XLA's compiler


def bench(
    envs: Sequence[tuple[str, MultiAgentEnv]], num_envs: int, steps: int, repeats: int
) -> str:
    """Measures environments under random actions and returns a table.

    Every environment runs the same loop: JaxMARL's `step`, vmapped, with auto-reset, scanned
    `steps` times over keys and actions drawn beforehand. The timed calls are interleaved, so that
    other load on the machine affects all environments alike, and the best call of each counts.

    Args:
        envs: names and environments.
        num_envs: how many copies of each environment are stepped in parallel.
        steps: steps of each copy in one timed call.
        repeats: timed calls of each environment.

    Returns:
        The table, as Markdown.

    Raises:
        ValueError: a number is below 1.
    """
    for name, value in {"num_envs": num_envs, "steps": steps, "repeats": repeats}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    runs = [prepare(env, num_envs, steps) for _, env in envs]
    best = [float("inf")] * len(runs)
    for _ in range(repeats):
        for i, (run, _, _) in enumerate(runs):
            best[i] = min(best[i], seconds(run))
    measured = [
        Measurement(name, num_envs * steps / seconds, first, traffic)
        for (name, _), seconds, (_, first, traffic) in zip(envs, best, runs, strict=True)
    ]
    return _table(measured, num_envs, steps)


def prepare(
    env: MultiAgentEnv, num_envs: int, steps: int
) -> tuple[Callable[[], Any], float, float]:
    """Compiles the loop of `bench` and runs it once.

    Returns:
        A function that runs it again, the seconds of the first run, and bytes a step.
    """
    reset_key, step_key, action_key = jax.random.split(jax.random.key(0), 3)
    keys = jax.random.split(step_key, (steps, num_envs))
    actions = {
        agent: jax.vmap(jax.vmap(env.action_space(agent).sample))(
            jax.random.split(jax.random.fold_in(action_key, i), (steps, num_envs))
        )
        for i, agent in enumerate(env.agents)
    }
    jax.block_until_ready((keys, actions))

    def rollout(carry: Any, drawn: Any) -> tuple[Any, Array]:
        def step(carry: Any, drawn: Any) -> tuple[Any, Array]:
            _, state = carry
            key, action = drawn
            obs, state, rewards, _, _ = jax.vmap(env.step)(key, state, action)
            return (obs, state), jnp.sum(rewards[env.agents[0]])

        return jax.lax.scan(step, carry, drawn)

    begin = time.perf_counter()
    start = jax.jit(jax.vmap(env.reset))(jax.random.split(reset_key, num_envs))
    compiled = jax.jit(rollout)
    jax.block_until_ready(compiled(start, (keys, actions)))
    first = time.perf_counter() - begin
    once = jax.tree.map(lambda x: x[0], (keys, actions))
    cost = jax.jit(jax.vmap(env.step)).lower(once[0], start[1], once[1]).compile().cost_analysis()
    traffic = (cost or {}).get("bytes accessed", float("nan")) / num_envs
    return lambda: compiled(start, (keys, actions)), first, traffic


def seconds(run: Callable[[], Any]) -> float:
    """How many seconds a call takes until its results are computed."""
    begin = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - begin


def heading() -> str:
    """A line with the device, the cores of this process, the machine's load and JAX's version."""
    affinity = getattr(os, "sched_getaffinity", None)  # what `taskset` changes, where it exists
    cores = len(affinity(0)) if affinity else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{jax.devices()[0].device_kind}, cores: {cores}{load}, jax {jax.__version__}"


def _table(measured: Sequence[Measurement], num_envs: int, steps: int) -> str:
    head = ("environment", "steps a second", "first call, s", "bytes a step")
    rows = [
        (m.name, f"{m.steps_per_second:,.0f}", f"{m.first_call:.1f}", f"{m.bytes_per_step:,.0f}")
        for m in measured
    ]
    about = f"{heading()}; {num_envs} environments x {steps} steps"
    return f"{about}\n\n{markdown_table(head, rows)}"
