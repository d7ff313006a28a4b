"""What a user writes, for type checkers: see test_typing.py. Nothing here is unknown to them."""

# pyright: strict

from functools import partial
from typing import Any, assert_type

import jax
from jax import Array

import aerojax
import paxmen
from wrappers import AutoReset, EpisodeStatistics, TimeLimit, make


def play_a_maze(key: Array) -> dict[str, Array]:
    env = paxmen.make("paxmen-4")
    obs, state = env.reset(key)
    assert_type((obs, state), tuple[dict[str, Array], paxmen.State])
    actions = {agent: env.action_space(agent).sample(key) for agent in env.agents}
    assert obs["agent_0"].shape == env.observation_space("agent_0").shape
    obs, state, rewards, dones, info = env.step(key, state, actions)
    print(state.step, rewards["agent_0"], dones["__all__"], info["dots_eaten"].sum())
    return env.get_avail_actions(env.make_state(0, env.agent_positions(state), env.grid(0) > 0))


def fly_many(keys: Array) -> Array:
    env = aerojax.make("1_vs_1", opponents="ace", actions="continuous", max_steps=50)
    obs, states = jax.vmap(env.reset)(keys)
    assert_type((obs, states), tuple[dict[str, Array], aerojax.State])
    actions = jax.vmap(partial(env.script_actions, script="pursuit"))(states)
    obs, states, rewards, _, _ = jax.vmap(env.step)(keys, states, actions)
    assert_type(rewards, dict[str, Array])
    return rewards["ally_0"] + states.motion.z.mean() + obs["world_state"].sum()


def play_on(states: paxmen.State, actions: dict[str, Array], keys: Array) -> Array:
    env = paxmen.make("paxmen-5")

    def step(states: paxmen.State, key: Array) -> tuple[paxmen.State, Array]:
        _, states, rewards, _, _ = env.step(key, states, actions)
        return states, rewards["agent_0"]

    return jax.lax.scan(step, states, keys)[1]


def wrap(key: Array) -> tuple[dict[str, Array], dict[str, Any]]:
    env = AutoReset(EpisodeStatistics(TimeLimit(make("aerojax/search_4"), 10)))
    obs, state = env.reset(key)
    actions = {agent: env.action_space(agent).sample(key) for agent in env.agents}
    obs, state, rewards, dones, info = env.step(key, state, actions)
    assert_type((obs, rewards, dones), tuple[dict[str, Array], dict[str, Array], dict[str, Array]])
    return env.get_avail_actions(state), info
