"""Bounds, collisions and obstacles: what kills, and what blocks the view."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerojax.draws import Draws, draw_words
from aerojax.rules import arena

DT = 0.5
in_sight = jax.jit(arena.in_sight)


# --- Bounds ---------------------------------------------------------------------------------------


def test_the_arena_ends_on_every_side(motion_of):
    places = [
        (0, 0, 3000),  # inside
        (7999, 0, 3000),
        (0, -7999, 3000),
        (5650, 5650, 3000),  # 7990 m from the middle
        (0, 0, 0),
        (0, 0, 10_000),
        (8001, 0, 3000),  # outside: beyond the edge, beneath, above
        (-8001, 0, 3000),
        (0, 8001, 3000),
        (0, -8001, 3000),
        (5660, -5660, 3000),
        (0, 0, -0.5),
        (0, 0, 10_001),
    ]
    motion = motion_of(*((*place, 0, 200) for place in places))
    out = arena.out_of_bounds(motion, 8000.0, 10_000.0)
    np.testing.assert_array_equal(out, [False] * 6 + [True] * 7)


# --- Collisions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("apart", "speed", "miss", "expected"),
    [
        (100, 200, 0, True),  # met a quarter of a second ago at 400 m/s
        (100, 200, 14, True),
        (100, 200, 20, False),  # passed each other at 20 m
        (199, 200, 0, True),  # as long ago as the step allows: half a second
        (230, 200, 0, False),  # met before this step began
        (-20, 200, 0, False),  # about to meet
        (10, 0, 0, True),  # at rest beside each other
        (20, 0, 0, False),
    ],
)
def test_the_closest_approach_within_the_step_counts(motion_of, apart, speed, miss, expected):
    """Two on opposite courses along x, `apart` metres past each other, one above the other."""
    motion = motion_of((0, 0, 3000, 180, speed), (apart, 0, 3000 + miss, 0, speed))
    hit = arena.collided(motion, jnp.ones(2, bool), DT)
    np.testing.assert_array_equal(hit, [expected] * 2)


def test_only_those_who_meet_collide_and_the_dead_do_not(motion_of):
    motion = motion_of((0, 0, 3000, 0, 200), (5, 0, 3000, 0, 200), (2000, 0, 3000, 0, 200))
    everyone = arena.collided(motion, jnp.ones(3, bool), DT)
    np.testing.assert_array_equal(everyone, [True, True, False])
    without = arena.collided(motion, jnp.array([True, False, True]), DT)
    np.testing.assert_array_equal(without, [False] * 3)


# --- Obstacles ------------------------------------------------------------------------------------


def test_an_obstacle_kills_within_its_radius_and_height(motion_of, obstacles_of):
    cylinders = obstacles_of((1000, 0, 500, 2000), (-3000, -3000, 300, 0))
    places = [(1000, 0, 1999), (1000, 499, 100), (501, 0, 0)]
    spared = [(1000, 0, 2001), (1000, 501, 100), (499, 0, 0), (-3000, -3000, 1)]
    motion = motion_of(*((*place, 0, 200) for place in places + spared))
    np.testing.assert_array_equal(arena.inside(cylinders, motion), [True] * 3 + [False] * 4)


def _sampled_sight(cylinders, start, end, grown):
    """Whether a segment is free of cylinders grown by some metres, looked at 1501 places."""
    share = np.linspace(0, 1, 1501)[:, None]
    path = start + share * (end - start)
    for x, y, radius, height in cylinders:
        within = np.hypot(path[:, 0] - x, path[:, 1] - y) < radius + grown
        if np.any(within & (path[:, 2] < height + grown)):
            return False
    return True


def test_sight_agrees_with_a_sampled_segment(motion_of, obstacles_of):
    rng = np.random.default_rng(0)
    rows, columns, count = 20, 20, 4
    verdicts = []
    for _ in range(2):
        disc = rng.uniform(-5000, 5000, (count, 2))
        cylinders = np.column_stack(
            [disc, rng.uniform(300, 800, count), rng.uniform(1500, 3500, count)]
        )
        starts, ends = (
            np.column_stack([rng.uniform(-6000, 6000, (n, 2)), rng.uniform(0, 5000, n)])
            for n in (rows, columns)
        )
        aim = (0, 200)
        sight = in_sight(
            obstacles_of(*cylinders),
            motion_of(*((*place, *aim) for place in starts)),
            motion_of(*((*place, *aim) for place in ends)),
        )
        for i, start in enumerate(starts):
            for j, end in enumerate(ends):
                # Grazing lines are left out: 3 m of doubt, in which sampling may err.
                if _sampled_sight(cylinders, start, end, 3.0):
                    assert sight[i, j], (start, end)
                elif not _sampled_sight(cylinders, start, end, -3.0):
                    assert not sight[i, j], (start, end)
                else:
                    continue
                verdicts.append(bool(sight[i, j]))
    assert len(verdicts) > 750
    assert 0.1 < np.mean(verdicts) < 0.9


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((-1000, 0, 1000), (1000, 0, 1000), False),  # through the middle
        ((-1000, 0, 2100), (1000, 0, 2100), True),  # over the top
        ((-1000, 0, 3000), (1000, 0, 1700), True),  # falls beneath the top only behind it
        ((-1000, 0, 3000), (1000, 0, 100), False),
        ((-1000, 0, 1000), (-600, 0, 1000), True),  # ends before it
        ((600, 0, 1000), (1000, 0, 1000), True),  # begins behind it
        ((-1000, 510, 1000), (1000, 510, 1000), True),  # past the side
        ((0, 0, 3000), (0, 0, 2500), True),  # straight down above it
        ((0, 0, 3000), (0, 0, 1500), False),
    ],
)
def test_sight_past_one_cylinder(motion_of, obstacles_of, start, end, expected):
    """The cylinder stands in the middle, 500 m in radius and 2000 m high."""
    sight = in_sight(
        obstacles_of((0, 0, 500, 2000)), motion_of((*start, 0, 200)), motion_of((*end, 0, 200))
    )
    assert bool(sight[0, 0]) == expected


@given(st.lists(st.floats(-4000, 4000, width=32), min_size=6, max_size=6))
def test_sight_is_mutual(motion_of, obstacles_of, numbers):
    cylinders = obstacles_of((500, 500, 800, 3000), (-1500, 0, 400, 2000))
    x1, y1, z1, x2, y2, z2 = numbers
    one, other = motion_of((x1, y1, abs(z1), 0, 200)), motion_of((x2, y2, abs(z2), 0, 200))
    there, back = (in_sight(cylinders, *ends)[0, 0] for ends in ((one, other), (other, one)))
    assert bool(there) == bool(back)


def test_obstacles_are_placed_clear_of_the_starts(motion_of):
    count, radius = 6, 8000.0
    lanes = [(-2500, y, 3000, 0, 200) for y in (-700, 0, 700)]
    starts = motion_of(*lanes, *((2500, y, z, 180, s) for _, y, z, _, s in lanes))

    @jax.jit
    @jax.vmap
    def place(key):
        return arena.place_obstacles(Draws(draw_words(key, 100)), count, radius, starts)

    placed = place(jax.random.split(jax.random.key(0), 2000))
    stands = np.asarray(placed.height > 0)
    assert stands.mean() > 0.99
    placed = jax.tree.map(np.asarray, placed)
    gap = np.hypot(
        placed.x[..., None] - np.asarray(starts.x), placed.y[..., None] - np.asarray(starts.y)
    )
    assert np.all((gap > placed.radius[..., None] + 400).all(axis=2) | ~stands)
    assert np.all(np.hypot(placed.x, placed.y) <= 0.75 * radius)
    assert 300 <= placed.radius.min() < 310
    assert 790 < placed.radius.max() <= 800
    assert 1500 <= placed.height[stands].min() < 1520
    assert 3480 < placed.height.max() <= 3500
