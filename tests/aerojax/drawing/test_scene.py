"""What is drawn of an episode: two fighters against two, on states that are written here by hand.

ally_0 flies north at (1000, 2000, 3000) m, ally_1 east at the centre; enemy_0 flies west and
enemy_1 east, both south of them, and so near the edge that the board shows the whole arena: then a
unit of it is a kilometre.
"""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

import aerojax
from aerojax.drawing.scene import episode_scene
from aerojax.drawing.scene_2d import COLOURS
from aerojax.objectives.escort import EscortTask
from aerojax.objectives.search import cells
from aerojax.objectives.waypoint import Points
from aerojax.state import Motion, Obstacles, State
from wrappers import check_scene, html_replay_3d, render, save_acmi, save_scene

ALIVE = (True, True, True, True)


@pytest.fixture(scope="module")
def env():
    return aerojax.make("identical_2_vs_2")


def floats(*numbers):
    return np.array(numbers, np.float32)


def state(step=0, alive=ALIVE, hp=None, target=(-1, -1, -1, -1), sees=(), seen_by=(), task=()):
    seen_a, seen_b = np.zeros((2, 2, 2), bool)
    for pairs, matrix in ((sees, seen_a), (seen_by, seen_b)):
        for pair in pairs:
            matrix[pair] = True
    return State(
        motion=Motion(
            x=floats(1000, 0, 0, -7900),
            y=floats(2000, 0, -1000, -1000),
            z=floats(3000, 2500, 10000, 0),
            vx=floats(0, 200, -200, 200),
            vy=floats(200, 0, 0, 0),
            vz=floats(0, 200, 0, 0),
            up_x=floats(0, -1, 0, 0) * np.float32(0.5**0.5),
            up_y=floats(0, 0, 0, 0),
            up_z=floats(1, 0.5**0.5, 1, 1),
            ny=floats(1, 0, 0, -1),
            nz=floats(1, 1, 1, 0),
            throttle=floats(1, 1, 1, 1),
        ),
        hp=floats(*(alive if hp is None else hp)),
        alive=np.array(alive),
        hurt=floats(0, 0, 0, 0),
        target=np.array(target, np.int32),
        seen_a=seen_a,
        seen_b=seen_b,
        linked_a=np.ones((2, 2), bool),
        linked_b=np.ones((2, 2), bool),
        turn=floats(1, 1, 1, 1),
        obstacles=Obstacles(floats(4000), floats(-2000), floats(500), floats(2500)),
        task=task,
        step=np.int32(step),
        done=np.bool_(False),
    )


def scene_of(env, *states, **options):
    states = jax.tree.map(lambda *leaves: np.stack(leaves), *states)
    return episode_scene(env, states, **options)


# --- The top view -----------------------------------------------------------------------------


def test_north_is_up_and_a_nose_points_along_the_flight(env):
    (frame,) = scene_of(env, state())["frames"]
    places = [frame[f"aircraft-{slot}"][0][:3] for slot in range(4)]
    assert places == [[1, -2, -90], [0, 0, 0], [0, 1, -180], [-7.9, 1, 0]]
    # The one at the ceiling looks larger than the one on the ground.
    sizes = [frame[f"aircraft-{slot}"][0][3] for slot in (2, 3)]
    assert sizes == [1.15, 0.65]
    assert frame["altitude"][0][2] == 3
    # The strip's upper edge is the ceiling, its lower edge the ground: 8 km from the centre.
    assert [y for _, y in frame["strip-b"]] == [-8, 8]


def test_the_board_shows_the_part_that_is_flown_in(env):
    near = state()
    near = replace(near, motion=replace(near.motion, x=near.motion.x / 4, y=near.motion.y / 4))
    scene = scene_of(env, near)
    # enemy_1, the farthest, is 1.99 km away, and the board shows 3.5 km: 416.7 m are one unit.
    assert scene["box"] == scene_of(env, state())["box"]
    assert scene["frames"][0]["aircraft-3"][0][:2] == [-4.74, 0.6]
    assert scene["frames"][0]["cone"][0][3] == 3.6
    disc = next(shape for shape in scene["background"] if shape["fill"] == "sky")
    assert disc["radius"] == pytest.approx(19.2)


