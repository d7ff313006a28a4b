"""Everything that decides a training run, as one frozen dataclass."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mars_demo.objectives import OBJECTIVES


def nearest_first(value: str, valid: Iterable[str]) -> list[str]:
    """The valid names, the likeliest misspelling of `value` first."""
    names = list(valid)
    close = difflib.get_close_matches(value, names, n=len(names), cutoff=0.5)
    return close + [name for name in names if name not in close]


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
    encode: bool = True
    """Use the task's encoding of observations (PaxMen: one channel each for wall, dot, agent)."""
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


def check_config(config: Config) -> None:
    """Raises ValueError that names the first impossible value and the rule it breaks."""
    if config.algo not in OBJECTIVES:
        names = ", ".join(nearest_first(config.algo, OBJECTIVES))
        raise ValueError(f"unknown algorithm {config.algo!r}; valid: {names}")
    if config.network not in ("mlp", "gru"):
        raise ValueError(f"unknown network {config.network!r}; valid: mlp, gru")
    if config.policies not in ("shared", "class", "agent"):
        raise ValueError(f"unknown policies {config.policies!r}; valid: shared, class, agent")
    for name in ("total_steps", "num_envs", "rollout_steps", "epochs", "minibatches", "hidden"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(config, name)}")
    for name in ("eps", "lr", "max_grad_norm"):
        if not getattr(config, name) > 0:
            raise ValueError(f"{name} must be positive, got {getattr(config, name)}")
    for name in ("gamma", "gae_lambda"):
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} must lie in [0, 1], got {getattr(config, name)}")
    if config.entropy < 0:
        raise ValueError(f"entropy must not be negative, got {config.entropy}")
    if config.seed < 0:
        raise ValueError(f"seed must not be negative, got {config.seed}")
    if config.num_envs % config.minibatches:
        divisors = [n for n in range(1, config.num_envs + 1) if config.num_envs % n == 0]
        nearest = min(divisors, key=lambda n: abs(n - config.minibatches))
        raise ValueError(
            f"minibatches must divide num_envs ({config.num_envs}), got {config.minibatches}; "
            f"nearest that does: {nearest}"
        )
