"""The page that plays PaxMen in a browser: its game is Python's, step for step."""

import json
import re
import shutil
import subprocess
from functools import cache, partial
from pathlib import Path

import jax
import numpy as np
import pytest

from mars_demo.cli.main import main
from mars_demo.evaluation.pretrained import load_pretrained
from mars_demo.play import page
from mars_demo.play.game import Game
from mars_demo.runs.folder import RunError
from mars_demo.tasks.registry import TASKS
from paxmen.planner import plan

TASK = TASKS["paxmen-4"]
AGENT = 2
SEEDS = (0, 1, 2, 3)
RULES = Path(page.__file__).with_name("maze_game.js")
# What the page shows of every moment; `actions` are the person's.
MOMENTS = """
function moments(game, seed, actions) {
  const now = () => ({
    level: game.level, positions: game.positions,
    dots: [...game.dots].sort((a, b) => a[0] - b[0] || a[1] - b[1]),
    score: game.score, reward: game.reward,
  });
  game.start(seed);
  const seen = [now()];
  for (const action of actions) {
    game.act(action);
    seen.push(now());
  }
  return seen;
}
"""


@cache
def team():
    return load_pretrained("paxmen-4")


@cache
def played(seed):
    """An episode in Python: the person's actions, and every moment.

    The person does what the planner would, now and then waits or tries to eat: so the rooms are
    emptied, and dots come back.
    """
    env = TASK.make()
    game = Game(TASK, env, team().policy(), env.agents[AGENT], 1)
    wish = jax.jit(partial(plan, env))
    game.start(seed)
    actions, moments = [], [moment(env, game)]
    while not game.done:
        step = game.step
        usual = int(wish(game.states[-1])[game.agent])
        actions.append({7: 5, 3: 4}.get(step % 10, usual))
        game.act(np.int32(actions[-1]))
        moments.append(moment(env, game))
    return actions, moments


def moment(env, game):
    state = game.states[-1]
    return {
        "level": int(state.layout_id),
        "positions": np.asarray(env.agent_positions(state)).tolist(),
        "dots": np.argwhere(env.dots_on_grid(state)).tolist(),
        "score": game.score,
        "reward": pytest.approx(game.reward, abs=1e-4),
    }


@cache
def data():
    return page.page_data(team(), f"agent_{AGENT}")


def test_a_hundred_steps_are_those_of_python():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine")
    asked = [[seed, played(seed)[0]] for seed in SEEDS]
    program = f"""
    const Game = require({json.dumps(str(RULES))});
    {MOMENTS}
    const {{ data, asked }} = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const seen = asked.map(([seed, actions]) => moments(new Game(data), seed, actions));
    console.log(JSON.stringify(seen));
    """
    told = subprocess.run(
        [node, "-e", program],
        input=json.dumps({"data": data(), "asked": asked}),
        capture_output=True,
        text=True,
        check=True,
    )
    for seed, seen in zip(SEEDS, json.loads(told.stdout), strict=True):
        assert len(seen) == 101
        for step, (ours, theirs) in enumerate(zip(seen, played(seed)[1], strict=True)):
            assert ours == theirs, f"seed {seed}, step {step}"


def test_the_episodes_that_are_compared_have_all_that_there_is():
    episodes = [played(seed)[1] for seed in SEEDS]
    assert len({moments[0]["level"] for moments in episodes}) > 1
    assert all(moments[-1]["score"] > 24 for moments in episodes), "no dots came back"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The page, by the command that makes it."""
    path = tmp_path_factory.mktemp("page") / "new" / "play.html"
    main(["play", "paxmen-4", "--agent", f"agent_{AGENT}", "--page", str(path)])
    return path


def test_the_page_is_one_small_file(path):
    text = path.read_text()
    assert len(text) < 300_000
    assert not re.search(r"""(?:src|href)=|https?://(?!www\.w3\.org)|url\(|import\(""", text)
    assert re.search(r"random 0\.\d, the shipped team 9\d", text)


