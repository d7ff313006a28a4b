"""What an actor's outputs mean: a distribution over actions, one kind for each kind of space.

A distribution is a frozen description; what a network says of one decision is an array of its
parameters, last axis first to last. Every method takes any leading axes (...).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.spaces import Box, Discrete, MultiDiscrete

Squash = Literal["tanh", "clip"]


class Distribution(Protocol):
    """A family of distributions over the actions of one agent."""

    @property
    def num_outputs(self) -> int:
        """Numbers that a network has to say of a decision."""
        ...

    @property
    def num_scales(self) -> int:
        """Log standard deviations, which are parameters of the policy and not outputs."""
        ...

    def parameters(self, outputs: Array, scales: Array, available: Array) -> Array:
        """From outputs (..., num_outputs), scales (num_scales,) and masks (..., M), bool."""
        ...

    def sample(self, key: Array, parameters: Array) -> Array:
        """Draws actions, as the policy knows them."""
        ...

    def mode(self, parameters: Array) -> Array:
        """The actions of a greedy policy."""
        ...

    def log_prob(self, parameters: Array, action: Array) -> Array:
        """Of actions as `sample` draws them: float32 (...)."""
        ...

    def entropy(self, parameters: Array) -> Array:
        """In nats, float32 (...)."""
        ...

    def to_env(self, action: Array) -> Array:
        """An action as the environment takes it."""
        ...

    def uniform(self, key: Array, available: Array) -> Array:
        """Uniform over what is available, as the environment takes it."""
        ...

    def has_choice(self, available: Array) -> Array:
        """Whether a mask (..., M) leaves a choice: bool (...)."""
        ...

    @property
    def num_masked(self) -> int:
        """M, the length of a mask."""
        ...


def make_distribution(space: Any, squash: Squash = "tanh") -> Distribution:
    """The distribution for an action space.

    Args:
        space: a Discrete, MultiDiscrete or bounded Box of JaxMARL's.
        squash: how a Gaussian gets into a Box: see `Gaussian`.

    Raises:
        ValueError: another kind of space, or a Box without bounds.
    """
    if isinstance(space, Discrete):
        return Categorical(space.n)
    if isinstance(space, MultiDiscrete):
        return MultiCategorical(tuple(np.asarray(space.num_categories).tolist()))
    if not isinstance(space, Box):
        name = type(space).__name__
        raise ValueError(f"actions are a {name}; valid: Discrete, MultiDiscrete, Box")
    low, high = (np.broadcast_to(bound, space.shape) for bound in (space.low, space.high))
    if not np.all(np.isfinite(low) & np.isfinite(high) & (low < high)):
        raise ValueError(f"actions have the bounds {space.low}, {space.high}; valid: finite ones")
    if len(space.shape) != 1:
        raise ValueError(f"actions have the shape {space.shape}; valid: a vector")
    return Gaussian(tuple(low.tolist()), tuple(high.tolist()), squash)


@dataclass(frozen=True)
class Categorical:
    """One of n actions. Parameters are log-probabilities (..., n); actions are int (...)."""

    n: int

    num_scales = 0

    @property
    def num_outputs(self) -> int:
        return self.n

    @property
    def num_masked(self) -> int:
        return self.n

    def parameters(self, outputs: Array, scales: Array, available: Array) -> Array:
        """Log-probabilities; those of unavailable actions are the lowest float32: probability 0."""
        logits = jnp.where(available, outputs, jnp.finfo(outputs.dtype).min)
        return jax.nn.log_softmax(logits)

    def sample(self, key: Array, parameters: Array) -> Array:
        """Inverts the distribution function: one random number a draw; Gumbel noise takes n."""
        probs = jnp.exp(parameters)
        # Rounding may leave steps in the sums at actions of probability 0; never draw these.
        sums = jnp.where(probs > 0, jnp.cumsum(probs, axis=-1), 0.0)
        uniform = jax.random.uniform(key, (*probs.shape[:-1], 1), probs.dtype)
        return jnp.argmax(sums > uniform * jnp.max(sums, axis=-1, keepdims=True), axis=-1)

    def mode(self, parameters: Array) -> Array:
        return jnp.argmax(parameters, axis=-1)

    def log_prob(self, parameters: Array, action: Array) -> Array:
        return jnp.take_along_axis(parameters, action[..., None], axis=-1)[..., 0]

    def entropy(self, parameters: Array) -> Array:
        """Masked actions count 0, also in the gradient."""
        probs = jnp.exp(parameters)
        return -jnp.sum(jnp.where(probs > 0, probs * parameters, 0.0), axis=-1)

    def to_env(self, action: Array) -> Array:
        return action

    def uniform(self, key: Array, available: Array) -> Array:
        return jax.random.categorical(key, jnp.where(available, 0.0, -jnp.inf))

    def has_choice(self, available: Array) -> Array:
        return jnp.sum(available, axis=-1) > 1


@dataclass(frozen=True)
class MultiCategorical:
    """Several categorical actions at once, drawn independently.

    Parameters are their log-probabilities end to end, (..., sum n), and so are masks; actions are
    int (..., k).
    """

    sizes: tuple[int, ...]

    num_scales = 0

    @property
    def num_outputs(self) -> int:
        return sum(self.sizes)

    @property
    def num_masked(self) -> int:
        return sum(self.sizes)

    def parameters(self, outputs: Array, scales: Array, available: Array) -> Array:
        parts = zip(self._parts, self._split(outputs), self._split(available), strict=True)
        return jnp.concatenate([one.parameters(x, scales, ok) for one, x, ok in parts], axis=-1)

    def sample(self, key: Array, parameters: Array) -> Array:
        keys = jax.random.split(key, len(self.sizes))
        parts = zip(self._parts, keys, self._split(parameters), strict=True)
        return jnp.stack([one.sample(k, p) for one, k, p in parts], axis=-1)

    def mode(self, parameters: Array) -> Array:
        return jnp.stack([jnp.argmax(p, axis=-1) for p in self._split(parameters)], axis=-1)

    def log_prob(self, parameters: Array, action: Array) -> Array:
        parts = enumerate(zip(self._parts, self._split(parameters), strict=True))
        return _total([one.log_prob(p, action[..., i]) for i, (one, p) in parts])

    def entropy(self, parameters: Array) -> Array:
        parts = zip(self._parts, self._split(parameters), strict=True)
        return _total([one.entropy(p) for one, p in parts])

    def to_env(self, action: Array) -> Array:
        return action

    def uniform(self, key: Array, available: Array) -> Array:
        keys = jax.random.split(key, len(self.sizes))
        parts = zip(self._parts, keys, self._split(available), strict=True)
        return jnp.stack([one.uniform(k, ok) for one, k, ok in parts], axis=-1)

    def has_choice(self, available: Array) -> Array:
        parts = zip(self._parts, self._split(available), strict=True)
        return jnp.any(jnp.stack([one.has_choice(ok) for one, ok in parts]), axis=0)

    @property
    def _parts(self) -> tuple[Categorical, ...]:
        return tuple(Categorical(n) for n in self.sizes)

    def _split(self, x: Array) -> list[Array]:
        return jnp.split(x, list(itertools.accumulate(self.sizes))[:-1], axis=-1)


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian, brought into the bounds of a Box of d numbers.

    Parameters are means and log standard deviations, (..., 2 d); the latter are the policy's own
    and the same in every state. They stay in [-5, 2], towards whose ends they bend smoothly.
    Actions are what the Gaussian drew, float (..., d), and only `to_env` brings them into the
    bounds:

    - "tanh" squashes them. Densities are those of the squashed action (Haarnoja et al., 2018).
    - "clip" scales them to the bounds' middle and half width, and cuts off what is beyond.
      Densities are those of the Gaussian.

    An agent whose mask is false throughout (a dead one) has no choice.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    squash: Squash = "tanh"

    @property
    def num_outputs(self) -> int:
        return len(self.low)

    @property
    def num_scales(self) -> int:
        return len(self.low)

    @property
    def num_masked(self) -> int:
        return len(self.low)

    def parameters(self, outputs: Array, scales: Array, available: Array) -> Array:
        scales = jnp.broadcast_to(_bounded(scales), outputs.shape)
        return jnp.concatenate([outputs, scales], axis=-1)

    def sample(self, key: Array, parameters: Array) -> Array:
        mean, scale = self._split(parameters)
        return mean + jnp.exp(scale) * jax.random.normal(key, mean.shape, mean.dtype)

    def mode(self, parameters: Array) -> Array:
        """The Gaussian's; the squashed density may be highest elsewhere."""
        return self._split(parameters)[0]

    def log_prob(self, parameters: Array, action: Array) -> Array:
        mean, scale = self._split(parameters)
        distance = (action - mean) * jnp.exp(-scale)
        density = -0.5 * jnp.square(distance) - scale - 0.5 * math.log(2.0 * math.pi)
        return jnp.sum(density - self._log_slope(action), axis=-1)

    def entropy(self, parameters: Array) -> Array:
        """The Gaussian's, and the mean of the squash's log-slope by Gauss-Hermite quadrature."""
        mean, scale = self._split(parameters)
        entropy = scale + 0.5 * math.log(2.0 * math.pi * math.e)
        if self.squash == "tanh":
            spread = jnp.exp(scale)
            nodes = [
                weight * self._log_slope(mean + spread * node)
                for node, weight in zip(*_GAUSS_HERMITE, strict=True)
            ]
            entropy = entropy + _total(nodes)
        return jnp.sum(entropy, axis=-1)

    def to_env(self, action: Array) -> Array:
        low, high = self._bounds(action)
        squashed = jnp.tanh(action) if self.squash == "tanh" else jnp.clip(action, -1.0, 1.0)
        return jnp.clip(low + 0.5 * (high - low) * (squashed + 1.0), low, high)

    def uniform(self, key: Array, available: Array) -> Array:
        drawn = jax.random.uniform(key, available.shape, jnp.float32)
        low, high = self._bounds(drawn)
        return low + (high - low) * drawn

    def has_choice(self, available: Array) -> Array:
        return jnp.any(available, axis=-1)

    def _split(self, parameters: Array) -> tuple[Array, Array]:
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return mean, scale

    def _log_slope(self, action: Array) -> Array:
        """Log of the derivative of `to_env`, where it tells; its scale only where it squashes."""
        if self.squash == "clip":
            return jnp.zeros_like(action)
        low, high = self._bounds(action)
        # log(1 - tanh²) without the difference of near-equal numbers.
        slope = 2.0 * (math.log(2.0) - action - jax.nn.softplus(-2.0 * action))
        return slope + jnp.log(0.5 * (high - low))

    def _bounds(self, like: Array) -> tuple[Array, Array]:
        low, high = (jnp.array(bound, like.dtype) for bound in (self.low, self.high))
        return jnp.broadcast_to(low, like.shape), jnp.broadcast_to(high, like.shape)


_LOG_SCALES = (-5.0, 2.0)  # limits of log standard deviations, which they never quite reach
_BEND = 1.0  # distance from a limit at which they begin to bend


def _bounded(scales: Array) -> Array:
    """Log-scales within their limits: as they are, except near a limit, where they bend towards it.

    The slope falls to zero as 1 / distance²: slowly enough that a scale far out can come back.
    """
    low, high = _LOG_SCALES[0] + _BEND, _LOG_SCALES[1] - _BEND
    below, above = (jnp.maximum(x, 0.0) / _BEND for x in (low - scales, scales - high))
    # 1 - 1/(1 + x) and not x/(1 + x), whose gradient is the difference of near-equal numbers.
    return jnp.clip(scales, low, high) + _BEND * (1.0 / (1.0 + below) - 1.0 / (1.0 + above))


def _gauss_hermite(count: int) -> tuple[list[float], list[float]]:
    """Nodes and weights of E f(z), z standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return nodes.tolist(), (weights / weights.sum()).tolist()


_GAUSS_HERMITE = _gauss_hermite(8)


def _total(parts: list[Array]) -> Array:
    return jnp.sum(jnp.stack(parts), axis=0)
