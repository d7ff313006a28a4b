"""The conformance test: each rule on an environment that breaks it, then on JaxMARL's own."""

import itertools

import jax
import jax.numpy as jnp
import pytest
from flax import struct
from jaxmarl import make
from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.environments.smax import map_name_to_scenario
from jaxmarl.environments.spaces import Box, Discrete

from wrappers import (
    AutoReset,
    ContractError,
    EpisodeStatistics,
    TimeLimit,
    WorldState,
    check_env,
    find_problems,
)
from wrappers.conformance.contract import check_shapes


@struct.dataclass
class ClockState:
    draw: jax.Array
    step: jax.Array
    done: jax.Array


class Clock(MultiAgentEnv):
    """Two agents watch a clock for three steps, and a number drawn for the episode."""

    max_steps = 3

    def __init__(self):
        super().__init__(num_agents=2)
        self.observation_spaces = dict.fromkeys(self.agents, Box(0.0, 1.0, (2,)))
        self.action_spaces = dict.fromkeys(self.agents, Discrete(2))

    @property
    def agent_classes(self):
        return {"watcher": self.agents}

    def reset(self, key):
        state = ClockState(jax.random.uniform(key, (), jnp.float32), jnp.int32(0), jnp.bool_(False))
        return self.get_obs(state), state

    def step_env(self, key, state, actions):
        step = state.step + 1
        state = ClockState(state.draw, step, step >= self.max_steps)
        rewards = {agent: actions[agent].astype(jnp.float32) for agent in self.agents}
        dones = dict.fromkeys([*self.agents, "__all__"], state.done)
        return self.get_obs(state), state, rewards, dones, {"terminated": jnp.bool_(False)}

    def get_obs(self, state):
        time = state.step.astype(jnp.float32) / self.max_steps
        return dict.fromkeys(self.agents, jnp.stack([time, state.draw]))

    def get_avail_actions(self, state):
        return dict.fromkeys(self.agents, jnp.ones(2, bool))

    def __eq__(self, other):
        return type(other) is type(self)

    def __hash__(self):
        return hash(type(self))


def test_a_right_environment_has_no_problems():
    assert find_problems(Clock()) == []
    check_env(Clock())
    check_shapes(Clock())


@pytest.mark.parametrize("check", [check_shapes, check_env, find_problems])
def test_what_is_no_environment_is_refused(check):
    with pytest.raises(TypeError, match="expected a JaxMARL environment, got 'paxmen-4'"):
        check("paxmen-4")


# --- What cannot be driven: shapes ---------------------------------------------------------------


def _broken_step(change):
    """A clock whose `step_env` returns `change(obs, state, rewards, dones, info)`."""

    class Broken(Clock):
        def step_env(self, key, state, actions):
            return change(*super().step_env(key, state, actions))

    return Broken()


def _without(names, name):
    return {key: value for key, value in names.items() if key != name}


class NoSpace(Clock):
    def observation_space(self, agent):
        return {"agent_0": Box(0.0, 1.0, (2,))}[agent]


class Raising(Clock):
    def reset(self, key):
        raise RuntimeError("no clock\nat all")


class Lonely(Clock):
    def __init__(self):
        super().__init__()
        self.agents = ["agent_0"]


class Flat(Clock):
    def get_obs(self, state):
        return super().get_obs(state) | {"agent_1": state.draw}


UNDRIVABLE = {
    "no space": (NoSpace(), ["NoSpace.observation_space('agent_1') raises KeyError: 'agent_1'"]),
    "agents": (Lonely(), ["Lonely.num_agents is 2, but agents has 1"]),
    "reset raises": (Raising(), ["Raising.reset raises RuntimeError: no clock"]),
    "obs shape": (
        Flat(),
        [
            "Flat.reset: obs['agent_1'] has shape (), its space shape (2,)",
            "Flat.step_env: obs['agent_1'] has shape (), its space shape (2,)",
        ],
    ),
    "length": (
        _broken_step(lambda *results: results[:4]),
        ["Broken.step_env returns a tuple of 4, not a tuple of 5"],
    ),
    "obs lacks": (
        _broken_step(lambda obs, *rest: (_without(obs, "agent_1"), *rest)),
        ["Broken.step_env: obs lacks 'agent_1'; it has ['agent_0']"],
    ),
    "rewards lack": (
        _broken_step(lambda o, s, rewards, d, i: (o, s, _without(rewards, "agent_0"), d, i)),
        ["Broken.step_env: rewards lacks 'agent_0'; it has ['agent_1']"],
    ),
    "reward shape": (
        _broken_step(lambda o, s, r, d, i: (o, s, r | {"agent_0": jnp.zeros(2)}, d, i)),
        ["Broken.step_env: rewards['agent_0'] is float32 (2,), not a number ()"],
    ),
    "no __all__": (
        _broken_step(lambda o, s, r, dones, i: (o, s, r, _without(dones, "__all__"), i)),
        ["Broken.step_env: dones lacks '__all__'; it has ['agent_0', 'agent_1']"],
    ),
    "done type": (
        _broken_step(lambda o, s, r, d, i: (o, s, r, d | {"agent_1": jnp.float32(0)}, i)),
        ["Broken.step_env: dones['agent_1'] is float32 (), not bool ()"],
    ),
    "info": (
        _broken_step(lambda o, s, r, d, i: (o, s, r, d, None)),
        ["Broken.step_env: info is a NoneType, not a dict"],
    ),
    "state type": (
        _broken_step(lambda o, s, *rest: (o, s.replace(step=s.step.astype(jnp.float32)), *rest)),
        ["Broken.step_env: state.step is float32 (), but reset returned int32 ()"],
    ),
    "state structure": (
        _broken_step(lambda o, s, *rest: (o, s.replace(draw=None), *rest)),
        None,
    ),
}


