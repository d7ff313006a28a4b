"""Distributions over actions: one class for each kind of action space.

A distribution is a frozen description of a family. The outputs of an actor for one decision become
the parameters of one member of it, along the last axis. Every method takes any leading axes (...).
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
    """A family of distributions over the actions of one agent.

    Of one decision, O is the number of outputs of the network, P the number of parameters and M the
    length of the mask. A is the shape of an action: () for `Categorical`, (k,) for
    `MultiCategorical`, (d,) for `Gaussian`. Discrete actions are int32, continuous ones float32.
    """

    @property
    def num_outputs(self) -> int:
        """O, how many numbers a network outputs for a decision."""
        ...

    @property
    def num_scales(self) -> int:
        """S, how many log standard deviations the policy has; they do not depend on its input."""
        ...

    @property
    def num_masked(self) -> int:
        """M, the length of a mask."""
        ...

    def parameters(self, outputs: Array, scales: Array, available: Array) -> Array:
        """The parameters of the distributions of some decisions.

        Args:
            outputs: float32 (..., O), of the network.
            scales: float32 (S,), log standard deviations; ignored where S is 0.
            available: bool (..., M), which actions are available.

        Returns:
            float32 (..., P).
        """
        ...

    def sample(self, key: Array, parameters: Array) -> Array:
        """Draws actions (..., *A) from parameters (..., P), with one PRNG key."""
        ...

    def mode(self, parameters: Array) -> Array:
        """The actions (..., *A) of a greedy policy, from parameters (..., P)."""
        ...

    def log_prob(self, parameters: Array, action: Array) -> Array:
        """Log-probability or log-density of actions that `sample` drew.

        Args:
            parameters: float32 (..., P).
            action: (..., *A).

        Returns:
            float32 (...).
        """
        ...

    def entropy(self, parameters: Array) -> Array:
        """Entropy in nats, float32 (...), from parameters (..., P)."""
        ...

    def to_env(self, action: Array) -> Array:
        """Actions (..., *A) that `sample` drew, in the form that the environment takes."""
        ...

    def uniform(self, key: Array, available: Array) -> Array:
        """Draws available actions uniformly, in the form that the environment takes.

        Args:
            key: one PRNG key.
            available: bool (..., M).

        Returns:
            Actions (..., *A).
        """
        ...

    def has_choice(self, available: Array) -> Array:
        """Whether masks (..., M) leave more than one action: bool (...)."""
        ...


def make_distribution(space: Any, squash: Squash = "tanh") -> Distribution:
    """The distribution for an action space.

    Args:
        space: JaxMARL's Discrete or MultiDiscrete, or its Box (d,) with finite bounds.
        squash: how a Gaussian is brought into the bounds of a Box; see `Gaussian`.

    Raises:
        ValueError: the space is of another kind, or a Box that is not a vector or has no finite
            bounds.
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
    """One of n actions: O, P and M are n, parameters are log-probabilities, actions int32 (...)."""

    n: int

    num_scales = 0

    @property
    def num_outputs(self) -> int:
        return self.n

    @property
    def num_masked(self) -> int:
        return self.n

    def parameters(self, outputs: Array, scales: Array, available: Array) -> Array:
        """Log-probabilities (..., n). Those of unavailable actions are the lowest float32.

        Their probability is then exactly 0.
        """
        logits = jnp.where(available, outputs, jnp.finfo(outputs.dtype).min)
        return jax.nn.log_softmax(logits)

    def sample(self, key: Array, parameters: Array) -> Array:
        """Draws int32 (...) by inverting the cumulative distribution of each decision.

        That takes one random number a draw; Gumbel noise would take n.
        """
        probs = jnp.exp(parameters)
        # Rounding may leave steps in the sums at actions of probability 0; never draw these.
        sums = jnp.where(probs > 0, jnp.cumsum(probs, axis=-1), 0.0)
        uniform = jax.random.uniform(key, (*probs.shape[:-1], 1), probs.dtype)
        return jnp.argmax(sums > uniform * jnp.max(sums, axis=-1, keepdims=True), axis=-1)

    def mode(self, parameters: Array) -> Array:
        """The likeliest actions, int32 (...)."""
        return jnp.argmax(parameters, axis=-1)

    def log_prob(self, parameters: Array, action: Array) -> Array:
        """float32 (...), of actions int32 (...)."""
        return jnp.take_along_axis(parameters, action[..., None], axis=-1)[..., 0]

    def entropy(self, parameters: Array) -> Array:
        """Entropy in nats, float32 (...). Masked actions add 0, in the gradient too."""
        probs = jnp.exp(parameters)
        return -jnp.sum(jnp.where(probs > 0, probs * parameters, 0.0), axis=-1)

    def to_env(self, action: Array) -> Array:
        """The same int32 (...)."""
        return action

    def uniform(self, key: Array, available: Array) -> Array:
        """Available actions, int32 (...), from masks (..., n)."""
        return jax.random.categorical(key, jnp.where(available, 0.0, -jnp.inf))

    def has_choice(self, available: Array) -> Array:
        """Whether more than one of n actions is available, bool (...)."""
        return jnp.sum(available, axis=-1) > 1