def test_the_game_in_the_page_is_that_of_python(browser, path):
    opened = browser.open(f"{path.as_uri()}#2")
    actions, moments = played(2)
    assert opened.evaluate(f"{MOMENTS} moments(game, 2, {actions})") == moments
    assert opened.errors == []
    opened.close()


def test_a_person_plays_an_episode(browser, path):
    opened = browser.open(f"{path.as_uri()}#2", width=1280)
    for step, action in enumerate(played(2)[0]):
        key = ["ArrowUp", "ArrowDown", "ArrowRight", "ArrowLeft", " ", "."][action]
        opened.evaluate(f"dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}' }}))")
        if step == 9:
            opened.settle()
            shown = opened.evaluate("document.querySelector('dl').innerText").split("\n")
            assert "10 / 100" in shown
    opened.wait_for("document.querySelector('#end').open")
    words = opened.evaluate("document.querySelector('#end').innerText")
    assert words.startswith(f"{played(2)[1][-1]['score']:g} dots")
    assert "random 0." in words
    opened.click("#end button")
    assert opened.evaluate("[location.hash, game.step]") == ["#3", 0]
    assert opened.errors == []
    opened.close()


def test_fingers_play_on_a_phone(browser, path):
    opened = browser.open(f"{path.as_uri()}#2", width=390, height=844)
    before = opened.evaluate("game.positions[game.person]")
    for button, (down, right) in {0: (-1, 0), 1: (1, 0), 2: (0, 1), 3: (0, -1)}.items():
        selector = f'#pad [data-action="{button}"]'
        left, top, right_end, bottom = opened.evaluate(
            "(r => [r.left, r.top, r.right, r.bottom])"
            f"(document.querySelector('{selector}').getBoundingClientRect())"
        )
        assert 0 <= left < right_end <= 390
        assert bottom <= 844, "out of reach"
        assert bottom - top >= 44, "fingers need room"
        opened.click(selector)
        row, col = opened.evaluate("game.positions[game.person]")
        there = [before[0] + down, before[1] + right]
        assert [row, col] == (there if there in data()["levels"][0]["cells"][:9] else before)
        before = [row, col]
    assert opened.evaluate("game.step") == 4
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    opened.close()


def test_from_near_there_is_darkness_beyond_what_the_agent_sees(browser, path):
    opened = browser.open(f"{path.as_uri()}#2")
    opened.click("#sight")
    picture = opened.screenshot("#board")
    height, width = picture.shape[:2]
    edge = int(height * 1.5 / 8) - 8  # of eight cells five are seen
    frames = (picture[20 : edge - 4, 20:-20], picture[20:-20, 20 : int(width * 1.5 / 8) - 12])
    for dark in frames:
        assert np.ptp(dark.reshape(-1, 3), axis=0).max() <= 2
    assert np.ptp(picture[height // 2 - 40 : height // 2 + 40].reshape(-1, 3), axis=0).max() > 100
    opened.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paxmen-4", "--page", "play.txt"], "must end in .html"),
        (["aerojax/1_vs_1", "--page", "play.html"], "those that can: paxmen-4"),
        (["paxmen-4", "--mates", "script", "--page", "play.html"], "give --mates"),
        (["paxmen-5", "--page", "play.html"], "give --mates"),
        (["paxmen-4", "--rate", "2", "--page", "play.html"], "leave these options out"),
        (["paxmen-4", "--agent", "agent_9", "--page", "play.html"], "unknown agent"),
    ],
)
def test_what_no_page_can_be_made_of_is_said_in_a_line(
    words, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["play", *words])
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_the_page_has_not_is_refused():
    trained = team()
    config = trained.trainer.config.replace(network="gru")
    other = type("Other", (), {"config": config, "env": TASK.make(), "task": TASK})
    with pytest.raises(RunError, match="network gru"):
        page.page_data(trained._replace(trainer=other), "agent_0")
