"""The configuration of a training run, as one frozen dataclass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

from mars_demo.learning.objectives import OBJECTIVES
from wrappers.nearest_first import nearest_first

DEFAULT_TASK, DEFAULT_ALGO = "paxmen-4", "mars"


@dataclass(frozen=True)
class Config:
    """A training run. Two runs with equal configurations on one machine agree bit for bit."""

    algo: str = "mars"
    """The objective: mars, mappo, maspo or an ablation; `mars-demo list algorithms` has all."""
    eps: float = 0.2
    """Trust-region size: where the objective stops rewarding a larger probability ratio."""
    seed: int = 0
    """Seed of every random draw of the run."""
    total_steps: int = 4_000_000
    """Environment steps of the whole run, rounded up to whole updates."""
    num_envs: int = 256
    """Environments stepped side by side."""
    rollout_steps: int = 25
    """Steps of each environment between two updates."""
    epochs: int = 2
    """Passes over each rollout."""
    minibatches: int = 4
    """Minibatches a pass; each holds whole sequences of `num_envs / minibatches` environments."""
    lr: float = 2e-3
    """Adam's learning rate."""
    lr_decay: bool = False
    """Decay the learning rate linearly to zero over the run."""
    gamma: float = 0.995
    """Discount factor."""
    gae_lambda: float = 0.97
    """Trace decay of generalised advantage estimation."""
    advantage_norm: Literal["rollout", "minibatch", "none"] = "rollout"
    """What advantages are normalised over: the whole rollout, each minibatch, or nothing."""
    value_norm: bool = False
    """Normalise the critic's targets by their running mean and deviation (Pop-Art)."""
    entropy: float = 0.02
    """Weight of the entropy bonus."""
    max_grad_norm: float = 0.5
    """Gradient-norm limit, for the actor and for the critic on their own."""
    network: Literal["mlp", "gru"] = "mlp"
    """The actor's body: feed-forward, or recurrent over time."""
    hidden: int = 64
    """Width of every hidden layer."""
    squash: Literal["tanh", "clip"] = "tanh"
    """How a Gaussian policy keeps continuous actions within their bounds."""
    policies: Literal["shared", "class", "agent"] = "shared"
    """Which agents share an actor's parameters: all, those of one class, or none."""
    agent_id: bool = True
    """Append a one-hot agent index to each agent's observation."""
    critic_observations: bool = False
    """Give the critic all agents' observations, next to the world state."""
    encode: bool = True
    """Use the task's encoding of observations (PaxMen: one channel each for wall, dot, agent)."""
    opponents: str = "task"
    """Who the opponents are: those of the `task`; `self`, where every team learns from its own
    reward by one policy; `league`, scripts and past selves; a script's name, or a team."""
    stagger: bool = True
    """Start with environments at different ages, so that episodes do not end all at once."""

    @property
    def steps_per_update(self) -> int:
        """Environment steps that one update consumes."""
        return self.num_envs * self.rollout_steps

    @property
    def num_updates(self) -> int:
        """Updates of the whole run."""
        return -(-self.total_steps // self.steps_per_update)

    def replace(self, **changes: object) -> Config:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # pyright: ignore[reportArgumentType]


_RANGES: dict[str, tuple[float, float]] = {
    "eps": (1e-4, 100.0),
    "seed": (0, 2**32 - 1),  # JAX drops higher bits, so that two seeds would be the same
    "total_steps": (1, 10**12 - 1),  # twelve digits in a checkpoint's name
    "num_envs": (1, 2**24),
    "rollout_steps": (1, 2**20),
    "epochs": (1, 1000),
    "minibatches": (1, 2**24),
    "lr": (1e-8, 1.0),
    "gamma": (0.0, 1.0),
    "gae_lambda": (0.0, 1.0),
    "entropy": (0.0, 10.0),
    "max_grad_norm": (1e-6, 1e6),
    "hidden": (1, 2**14),
}
"""The lowest and highest value of every number in a configuration."""


def check_config(config: Config) -> None:
    """Checks every field of a configuration.

    Raises:
        ValueError: names the first impossible value, its rule, and the nearest valid value.
    """
    for name, kind in get_type_hints(Config).items():
        value = getattr(config, name)
        if name == "algo":
            check_name("algorithm", value, OBJECTIVES)
        elif get_origin(kind) is Literal:
            check_name(name, value, get_args(kind))
        elif kind is str:
            check_text(name, value)
        elif kind is bool:
            check_name(name, value, (True, False))
        else:
            check_number(name, value, *_RANGES[name], whole=kind is int)
    if config.num_envs % config.minibatches:
        divisors = [n for n in range(1, config.num_envs + 1) if config.num_envs % n == 0]
        nearest = min(divisors, key=lambda n: abs(n - config.minibatches))
        raise ValueError(
            f"minibatches must divide num_envs ({config.num_envs}), got {config.minibatches}; "
            f"nearest that does: {nearest}"
        )
    steps_each = config.epochs * config.minibatches
    if config.num_updates * steps_each >= 2**31:  # the optimiser counts in int32
        most = (2**31 - 1) // steps_each * config.steps_per_update
        raise ValueError(
            f"total_steps must take fewer than 2^31 gradient steps, got {config.total_steps}; "
            f"nearest: {most}"
        )


def check_name(what: str, value: object, valid: Iterable[object]) -> None:
    """Raises ValueError unless the value is a valid one; the message lists these, nearest first."""
    names = {str(name): name for name in valid}
    # Equality is not enough, since 1 == True.
    if str(value) not in names or type(value) is not type(names[str(value)]):
        listed = ", ".join(nearest_first(value, names))
        raise ValueError(f"unknown {what} {value!r}; valid: {listed}")


def check_text(name: str, value: object) -> None:
    """Raises ValueError unless the value is a text with something in it."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, got {value!r}")


def check_number(
    name: str, value: object, lowest: float, highest: float, whole: bool = True
) -> None:
    """Raises ValueError unless the value is a (whole) number in [lowest, highest]."""
    rule = f"{name} must be a {'whole ' if whole else ''}number in [{lowest}, {highest}]"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise ValueError(f"{rule}, got {value!r}; nearest: none, it is not a number")
    if not lowest <= value <= highest or (whole and not isinstance(value, int)):
        nearest = min(max(value, lowest), highest)
        raise ValueError(f"{rule}, got {value!r}; nearest: {round(nearest) if whole else nearest}")
