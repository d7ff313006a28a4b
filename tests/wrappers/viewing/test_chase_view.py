"""The view from behind a body: where things lie in it, worked out by hand."""

from functools import partial

import numpy as np
import pygame
import pytest

from tests.wrappers.viewing import scenes
from tests.wrappers.viewing.scenes import FRAMES
from wrappers.viewing.aircraft_models import AIRFRAMES, model
from wrappers.viewing.body_pose import is_alive, pose, smoothed_pose
from wrappers.viewing.camera import Camera, axes
from wrappers.viewing.chase_view import ChaseView
from wrappers.viewing.instruments import compass, in_reach, speed
from wrappers.viewing.solids import apparent_size

SIZE = (800, 600)
ORANGE = (224, 128, 32)

# 100 m a frame, and shot down.
make_body = partial(
    scenes.make_body, x=[100 * i for i in range(FRAMES)], health=[1, 1, 0.5, 0.5, 0]
)


def make_scene(*others, **changes):
    space = scenes.make_space(bodies=[make_body(), *others])
    colours = {"blue": "#2040e0", "orange": "#e08020", "point": "#00c795"}
    return {
        "space": space | changes,
        "colours": {name: {"dark": c, "light": c} for name, c in colours.items()},
    }


@pytest.fixture
def camera():
    """At the origin, looking east, 45 degrees to each side."""
    return Camera(np.zeros(3), axes(0.0, 0.0, 0.0), SIZE, 400.0)


# --- The camera ---------------------------------------------------------------------------------


def test_axes_of_a_level_body_that_flies_north():
    forward, right, up = axes(np.pi / 2, 0.0, 0.0)
    np.testing.assert_allclose(forward, [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(right, [1, 0, 0], atol=1e-12)  # east
    np.testing.assert_allclose(up, [0, 0, 1], atol=1e-12)


def test_a_positive_bank_lowers_the_right_wing():
    _, right, up = axes(0.0, 0.0, np.radians(30))
    assert right[2] == pytest.approx(-0.5)
    assert up[2] == pytest.approx(np.sqrt(0.75))


def test_places_in_the_picture(camera):
    np.testing.assert_allclose(camera.spot([100, 0, 0])[0], [400, 300])
    np.testing.assert_allclose(camera.spot([100, -50, 0])[0], [600, 300])  # south is right
    np.testing.assert_allclose(camera.spot([100, 0, 25])[0], [400, 200])
    assert np.isnan(camera.spot([-100, 0, 0])[0]).all()


def test_the_horizon_is_where_the_camera_looks_level(camera):
    normal, offset = camera.horizon()
    assert normal @ [400, 300] + offset == pytest.approx(0)
    assert normal @ [400, 200] + offset == pytest.approx(100)  # higher is sky
    up = camera._replace(axes=axes(0.0, np.radians(45), 0.0))
    normal, offset = up.horizon()
    assert normal @ [400, 700] + offset == pytest.approx(0)  # 400 px beneath the middle


def test_lines_are_cut_where_the_camera_ends(camera):
    starts = np.array([[-100.0, 0, 0], [-5, 0, 0], [100, 1e5, 0]])
    ends = np.array([[100.0, 0, 50], [-9, 0, 0], [100, -1e5, 0]])
    seen, index = camera.lines(starts, ends)
    assert index.tolist() == [0, 2]  # the second is behind
    np.testing.assert_allclose(seen[0, 1], [400, 100])
    assert np.abs(seen).max() < 1000
    assert np.isfinite(seen).all()


def test_polygons_are_cut_where_the_camera_ends(camera):
    floor = np.array([[-1e4, -1e4, -10], [1e4, -1e4, -10], [1e4, 1e4, -10], [-1e4, 1e4, -10.0]])
    outline = camera.polygon(floor)
    assert outline is not None
    assert 300 < outline[:, 1].min() < 302  # up to the horizon
    assert outline[:, 1].max() > 600
    assert np.abs(outline).max() < 1000
    assert camera.polygon(floor - [3e4, 0, 0]) is None


# --- The course ---------------------------------------------------------------------------------


def test_a_straight_course_is_even():
    for time, x in ((0, 0), (0.25, 25), (2.5, 250), (4, 400), (9, 400), (-1, 0)):
        np.testing.assert_allclose(pose(make_body(), time).place, [x, 0, 2000], atol=1e-9)
    assert pose(make_body(), 1.5).health == 0.75


def test_a_turn_is_a_curve_and_not_a_corner():
    turning = make_body(x=[0, 100, 100, 0, 0], y=[0, 0, 100, 100, 0], yaw=[-45, 45, 135, 225, 315])
    middle = pose(turning, 1.5)
    assert middle.place[0] > 105  # outside of the straight line
    assert np.degrees(middle.yaw) == pytest.approx(90)
    assert np.degrees(pose(turning, 3.5).yaw) % 360 == pytest.approx(270)


def test_angles_go_the_short_way():
    assert np.degrees(pose(make_body(bank=[170, -170, 0, 0, 0]), 0.5).bank) == pytest.approx(180)


def test_a_follower_turns_later_than_the_body():
    turning = make_body(yaw=[0, 0, 20, 40, 60])
    # It turns by 20 degrees a frame; the mean is over the last 0.9 frames.
    assert np.degrees(smoothed_pose(turning, 3).yaw) == pytest.approx(40 - 9)
    assert smoothed_pose(make_body(), 3).yaw == pytest.approx(0)


def test_a_body_lives_until_the_frame_in_which_it_is_dead():
    body = make_body(died=3)
    assert [is_alive(body, time) for time in (0, 2.9, 3.0)] == [True, True, False]


# --- The instruments ----------------------------------------------------------------------------


def test_compass():
    assert [compass(np.radians(yaw)) for yaw in (0, 90, 180, -90)] == [90, 0, 270, 180]


def test_speed_is_the_way_of_a_step_over_its_time():
    assert [speed(make_body(), time, 0.5) for time in (0, 0.5, 1, 4)] == [200] * 4


@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ((1000, 0, 2000), True),
        ((3000, 0, 2000), False),  # too far
        ((1000, 500, 2000), True),  # 27 degrees off
        ((1000, 650, 2000), False),  # 33 degrees
        ((-100, 0, 2000), False),
    ],
)
def test_where_a_gun_reaches(place, inside):
    armed = make_body(reach=(2500, 30))
    assert in_reach(armed, pose(armed, 0), np.array(place, float)) is inside
    assert not in_reach(make_body(), pose(armed, 0), np.array(place, float))


