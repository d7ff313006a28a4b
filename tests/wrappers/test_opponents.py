"""A pool of opponents: who plays which episode, with what it sees and remembers."""

import dataclasses
import inspect
from functools import partial

import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import pytest
from jaxmarl.environments.smax import map_name_to_scenario
from jaxmarl.environments.spaces import Box

import aerojax
import paxmen
from tests.aerojax.rules.test_symmetry import _swapped
from tests.mars_demo.conftest import Duel
from wrappers import AutoReset, Opponents, Policies, Script, TimeLimit, find_problems

NUM_ENVS = 24


def plays(params, memory, obs, available, key):
    """Counts the steps of its episode, and plays its number."""
    return memory + 1, dict.fromkeys(obs, params)


def play_one(state):
    return {"agent_1": jnp.int32(1)}


THREE = Policies(jnp.array([0, 1, 2], jnp.int32), plays, jnp.int32(0))


def episodes(env, steps=13, num_envs=NUM_ENVS):
    """States and info of a batch that resets itself, leaves (T, E, ...); nobody learns."""
    env = AutoReset(env)

    @jax.jit
    def run(key):
        reset_key, key = jax.random.split(key)
        _, state = jax.vmap(env.reset)(jax.random.split(reset_key, num_envs))

        def step(state, key):
            actions = {agent: jnp.zeros(num_envs, jnp.int32) for agent in env.agents}
            keys = jax.random.split(key, num_envs)
            obs, state, rewards, dones, info = jax.vmap(env.step)(keys, state, actions)
            return state, (state, obs, rewards, dones, info)

        return state, jax.lax.scan(step, state, jax.random.split(key, steps))[1]

    return jax.device_get(run(jax.random.key(0)))


@pytest.fixture(scope="module")
def played():
    weights = jnp.array([1.0, 0.0, 2.0, 1.0])
    return episodes(Opponents(Duel(), "right", [THREE, Script(play_one)], weights))


def test_a_member_is_drawn_for_each_episode_and_stays(played):
    _, (states, _, _, dones, info) = played
    members, ends = info["opponent"][..., 0], dones["__all__"]
    assert ends[3].all()  # episodes are of four steps
    swapped = (members[1:] != members[:-1]) & ~ends[:-1]
    assert swapped.sum() == 0
    assert (members[4] != members[3]).any()  # and the next has another, here and there
    np.testing.assert_array_equal(states.member, np.where(ends, -1, members))


def test_a_member_is_drawn_by_its_weight(played):
    drawn = played[1][-1]["opponent"][::4, :, 0]
    counts = np.bincount(drawn.reshape(-1), minlength=4)
    assert counts[1] == 0
    for member, share in {0: 0.25, 2: 0.5, 3: 0.25}.items():
        deviation = np.sqrt(drawn.size * share * (1 - share))
        assert abs(counts[member] - drawn.size * share) < 4 * deviation


def test_memory_is_that_of_the_start_in_every_episode(played):
    _, (states, _, _, _, _) = played
    steps = np.arange(1, 14) % 4
    np.testing.assert_array_equal(states.memories[0], np.tile(steps[:, None], NUM_ENVS))
    assert states.memories[1] == ()


def test_the_member_that_was_drawn_plays(played):
    start, (states, _, rewards, _, info) = played
    signs = np.concatenate([start.env_state.signs[None], states.env_state.signs])[:-1]
    number = np.array([0, 1, 2, 1])[info["opponent"][..., 0]]
    lead = (signs[..., 0] == 0).astype(np.float32) - (signs[..., 1] == number)
    np.testing.assert_array_equal(rewards["agent_0"], lead)
    so_far = np.array([2 * lead[t - t % 4 : t + 1].sum(axis=0) for t in range(len(lead))])
    np.testing.assert_array_equal(info["lead"][..., 0], so_far)


def test_the_learner_gets_what_is_its_own(played):
    _, (_, obs, rewards, dones, info) = played
    assert obs.keys() == rewards.keys() == {"agent_0"}
    assert dones.keys() == {"agent_0", "__all__"}
    assert info["right"].shape[2:] == info["opponent"].shape[2:] == (1,)
    env = Opponents(Duel(), "right", [THREE])
    assert (env.agents, env.num_agents, env.teams) == (["agent_0"], 1, {"left": ["agent_0"]})
    assert env.observation_spaces.keys() == env.action_spaces.keys() == {"agent_0"}
    assert env.get_avail_actions(env.reset(jax.random.key(0))[1]).keys() == {"agent_0"}
    assert find_problems(Opponents(Duel(), "left", [THREE])) == find_problems(Duel())