@pytest.mark.parametrize("name", UNDRIVABLE)
def test_what_cannot_be_driven_is_named(name):
    env, expected = UNDRIVABLE[name]
    problems = find_problems(env)
    if expected is None:
        assert len(problems) == 1
        assert problems[0].startswith("Broken.step_env: the state is PyTreeDef(")
    else:
        assert problems == expected
    with pytest.raises(ContractError) as error:
        check_shapes(env)
    assert str(error.value) == problems[0]


# --- What is found by tracing ----------------------------------------------------------------


class Untyped(Clock):
    """Sloppy in every way that shapes and types tell."""

    def reset(self, key):
        obs, state = super().reset(key)
        return obs, state.replace(step=jnp.asarray(0))

    def step_env(self, key, state, actions):
        obs, state, rewards, dones, _ = super().step_env(key, state, actions)
        state = state.replace(step=state.step.astype(jnp.int32), draw=jnp.ones(()) * state.draw)
        return obs, state, rewards | {"agent_1": actions["agent_1"]}, dones, {}

    def get_obs(self, state):
        exact = super().get_obs(state)
        # A rank of one too few, which strict promotion refuses.
        return exact | {"agent_0": (exact["agent_0"] + jnp.zeros((1, 2)))[0].astype(jnp.float16)}

    def get_avail_actions(self, state):
        return {"agent_0": jnp.ones(2, jnp.uint8)}

    agent_classes = {"watcher": ["agent_0", "agent_0"]}  # noqa: RUF012

    def world_state_size(self):
        return 4

    __eq__ = object.__eq__
    __hash__ = object.__hash__


@pytest.mark.loose_promotion
def test_what_types_tell():
    problems = find_problems(Untyped())
    weak = "so that step compiles twice"
    assert [problem for problem in problems if "strict promotion" not in problem] == [
        "Untyped.get_avail_actions: 'agent_0' has uint8 (2,), not bool (2,)",
        "Untyped.get_avail_actions lacks 'agent_1'; it has ['agent_0']",
        "Untyped.reset: obs['agent_0'] is float16 (2,), its space float32 (2,)",
        "Untyped.step_env: obs['agent_0'] is float16 (2,), its space float32 (2,)",
        "Untyped.step_env: rewards['agent_1'] is int32, not floating-point",
        f"Untyped.reset: state.step is weakly typed, but not that of step_env, {weak}",
        f"Untyped.step_env: state.done is weakly typed, but not that of reset, {weak}",
        "Untyped.reset: with 64-bit types, [1].step becomes int64 (), which was int32 ()",
        "Untyped.step_env: with 64-bit types, [1].draw becomes float64 (), which was float32 ()",
        "Untyped.agent_classes holds ['agent_0', 'agent_0'], not each of "
        "['agent_0', 'agent_1'] once",
        "Untyped.step_env: info lacks 'terminated', so that its end at max_steps counts as a "
        "termination; wrappers.TimeLimit distinguishes the two",
        "Untyped.__eq__: an environment and its copy are not equal, or not in their hashes, so "
        "that each compiles everything again",
    ]
    strict = [problem for problem in problems if "strict promotion" in problem]
    assert len(strict) == 1
    assert strict[0].startswith("Untyped.reset raises ValueError: Operands could not be broadcast")


# --- What is found by playing ------------------------------------------------------------------


