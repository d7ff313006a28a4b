"""The tasks that the trainer knows. This is the one file that names environments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

import aerojax
import paxmen
import wrappers
from aerojax.scenarios import get_config
from mars_demo.config import Config, nearest_first
from mars_demo.networks import Image
from paxmen.planner import plan
from wrappers.conformance import check_shapes


@dataclass(frozen=True)
class Task:
    """An environment and what a trainer must know of it."""

    name: str
    make: Callable[[], MultiAgentEnv]
    episode_length: int
    score: Callable[[Array, dict[str, Array]], Array]
    """`score(reward, info)`: what one step adds to the episode's score, float32 ()."""
    score_name: str  # how people call it
    encode: Callable[[Array], Array]  # one agent's observation -> float32 features
    encode_world: Callable[[Array], Array]  # the world state -> float32 features
    preset: Callable[[str], Config]  # algorithm -> tuned configuration
    image: Image | None = None
    """The image that `encode`'s features begin with, if there is one: (height, width, channels)."""
    world_image: Image | None = None
    """Likewise that of `encode_world`."""
    script: Callable[[Any, Any], dict[str, Array]] | None = None
    """A full-information script `script(env, state) -> actions`, the bar to reach."""
    script_name: str = "script"
    """How people call the script."""
    script_make: Callable[[], MultiAgentEnv] | None = None
    """The environment that the script plays, where it needs other actions than the agents'."""
    scene: Callable[[Any, Any, np.ndarray, str], dict[str, Any]] | None = None
    """`scene(env, states, rewards, title)`: a recorded episode for `wrappers.save_scene`."""


def one_hot_cells(observation: Array) -> Array:
    """PaxMen's cells as one channel each for wall, dot and agent, float32 (3 * cells,)."""
    channels = [observation < 0, observation == 1, (observation > 0) & (observation < 1)]
    return jnp.concatenate(channels).astype(jnp.float32)


def one_hot_world(world_state: Array) -> Array:
    """PaxMen's world state as one channel each for dot and agent, float32 (2 * cells,)."""
    channels = [world_state == 1, (world_state > 0) & (world_state < 1)]
    return jnp.concatenate(channels).astype(jnp.float32)


def _paxmen_scene(env: Any, states: Any, rewards: np.ndarray, title: str) -> dict[str, Any]:
    from paxmen.scene import episode_scene

    return episode_scene(env, states, rewards, title=title)


# Chosen with the same budget for each objective (docs/results.md). An ablation takes the preset of
# the objective that it varies.
_PAXMEN_PRESETS = {
    "mars": {"lr": 2e-3, "eps": 1.0, "epochs": 4},
    "mappo": {"lr": 4e-3, "eps": 0.1, "epochs": 2},
    "maspo": {"lr": 2e-3, "eps": 0.5, "epochs": 4},
}


# Chosen for MARS by a few runs on paxmen-5 and -6 (docs/results.md). Who takes which of two arms on
# one side is settled sooner where agents share no parameters.
_PAXMEN_HARD = {
    "total_steps": 6_000_000,
    "policies": "agent",
    "entropy": 0.005,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "lr_decay": True,
}


def _paxmen_preset(name: str, algo: str) -> Config:
    size = {} if name == "paxmen-4" else _PAXMEN_HARD
    return Config(algo=algo).replace(**_PAXMEN_PRESETS[algo.split("-")[0]] | size)


def _paxmen_task(name: str) -> Task:
    return Task(
        name=name,
        make=lambda: paxmen.make(name),
        episode_length={"paxmen-4": 100, "paxmen-5": 115, "paxmen-6": 130}[name],
        score=lambda reward, info: jnp.sum(info["dots_eaten"]),
        score_name="dots an episode",
        encode=one_hot_cells,
        encode_world=one_hot_world,
        preset=partial(_paxmen_preset, name),
        script=plan,
        script_name="planner",
        scene=_paxmen_scene,
    )


def _aerojax_scene(env: Any, states: Any, rewards: np.ndarray, title: str) -> dict[str, Any]:
    from aerojax.scene import episode_scene

    return episode_scene(env, states, rewards, title=title)


# Chosen for MARS by a few runs on three scenarios (docs/results.md); the trust regions of the
# other objectives are those of their presets on paxmen-4.
_AEROJAX_PRESET = {
    "total_steps": 4_000_000,
    "rollout_steps": 32,
    "epochs": 4,
    "lr": 2e-3,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "entropy": 0.003,
}
_AEROJAX_SLOW = {
    "waypoint_5": {"total_steps": 8_000_000, "minibatches": 16},
    "hide_and_seek_4_vs_2": {"total_steps": 8_000_000},
}
_AEROJAX_EPS = {"mars": 1.0, "mappo": 0.1, "maspo": 0.5}
_AEROJAX_SCORES = {"win": "games won", "hits": "points reached", "found": "share found"}


def _aerojax_preset(name: str, algo: str) -> Config:
    eps = _AEROJAX_EPS[algo.split("-")[0]]
    return Config(algo=algo, eps=eps, **_AEROJAX_PRESET | _AEROJAX_SLOW.get(name, {}))  # pyright: ignore[reportArgumentType]


def _as_it_is(observation: Array) -> Array:
    return observation


