"""Watching: what each key does to an episode of five frames, and that the next one is no wait."""

import threading

import pygame
import pytest

from tests.wrappers.viewing.scenes import make_scene
from wrappers.viewing.player import Player

SIZE = (640, 560)


def key(key, mod=0):
    return pygame.event.Event(pygame.KEYDOWN, key=key, mod=mod, unicode="")


def episodes():
    """Episodes "0", "1", ... of five frames, eight a second, in three views."""
    count = iter(range(100))

    def following():
        title = str(next(count))
        other = make_scene(f"{title}, other", frames=5, colours=GREEN)
        return {"the whole": make_scene(title, frames=5), "other": other, "third": other}

    return following


GREEN = {
    name: dict.fromkeys(("dark", "light"), colour)
    for name, colour in (("red", "#104010"), ("blue", "#2040e0"), ("white", "#ffffff"))
}


@pytest.fixture
def player():
    made = Player(episodes())
    yield made
    made.close()


def press(player, *keys):
    for one in keys:
        player.handle(key(one))


def colours(player):
    picture = player.paint(SIZE)
    pixels = pygame.image.tobytes(picture, "RGB")
    return {pixels[i : i + 3] for i in range(0, len(pixels), 3)}


BLUE, RED, DARK_GREEN = b"\x20\x40\xe0", b"\xe0\x20\x20", b"\x10\x40\x10"


def title(player):
    return player.shown.scene["title"]


def test_it_plays_at_the_scenes_rate_and_stops_at_the_end(player):
    player.advance(0.25)
    assert player.time == 2.0
    player.advance(10.0)
    assert (player.time, player.playing) == (4.0, False)


def test_space_pauses_goes_on_and_starts_again_at_the_end(player):
    press(player, pygame.K_SPACE)
    player.advance(1.0)
    assert player.time == 0.0
    press(player, pygame.K_SPACE)
    player.advance(0.125)
    assert player.time == 1.0
    player.advance(10.0)
    press(player, pygame.K_SPACE)
    assert (player.time, player.playing) == (0.0, True)


def test_right_and_left_step_to_whole_frames_and_pause(player):
    player.advance(0.3)  # frame 2.4
    press(player, pygame.K_RIGHT)
    assert (player.time, player.playing) == (3.0, False)
    press(player, pygame.K_LEFT)
    assert player.time == 2.0
    press(player, *[pygame.K_LEFT] * 5)
    assert player.time == 0.0
    press(player, *[pygame.K_RIGHT] * 9)
    assert player.time == 4.0


def test_left_between_frames_goes_to_the_one_before(player):
    player.advance(0.3)
    press(player, pygame.K_LEFT)
    assert player.time == 2.0


def test_up_and_down_change_the_speed_within_limits(player):
    press(player, pygame.K_UP)
    player.advance(0.125)
    assert player.time == 2.0
    press(player, pygame.K_DOWN, pygame.K_DOWN)
    player.advance(0.125)
    assert player.time == 2.5
    press(player, *[pygame.K_DOWN] * 9)
    assert player.speed == 1 / 8
    press(player, *[pygame.K_UP] * 9)
    assert player.speed == 8


def test_home_plays_from_the_start(player):
    player.advance(10.0)
    press(player, pygame.K_HOME)
    assert (player.time, player.playing) == (0.0, True)


@pytest.mark.parametrize("pressed", [pygame.K_ESCAPE, pygame.K_q])
def test_it_ends(player, pressed):
    press(player, pressed)
    assert player.over


def test_tab_goes_round_the_views(player):
    assert player.views == ["the whole", "other", "third"]
    assert RED in colours(player)
    press(player, pygame.K_TAB)
    assert title(player) == "0, other"
    assert RED not in colours(player)
    assert DARK_GREEN in colours(player)
    press(player, pygame.K_TAB, pygame.K_TAB)
    assert title(player) == "0"
    player.handle(key(pygame.K_TAB, pygame.KMOD_SHIFT))
    assert player.view == 2