class Loose(Clock):
    """Late by one step, and wrong in what it shows and earns."""

    def reset(self, key):
        _, state = super().reset(key)
        return self._look(state), state

    def step_env(self, key, state, actions):
        done = state.step >= self.max_steps
        _, state, rewards, dones, info = super().step_env(key, state, actions)
        state = state.replace(done=done)
        rewards["agent_1"] = jnp.where(state.step == 2, jnp.float32(jnp.nan), rewards["agent_1"])
        dones = dict.fromkeys(dones, done) | {"agent_1": jnp.bool_(False)}
        return self._look(state), state, rewards, dones, info

    def _look(self, state):
        seen = super().get_obs(state)
        return seen | {
            "agent_1": jnp.full(2, -1.0, jnp.float32),
            "world_state": jnp.log(-state.draw),
        }

    def get_obs(self, state):
        return self._look(state) | {"agent_1": jnp.full(2, -2.0, jnp.float32)}

    def get_avail_actions(self, state):
        return super().get_avail_actions(state) | {"agent_0": jnp.zeros(2, bool)}


def test_what_is_seen_and_earned():
    assert find_problems(Loose()) == [
        "Loose.reset: obs['agent_1'] has the value -1.0, but its space is from 0.0 to 1.0",
        "Loose.step_env: obs['agent_0'] has the value 1.3333333730697632, "
        "but its space is from 0.0 to 1.0",
        "Loose.step_env: obs['agent_1'] has the value -1.0, but its space is from 0.0 to 1.0",
        "Loose.step_env: rewards['agent_1'] is not always finite",
        "Loose.step_env: obs['world_state'] is not always finite",
        "Loose.get_obs: obs['agent_1'] is not what reset returned",
        "Loose.get_obs: obs['agent_1'] is not what step returned",
        "Loose.get_avail_actions: 'agent_0' has no available action at times",
        "Loose.step_env: dones['agent_1'] is false where dones['__all__'] is true",
        "Loose.step: an episode has 4 steps, but max_steps is 3",
    ]


class Stale(Clock):
    """Keeps a count outside its state, and takes an episode's end away when it resets."""

    def __init__(self):
        super().__init__()
        self.count = itertools.count()

    def reset(self, key):
        _, state = super().reset(key)
        state = state.replace(draw=state.draw / jnp.float32(1 + next(self.count)))
        return self.get_obs(state), state

    def step(self, key, state, actions, reset_state=None):
        _, after, rewards, dones, info = self.step_env(key, state, actions)
        done = after.done
        after = after.replace(step=jnp.where(done, 1, after.step), done=jnp.bool_(False))
        rewards["agent_0"] = jnp.where(done, jnp.float32(7), rewards["agent_0"])
        dones["agent_1"] = jnp.bool_(False)
        return self.get_obs(after), after, rewards, dones, info

    def __getstate__(self):
        raise TypeError("it counts")


def test_what_comes_after_an_end_and_again():
    assert find_problems(Stale()) == [
        "Stale: pickling raises TypeError: it counts",
        "Stale.step: an episode has 2 steps, but max_steps is 3",
        "Stale.step: after an episode's end the state is at step 1, after reset at 0",
        "Stale.step: rewards['agent_0'] is not that of step_env in the step that ends an episode",
        "Stale.step: dones['agent_1'] is not that of step_env in the step that ends an episode",
        "Stale.reset: the same key starts two different episodes",
        "Stale.step: the outcome is not what vmap over a batch gives",
    ]


@jax.custom_batching.custom_vmap
def _halve_in_batches(x):
    return x


@_halve_in_batches.def_vmap
def _(_size, _in_batched, x):
    return x / jnp.float32(2), True


class Odd(Clock):
    """Plays otherwise in a batch and with other keys, and each step as it likes."""

    def reset(self, key):
        if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            raise TypeError("typed keys only")
        return super().reset(key)

    def get_obs(self, state):
        obs = super().get_obs(state)
        obs["agent_0"] = _halve_in_batches(obs["agent_0"])
        return obs | {"world_state": jnp.zeros(3, jnp.float32)}

    def world_state_size(self):
        return 4


COUNT = itertools.count()


class Random(Clock):
    """Its step draws from what is not its key."""

    step = MultiAgentEnv.step.__wrapped__

    def step_env(self, key, state, actions):
        obs, state, rewards, dones, info = super().step_env(key, state, actions)
        return obs, state, rewards | {"agent_0": jnp.float32(next(COUNT))}, dones, info