def test_health_sight_and_gunfire(env):
    shown = state(hp=(1, 0.5, 1, 1), target=(3, -1, -1, 1), sees=[(0, 1)], seen_by=[(1, 1)])
    (frame,) = scene_of(env, shown)["frames"]
    assert frame["shot-a"] == [[1, -2, -7.9, 1]]
    assert frame["shot-b"] == [[-7.9, 1, 0, 0]]
    assert [frame[f"seen-{team}"][0][:4] for team in "ab"] == [[1, -2, -7.9, 1], [-7.9, 1, 0, 0]]
    assert sorted(frame["hit"]) == [[-7.9, 1], [0, 0]]
    bars = [(right - left, opacity) for left, _, right, _, opacity in frame["health-a"]]
    np.testing.assert_allclose(bars, [(0.72, 0.3), (0.72, 0.3), (0.72, 1), (0.36, 1)])
    assert [row[3] for row in frame["cone"]] == [1.5, 1.5]


def test_what_dies_bursts_and_leaves_a_wreck_that_fades(env):
    dead = (True, True, True, False)
    scene = scene_of(env, state(0), *(state(1 + i, dead, seen_by=[(1, 0)]) for i in range(45)))
    there = [-7.9, 1]
    before, after = scene["frames"][:2]
    assert "wreck" not in before
    assert after["burst-0"] == [there]
    assert scene["frames"][2]["burst-1"] == [there]
    assert "aircraft-3" not in after
    assert "seen-b" not in after, "the dead see nothing"
    opacities = [frame["wreck"][0][2] for frame in scene["frames"] if "wreck" in frame]
    assert opacities == sorted(opacities, reverse=True)
    assert len(opacities) == 40
    assert scene["readouts"]["alive"][:2] == ["2 : 2", "2 : 1"]


def test_readouts_tell_time_and_return(env):
    scene = scene_of(env, state(4), state(5), state(6), rewards=[0.25, -0.5])
    assert scene["readouts"]["time"] == ["2.0 s", "2.5 s", "3.0 s"]
    assert scene["readouts"]["return"] == ["0.00", "0.25", "-0.25"]
    assert "return" not in scene_of(env, state())["readouts"]


def test_tasks_show_where_to_go_and_what_is_not_yet_seen():
    point = Points(floats(1000), floats(-2000), floats(3000))
    waypoint = aerojax.Waypoint(num_points=1)
    env = aerojax.make("identical_2_vs_2", objective=waypoint)
    scene = scene_of(env, state(task=point))
    assert scene["frames"][0]["point"] == [[1, 2]]
    assert scene["space"]["points"] == [[[1000, -2000, 3000]]]

    env = aerojax.make("search_4", radius=8000.0)
    seen = np.ones(len(cells(8000.0)), bool)
    seen[:2] = False
    later = seen.copy()
    later[0] = True
    alone = {"seen_a": np.zeros((4, 0), bool), "seen_b": np.zeros((0, 4), bool)}
    before, after = state(0, task=seen).replace(**alone), state(1, task=later).replace(**alone)
    scene = scene_of(env, before, after)
    assert [len(frame["cell"]) for frame in scene["frames"]] == [2, 1]
    (x0, y0, *first), (x1, y1, *second) = scene["space"]["cells"]
    assert [[x0, y0], [x1, y1]] == np.round(cells(8000.0)[:2]).tolist()
    assert (first, second) == ([0, 0], [0, 1])


# --- Space ------------------------------------------------------------------------------------


def test_bodies_fly_along_their_velocity_and_bank_with_their_lift(env):
    bodies = scene_of(env, state())["space"]["bodies"]
    angles = [[body[axis][0] for axis in ("yaw", "pitch", "bank")] for body in bodies]
    assert angles == [[90, 0, 45], [0, 45, 0], [180, 0, 0], [0, 0, -90]]
    assert [bodies[0][axis] for axis in "xyz"] == [[1000], [2000], [3000]]
    assert [body["name"] for body in bodies] == ["ally_0", "ally_1", "enemy_0", "enemy_1"]
    assert [body["colour"] for body in bodies] == ["team-a"] * 2 + ["team-b"] * 2
    assert bodies[0]["sight"] == [6000, 60]


def test_bodies_bank_with_their_own_up_and_push_upright(env):
    """Banked by 60° to either side and inverted in a climb; a push does not turn one over."""
    sine, cosine = np.float32(np.sin(np.pi / 3)), np.float32(0.5)
    before = state()
    motion = replace(
        before.motion,
        up_x=floats(sine, 2**-0.5, 0, 0),
        up_y=floats(0, 0, sine, 0),
        up_z=floats(cosine, -(2**-0.5), cosine, 1),
        ny=floats(0, 0, 0, 0),
        nz=floats(1, 1, 0, -2),
    )
    bodies = scene_of(env, replace(before, motion=motion))["space"]["bodies"]
    banks = [body["bank"][0] for body in bodies]
    assert banks[0] == 60
    assert abs(banks[1]) == 180
    assert banks[2:] == [60, 0]