def test_what_is_far_is_drawn_larger():
    assert apparent_size(100) == 1
    assert apparent_size(440) == 2
    assert apparent_size(1e5) == 9


# --- The picture --------------------------------------------------------------------------------


def pixels(picture):
    data = np.frombuffer(pygame.image.tobytes(picture, "RGB"), np.uint8)
    return data.reshape(*reversed(picture.get_size()), 3).astype(int)


def near(picture, colour, box=None):
    """How many pixels of a part of the picture are of nearly that colour."""
    part = picture if box is None else picture.subsurface(box)
    return int((np.abs(pixels(part) - colour).max(axis=-1) < 12).sum())


RADAR = pygame.Rect(620, 420, 180, 180)
AHEAD = make_body("two", colour="orange", x=[1500 + 100 * i for i in range(FRAMES)])


def test_sky_is_above_and_ground_below():
    picture = ChaseView(make_scene(), 0).paint(0, SIZE)
    top, bottom = (picture.subsurface((200, y, 150, 20)) for y in (60, 560))
    sky, ground = (pygame.transform.average_color(part) for part in (top, bottom))
    assert sky[2] > 1.5 * ground[2]
    # The brightest line is the horizon: the camera looks five degrees down.
    rows = pixels(picture)[:, 200:280].sum(axis=(1, 2))
    assert (
        abs(int(np.argmax(rows)) - (300 - 400 / np.tan(np.radians(38)) * np.tan(np.radians(5)))) < 8
    )


def test_an_enemy_that_is_seen_is_marked_and_one_that_is_not_is_not():
    seen = ChaseView(make_scene(AHEAD, sights=[[0, 1, 0, 4]]), 0).paint(2, SIZE)
    unseen = ChaseView(make_scene(AHEAD), 0).paint(2, SIZE)
    assert near(seen, ORANGE, RADAR) > 20
    assert near(unseen, ORANGE, RADAR) == 0
    assert near(seen, ORANGE) > near(unseen, ORANGE) + 50


