"""What tasks add to environments of others: ends, scores, images, and errors without the extra."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.extras import require
from mars_demo.tasks import jumanji as jumanji_tasks
from mars_demo.tasks import mabrax as mabrax_tasks
from mars_demo.tasks.foreign import built_once
from mars_demo.tasks.registry import TASKS, get_task, task_facts
from wrappers.conventions import terminated_truncated

pytestmark = pytest.mark.loose_promotion  # others wrote the environments

# allies and enemies alive, steps taken -> terminated, truncated, won
BATTLES = {
    "goes on": ((3, 5, 0), (False, False, False)),
    "won": ((1, 0, 0), (True, False, True)),
    "lost": ((0, 2, 0), (True, False, False)),
    "nobody left": ((0, 0, 0), (True, False, False)),
    "out of time": ((3, 5, 99), (False, True, False)),
    "won in the last step": ((3, 0, 99), (True, False, True)),
}


@pytest.fixture(scope="module")
def fought():
    """One step of each battle in which all stand still: dones, info, and the view of it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        env = get_task("smax/3s_vs_5z").make()
        obs, state = env.reset(jax.random.key(0))
        seen = env.get_obs(state)
        situations = jnp.array([situation for situation, _ in BATTLES.values()])

        @jax.vmap
        def step(situation):
            allies, enemies, steps = situation
            unit = jnp.arange(8)
            alive = jnp.where(unit < 3, unit < allies, unit - 3 < enemies)
            units = state.env_state.state
            units = units.replace(unit_alive=alive, unit_health=units.unit_health * alive)
            at = state.replace(env_state=state.env_state.replace(state=units), step=steps)
            still = dict.fromkeys(env.agents, jnp.int32(4))
            _, _, reward, dones, info = env.step_env(jax.random.key(1), at, still)
            score = get_task("smax/3s_vs_5z").score(reward["ally_0"], info)
            return dones["__all__"], info, score

        return (obs, seen), jax.device_get(jax.jit(step)(situations))


@pytest.mark.parametrize("battle", BATTLES)
def test_how_a_battle_ends(fought, battle):
    i = list(BATTLES).index(battle)
    _, (done, info, score) = fought
    terminated, truncated, won = BATTLES[battle][1]
    assert info["terminated"][i].tolist() == [terminated] * 3
    assert info["truncated"][i].tolist() == [truncated] * 3
    assert done[i] == (terminated or truncated)
    assert score[i] == won


def test_a_battle_keeps_its_world_state_when_seen_anew(fought):
    (obs, seen), _ = fought
    assert obs["world_state"].shape == (8 * 12,)
    np.testing.assert_array_equal(obs["world_state"], seen["world_state"])


def test_particles_move_for_25_steps_and_are_cut_off():
    env = get_task("mpe/spread-3").make()
    _, state = env.reset(jax.random.key(0))
    still = dict.fromkeys(env.agents, jnp.int32(0))

    @jax.jit
    @jax.vmap
    def step(steps):
        at = state.replace(step=steps, env_state=state.env_state.replace(step=steps))
        _, _, _, dones, info = env.step_env(jax.random.key(1), at, still)
        return dones["__all__"], jnp.any(info["terminated"]), jnp.all(info["truncated"])

    done, terminated, truncated = step(jnp.array([23, 24]))
    assert (done.tolist(), terminated.tolist()) == ([False, True], [False, False])
    assert truncated.tolist() == [False, True]


class Robot(MultiAgentEnv):
    """Ends as it is told, in brax's way."""

    def __init__(self):
        super().__init__(num_agents=2)

    def step_env(self, key, state, actions):
        done, truncation = state
        dones = dict.fromkeys([*self.agents, "__all__"], jnp.bool_(done))
        rewards = dict.fromkeys([*self.agents, "__all__"], jnp.float32(2.0))
        return {}, state, rewards, dones, {"truncation": jnp.float32(truncation), "steps": 7}


@pytest.mark.parametrize(
    ("done", "truncation", "terminated", "truncated"),
    [(False, 0, False, False), (True, 0, True, False), (True, 1, False, True)],
)
def test_a_robots_fall_is_told_from_the_time_limit(done, truncation, terminated, truncated):
    env = mabrax_tasks.Fall(Robot())
    _, _, rewards, dones, info = env.step_env(jax.random.key(0), (done, truncation), {})
    assert list(rewards) == env.agents
    assert info["terminated"].shape == (2,)
    assert tuple(map(bool, terminated_truncated(dones, info))) == (terminated, truncated)


def test_foragers_score_the_sum_of_their_rewards():
    score = get_task("lbf/15x15-4p-3f").score
    assert float(score(jnp.float32(0.25), {})) == 1.0  # the mean of (0.5, 0.5, 0, 0)


def test_wires_are_counted_in_the_last_step():
    score = get_task("connector/con-5x5x3a").score

    def told(terminated, truncated):
        ends = {"terminated": jnp.bool_(terminated), "truncated": jnp.bool_(truncated)}
        return ends | {"ratio_connections": jnp.array([0.5, 0.5, 0.5])}

    assert float(score(jnp.float32(9.0), told(False, False))) == 0.0
    assert float(score(jnp.float32(9.0), told(True, False))) == 0.5
    assert float(score(jnp.float32(9.0), told(False, True))) == 0.5


def test_images_lie_in_features_row_by_row():
    task = get_task("connector/con-5x5x3a")
    obs, _ = task.make().reset(jax.random.key(0))
    own_heads = []
    for agent in ("agent_0", "agent_1", "agent_2"):
        image = np.reshape(task.encode(obs[agent]), task.image)
        np.testing.assert_array_equal(image, obs[agent])
        own_heads.append(image[..., 0])
    world = np.reshape(task.encode_world(obs["world_state"]), task.world_image)
    heads = sum(head * (i + 1) / 3 for i, head in enumerate(own_heads))
    np.testing.assert_allclose(world[..., 1], heads, rtol=1e-6)
    assert np.count_nonzero(heads) == 3


def test_an_environment_is_built_once_and_outside_of_traces():
    built = []

    def build():
        built.append(SimpleNamespace(numbers=jnp.arange(3)))
        return built[-1]

    make = built_once(build)
    assert int(jax.jit(lambda: jnp.sum(make().numbers))()) == 3
    assert make().numbers.tolist() == [0, 1, 2]  # a tracer would have leaked
    assert len(built) == 1


EXTRA = r'is not installed; an extra brings it: pip install "paxmen-aerojax\[suite\]"'


def test_without_brax_the_error_says_which_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "brax", None)
    with pytest.raises(ImportError, match=f"brax {EXTRA}"):
        mabrax_tasks._make("hopper_3x1")
    name = "mabrax/hopper_3x1"
    unbuilt = replace(TASKS[name], make=lambda: mabrax_tasks._make("hopper_3x1"))
    monkeypatch.setitem(TASKS, name, unbuilt)
    assert "brax is not installed" in task_facts(name)


def test_without_jumanji_the_error_says_which_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jumanji.environments.routing.lbf.generator", None)
    make = jumanji_tasks._foraging("lbf/other", 8, 8, 2, 2, True).make
    with pytest.raises(ImportError, match=f"jumanji {EXTRA}"):
        make()


def test_what_an_extra_itself_misses_is_named(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("import something_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_missing"):
        require("halfway", extra="suite")


def test_robots_are_made_in_silence(tmp_path, monkeypatch, capfd, recwarn):
    pytest.importorskip("brax")
    monkeypatch.chdir(tmp_path)
    mabrax_tasks._make("halfcheetah_6x1")  # of which MuJoCo has something to say, on file too
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