def test_shots_and_sights_are_intervals_of_frames(env):
    shoots, sees = {"target": (-1, 2, -1, -1)}, {"sees": [(0, 1)]}
    scene = scene_of(
        env, state(0, **sees), state(1, **sees, **shoots), state(2), state(3, **shoots)
    )
    assert scene["space"]["sights"] == [[0, 3, 0, 1]]
    assert scene["space"]["shots"] == [[1, 2, 1, 1], [1, 2, 3, 3]]


def test_the_dead_keep_the_frame_of_their_death(env):
    dead = (True, True, False, True)
    bodies = scene_of(env, state(0), state(1, dead), state(2, dead))["space"]["bodies"]
    assert [body["died"] for body in bodies] == [None, None, 1, None]
    assert bodies[2]["health"] == [1, 0, 0]


# --- Whole scenes -----------------------------------------------------------------------------


def test_an_escorted_aircraft_is_on_its_team_and_has_its_own_shape():
    env = aerojax.make("escort_4_vs_3", allies=("fighter",), enemies=("fighter",) * 2)
    first = state()
    wide = replace(first, seen_a=np.ones((2, 2), bool), seen_b=np.zeros((2, 2), bool))
    task = EscortTask(*(np.float32(number) for number in (5000, 0, 0, 0)))
    assert env.slot_names == ["ally_0", "asset", "enemy_0", "enemy_1"]
    scene = scene_of(env, replace(wide, task=task))
    check_scene(scene)
    kinds = [(body["kind"], body["shape"], body["colour"]) for body in scene["space"]["bodies"]]
    assert kinds[1:3] == [("asset", "airliner", "team-a"), ("fighter", "swept", "team-b")]
    assert "allies: asset" in [entry["label"] for entry in scene["legend"]]


def test_every_class_has_an_airframe_and_its_gun_s_reach():
    classes = (*aerojax.CLASSES, replace(aerojax.CLASSES["heavy"], name="drone"))
    env = aerojax.make("identical_2_vs_2", allies=classes, enemies=classes)
    first = jax.tree.map(np.asarray, env.reset(jax.random.key(0))[1])
    bodies = scene_of(env, first)["space"]["bodies"]
    shown = {body["kind"]: (body["shape"], body.get("reach")) for body in bodies}
    assert shown == {
        "fighter": ("swept", [2500, 30]),
        "heavy": ("broad", [2500, 30]),
        "scout": ("straight", [3250, 30]),
        "interceptor": ("dart", [2500, 30]),
        "ace": ("canard", [2500, 30]),
        "asset": ("airliner", None),
        "drone": ("swept", [2500, 30]),
    }


def test_it_is_a_scene_that_fits_into_json_and_into_a_page(env):
    scene = scene_of(env, state(0), state(1), rewards=np.zeros(1), title="A title")
    assert json.loads(json.dumps(scene)) == scene
    check_scene(scene)
    assert scene["title"] == "A title"
    assert scene_of(env, state())["title"] == "Identical 2 against 2"
    assert "A title" in html_replay_3d(scene)


def test_a_whole_episode_makes_a_page_below_one_megabyte(env, tmp_path):
    scene = scene_of(env, *(state(step) for step in range(201)))
    assert save_scene(scene, tmp_path / "page.html").stat().st_size < 1_000_000


def test_states_of_two_episodes_are_refused(env):
    with pytest.raises(ValueError, match="state 1 is at step 1, state 2 at step 0"):
        scene_of(env, state(0), state(1), state(0))


def test_rewards_that_do_not_fit_are_refused(env):
    with pytest.raises(ValueError, match=r"2 states need rewards of shape \(1,\), got \(2,\)"):
        scene_of(env, state(0), state(1), rewards=np.zeros(2))


# --- One state --------------------------------------------------------------------------------


def test_a_state_is_drawn_in_one_line(env, tmp_path):
    _, fresh = env.reset(jax.random.key(0))
    picture = render(env, fresh)
    assert picture.shape[0] % 16 == picture.shape[1] % 16 == 0
    for colour in (COLOURS["team-a"], COLOURS["team-b"], COLOURS["beyond"]):
        rgb = [int(colour["dark"][i : i + 2], 16) for i in (1, 3, 5)]
        assert (picture == rgb).all(axis=-1).sum() > 20, colour
    svg = render(env, fresh, tmp_path / "state.svg").read_text()
    assert svg.count("<polygon") >= 4
    assert len(svg) < 20_000


# --- Tacview --------------------------------------------------------------------------------------