def acts_by_network(params, memory, obs, available, key):
    """Something that any slip in who gets whose numbers would change."""
    chosen = {}
    for i, (agent, x) in enumerate(obs.items()):
        logits = jnp.tanh(x @ params["w"] + memory[i])
        noise = jax.random.gumbel(jax.random.fold_in(key, i), logits.shape)
        allowed = available[agent].astype(bool)
        chosen[agent] = jnp.argmax(jnp.where(allowed, logits + noise, -jnp.inf)).astype(jnp.int32)
    return memory + jnp.stack(list(chosen.values())).astype(jnp.float32)[:, None], chosen


@pytest.mark.parametrize("num_envs", [1, 7, 40])
def test_a_batch_plays_as_its_environments_do_one_by_one(num_envs):
    env = Duel()
    weights = jax.random.normal(jax.random.key(5), (3, 3, 3))
    pool = [Policies({"w": weights}, acts_by_network, jnp.zeros((1, 1)))]
    env = Opponents(env, "right", pool)
    keys = jax.random.split(jax.random.key(1), num_envs)
    _, states = jax.vmap(env.reset)(keys)
    actions = {"agent_0": jnp.zeros(num_envs, jnp.int32)}
    for _ in range(2):
        together = jax.vmap(env.step_env)(keys, states, actions)
        one_by_one = [
            env.step_env(key, jax.tree.map(lambda x, i=i: x[i], states), {"agent_0": jnp.int32(0)})
            for i, key in enumerate(keys)
        ]
        expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *one_by_one)
        jax.tree.map(np.testing.assert_array_equal, together, expected)
        states = together[1]


def test_parameters_and_weights_may_be_traced():
    """As in a trainer's step, where both change between updates and nothing is compiled again."""

    @jax.jit
    def run(params, weights):
        env = Opponents(Duel(), "right", [Policies(params, plays, jnp.int32(0))], weights)
        step = partial(inspect.unwrap(AutoReset.step), AutoReset(env))
        return jax.vmap(step)(keys, states, actions)[-1]["opponent"][:, 0]

    _, states = jax.vmap(Opponents(Duel(), "right", [THREE]).reset)(
        keys := jax.random.split(jax.random.key(0), 5)
    )
    actions = {"agent_0": jnp.zeros(5, jnp.int32)}
    for only in range(3):
        drawn = run(THREE.params, jnp.eye(3)[only])
        np.testing.assert_array_equal(drawn, np.full(5, only))
    assert run._cache_size() == 1


def test_a_batch_of_batches_and_parameters_in_a_batch():
    """As several seeds in one program have them."""

    def sees(params, key):
        env = Opponents(Duel(), "right", [Policies(params, plays, jnp.int32(0))])
        _, state = env.reset(key)
        return env.step_env(key, state, {"agent_0": jnp.int32(0)})

    keys = jax.random.split(jax.random.key(0), (2, 5))
    params = jnp.array([[0, 1], [1, 2]], jnp.int32)
    both = jax.jit(jax.vmap(lambda p, ks: jax.vmap(lambda k: sees(p, k))(ks)))(params, keys)
    for i in range(2):
        alone = jax.vmap(lambda k, i=i: sees(params[i], k))(keys[i])
        jax.tree.map(lambda x, y, i=i: np.testing.assert_array_equal(x[i], y), both, alone)


def test_scripts_and_seats_of_aerojax():
    """What the enemies see is what the allies would in the mirrored state."""
    inner = aerojax.make("identical_2_vs_2", opponents="selfplay")
    ace = Script(lambda state: inner.script_actions(state, "ace", enemies=True))
    env = Opponents(inner, "enemies", [ace])
    _, state = env.reset(jax.random.key(0))
    step = jax.jit(env.step_env)
    for number in range(12):
        obs, state, *_ = step(jax.random.key(number), state, dict.fromkeys(env.agents, 22))
    mirrored = inner.get_obs(_swapped(state.env_state, [2, 3, 0, 1], True))
    for i in range(2):
        seen = state.seen[f"enemy_{i}"]
        np.testing.assert_allclose(seen, mirrored[f"ally_{i}"], atol=1e-5)
        np.testing.assert_allclose(obs[f"ally_{i}"], mirrored[f"enemy_{i}"], atol=1e-5)
        assert np.abs(seen - obs[f"ally_{i}"]).max() > 0.01
    np.testing.assert_array_equal(obs["world_state"], inner.get_obs(state.env_state)["world_state"])


