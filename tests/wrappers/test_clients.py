"""Libraries that take PettingZoo's environments, on ours: their own checks and a step of training.

None of them is a dependency; `pip install` what a skipped test names. Ray pins an older Gymnasium
than the rest of a current installation has, so RLlib wants a virtual environment of its own.
"""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import aerojax
import paxmen
from wrappers import TimeLimit, to_pettingzoo

pytestmark = pytest.mark.slow

LIMIT = 5


def client(module: str, name: str, distribution: str) -> Any:
    """`name` of `module`; skips where the distribution that brings it is missing."""
    top = module.partition(".")[0]
    pytest.importorskip(top, reason=f"{top} is missing: pip install {distribution}")
    return getattr(import_module(module), name)


# --- TorchRL ------------------------------------------------------------------------------------


@pytest.fixture
def torchrl():
    """`torchrl(module, name)`: a name of TorchRL's."""
    return lambda module, name: client(f"torchrl.{module}", name, "torchrl")


def test_torchrl_checks_the_specs(torchrl):
    wrap = torchrl("envs.libs.pettingzoo", "PettingZooWrapper")
    check = torchrl("envs.utils", "check_env_specs")
    env = wrap(to_pettingzoo(paxmen.make("paxmen-4")), return_state=True)
    check(env)
    (group, agents), *others = env.group_map.items()
    assert (agents, others) == (env.possible_agents, [])
    rollout = env.rollout(LIMIT)
    assert rollout[group, "observation"].shape == (LIMIT, 4, 25)
    assert rollout[group, "action_mask"].shape == (LIMIT, 4, 5)
    assert rollout["next", group, "reward"].shape == (LIMIT, 4, 1)


def test_torchrl_sees_whole_episodes(torchrl):
    """Two episodes of five steps, each of which pays everybody −0.1."""
    torch: Any = pytest.importorskip("torch", reason="torch is missing: pip install torchrl")
    wrap = torchrl("envs.libs.pettingzoo", "PettingZooWrapper")
    env = wrap(to_pettingzoo(TimeLimit(paxmen.make("paxmen-4"), LIMIT)), done_on_any=False, seed=0)
    (group,) = env.group_map
    blocked = torch.zeros((4,), dtype=torch.int64)  # up, which the mask may not allow: a wait

    def wait(data):
        return data.set((group, "action"), blocked)

    batch = env.rollout(2 * LIMIT, wait, break_when_any_done=False)
    paid = batch["next", group, "reward"].squeeze(-1)
    np.testing.assert_allclose(paid, np.full((2 * LIMIT, 4), -0.1), 1e-6)
    ends = batch["next", "truncated"].squeeze(-1).tolist()
    assert ends == ([False] * (LIMIT - 1) + [True]) * 2
    assert not batch["next", "terminated"].any()