def parsed(path):
    """An ACMI file as its header, its objects' properties, their places by time, and its events."""
    header, objects, places, events, now = {}, {}, {}, [], None
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if line.startswith("#"):
            now = float(line[1:])
        elif line.startswith("-"):
            events.append((now, "gone", line[1:]))
        elif line.startswith("0,Event="):
            kind, *rest = line.removeprefix("0,Event=").split("|")
            events.append((now, kind, *rest))
        elif now is None:
            key, _, value = line.removeprefix("0,").partition("=")
            header[key] = value
        else:
            number, *properties = line.split(",")
            found = dict(text.split("=") for text in properties)
            if "T" in found:
                numbers = [float(x) if x else None for x in found.pop("T").split("|")]
                places[now, number] = numbers, found.pop("Health", None)
            objects.setdefault(number, {}).update(found)
    return header, objects, places, events


def test_tacview_reads_back_what_was_recorded(env, tmp_path):
    """Three states: ally_0 fires at enemy_1 from the second on, which is dead in the third."""
    states = [
        state(0),
        state(1, target=(3, -1, -1, -1), hp=(1, 1, 1, 0.5)),
        state(2, target=(3, -1, -1, -1), alive=(True, True, True, False)),
    ]
    path = save_acmi(
        scene_of(env, *states, rewards=[0.5, 1.25], title="Two, twice"), tmp_path / "e.acmi"
    )
    header, objects, places, events = parsed(path)
    assert header["FileType"] == "text/acmi/tacview"
    assert header["FileVersion"] == "2.2"
    assert "Two\\, twice" in path.read_text(encoding="utf-8-sig")
    for slot, name in enumerate(env.slot_names):
        wanted = {"Type": "Air+FixedWing", "Name": "fighter", "Pilot": name}
        team = {"Coalition": "team-a", "Color": "Blue"}
        if slot >= 2:
            team = {"Coalition": "team-b", "Color": "Red"}
        assert objects[f"{slot + 1:x}"] == wanted | team
    heading, pitch = (0, 90, 270, 90), (0, 45, 0, 0)
    for time, recorded in enumerate(states):
        for slot in range(4):
            numbers, health = places[0.5 * time, f"{slot + 1:x}"]
            x, y, z = (float(getattr(recorded.motion, axis)[slot]) for axis in "xyz")
            longitude, latitude, altitude, roll, nose, yaw, u, v = numbers
            np.testing.assert_allclose([u, v, altitude], [x, y, z], atol=0.5)
            degrees = [longitude * 111_319.49, latitude * 111_319.49]
            np.testing.assert_allclose(degrees, [x, y], atol=0.5)
            assert (yaw, nose) == (heading[slot], pitch[slot])
            assert roll == (45, 0, 0, -90)[slot]
            assert float(health) == recorded.hp[slot]
    assert events == [
        (0.5, "Message", "1", "4", "fires at enemy_1"),
        (1.0, "Destroyed", "4", "enemy_1 is lost"),
        (1.0, "gone", "4"),
        (1.0, "Bookmark", "End: time 1.0 s; alive 2 : 1; return 1.75"),
    ]
    numbers, _ = places[0, "1000"]
    assert numbers[-2:] == [4000, -2000]
    building = {"Length": "1000", "Width": "1000", "Height": "2500", "Name": "obstacle"}
    assert objects["1000"] == building | {"Type": "Ground+Static+Building"}


def test_the_dead_leave_tacview_and_points_move(tmp_path):
    """Four states of a task with points; ally_1 is dead from the second on."""
    env = aerojax.make("rendezvous_4")
    _, first = env.reset(jax.random.key(0))
    states = []
    for step in range(4):
        points = Points(*(axis + 100.0 * (step > 1) for axis in first.task))
        alive = np.array([True, step < 1, True, True])
        states.append(replace(first, step=np.int32(step), alive=alive, task=points))
    path = save_acmi(scene_of(env, *states), tmp_path / "e.acmi")
    _, objects, places, _ = parsed(path)
    assert [time for time, number in places if number == "2"] == [0, 0.5]
    assert [time for time, number in places if number == "1"] == [0, 0.5, 1, 1.5]
    assert [time for time, number in places if number == "2000"] == [0, 1]
    assert objects["2000"]["Radius"] == "600"
    where = [axis[0] for axis in states[2].task]
    np.testing.assert_allclose([places[1, "2000"][0][i] for i in (6, 7, 2)], where, atol=0.5)


def test_only_episodes_in_three_dimensions_go_to_tacview(env, tmp_path):
    scene = scene_of(env, state())
    with pytest.raises(ValueError, match=r"'e.txt' does not end with '.acmi'"):
        save_acmi(scene, tmp_path / "e.txt")
    del scene["space"]
    with pytest.raises(ValueError, match="three dimensions"):
        save_acmi(scene, tmp_path / "e.acmi")
    assert not list(tmp_path.iterdir())