def test_what_differs_where_it_should_not():
    assert find_problems(Odd()) == [
        "Odd.reset raises TypeError: typed keys only (with a raw key)",
        "Odd.world_state_size() is 4, but obs['world_state'] (3,)",
        "Odd.reset: obs is not what vmap over a batch of keys gives",
        "Odd.step: the outcome is not what vmap over a batch gives",
    ]
    assert find_problems(Random())[-1] == (
        "Random.step: the same key and actions have two different outcomes"
    )


class Rewarding(Clock):
    def step(self, key, state, actions, reset_state=None):
        obs, state, rewards, dones, info = super().step(key, state, actions, reset_state)
        return obs, state, {agent: reward[None] for agent, reward in rewards.items()}, dones, info


class Blind(Clock):
    def reset(self, key):
        return super().get_obs(super().reset(key)[1]), super().reset(key)[1]

    def step_env(self, key, state, actions):
        _, *rest = super().step_env(key, state, actions)
        return super().get_obs(rest[0]), *rest

    def get_obs(self, state):
        return None


def test_what_cannot_be_played():
    assert find_problems(Rewarding()) == [
        "Rewarding.step: shapes or dtypes are not those of step_env"
    ]
    assert find_problems(Blind()) == ["Blind.get_obs returns a NoneType, not a dict"]


def test_all_problems_are_raised_at_once():
    with pytest.raises(ContractError) as error:
        check_env(Flat())
    assert str(error.value) == "\n".join(["Flat breaks the contract:", *find_problems(Flat())])


# --- Environments there are --------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: AutoReset(EpisodeStatistics(env)),
        lambda env: AutoReset(TimeLimit(WorldState(env), 2)),
    ],
)
def test_wrappers_keep_the_contract(wrap):
    assert find_problems(wrap(Clock())) == []


def _gist(problems):
    """The problems without JAX's own words, which change from version to version."""
    return [problem.partition(" For more")[0].partition(": Operands")[0] for problem in problems]


@pytest.mark.loose_promotion
def test_jaxmarls_mpe():
    env = make("MPE_simple_spread_v3")
    check_shapes(env)
    assert _gist(find_problems(env)) == [
        "SimpleSpreadMPE.get_avail_actions raises NotImplementedError",
        "SimpleSpreadMPE.step_env: state.done is weakly typed, but not that of reset, "
        "so that step compiles twice",
        "SimpleSpreadMPE.reset: with 64-bit types, [0]['agent_0'] becomes float64 (18,), "
        "which was float32 (18,), and 6 more",
        "SimpleSpreadMPE.step_env: with 64-bit types, [0]['agent_0'] becomes float64 (18,), "
        "which was float32 (18,), and 9 more",
        "SimpleSpreadMPE.reset raises ValueError",
        "SimpleSpreadMPE.agent_classes is a method, not a dict",
        "SimpleSpreadMPE.step_env: info lacks 'terminated', so that its end at max_steps counts "
        "as a termination; wrappers.TimeLimit distinguishes the two",
        "SimpleSpreadMPE.__eq__: an environment and its copy are not equal, or not in their "
        "hashes, so that each compiles everything again",
        "SimpleSpreadMPE.step: an episode has 26 steps, but max_steps is 25",
    ]


@pytest.mark.loose_promotion
def test_a_weak_type_does_compile_twice():
    env = make("MPE_simple_spread_v3")
    _, state = env.reset(jax.random.key(0))
    actions = {agent: jnp.int32(0) for agent in env.agents}
    before = env.step_env._cache_size()
    for _ in range(3):
        _, state, *_ = env.step_env(jax.random.key(0), state, actions)
    assert env.step_env._cache_size() == before + 2


@pytest.mark.loose_promotion
def test_jaxmarls_smax():
    env = make("HeuristicEnemySMAX", scenario=map_name_to_scenario("2s3z"))
    check_shapes(env)
    name = "HeuristicEnemySMAX"
    beginnings = [
        f"{name}.get_obs lacks 'world_state', which reset returns",
        f"{name}.step raises ValueError: pytree structure error",
        *(
            f"{name}.get_avail_actions: 'ally_{i}' has uint8 (10,), not bool (10,)"
            for i in range(5)
        ),
        f"{name}.reset: state.enemy_policy_state.last_attacked_enemy is weakly typed",
        f"{name}.reset raises TypeError: lax.select",
        f"{name}.reset raises ValueError: Operands could not be broadcast",
        f"{name}.agent_classes raises NotImplementedError",
        f"{name}.step_env: info lacks 'terminated'",
        f"{name}: pickling raises AttributeError: Can't pickle local object",
    ]
    problems = find_problems(env)
    assert len(problems) == len(beginnings)
    for problem, beginning in zip(problems, beginnings, strict=True):
        assert problem.startswith(beginning)