def test_torchrl_trains(torchrl):
    """One step of PPO with masked actions, over episodes in which agents die before the end."""
    torch: Any = pytest.importorskip("torch", reason="torch is missing: pip install torchrl")
    module_of = client("tensordict.nn", "TensorDictModule", "torchrl")
    wrap = torchrl("envs.libs.pettingzoo", "PettingZooWrapper")
    mlp = torchrl("modules", "MultiAgentMLP")
    torch.manual_seed(0)
    env = wrap(
        to_pettingzoo(aerojax.make("identical_2_vs_2")),
        use_mask=True,  # agents that die leave a mask, not a gap
        done_on_any=False,  # an episode is over when all are done, not at the first
        seed=0,
    )
    torchrl("envs.utils", "check_env_specs")(env)
    ((team, agents),) = env.group_map.items()
    size = env.observation_spec[team, "observation"].shape[-1]
    choices = env.full_action_spec[team, "action"].space.n

    def network(outputs, key, centralised):
        n = len(agents)
        net = mlp(size, outputs, n, centralised=centralised, share_params=True, depth=1)
        return module_of(net, in_keys=[(team, "observation")], out_keys=[(team, key)])

    actor = torchrl("modules", "ProbabilisticActor")(
        network(choices, "logits", centralised=False),
        in_keys={"logits": (team, "logits"), "mask": (team, "action_mask")},
        out_keys=[(team, "action")],
        distribution_class=torchrl("modules", "MaskedCategorical"),
        return_log_prob=True,
        log_prob_key=(team, "log_prob"),
    )
    critic = network(1, "state_value", centralised=True)
    with torch.no_grad():
        batch = env.rollout(400, actor, break_when_any_done=False)

    alive, mask = batch[team, "mask"], batch[team, "action_mask"]
    ends = batch["next", "done"].squeeze(-1)
    assert ends.any(), "no episode came to an end"
    assert (alive.any(-1) & ~alive.all(-1)).any(), "no agent died before the end"
    assert alive[0].all()
    assert alive[1:][ends[:-1]].all(), "after a reset all are there again"
    allowed = mask.gather(-1, batch[team, "action"].unsqueeze(-1)).squeeze(-1)
    assert allowed[alive].all(), "an action that the mask forbids"

    loss = torchrl("objectives", "ClipPPOLoss")(actor, critic, reduction="none")
    names = {name: (team, name) for name in ("reward", "action", "done", "terminated")}
    loss.set_keys(**names, value=(team, "state_value"), sample_log_prob=(team, "log_prob"))
    loss.make_value_estimator(torchrl("objectives", "ValueEstimators").GAE, gamma=0.99, lmbda=0.95)
    with torch.no_grad():
        loss.value_estimator(batch)
    before = [parameter.detach().clone() for parameter in actor.parameters()]
    optimizer = torch.optim.Adam(loss.parameters(), 3e-4)
    losses = loss(batch)
    parts = [losses[f"loss_{part}"].reshape(alive.shape) for part in ("objective", "critic")]
    total = torch.stack(parts).sum(dim=0)[alive].mean()  # of those who played
    assert torch.isfinite(total)
    total.backward()
    gradients = [parameter.grad for parameter in actor.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    optimizer.step()
    after = actor.parameters()
    assert any((old != new).any() for old, new in zip(before, after, strict=True))


# --- RLlib --------------------------------------------------------------------------------------


def test_rllib_trains():
    """One iteration of PPO with a policy that all agents share."""
    config_of = client("ray.rllib.algorithms.ppo", "PPOConfig", "'ray[rllib]' torch")
    wrap = client("ray.rllib.env.wrappers.pettingzoo", "ParallelPettingZooEnv", "'ray[rllib]'")
    ray: Any = import_module("ray")

    def make(config):
        return wrap(to_pettingzoo(aerojax.make(config["name"])))

    client("ray.tune.registry", "register_env", "'ray[rllib]'")("aerojax", make)
    config = (
        config_of()
        .environment("aerojax", env_config={"name": "identical_2_vs_2"})
        .env_runners(num_env_runners=0)
        .learners(num_learners=0, num_gpus_per_learner=0)
        .multi_agent(policies={"team"}, policy_mapping_fn=lambda agent, episode, **_: "team")
        .training(train_batch_size_per_learner=400, minibatch_size=100, num_epochs=2)
        .debugging(seed=0)
    )
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        algorithm = config.build_algo()
        before = algorithm.get_module("team").state_dict()
        before = {name: value.clone() for name, value in before.items()}
        result = algorithm.train()
        after = algorithm.get_module("team").state_dict()
        algorithm.stop()
    finally:
        ray.shutdown()
    runners = result["env_runners"]
    assert runners["num_env_steps_sampled"] == 400
    assert runners["num_episodes"] > 0
    assert np.isfinite(runners["episode_return_mean"])
    assert np.isfinite(result["learners"]["team"]["total_loss"])
    assert any((before[name] != after[name]).any() for name in before)


# --- SuperSuit ----------------------------------------------------------------------------------


@pytest.fixture
def supersuit() -> Any:
    return pytest.importorskip("supersuit", reason="supersuit is missing: pip install supersuit")


def test_supersuit_stacks_environments(supersuit):
    env = to_pettingzoo(TimeLimit(paxmen.make("paxmen-4"), LIMIT))
    envs = supersuit.concat_vec_envs_v1(supersuit.pettingzoo_env_to_vec_env_v1(env), 2)
    assert envs.num_envs == 8
    obs, infos = envs.reset(seed=0)
    assert (obs.shape, obs.dtype) == ((8, 25), np.float32)
    rng, ends = np.random.default_rng(0), []
    for _ in range(2 * LIMIT):
        obs, rewards, terminated, truncated, infos = envs.step(choose(rng, infos))
        assert obs.shape == (8, 25)
        assert np.isfinite(obs).all()
        assert np.isfinite(rewards).all()
        assert not np.any(terminated)
        ends.append(np.asarray(truncated, bool))
    expected = ([False] * (LIMIT - 1) + [True]) * 2
    np.testing.assert_array_equal(ends, np.transpose([expected] * 8))


def test_supersuit_waits_for_those_that_died(supersuit):
    """An aircraft that is shot down sees zeros and earns nothing until its team's episode ends."""
    env = supersuit.black_death_v3(to_pettingzoo(aerojax.make("identical_2_vs_2")))
    envs = supersuit.concat_vec_envs_v1(supersuit.pettingzoo_env_to_vec_env_v1(env), 2)
    rng, waited, ended = np.random.default_rng(0), 0, 0
    obs, infos = envs.reset(seed=0)
    assert obs.shape == (4, 64)
    for _ in range(400):
        gone = (obs == 0).all(axis=1)
        waited += (gone[::2] ^ gone[1::2]).any()
        obs, rewards, terminated, truncated, infos = envs.step(choose(rng, infos))
        assert np.isfinite(obs).all()
        np.testing.assert_array_equal(rewards[gone], 0)
        over = np.asarray(terminated, bool) | np.asarray(truncated, bool)
        np.testing.assert_array_equal(over[::2], over[1::2])
        assert not (obs[over] == 0).all(axis=1).any(), "after a reset all are there again"
        ended += over.any()
    assert waited
    assert ended


def choose(rng, infos):
    """An action that the mask allows for each agent; those that wait have none, and any will do."""
    return np.array([rng.choice(np.flatnonzero(info.get("action_mask", [1]))) for info in infos])