@dataclass(frozen=True)
class MultiCategorical:
    """k categorical actions at once, drawn independently.

    O, P and M are N, the sum of `sizes`. Outputs, parameters and masks are those of the k parts,
    concatenated, (..., N). Actions are int32 (..., k).
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
        """Log-probabilities of each part, concatenated, (..., N)."""
        parts = zip(self._parts, self._split(outputs), self._split(available), strict=True)
        return jnp.concatenate([one.parameters(x, scales, ok) for one, x, ok in parts], axis=-1)

    def sample(self, key: Array, parameters: Array) -> Array:
        """Draws int32 (..., k), each part with a key of its own."""
        keys = jax.random.split(key, len(self.sizes))
        parts = zip(self._parts, keys, self._split(parameters), strict=True)
        return jnp.stack([one.sample(k, p) for one, k, p in parts], axis=-1)

    def mode(self, parameters: Array) -> Array:
        """The likeliest action of each part, int32 (..., k)."""
        return jnp.stack([jnp.argmax(p, axis=-1) for p in self._split(parameters)], axis=-1)

    def log_prob(self, parameters: Array, action: Array) -> Array:
        """The sum over the parts, float32 (...), of actions int32 (..., k)."""
        parts = enumerate(zip(self._parts, self._split(parameters), strict=True))
        return _total([one.log_prob(p, action[..., i]) for i, (one, p) in parts])

    def entropy(self, parameters: Array) -> Array:
        """The sum over the parts in nats, float32 (...)."""
        parts = zip(self._parts, self._split(parameters), strict=True)
        return _total([one.entropy(p) for one, p in parts])

    def to_env(self, action: Array) -> Array:
        """The same int32 (..., k)."""
        return action

    def uniform(self, key: Array, available: Array) -> Array:
        """Available actions, int32 (..., k), from masks (..., N)."""
        keys = jax.random.split(key, len(self.sizes))
        parts = zip(self._parts, keys, self._split(available), strict=True)
        return jnp.stack([one.uniform(k, ok) for one, k, ok in parts], axis=-1)

    def has_choice(self, available: Array) -> Array:
        """Whether any part has more than one available action, bool (...)."""
        parts = zip(self._parts, self._split(available), strict=True)
        return jnp.any(jnp.stack([one.has_choice(ok) for one, ok in parts]), axis=0)

    @property
    def _parts(self) -> tuple[Categorical, ...]:
        return tuple(Categorical(n) for n in self.sizes)

    def _split(self, x: Array) -> list[Array]:
        """The parts (..., n) of an array (..., N)."""
        return jnp.split(x, list(itertools.accumulate(self.sizes))[:-1], axis=-1)


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian over d numbers, brought into the bounds of a Box (d,).

    O, S and M are d, and P is 2 d: parameters are means and log standard deviations, concatenated.
    The log standard deviations do not depend on the observation. They stay within (-5, 2), and are
    bent smoothly near these limits.

    Actions are the Gaussian's own draws, float32 (..., d). Only `to_env` brings them into the
    bounds, in one of two ways:

    - "tanh" squashes them. Densities are those of the squashed action (Haarnoja et al., 2018).
    - "clip" scales them to the bounds' middle and half width, and clips the result. Densities are
      those of the Gaussian.

    An agent whose mask is all false (a dead one) has no choice.
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
        """Means (the outputs) and bounded log standard deviations, (..., 2 d)."""
        scales = jnp.broadcast_to(_bounded(scales), outputs.shape)
        return jnp.concatenate([outputs, scales], axis=-1)

    def sample(self, key: Array, parameters: Array) -> Array:
        """Draws float32 (..., d), outside of the bounds too."""
        mean, scale = self._split(parameters)
        return mean + jnp.exp(scale) * jax.random.normal(key, mean.shape, mean.dtype)

    def mode(self, parameters: Array) -> Array:
        """The Gaussian's means, (..., d). The squashed density may be highest elsewhere."""
        return self._split(parameters)[0]

    def log_prob(self, parameters: Array, action: Array) -> Array:
        """Log-density, float32 (...), of actions float32 (..., d) before `to_env`."""
        mean, scale = self._split(parameters)
        distance = (action - mean) * jnp.exp(-scale)
        density = -0.5 * jnp.square(distance) - scale - 0.5 * math.log(2.0 * math.pi)
        return jnp.sum(density - self._log_slope(action), axis=-1)

    def entropy(self, parameters: Array) -> Array:
        """Entropy in nats, float32 (...), of the density that `log_prob` has.

        With "tanh" that is the Gaussian's entropy plus the expected log-slope of the squashing,
        which is computed by Gauss-Hermite quadrature.
        """
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
        """Actions (..., d) within the bounds."""
        low, high = self._bounds(action)
        squashed = jnp.tanh(action) if self.squash == "tanh" else jnp.clip(action, -1.0, 1.0)
        return jnp.clip(low + 0.5 * (high - low) * (squashed + 1.0), low, high)

    def uniform(self, key: Array, available: Array) -> Array:
        """Uniform between the bounds, float32 (..., d); the mask (..., d) gives only the shape."""
        drawn = jax.random.uniform(key, available.shape, jnp.float32)
        low, high = self._bounds(drawn)
        return low + (high - low) * drawn

    def has_choice(self, available: Array) -> Array:
        """Whether any of the d numbers is available, bool (...)."""
        return jnp.any(available, axis=-1)

    def _split(self, parameters: Array) -> tuple[Array, Array]:
        """Means and log standard deviations, (..., d) each."""
        mean, scale = jnp.split(parameters, 2, axis=-1)
        return mean, scale

    def _log_slope(self, action: Array) -> Array:
        """Log-derivative (..., d) of the squashing at actions (..., d); 0 with "clip"."""
        if self.squash == "clip":
            return jnp.zeros_like(action)
        low, high = self._bounds(action)
        # log(1 - tanh²), without a difference of almost equal numbers.
        slope = 2.0 * (math.log(2.0) - action - jax.nn.softplus(-2.0 * action))
        return slope + jnp.log(0.5 * (high - low))

    def _bounds(self, like: Array) -> tuple[Array, Array]:
        """Lower and upper bounds, in the shape (..., d) and the dtype of `like`."""
        low, high = (jnp.array(bound, like.dtype) for bound in (self.low, self.high))
        return jnp.broadcast_to(low, like.shape), jnp.broadcast_to(high, like.shape)


