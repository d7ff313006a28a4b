"""The composed wrappers around real environments: ours, JaxMARL's and jumanji's."""

import jax
import pytest
from jaxmarl import make
from jaxmarl.environments.smax import map_name_to_scenario
from jaxmarl.environments.spaces import Box

import aerojax
import paxmen
from tests.wrappers.jumanji.test_jumanji import MAKERS
from tests.wrappers.test_composition import Expected, Step, close
from wrappers import from_jumanji, wrap

LIMIT, STEPS = 3, 7


def _overcooked():
    """Its `reset` is not compiled, and takes seconds."""
    env = make("overcooked")
    env.reset = jax.jit(env.reset)
    return env


ENVIRONMENTS = {
    "paxmen": lambda: paxmen.make("paxmen-4"),
    "aerojax": lambda: aerojax.make("waypoint_5"),
    "MPE": lambda: make("MPE_simple_spread_v3"),
    "SMAX": lambda: make("HeuristicEnemySMAX", scenario=map_name_to_scenario("3m")),
    "Overcooked": _overcooked,
    **{name: lambda maker=maker: from_jumanji(maker()) for name, maker in MAKERS.items()},
}


@pytest.mark.loose_promotion  # JaxMARL's environments need it
@pytest.mark.filterwarnings("ignore:OvercookedV2 is now released")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_composed_environment_counts_what_the_bare_one_does(name):
    bare = ENVIRONMENTS[name]()
    space = bare.observation_space(bare.agents[0])
    vectors = isinstance(space, Box) and len(space.shape) == 1
    env = wrap(
        bare, agent_id=vectors, world_state=True, time_limit=LIMIT, statistics=True, record=LIMIT
    )
    stack = ["AutoReset", "EpisodeStatistics", "TimeLimit", "WorldState", "AgentId"][: 4 + vectors]
    keys = jax.random.split(jax.random.key(2), STEPS)
    actions = jax.vmap(lambda key: actions_of(bare, key))(keys)

    @jax.jit
    def play(state):
        def step(state, inputs):
            obs, state, *rest = env.step(inputs[0], state, inputs[1])
            return state, (obs, *rest)

        return jax.lax.scan(step, state, (keys, actions))

    obs, state = env.reset(jax.random.key(0))
    last, steps = play(state)
    step_env = jax.jit(bare.step_env)
    expected = Expected(bare, stack, LIMIT)
    bare_obs, state = bare.reset(jax.random.key(0))
    expected.start(state)
    for t, key in enumerate(keys):
        close(obs, expected.see(bare_obs))
        step_key, reset_key = jax.random.split(key)
        transition = step_env(step_key, state, jax.tree.map(lambda x, t=t: x[t], actions))
        step = Step(*jax.tree.map(lambda x, t=t: x[t], steps))
        obs, (bare_obs, state, *_) = step.obs, transition
        if expected.check(step, transition):
            bare_obs, state = bare.reset(reset_key)
            expected.start(state)
    close(obs, expected.see(bare_obs))
    close(env.recording(last), expected.last[3])


def actions_of(env, key):
    return {
        agent: env.action_space(agent).sample(jax.random.fold_in(key, i))
        for i, agent in enumerate(env.agents)
    }