OTHERS = {
    "tag": (lambda: TimeLimit(jaxmarl.make("MPE_simple_tag_v3"), 5), "adversaries", 1),
    "smax": (lambda: jaxmarl.make("SMAX", scenario=map_name_to_scenario("2s3z")), "team 1", 5),
}


@pytest.mark.loose_promotion
@pytest.mark.parametrize("name", OTHERS)
def test_teams_of_other_packages(name):
    make, team, left = OTHERS[name]

    def random_walk(params, memory, obs, available, key):
        moves = jax.random.randint(key, (len(obs),), 0, params)  # those of a team that may move
        return memory, dict(zip(obs, moves.astype(jnp.int32), strict=True))

    env = Opponents(make(), team, [Policies(jnp.array([1, 4], jnp.int32), random_walk)])
    _, (_, _, rewards, _, info) = episodes(env, steps=6, num_envs=3)
    assert len(env.agents) == left
    assert rewards.keys() == set(env.agents)
    assert info["opponent"].shape == (6, 3, len(env.agents))
    assert np.all(np.isfinite(info["lead"]))


def test_equality_is_by_environment_team_pool_and_weights():
    one = Opponents(Duel(), "right", [THREE])
    copied = dataclasses.replace(THREE, params=THREE.params + 0)
    same = Opponents(Duel(), "right", [copied], jnp.ones(3))
    assert (one, hash(one)) == (same, hash(same))
    others = [
        Opponents(Duel(), "right", [THREE], jnp.array([1.0, 1.0, 2.0])),
        Opponents(Duel(), "left", [THREE]),
        Opponents(Duel(), "right", [dataclasses.replace(THREE, params=THREE.params + 1)]),
        Opponents(Duel(), "right", [THREE, Script(play_one)]),
        Duel(),
    ]
    assert all(one != other for other in others)
    assert repr(one).endswith("team='right', pool of 3)")


def wants_five(params, memory, obs, available, key):
    return memory, {agent: (x @ jnp.ones((5,))).astype(jnp.int32) for agent, x in obs.items()}


def forgets(params, memory, obs, available, key):
    return (), dict.fromkeys(obs, params)


def plays_for_the_other(params, memory, obs, available, key):
    return memory, {"agent_0": params}


BAD = {
    "no pool": (lambda: Opponents(Duel(), "right", []), "the pool is empty; valid: one or more"),
    "no member": (lambda: Opponents(Duel(), "right", [plays]), "the pool holds .*; valid: Pol"),
    "no team": (
        lambda: Opponents(Duel(), "up", [THREE]),
        "Duel has no team 'up'; valid: left, right",
    ),
    "one team": (
        lambda: Opponents(paxmen.make("paxmen-4"), "team", [THREE]),
        "paxmen-4 has one team; Opponents takes environments with several",
    ),
    "other sizes": (
        lambda: Opponents(Duel(), "right", [THREE, Policies(THREE.params, wants_five)]),
        r"entry 1 of the pool cannot play the team right of Duel, who observe {'agent_1': \(3,\)}",
    ),
    "another memory": (
        lambda: Opponents(Duel(), "right", [dataclasses.replace(THREE, act=forgets)]),
        "entry 0 of the pool cannot play .*: its memory turns from",
    ),
    "another team": (
        lambda: Opponents(Duel(), "right", [Policies(THREE.params, plays_for_the_other)]),
        r"entry 0 of the pool returns actions {'agent_0': \(\)} .*; valid: {'agent_1': \(\)}",
    ),
    "weights": (
        lambda: Opponents(Duel(), "right", [THREE], [1.0, 2.0]),
        r"weights are of shape \(2,\); valid: one for each of 3 members",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name):
    make, said = BAD[name]
    with pytest.raises((ValueError, TypeError), match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_boxes_can_be_played_too():
    class Point(Duel):
        def __init__(self):
            super().__init__(actions="box")
            self.action_spaces = dict.fromkeys(self.agents, Box(-1.0, 1.0, (1,), jnp.float32))

    def points(params, memory, obs, available, key):
        assert available is None
        return memory, dict.fromkeys(obs, params[None])

    env = Opponents(Point(), "right", [Policies(jnp.array([0.5, -0.5]), points)])
    _, state = env.reset(jax.random.key(0))
    *_, info = env.step_env(jax.random.key(0), state, {"agent_0": jnp.zeros(1)})
    assert info["lead"].shape == (1,)