_LOG_SCALES = (-5.0, 2.0)  # limits of log standard deviations, approached and never reached
_BEND = 1.0  # distance from a limit at which they begin to bend


def _bounded(scales: Array) -> Array:
    """Log-scales (d,) within their limits: unchanged, except near a limit, which they approach.

    The slope falls to zero as 1 / distance². That is slow enough for a gradient to bring a scale
    back that is far beyond a limit.
    """
    low, high = _LOG_SCALES[0] + _BEND, _LOG_SCALES[1] - _BEND
    below, above = (jnp.maximum(x, 0.0) / _BEND for x in (low - scales, scales - high))
    # 1 - 1/(1 + x), since the gradient of x/(1 + x) is a difference of almost equal numbers.
    return jnp.clip(scales, low, high) + _BEND * (1.0 / (1.0 + below) - 1.0 / (1.0 + above))


def _gauss_hermite(count: int) -> tuple[list[float], list[float]]:
    """Nodes and weights, `count` of each, to compute E f(z) of a standard normal z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return nodes.tolist(), (weights / weights.sum()).tolist()


_GAUSS_HERMITE = _gauss_hermite(8)


def _total(parts: list[Array]) -> Array:
    """The sum of arrays (...) of one shape."""
    return jnp.sum(jnp.stack(parts), axis=0)
