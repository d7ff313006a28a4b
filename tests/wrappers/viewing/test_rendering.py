"""States and episodes as pictures, in one line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxmarl.wrappers.baselines import LogWrapper
from PIL import Image

from tests.wrappers.viewing.scenes import make_scene
from wrappers import AutoReset, EpisodeStatistics, Recorder, TimeLimit, record, render, render_frame
from wrappers.viewing.rendering import Renderer


@pytest.fixture
def drawn(tally, monkeypatch):
    """The game of the folder's conftest with a scene: its disc stands as far right as the total."""

    def scene(self, states, rewards=None, *, title=None):
        totals = np.asarray(states.total)
        walk = make_scene(title or "Tally", frames=len(totals))
        walk["frames"] = [{"disc": [[0.5 + int(total), 1.5]]} for total in totals]
        walk["readouts"] = {"total": [str(total) for total in totals]}
        if rewards is not None:
            walk["readouts"]["return"] = [f"{r:.1f}" for r in np.cumsum([0, *rewards])]
        return walk

    monkeypatch.setattr(type(tally), "scene", scene, raising=False)
    monkeypatch.setattr(type(tally), "name", "tally", raising=False)
    return tally


def step_to(env, state, first, second):
    actions = {"agent_0": jnp.int32(first), "agent_1": jnp.int32(second)}
    return env.step_env(jax.random.key(1), state, actions)[1]


@pytest.mark.parametrize("mode", ["rgb_array", "human", None])
def test_before_the_first_reset_there_is_nothing_to_draw(drawn, mode):
    with pytest.raises(RuntimeError, match="nothing to render: call reset first"):
        Renderer(drawn, mode).show(None)


# --- One state --------------------------------------------------------------------------------


def test_a_state_is_a_picture_of_it(drawn):
    _, state = drawn.reset(jax.random.key(0))
    state = step_to(drawn, state, 1, 1)
    expected = make_scene("Tally", frames=1, readouts={"total": ["2"]})
    expected["frames"] = [{"disc": [[2.5, 1.5]]}]
    picture = render(drawn, state, theme="light")
    assert (picture == render_frame(expected, theme="light")).all()
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


def test_a_path_makes_a_file_of_it(drawn, tmp_path):
    _, state = drawn.reset(jax.random.key(0))
    path = render(drawn, state, tmp_path / "state.png")
    assert path == tmp_path / "state.png"
    assert (np.asarray(Image.open(path)) == render(drawn, state)).all()
    assert "<svg" in render(drawn, state, tmp_path / "state.svg").read_text()


@pytest.mark.parametrize(
    "wrap",
    [LogWrapper, lambda env: AutoReset(EpisodeStatistics(Recorder(TimeLimit(env, 3), 3)))],
)
def test_wrapped_environments_are_drawn_as_bare_ones(drawn, wrap):
    env = wrap(drawn)
    _, state = env.reset(jax.random.key(0))
    _, bare = drawn.reset(jax.random.key(0))
    assert (render(env, state) == render(drawn, bare)).all()


def test_what_is_no_state_is_refused_in_one_line(drawn):
    obs, state = drawn.reset(jax.random.key(0))
    _, states = jax.vmap(drawn.reset)(jax.random.split(jax.random.key(0), 8))
    for wrong, complaint in (
        (obs, "no state of tally, but a dict: give what `reset` and `step` return second"),
        ((obs, state), "but a tuple"),
        (states, r"of a batch: choose one, as in jax.tree.map\(lambda leaf: leaf\[0\], state\)"),
    ):
        with pytest.raises(ValueError, match=complaint) as caught:
            render(drawn, wrong)
        assert "\n" not in str(caught.value)


def test_an_environment_without_a_scene_says_so(tally):
    _, state = tally.reset(jax.random.key(0))
    for draw in (lambda: render(tally, state), lambda: record(tally, jax.random.key(0))):
        with pytest.raises(ValueError, match="Tally cannot be drawn: it has no method `scene`"):
            draw()


# --- An episode -------------------------------------------------------------------------------


def test_any_python_function_is_a_policy(drawn):
    seen = []

    def policy(key, obs, state):
        seen.append((int(obs["agent_0"][0]), int(state.total)))
        return {"agent_0": 1, "agent_1": np.int32(len(seen) - 1)}  # it has a memory, too

    scene = record(drawn, jax.random.key(0), policy, title="Counting")
    assert seen == [(0, 0), (1, 1), (3, 3)]
    assert scene["title"] == "Counting"
    assert scene["readouts"]["total"] == ["0", "1", "3", "6"]
    # The mean of the agents' rewards: (1 + 0) / 2, (1 + 1) / 2, (1 + 2) / 2.
    assert scene["readouts"]["return"] == ["0.0", "0.5", "1.5", "3.0"]


def test_random_actions_are_taken_if_there_is_no_policy(drawn):
    first, again, other = (record(drawn, jax.random.key(seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert int(first["readouts"]["total"][-1]) >= 5


def test_an_episode_in_wrappers_shows_how_it_ended(drawn):
    env = AutoReset(EpisodeStatistics(TimeLimit(drawn, 2)))
    scene = record(env, jax.random.key(0), lambda key, obs, state: dict.fromkeys(env.agents, 1))
    assert scene["readouts"]["total"] == ["0", "2", "4"]
