"""What the adapters share: what they refuse, how seeds become keys, which actions are available."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.spaces import Discrete

from wrappers.conformance.contract import check_shapes
from wrappers.wrapper import Layer, Wrapper


def check_adaptable(env: MultiAgentEnv) -> None:
    """Refuses what no adapter can drive.

    Raises:
        TypeError: `env` is not a JaxMARL environment.
        ContractError: it breaks JaxMARL's contract; names the method, the agent and what was
            expected.
        ValueError: it is a wrapper that changes `step`, as `AutoReset` does, and adapters call
            `step_env`.
    """
    if isinstance(env, Wrapper) and env.layer >= Layer.RESETS:
        raise ValueError(
            f"{type(env).__name__} changes `step`, which no adapter calls: "
            "adapt the environment inside it"
        )
    check_shapes(env)


def make_keys(seeds: Sequence[int | None]) -> Array:
    """Keys (N,): `jax.random.key` of each seed, and of fresh entropy for None.

    Raises:
        ValueError: a seed that is not in 0..2**32 - 1.
    """
    entropy = np.random.SeedSequence().generate_state(len(seeds))
    words = [fresh if seed is None else seed for seed, fresh in zip(seeds, entropy, strict=True)]
    for word in words:
        if not isinstance(word, int | np.integer) or not 0 <= word < 2**32:
            raise ValueError(f"seed is {word!r}; valid: an integer in 0..2**32 - 1")
    return jax.vmap(jax.random.key)(np.asarray(words, np.uint32))


def action_masks(env: MultiAgentEnv, state: Any) -> dict[str, Array]:
    """int8 (k,) for each agent with k discrete actions: 1 where one is available.

    Empty if the environment does not tell.
    """
    try:
        available = env.get_avail_actions(state)
    except NotImplementedError:
        return {}
    discrete = [a for a in env.agents if isinstance(env.action_space(a), Discrete)]
    return {agent: available[agent].astype(jnp.int8) for agent in discrete}
