"""Playing: keys on known situations of paxmen-4, a short flight, and wishes that cannot be met."""

import re
import sys
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pygame
import pytest
from jaxmarl.environments.multi_agent_env import MultiAgentEnv

from mars_demo.cli.main import main
from mars_demo.evaluation.episodes import Policy
from mars_demo.evaluation.pretrained import load_pretrained
from mars_demo.play import grid_screen
from mars_demo.play.flight_screen import FlightScreen
from mars_demo.play.game import Game
from mars_demo.play.grid_screen import KEPT, GridScreen
from mars_demo.play.hooks import controls_of
from mars_demo.play.pilot_input import PilotInput, open_gamepad
from mars_demo.play.playing import PlayOptions, play, prepare
from mars_demo.play.watch import episodes, watch
from mars_demo.runs.folder import RunError
from mars_demo.tasks.registry import TASKS
from wrappers.viewing import window

SIZE = (640, 560)


def key(key, kind=pygame.KEYDOWN):
    return pygame.event.Event(kind, key=key, mod=0, unicode="")


def press(screen, *keys):
    for one in keys:
        screen.handle(key(one))


# --- On the grid: agent_1 in the middle of the hub, the others asleep in its corner ------------

MIDDLE = (20, 20)
TASK = TASKS["paxmen-4"]
PaxMen = type(TASK.make())


class Posed(PaxMen):
    """Layout 0, every episode from the same start: agent_1 at (20, 20), one dot in each room."""

    north_dot, sleeper = (4, 20), (19, 19)

    def reset(self, key):
        dots = np.zeros((41, 41), bool)
        dots[[self.north_dot[0], 28, 20, 20], [self.north_dot[1], 20, 32, 8]] = True
        positions = [(19, 19), MIDDLE, (19, 19), self.sleeper]
        state = self.make_state(0, np.array(positions), dots)
        return self.get_obs(state), state


def asleep(params, memory, obs, state, key):
    return memory, dict.fromkeys((f"agent_{i}" for i in range(4)), jnp.int32(5))


def make_turns(rate=0.0, agent="agent_1", **pose):
    env = Posed(4)
    vars(env).update(pose)
    game = Game(replace(TASK, make=lambda: env), env, Policy(asleep), agent, KEPT)
    return GridScreen(game, controls_of("paxmen-4"), "asleep", rate, 0, lambda: "random 0.7")


@pytest.fixture
def turns():
    return make_turns()


def where(screen, agent=1):
    env, state = screen.game.env, screen.game.states[-1]
    return tuple(np.asarray(env.agent_positions(state))[agent].tolist())


@pytest.mark.parametrize(
    ("pressed", "to"),
    [
        (pygame.K_RIGHT, (20, 21)),
        (pygame.K_d, (20, 21)),
        (pygame.K_LEFT, (20, 19)),
        (pygame.K_a, (20, 19)),
        (pygame.K_UP, (19, 20)),
        (pygame.K_w, (19, 20)),
        (pygame.K_DOWN, (21, 20)),
        (pygame.K_s, (21, 20)),
        (pygame.K_SPACE, MIDDLE),
        (pygame.K_PERIOD, MIDDLE),
    ],
)
def test_a_key_is_one_step_of_the_world(turns, pressed, to):
    press(turns, pressed)
    assert where(turns) == to
    assert turns.game.step == 1
    assert where(turns, 0) == (19, 19)


def test_the_world_waits_for_the_person(turns):
    turns.advance(100.0)
    press(turns, pygame.K_h, pygame.K_v, pygame.K_x)
    turns.handle(key(pygame.K_RIGHT, pygame.KEYUP))
    assert turns.game.step == 0


