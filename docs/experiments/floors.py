"""What a team reaches that does not think: random play, each constant action, the script.

Run it: `python docs/experiments/floors.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import aerojax
from aerojax.actions import NUM_ACTIONS, decode
from mars_demo.cli.parsing import run_program
from mars_demo.runs.outputs import check_writable, markdown_table
from wrappers.atomic import write_atomically

RANDOM, SCRIPT = NUM_ACTIONS, NUM_ACTIONS + 1  # after the constant actions
SCORES = {"win": "games won", "hits": "points reached", "found": "share found"}


class Floors(NamedTuple):
    """Means over episodes, (47,) each: of the 45 constant actions, random play and the script."""

    score: np.ndarray  # games won, or what the scenario counts
    error: np.ndarray  # the score's standard error
    reward: np.ndarray  # the team's undiscounted return

    @property
    def best(self) -> int:
        """The constant action that scores the most."""
        return int(np.argmax(self.score[:NUM_ACTIONS]))

    @property
    def correlation(self) -> float:
        """Whether what scores more is paid more: the rank correlation (Goodman and Kruskal's
        gamma) of score and return among constant actions and random play, 1 if always, -1 if
        never. Of each two, scores within two standard errors of each other count as equal; NaN if
        all are.
        """
        score, error, reward = (values[:SCRIPT] for values in self)
        margin = 2.0 * np.hypot(error[:, None], error[None, :])
        higher = score[:, None] - score[None, :] > margin
        agree = np.sign(reward[:, None] - reward[None, :])[higher]
        return float(np.mean(agree)) if agree.size else float("nan")


def play_floors(name: str, episodes: int, seed: int = 0) -> Floors:
    """Plays whole episodes of a scenario with each policy, from the same starts.

    Args:
        name: of `aerojax.list_scenarios()`.
        episodes: how many for each policy.
        seed: of the starts.
    """
    env = aerojax.make(name, actions="continuous")
    keys = jax.random.split(jax.random.key(seed), episodes)
    score, reward = map(np.asarray, _play(env, aerojax.make(name), keys))
    error = score.std(axis=1) / np.sqrt(episodes)
    return Floors(score.mean(axis=1), error, reward.mean(axis=1))


@partial(jax.jit, static_argnums=(0, 1))
def _play(env: Any, discrete: Any, keys: Array) -> tuple[Array, Array]:
    """Score and return, float32 (47, episodes) each."""
    objective = env.config.objective

    def step(policy: Array, carry: Any, key: Array) -> tuple[Any, tuple[Array, Array]]:
        state, over = carry
        action_key, step_key = jax.random.split(key)
        _, state, rewards, dones, info = env.step_env(
            step_key, state, _actions(env, discrete, state, policy, action_key)
        )
        gained = info[objective.score][0].astype(jnp.float32), rewards[env.agents[0]]
        kept = jax.tree.map(lambda x: jnp.where(over, 0.0, x), gained)
        return (state, over | dones["__all__"]), kept

    def episode(policy: Array, key: Array) -> tuple[Array, Array]:
        reset_key, steps_key = jax.random.split(key)
        _, state = env.reset(reset_key)
        steps = jax.random.split(steps_key, env.max_steps)
        _, gained = jax.lax.scan(partial(step, policy), (state, jnp.bool_(False)), steps)
        return jax.tree.map(jnp.sum, gained)

    def episodes(policy: Array) -> tuple[Array, Array]:
        return jax.vmap(episode, in_axes=(None, 0))(policy, keys)

    return jax.lax.map(episodes, jnp.arange(SCRIPT + 1, dtype=jnp.int32))


def _actions(env: Any, discrete: Any, state: Any, policy: Array, key: Array) -> dict[str, Array]:
    """What a policy, by its number, does with the whole team."""
    scripted = env.script_actions(state, env.config.objective.script)
    masks = discrete.get_avail_actions(state)
    actions = {}
    for agent, agent_key in zip(env.agents, jax.random.split(key, len(env.agents)), strict=True):
        drawn = jax.random.categorical(agent_key, jnp.where(masks[agent], 0.0, -jnp.inf))
        command = jnp.stack(decode(jnp.where(policy == RANDOM, drawn, policy)))
        actions[agent] = jnp.where(policy == SCRIPT, scripted[agent], command)
    return actions


def tabulate_floors(names: Sequence[str], episodes: int, seed: int, out: Path) -> str:
    """Plays the scenarios, writes floors.md and returns the table."""
    head = ("scenario", "score", "random", "best constant action", "script", "correlation")
    rows = []
    for name in names:
        floors = play_floors(name, episodes, seed)
        entry = aerojax.make(name).config.objective.score
        script = aerojax.make(name).config.objective.script
        rows.append(
            (
                f"`{name}`",
                SCORES[entry],
                _cell(floors, RANDOM),
                f"{_cell(floors, floors.best)}: {floors.best}",
                f"{_cell(floors, SCRIPT)}: {script}",
                "–" if np.isnan(floors.correlation) else f"{floors.correlation:.2f}",
            )
        )
    table = markdown_table(head, rows)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "floors.md", (table + "\n").encode())
    return table


def _cell(floors: Floors, policy: int) -> str:
    return f"{floors.score[policy]:.2f} ({floors.reward[policy]:.2f})"


@dataclass(frozen=True)
class FloorStudy:
    """Play AeroJAX's scenarios without a thought, as docs/aerojax.md shows it."""

    names: tuple[str, ...] = aerojax.BENCHMARK
    """The scenarios."""
    episodes: int = 256
    """How many for each policy."""
    seed: int = 0
    """Of the starts."""
    out: Path = Path("studies/floors")
    """The folder for floors.md."""

    def run(self) -> None:
        check_writable(self.out / "floors.md")
        print(tabulate_floors(self.names, self.episodes, self.seed, self.out))


def main(words: Sequence[str] | None = None) -> None:
    """Runs the program."""
    run_program(FloorStudy, words)


if __name__ == "__main__":
    main()