def test_a_digit_hides_a_mark_and_shows_it_again(player):
    press(player, pygame.K_SPACE)
    assert BLUE in colours(player)
    press(player, pygame.K_1)
    assert BLUE not in colours(player)
    assert RED in colours(player)
    press(player, pygame.K_1)
    assert BLUE in colours(player)
    press(player, pygame.K_5)  # no such entry
    assert BLUE in colours(player)


def test_h_hides_the_line_of_keys(player):
    with_keys = player.paint(SIZE)
    press(player, pygame.K_h)
    without = player.paint(SIZE)
    line = pygame.Rect(0, SIZE[1] - 24, 400, 14)
    means = [pygame.transform.average_color(p, line)[:3] for p in (with_keys, without)]
    assert means[0] != means[1]


def test_a_click_on_the_bar_goes_there(player):
    player.paint(SIZE)
    bar = player._bar
    middle = bar.left + bar.width // 2, bar.centery
    player.handle(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=middle, button=1))
    assert (player.time, player.playing) == (2.0, False)
    far = bar.right + 50, bar.centery
    player.handle(pygame.event.Event(pygame.MOUSEMOTION, pos=far, buttons=(1, 0, 0), rel=(0, 0)))
    assert player.time == 2.0  # beside the bar
    end = bar.right - 1, bar.centery + 5
    player.handle(pygame.event.Event(pygame.MOUSEMOTION, pos=end, buttons=(1, 0, 0), rel=(0, 0)))
    assert player.time == 4.0


def test_the_next_episode_is_made_beside_and_keeps_the_view(gate):
    made = []
    real = episodes()

    def following():
        if made:
            gate.wait()
        made.append(threading.current_thread())
        return real()

    player = Player(following)
    press(player, pygame.K_TAB, pygame.K_n)
    player.advance(0.25)  # it does not wait
    assert (title(player), player.time) == ("0, other", 2.0)
    gate.set()
    player._next.result()
    player.advance(0.125)
    assert title(player) == "1, other"
    assert player.time <= 1.0
    assert threading.main_thread() not in made
    player.close()


def test_behind_a_body_time_is_its_own():
    still = [0] * 5
    tracks = dict.fromkeys(("y", "yaw", "pitch", "bank"), still)
    body = {
        "name": "one",
        "kind": "fighter",
        "shape": "swept",
        "colour": "blue",
        "sight": [3000, 60],
        **tracks,
    }
    body |= {"x": [0, 100, 200, 300, 400], "z": [2000] * 5, "health": [1] * 5, "died": None}
    space = {"radius": 4000, "ceiling": 5000, "bodies": [body], "points": [[]] * 5}
    space |= {"point_radius": 100, "cell_side": 100}
    space |= {"shots": [], "sights": [], "obstacles": [], "cells": []}
    scene = make_scene(frames=5) | {"space": space}
    player = Player(lambda: {"the whole": scene}, step_seconds=0.5)
    assert player.views == ["the whole", "behind one"]
    press(player, pygame.K_TAB)
    player.advance(0.5)
    assert player.time == 1.0
    assert RED not in colours(player)  # the picture is another
    press(player, pygame.K_1)  # there is nothing to hide
    player.close()


def test_a_wrong_scene_is_refused():
    with pytest.raises(ValueError, match="the scene has no frames"):
        Player(lambda: {"the whole": make_scene(frames=0)})


def test_the_picture_fills_any_window(player):
    for size in ((480, 400), (1300, 500), (500, 1000)):
        picture = player.paint(size)
        assert picture.get_size() == size


def test_the_next_episode_follows_by_itself(player):
    player.advance(10.0)
    assert title(player) == "0"
    player.advance(1.9)
    assert not player._wants_next
    player.advance(0.2)
    player._next.result()
    player.advance(0.0)
    assert (title(player), player.time, player.playing) == ("1", 0.0, True)


def test_who_looks_at_the_end_is_left_there(player):
    player.advance(10.0)
    press(player, pygame.K_LEFT)
    player.advance(5.0)
    assert (title(player), player.time, player._wants_next) == ("0", 3.0, False)