def test_on_the_radar_ahead_is_up():
    for yaw in (0, 90, 217):
        way = np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))])
        own = {"x": [0] * 5, "yaw": [yaw] * 5}
        place = {"x": [2000 * way[0]] * 5, "y": [2000 * way[1]] * 5}
        scene = make_scene(AHEAD | place, sights=[[0, 1, 0, 4]])
        scene["space"]["bodies"][0] |= own
        picture = ChaseView(scene, 0).paint(2, SIZE)
        radar = pixels(picture.subsurface(RADAR))
        rows, columns = np.nonzero(np.abs(radar - ORANGE).max(axis=-1) < 12)
        middle = 800 - 84 - 20 - 620, 600 - 84 - 20 - 420
        assert abs(columns.mean() - middle[0]) < 6
        assert rows.mean() < middle[1] - 30


def test_a_seen_enemy_behind_is_an_arrow_at_the_rim():
    behind = AHEAD | {"x": [-3000] * FRAMES}
    picture = ChaseView(make_scene(behind, sights=[[0, 1, 0, 4]]), 0).paint(2, SIZE)
    view = pygame.Rect(0, 0, 600, 600)
    assert near(picture, ORANGE, view) > 60


def test_the_dead_are_gone_after_their_fire():
    dead = AHEAD | {"died": 1}
    scene = make_scene(dead, sights=[[0, 1, 0, 4]])
    alive, burning = (ChaseView(scene, 0).paint(time, SIZE) for time in (0.9, 1.2))
    assert near(alive, ORANGE, RADAR) > 20
    assert near(burning, ORANGE, RADAR) == 0
    box = pygame.Rect(330, 200, 140, 140)
    assert pixels(burning.subsurface(box)).sum() > 1.05 * pixels(alive.subsurface(box)).sum()


def test_who_is_hurt_sees_red():
    before, hurt = (ChaseView(make_scene(), 0).paint(time, SIZE) for time in (0.9, 1.5))
    corner = pygame.Rect(0, 0, 90, 50)
    reds = [pygame.transform.average_color(p.subsurface(corner))[0] for p in (before, hurt)]
    assert reds[1] > reds[0] + 10


def test_no_more_than_three_arrows():
    """Enemies behind, each in another direction from the nose: arrows all around."""
    around = np.radians([0, 60, 120, 180, 240, 300])
    behind = [
        make_body(
            f"enemy_{i}",
            colour="orange",
            x=[-3000] * FRAMES,
            y=[1500 * np.cos(angle)] * FRAMES,
            z=[2000 + 1500 * np.sin(angle)] * FRAMES,
        )
        for i, angle in enumerate(around)
    ]
    counts = []
    for some in (2, 3, 6):
        sights = [[0, 1 + i, 0, 4] for i in range(some)]
        picture = ChaseView(make_scene(*behind[:some], sights=sights), 0).paint(2, SIZE)
        found = pygame.mask.from_threshold(picture, ORANGE, (12, 12, 12, 255))
        found.erase(pygame.mask.Mask(RADAR.size, fill=True), RADAR.topleft)
        counts.append(len(found.connected_components(40)))
    assert counts == [2, 3, 3]


@pytest.mark.parametrize("name", AIRFRAMES)
def test_models_are_whole_and_symmetric(name):
    shape = model(name)
    assert all(max(face.corners) < len(shape.points) for face in shape.faces)
    mirrored = {tuple(p) for p in (shape.points * [1, -1, 1]).round(6).tolist()}
    assert mirrored == {tuple(p) for p in shape.points.round(6).tolist()}


def test_airframes_differ():
    assert len({model(name).points.tobytes() for name in AIRFRAMES}) == len(AIRFRAMES)


@pytest.mark.parametrize("pitch", [-89, -60, 60, 89])
def test_it_can_be_painted_from_any_attitude(pitch):
    steep = {"pitch": [pitch] * 5, "bank": [150] * 5, "z": [30] * 5}
    scene = make_scene(
        AHEAD,
        sights=[[0, 1, 0, 4]],
        shots=[[0, 1, 1, 4]],
        obstacles=[[600, 100, 500, 3000]],
        points=[[[900, 0, 1500]]] * 5,
        cells=[[500, 500, 0, 4]],
    )
    scene["space"]["bodies"][0] |= steep
    for from_nose in (False, True):
        chase = ChaseView(scene, 0, 0.5)
        chase.from_nose = from_nose
        picture = chase.paint(2.3, SIZE)
        some = pixels(picture)[::9, ::9].reshape(-1, 3)
        assert len({tuple(pixel) for pixel in some.tolist()}) > 50