def test_the_disc_moves_one_cell_to_the_right_in_the_picture(turns):
    press(turns, pygame.K_v)
    board = turns._whole
    turns.advance(1.0)
    assert board.scene["frames"][-1]["agent-1"] == [[20, 20]]
    before = turns.paint(SIZE)
    press(turns, pygame.K_RIGHT)
    turns.advance(0.2)
    after = turns.paint(SIZE)
    assert board.scene["frames"][-1]["agent-1"] == [[21, 20]]
    orange = (0xE6, 0x9F, 0x00)
    at = []
    for picture in (before, after):
        box = picture.subsurface((0, 60, 640, 380))
        found = pygame.mask.from_threshold(box, orange, (12, 12, 12, 255))
        at.append(found.connected_component().get_bounding_rects()[0])
    cell = at[0].width / 0.98  # the disc, whose edge is blurred
    assert at[1].right - at[0].right == pytest.approx(cell, abs=2)
    assert abs(at[1].bottom - at[0].bottom) <= 1


def test_eating_scores(turns):
    press(turns, *[pygame.K_UP] * 16)
    assert where(turns) == (4, 20)
    assert turns.game.score == 0
    press(turns, pygame.K_SPACE)
    assert turns.game.score == 1
    # 16 moves of four agents who eat nothing, and the last step of three of them.
    assert turns.game.reward == pytest.approx(1 - 0.025 * (4 * 16 + 3), abs=1e-5)


def test_v_shows_the_whole_and_without_it_only_what_is_seen(turns):
    turns.advance(1.0)
    sight = turns.paint(SIZE)
    press(turns, pygame.K_v)
    whole = turns.paint(SIZE)
    dot = (0xFF, 0xE9, 0xB0)
    board = pygame.Rect(0, 60, 640, 380)
    counts = [
        pygame.mask.from_threshold(p.subsurface(board), dot, (8, 8, 8, 255)).count()
        for p in (sight, whole)
    ]
    assert counts[0] == 0  # no room is in sight from the hub
    assert counts[1] > 10
    frame = turns._sight.scene["frames"][-1]
    assert "dot" not in frame
    assert frame["mate"] == [[19, 19]]  # three in one cell, nameless
    press(turns, pygame.K_v)
    assert pygame.image.tobytes(turns.paint(SIZE), "RGB") == pygame.image.tobytes(sight, "RGB")


def test_what_is_out_of_sight_leaves_no_trace_in_the_picture():
    here = make_turns()
    elsewhere = make_turns(north_dot=(2, 19), sleeper=(19, 30))
    nearby = make_turns(sleeper=(21, 21))
    looks = []
    for turns in (here, elsewhere, nearby):
        turns.advance(1.0)
        looks.append(pygame.image.tobytes(turns.paint(SIZE), "RGB"))
        press(turns, pygame.K_v)
        looks.append(pygame.image.tobytes(turns.paint(SIZE), "RGB"))
    sights, wholes = looks[::2], looks[1::2]
    assert sights[0] == sights[1] != sights[2]
    assert len(set(wholes)) == 3


def test_the_end_says_so_and_r_begins_again(turns, monkeypatch):
    while not turns.game.done:
        press(turns, pygame.K_PERIOD)
    assert turns.game.step == 100
    press(turns, pygame.K_RIGHT)
    assert turns.game.step == 100
    turns.advance(1.0)
    turns._yardstick.result()
    over = turns.paint(SIZE)
    told = []
    monkeypatch.setattr(grid_screen, "veil", lambda *words: told.extend(words[2]))
    turns.paint(SIZE)
    monkeypatch.undo()
    assert told[1] == "random 0.7"
    press(turns, pygame.K_r)
    assert (turns.game.step, turns.game.score, turns.game.done) == (0, 0.0, False)
    green = (0, 199, 149)
    counts = [
        pygame.mask.from_threshold(p, green, (4, 4, 4, 255)).count()
        for p in (over, turns.paint(SIZE))
    ]
    assert counts[0] > 1000 > 10 > counts[1]


@pytest.mark.parametrize("pressed", [pygame.K_ESCAPE, pygame.K_q])
def test_it_ends(turns, pressed):
    press(turns, pressed)
    assert turns.over