def _aerojax_task(name: str) -> Task:
    config = get_config(name)
    entry = config.objective.score

    def script(env: Any, state: Any) -> dict[str, Array]:
        return env.script_actions(state, config.objective.script)

    return Task(
        name=f"aerojax/{name}",
        make=lambda: aerojax.make(name),
        episode_length=config.max_steps,
        score=lambda reward, info: info[entry][0].astype(jnp.float32),
        score_name=_AEROJAX_SCORES[entry],
        encode=_as_it_is,
        encode_world=_as_it_is,
        preset=partial(_aerojax_preset, name),
        script=script,
        script_name=f"{config.objective.script} script",
        script_make=lambda: aerojax.make(name, actions="continuous"),
        scene=_aerojax_scene,
    )


TASKS = {name: _paxmen_task(name) for name in paxmen.list_envs()} | {
    f"aerojax/{name}": _aerojax_task(name) for name in aerojax.list_scenarios()
}

SCENARIOS = [f"aerojax/{name}" for name in aerojax.BENCHMARK]
"""The tasks of AeroJAX's benchmark, easy to hard."""
MIXED_SCENARIOS = [name for name in SCENARIOS if len(get_config(name[8:]).class_names) > 1]
"""Those with aircraft of several classes."""


def make_selfplay(name: str) -> MultiAgentEnv:
    """An AeroJAX scenario whose teams are both agents, with continuous actions."""
    return aerojax.make(name, opponents="selfplay", actions="continuous")


def aircraft_curves() -> dict[str, Any]:
    """Curves of each aircraft class at 3 km, by its name."""
    from aerojax.performance import curves

    return {name: curves(aircraft, 3000.0) for name, aircraft in aerojax.CLASSES.items()}


def bench_environments() -> list[tuple[str, MultiAgentEnv]]:
    """Our environments, and some of JaxMARL's to measure them by."""
    from jaxmarl import make
    from jaxmarl.environments.smax import map_name_to_scenario

    ours: list[tuple[str, MultiAgentEnv]] = [
        (name, paxmen.make(name)) for name in paxmen.list_envs()
    ]
    wrapped = wrappers.AutoReset(wrappers.EpisodeStatistics(paxmen.make("paxmen-4")))
    ours.insert(1, ("AutoReset(EpisodeStatistics(paxmen-4))", wrapped))
    ours += [
        (
            f"aerojax/identical_5_vs_5, {opponents}",
            aerojax.make("identical_5_vs_5", opponents=opponents),
        )
        for opponents in ("selfplay", "pursuit")
    ]
    smax = make("HeuristicEnemySMAX", scenario=map_name_to_scenario("2s3z"))
    return [
        *ours,
        ("JaxMARL MPE_simple_spread_v3", make("MPE_simple_spread_v3")),
        ("JaxMARL SMAX 2s3z", smax),
        ("JaxMARL overcooked", make("overcooked")),
    ]


class _EveryAction(wrappers.Wrapper):
    """Says that every discrete action is available, for an environment that tells none."""

    def get_avail_actions(self, state: Any) -> dict[str, Array]:
        spaces: dict[str, Any] = {agent: self.action_space(agent) for agent in self.agents}
        return {agent: jnp.ones(space.n, bool) for agent, space in spaces.items()}


def spread_task() -> Task:
    """JaxMARL's MPE_simple_spread_v3, to measure training by."""
    from jaxmarl import make

    steps = 26  # where its own limit of "25" ends an episode

    return Task(
        name="MPE_simple_spread_v3",
        make=lambda: wrappers.TimeLimit(_EveryAction(make("MPE_simple_spread_v3")), steps),
        episode_length=steps,
        score=lambda reward, info: reward,
        score_name="return",
        encode=_flat,
        encode_world=_flat,
        preset=lambda algo: Config(algo=algo),
    )


def list_tasks() -> list[str]:
    """The names that `get_task` takes: ours, and every other installed environment's."""
    return [*TASKS, *(name for name in wrappers.list_envs() if _our_name(name) not in TASKS)]


def get_task(name: str) -> Task:
    """The task of that name.

    Args:
        name: one of `list_tasks()`, or one of ours as the registry has it ("paxmen/paxmen-4").

    Raises:
        ValueError: no task has that name, and the valid ones are listed, nearest first; or the
            environment cannot be trained on.
    """
    if _our_name(name) in TASKS:
        return TASKS[_our_name(name)]
    valid = list_tasks()
    if name not in valid:
        raise ValueError(f"unknown task {name!r}; valid: {', '.join(nearest_first(name, valid))}")
    return _registered_task(name)


def _our_name(name: str) -> str:
    return name.removeprefix("paxmen/")


def _registered_task(name: str) -> Task:
    """What can be told of any environment: its score is its reward."""
    env: Any = wrappers.make(name)
    check_shapes(env)
    max_steps = getattr(env, "max_steps", None)
    if max_steps is None:
        raise ValueError(
            f"{name} does not tell how long its episodes are: give the environment `max_steps`, "
            "or wrap it in wrappers.TimeLimit"
        )
    return Task(
        name=name,
        make=partial(wrappers.make, name),
        episode_length=int(max_steps),
        score=lambda reward, info: reward,
        score_name="return",
        encode=_flat,
        encode_world=_flat,
        preset=lambda algo: Config(algo=algo),
        scene=_own_scene if hasattr(env, "scene") else None,
    )


def _flat(observation: Array) -> Array:
    return observation.reshape(-1).astype(jnp.float32)


def _own_scene(env: Any, states: Any, rewards: np.ndarray, title: str) -> dict[str, Any]:
    return env.scene(states, rewards, title=title)
