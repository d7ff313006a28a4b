"""The loop, off screen: what a screen is told, and what is said where there is no display."""

import pygame
import pytest

from wrappers.viewing import window
from wrappers.viewing.overlay import keys_line
from wrappers.viewing.window import Loading, NoDisplayError, check_display, run_window


@pytest.fixture
def off_screen(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


def key(key, kind=pygame.KEYDOWN):
    return pygame.event.Event(kind, key=key, mod=0, unicode="")


class Diary:
    """A screen that writes down what it is told, and posts an event before each picture."""

    def __init__(self, *post):
        self.over, self.closed = False, False
        self.told, self.sizes, self.seconds = [], [], 0.0
        self._post = list(post)

    def handle(self, event):
        self.told.append(event)
        self.over = event.type == pygame.KEYDOWN and event.key == pygame.K_q

    def advance(self, seconds):
        self.seconds += seconds
        if self._post:
            pygame.event.post(self._post.pop(0))

    def paint(self, size):
        self.sizes.append(size)
        picture = pygame.Surface(size)
        picture.fill((10, 200, 30))
        return picture

    def close(self):
        self.closed = True


def test_a_screen_is_told_of_events_until_it_is_over(off_screen):
    screen = Diary(key(pygame.K_LEFT), key(pygame.K_q), key(pygame.K_RIGHT))
    run_window(screen, "diary", (800, 600))
    pressed = [event.key for event in screen.told if event.type == pygame.KEYDOWN]
    assert pressed == [pygame.K_LEFT, pygame.K_q]
    assert screen.seconds > 0
    assert screen.closed
    assert not pygame.display.get_init()


def test_closing_the_window_ends_the_loop(off_screen):
    screen = Diary(pygame.event.Event(pygame.QUIT))
    run_window(screen, "diary", (800, 600))
    assert screen.closed


def test_so_many_pictures_and_no_more(off_screen):
    screen = Diary()
    run_window(screen, "diary", (800, 600), times=3)
    assert screen.sizes == [(800, 600)] * 3


def test_a_new_size_is_painted_once_it_is_settled(off_screen, monkeypatch):
    screen = Diary()
    painted = screen.paint

    def paint(size):
        if len(screen.sizes) == 2:
            pygame.display.set_mode((900, 700), pygame.RESIZABLE)
            pygame.event.post(pygame.event.Event(pygame.VIDEORESIZE, size=(900, 700), w=900, h=700))
        if size == (900, 700):
            screen.over = True
        return painted(size)

    class Steady:
        def tick(self, _):
            return 30  # ms, on a machine of any speed

    monkeypatch.setattr(screen, "paint", paint)
    monkeypatch.setattr(pygame.time, "Clock", Steady)
    run_window(screen, "diary", (800, 600), times=600)
    # For 0.2 s the old size is stretched: painting for each pixel of a drag would stutter.
    assert screen.sizes == [(800, 600)] * (3 + 6) + [(900, 700)]


def test_a_window_may_become_too_small(off_screen):
    screen = Diary()
    run_window(screen, "diary", (100, 100), times=1)
    assert screen.sizes == [(800, 600)]


@pytest.mark.skipif(not window.sys.platform.startswith("linux"), reason="asks for Linux' variables")
def test_without_a_display_it_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoDisplayError, match="neither DISPLAY nor WAYLAND_DISPLAY is set"):
        check_display()
    screen = Diary()
    with pytest.raises(NoDisplayError):
        run_window(screen, "diary")
    assert not screen.sizes


def test_a_display_that_is_not_there_is_said_in_one_line(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "nonsense")
    with pytest.raises(NoDisplayError, match="nonsense not available") as caught:
        check_display()
    assert "\n" not in str(caught.value)


def test_loading_shows_a_message_until_the_screen_is_made(off_screen, gate):
    screen = Diary()

    def make():
        gate.wait()
        return screen

    loading = Loading(make, "Wait")
    before = loading.paint((800, 600))
    assert before.get_at((5, 5))[:3] != (10, 200, 30)
    written = pygame.mask.from_threshold(before, (242, 245, 255), (60, 60, 60, 255))
    assert written.count() > 100
    loading.handle(key(pygame.K_LEFT))
    gate.set()
    while loading.screen is None:
        pass
    assert loading.paint((800, 600)).get_at((5, 5))[:3] == (10, 200, 30)
    waiting = loading.paint((800, 600))
    loading.handle(key(pygame.K_LEFT))  # starts it, and is nothing more
    assert pygame.image.tobytes(loading.paint((800, 600)), "RGB") != pygame.image.tobytes(
        waiting, "RGB"
    )
    loading.handle(key(pygame.K_RIGHT))
    assert [event.key for event in screen.told] == [pygame.K_RIGHT]
    loading.close()
    assert screen.closed


def test_quitting_while_it_loads(off_screen, gate):
    loading = Loading(lambda: gate.wait() and Diary(), "Wait")
    loading.handle(key(pygame.K_ESCAPE))
    assert loading.over
    gate.set()
    loading.close()


def test_what_goes_wrong_while_loading_is_raised(off_screen):
    def make():
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run_window(Loading(make, "Wait"), "loading", times=1000)
    assert not pygame.display.get_init()


def test_it_stands_still_until_a_key_is_pressed(off_screen):
    class Counting(Diary):
        seconds = 0.0

        def advance(self, seconds):
            self.seconds += seconds

    screen = Counting()
    loading = Loading(lambda: screen, "Wait")
    while loading.screen is None:
        pass
    loading.advance(1.0)
    assert screen.seconds == 0.0
    loading.handle(key(pygame.K_q))
    assert loading.over
    loading.handle(key(pygame.K_SPACE))
    loading.advance(1.0)
    assert screen.seconds == 1.0
    loading.close()


@pytest.mark.parametrize(
    ("desktop", "opened", "painted"),
    [
        ((1920, 1080), (1120, 840), (1120, 840)),
        ((1366, 768), (1120, 678), (1120, 678)),
        ((3840, 2160), (2240, 1680), (1120, 840)),
    ],
)
def test_a_window_fits_its_desktop(off_screen, monkeypatch, desktop, opened, painted):
    monkeypatch.setattr(pygame.display, "get_desktop_sizes", lambda: [desktop])
    windows = []
    set_mode = pygame.display.set_mode
    monkeypatch.setattr(
        pygame.display,
        "set_mode",
        lambda size, *rest: windows.append(size) or set_mode(size, *rest),
    )
    screen = Diary()
    run_window(screen, "diary", times=1)
    assert windows == [opened]
    assert screen.sizes == [painted]


def test_the_key_that_quits_is_always_shown(off_screen):
    def line(right, quits="quit"):
        picture = pygame.Surface((400, 30))
        keys = {"Space": "pause", "Left Right": "step", "Up Down": "speed", "Q": quits}
        keys_line(picture, keys, 10, right, 15)
        return pygame.surfarray.array3d(picture)

    for right in (120, 200, 390):
        drawn = line(right)
        assert (drawn != line(right, "exit")).any()
        assert not drawn[right + 1 :].any()
    assert (line(200)[:150] != line(390)[:150]).any() or line(390)[210:].any()