def test_a_held_key_walks_on(turns):
    press(turns, pygame.K_UP)
    turns.advance(0.3)
    assert where(turns) == (19, 20)
    turns.advance(0.1)
    assert where(turns) == (18, 20)
    turns.advance(0.14)
    assert where(turns) == (17, 20)
    turns.handle(key(pygame.K_UP, pygame.KEYUP))
    turns.advance(9.0)
    assert where(turns) == (17, 20)
    press(turns, pygame.K_DOWN)
    turns.handle(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    turns.advance(9.0)
    assert where(turns) == (18, 20)


def test_in_real_time_a_held_key_walks_on_and_a_tapped_one_once():
    turns = make_turns(rate=4.0)
    turns.advance(1.0)
    begun = turns.game.step
    turns.advance(0.25)
    assert turns.game.step == begun + 1
    assert where(turns) == MIDDLE
    press(turns, pygame.K_UP)
    for _ in range(3):
        turns.advance(0.25)
    assert where(turns) == (17, 20)
    turns.handle(key(pygame.K_UP, pygame.KEYUP))
    turns.advance(0.25)
    assert where(turns) == (17, 20)
    press(turns, pygame.K_DOWN)
    turns.handle(key(pygame.K_DOWN, pygame.KEYUP))
    for _ in range(3):
        turns.advance(0.25)
    assert where(turns) == (18, 20)


def test_trained_mates_play_beside_the_person():
    turns = prepare(PlayOptions("paxmen-4"))()
    press(turns, *[pygame.K_PERIOD] * 40)
    assert where(turns, 0) != where(turns, 1)
    assert turns.game.score > 3  # the team of three eats without its fourth


# --- Pilot input ------------------------------------------------------------------------------


def test_a_held_key_moves_the_stick_and_a_released_one_lets_it_back():
    sticks = PilotInput()
    assert sticks.command.tolist() == pytest.approx([0, 0, 0.2])
    sticks.handle(key(pygame.K_LEFT))
    sticks.handle(key(pygame.K_w))
    sticks.advance(0.1)
    assert (sticks.turn, sticks.climb) == (-0.5, 0.5)
    sticks.advance(1.0)
    assert (sticks.turn, sticks.climb) == (-1.0, 1.0)
    sticks.handle(key(pygame.K_RIGHT))  # the last one counts
    sticks.advance(1.0)
    assert sticks.turn == 1.0
    for released in (pygame.K_RIGHT, pygame.K_LEFT, pygame.K_w):
        sticks.handle(key(released, pygame.KEYUP))
    sticks.advance(1.0)
    assert (sticks.turn, sticks.climb) == (0.0, 0.0)


def test_a_lost_focus_lets_the_stick_go():
    sticks = PilotInput()
    sticks.handle(key(pygame.K_LEFT))
    sticks.handle(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    sticks.advance(1.0)
    assert sticks.turn == 0.0


def test_the_throttle_stays_where_it_was_moved():
    sticks = PilotInput()
    sticks.handle(key(pygame.K_LSHIFT))
    sticks.advance(0.5)
    sticks.handle(key(pygame.K_LSHIFT, pygame.KEYUP))
    sticks.advance(5.0)
    assert sticks.throttle == pytest.approx(0.8)
    sticks.handle(key(pygame.K_LCTRL))
    sticks.advance(9.0)
    assert sticks.throttle == -1.0


def test_a_gamepad():
    sticks = PilotInput()

    def tilt(axis, value):
        sticks.handle(pygame.event.Event(pygame.JOYAXISMOTION, axis=axis, value=value))
        sticks.advance(1.0)

    tilt(0, 0.5)
    assert sticks.turn == 0.5
    tilt(1, 1.0)  # pulled back
    assert sticks.climb == 1.0
    tilt(0, 0.05)  # no stick rests quite in the middle
    tilt(3, 1.0)
    assert sticks.turn == 0.0
    sticks.handle(pygame.event.Event(pygame.JOYBUTTONDOWN, button=5))
    sticks.advance(0.5)
    sticks.handle(pygame.event.Event(pygame.JOYBUTTONUP, button=5))
    sticks.advance(1.0)
    assert sticks.throttle == pytest.approx(0.8)


def test_no_gamepad(monkeypatch):
    monkeypatch.setattr(pygame.joystick, "get_count", lambda: 0)
    with pytest.raises(RunError, match=r"no gamepad is connected; .* leave out --gamepad"):
        open_gamepad()


# --- Flight -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def screen():
    return prepare(PlayOptions("aerojax/1_vs_1", opponents="circle"))()


@pytest.fixture
def flight(screen):
    press(screen, pygame.K_r)
    return screen


def fly(flight, seconds):
    for _ in range(round(seconds * 16)):
        flight.advance(1 / 16)


def motion(flight):
    return flight.game.states[-1].motion


def heading(flight):
    now = motion(flight)
    return np.degrees(np.arctan2(now.vx[0], now.vy[0]))  # clockwise from north


def test_time_is_real(flight):
    begun = flight.game.step
    fly(flight, 5.0)
    assert flight.game.step - begun == 10
    press(flight, pygame.K_p)
    fly(flight, 5.0)
    assert flight.game.step - begun == 10
    press(flight, pygame.K_p)
    fly(flight, 1.0)
    assert flight.game.step - begun == 12


@pytest.mark.parametrize(("pressed", "side"), [(pygame.K_RIGHT, 1), (pygame.K_a, -1)])
def test_keys_turn(flight, pressed, side):
    before = heading(flight)
    press(flight, pressed)
    fly(flight, 3.0)
    turned = (heading(flight) - before + 180) % 360 - 180
    assert 15 < side * turned < 90


@pytest.mark.parametrize(("pressed", "way"), [(pygame.K_UP, 1), (pygame.K_s, -1)])
def test_keys_climb_and_descend(flight, pressed, way):
    before = motion(flight).z[0]
    press(flight, pressed)
    fly(flight, 3.0)
    assert way * (motion(flight).z[0] - before) > 50


def test_shift_is_thrust(flight):
    press(flight, pygame.K_LSHIFT)
    fly(flight, 4.0)
    assert motion(flight).throttle[0] > 0.95


def test_views_differ_and_come_back(flight):
    fly(flight, 1.2)
    chase = pygame.image.tobytes(flight.paint(SIZE), "RGB")
    seen = {chase}
    for pressed in (pygame.K_m, pygame.K_v, pygame.K_h):
        press(flight, pressed)
        seen.add(pygame.image.tobytes(flight.paint(SIZE), "RGB"))
        press(flight, pressed)
    assert len(seen) == 4
    assert pygame.image.tobytes(flight.paint(SIZE), "RGB") == chase


def test_flying_into_the_ground_is_a_defeat_and_r_begins_again(flight):
    press(flight, pygame.K_DOWN, pygame.K_LSHIFT)
    for _ in range(80):
        fly(flight, 1.0)
        if flight.game.done:
            break
    fly(flight, 1.0)
    assert flight.game.done
    assert flight.game.info["lose"][0]
    assert any("you are down" in words for _, words, _ in flight._news)
    red = (245, 100, 80)
    picture = flight.paint(SIZE)
    assert pygame.mask.from_threshold(picture, red, (4, 4, 4, 255)).count() > 2000
    press(flight, pygame.K_r)
    assert not flight.game.done
    assert motion(flight).z[0] > 2000


def test_every_scenario_and_size_can_be_played():
    playable = [name for name in TASKS if controls_of(name) is not None]
    assert len(playable) == 3 + 6 + 15
    for name in playable:
        prepare(PlayOptions(name))


# --- Watching -----------------------------------------------------------------------------------


def test_a_trained_team_is_watched_through_each_agents_eyes():
    views = episodes(load_pretrained("paxmen-4"), 3, False)()
    assert list(views) == ["the whole", *(f"what agent_{i} sees" for i in range(4))]
    assert {len(scene["frames"]) for scene in views.values()} == {101}
    assert views["the whole"]["title"] == "paxmen-4, mars, episode 3"


def test_a_task_that_cannot_be_drawn():
    team = load_pretrained("paxmen-4")
    trainer = copy(team.trainer)
    trainer.env = MultiAgentEnv(4)
    with pytest.raises(ValueError, match="MultiAgentEnv cannot be drawn: it has no method `scene`"):
        episodes(team._replace(trainer=trainer), 0, False)


def test_windows_open_and_close(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    watch(load_pretrained("paxmen-4"), 0, False, times=2)
    play(PlayOptions("paxmen-4"), times=2)


def test_the_example_of_the_page(monkeypatch):
    """Its other commands are tried by tests/test_docs.py; this one opens a window."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(window, "run_window", partial(window.run_window, times=2))
    page = Path(__file__).parents[3] / "docs" / "watching.md"
    (block,) = re.findall(r"^```py\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    exec(compile(block, page.name, "exec"), {})


# --- Wishes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "paxmen4"}, "unknown task 'paxmen4'; valid: paxmen-4, "),
        ({"task": "identical_2_vs_2"}, "valid: aerojax/identical_2_vs_2, "),
        ({"task": "smax/2s3z"}, "smax/2s3z cannot be played .* can: paxmen-4, .*aerojax/1_vs_1"),
        ({"task": "paxmen-4", "agent": "agent_7"}, "unknown agent 'agent_7'; valid: agent_"),
        ({"task": "paxmen-4", "opponents": "ace"}, "no opponents; leave out --opponents"),
        ({"task": "paxmen-4", "gamepad": True}, "by keyboard; leave out --gamepad"),
        ({"task": "paxmen-5", "mates": "paxmen-4"}, "trained on paxmen-4, not on paxmen-5"),
        ({"task": "paxmen-5", "mates": "nowhere"}, "nowhere is not a run's folder"),
        ({"task": "paxmen-4", "rate": 0.0}, r"rate must be a number in \[0.1, 30.0\], got 0.0"),
        ({"task": "paxmen-4", "seed": -1}, "seed must be a whole number"),
        ({"task": "aerojax/search_4", "opponents": "ace"}, "no opponents"),
        (
            {"task": "aerojax/1_vs_1", "opponents": "acee"},
            "unknown script 'acee'; valid: ace, circle",
        ),
        ({"task": "aerojax/1_vs_1", "mates": "x"}, "fly by script"),
    ],
)
def test_wishes_that_cannot_be_met(options, said):
    with pytest.raises((ValueError, RunError), match=said) as caught:
        prepare(PlayOptions(**options))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks for Linux' variables")
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("watch --pretrained paxmen-4", "no window can be opened: .*: mars-demo render draws"),
        ("play paxmen-4", "no window can be opened: .*: mars-demo render draws"),
        ("play aerojax/1_vs_1 --gamepad", "no window can be opened: "),
        ("watch nowhere", "nowhere is not a run's folder: it has no run.json"),
        ("watch", "give either a run's folder or --pretrained, with one of: "),
        ("play lbf/8x8-2p-2f-coop", "cannot be played by a person; those that can: paxmen-4, "),
    ],
)
def test_from_the_command_line_mistakes_are_one_clear_line(monkeypatch, capsys, argv, said):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as stop:
        main(argv.split())
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"mars-demo: .*{said}", line)


def test_a_policy_sees_the_state_and_the_person_decides():
    env = Posed(4)
    everyone_left = Policy(
        lambda params, memory, obs, state, key: (
            memory,
            dict.fromkeys(env.agents, jnp.int32(3)),
        )
    )
    game = Game(replace(TASK, make=lambda: env), env, everyone_left, "agent_1", 2)
    game.start(0)
    for _ in range(3):
        game.act(np.int32(2))
    positions = np.asarray(env.agent_positions(game.states[-1])).tolist()
    assert positions == [[19, 19], [20, 23], [19, 19], [19, 19]]  # a wall is beside the others
    assert len(game.states) == 2
    assert len(game.scene()["frames"]) == len(game.agent_scene()["frames"]) == 2
    game.env = MultiAgentEnv(4)
    for draw in (Game.scene, Game.agent_scene):
        with pytest.raises(ValueError, match="cannot be drawn"):
            draw(game)


def test_the_screens_are_screens(screen):
    assert isinstance(screen, FlightScreen)
    assert screen.close() is None
