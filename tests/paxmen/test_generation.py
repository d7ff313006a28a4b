"""Generated mazes: what is said of them holds in their drawings, read in plain Python."""

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import paxmen
from paxmen.generated import GENERATED, HELD_OUT, TRAINING, draw_set, load_set


def _beside(place):
    row, col = place
    return [(row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)]


def _groups(places):
    left, groups = set(places), []
    while left:
        group, edge = set(), [min(left)]
        while edge:
            place = edge.pop()
            if place in left:
                left.remove(place)
                group.add(place)
                edge += _beside(place)
        groups.append(sorted(group))
    return groups


def _touching(one, other):
    return sum(place in other for cell in one for place in _beside(cell))


def _check_level(drawing, *, hub, arms, corridors, rooms, turns):
    signs = {
        (row, col): sign
        for row, line in enumerate(drawing.split())
        for col, sign in enumerate(line)
    }
    kinds = {kind: [p for p, sign in signs.items() if sign == kind] for kind in "0.o"}
    (hub_cells,) = _groups(kinds["0"])
    corner = hub_cells[0]
    assert hub_cells == [(corner[0] + i, corner[1] + j) for i in range(hub) for j in range(hub)]
    all_rooms, all_corridors = _groups(kinds["o"]), _groups(kinds["."])
    assert len(all_rooms) == len(all_corridors) == arms
    lengths = []
    for room in all_rooms:
        height, width = np.ptp(room, axis=0) + 1
        assert height * width == len(room)
        assert min(height, width) >= 3
        assert rooms[0] <= len(room) <= rooms[1]
        assert _touching(room, hub_cells) == 0
        (own,) = [corridor for corridor in all_corridors if _touching(corridor, room)]
        assert _touching(own, room) == _touching(own, hub_cells) == 1
        assert sum(_touching(own, other) for other in all_rooms) == 1
        assert corridors[0] <= len(own) <= corridors[1]
        # A way without crossings: each cell touches two others of it, the ends one.
        ends = [p for p in own if _touching([p], own) == (1 if len(own) > 1 else 0)]
        assert len(ends) == min(2, len(own))
        assert all(_touching([p], own) <= 2 for p in own)
        bends = sum(
            (row - 1, col) in own or (row + 1, col) in own
            for row, col in own
            if (row, col - 1) in own or (row, col + 1) in own
        )
        assert bends <= turns
        lengths.append(len(own))
    return lengths


@given(
    seed=st.integers(0, 2**63 - 1),
    num_agents=st.integers(1, 8),
    arms=st.integers(1, 6),
    corridor=st.tuples(st.integers(1, 8), st.integers(0, 8)),
    room=st.sampled_from([(9, 30), (9, 9), (12, 16), (30, 30)]),
    turns=st.integers(0, 4),
)
@settings(max_examples=30)
def test_generated_mazes_are_what_is_said(seed, num_agents, arms, corridor, room, turns):
    corridors = corridor[0], sum(corridor)
    options = {"arms": arms, "corridors": corridors, "rooms": room, "turns": turns, "hub": 7}
    try:
        mazes = paxmen.generate_mazes(num_agents, 2, seed, **options)
    except ValueError:  # which is rare, and tested below
        assume(False)
        raise
    for level in range(2):
        lengths = _check_level(
            mazes.draw(level), hub=7, arms=arms, corridors=corridors, rooms=room, turns=turns
        )
        # The certificate: the corridor, and the step out of it.
        assert sorted(mazes.steps_to_rooms[level]) == sorted(n + 1 for n in lengths)
    assert mazes.num_cells == 49 + arms * (corridors[1] + room[1])
    assert mazes.num_rooms == arms
    again = paxmen.generate_mazes(num_agents, 2, seed, **options)
    assert again.digest == mazes.digest
    first = paxmen.generate_mazes(num_agents, 1, seed, **options)
    assert first == mazes[:1]
    drawings = [mazes.draw(level) for level in range(2)]
    assert paxmen.parse_mazes(drawings).padded(mazes.num_cells) == mazes


def test_all_kinds_of_bends_and_shapes_come():
    mazes = paxmen.generate_mazes(4, 64, 0, turns=3)
    assert len({mazes.draw(level) for level in range(64)}) == 64
    shapes = {tuple(shape) for shape in mazes.rooms[..., 1:].reshape(-1, 2).tolist()}
    assert {(3, 3), (3, 10), (10, 3), (5, 6), (6, 5)} <= shapes
    lengths = mazes.steps_to_rooms.ravel() - 1
    assert set(lengths.tolist()) == set(range(4, 13))
    assert abs(lengths.mean() - 8) < 0.6


def test_the_same_seed_draws_the_same_on_any_machine():
    """Literals of the program: when the draws change on purpose, the shipped sets do, too."""
    mazes = paxmen.generate_mazes(4, 8, 7)
    assert mazes.digest == "35e81b60c5c22ca40cf52980ebf46cde7e95af9eeeecb0313c48827e4e079ef6"
    assert paxmen.generate_mazes(4, 8, 8) != mazes


def test_64_agents_in_one_maze():
    mazes = paxmen.generate_mazes(64, 1, 0, corridors=(4, 48), turns=3)
    _check_level(mazes.draw(0), hub=47, arms=64, corridors=(4, 48), rooms=(9, 30), turns=3)
    env = paxmen.PaxMen(64, mazes=mazes)
    obs, state = jax.eval_shape(env.reset, jax.random.key(0))
    actions = dict.fromkeys(env.agents, jax.ShapeDtypeStruct((), "int32"))
    after = jax.eval_shape(env.step, jax.random.key(0), state, actions)
    assert jax.tree.map(lambda x: x.shape, after[:2]) == jax.tree.map(
        lambda x: x.shape, (obs, state)
    )
    assert obs["world_state"].shape == (47**2 + 64 * (48 + 30),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_agents": 65}, "num_agents must be a whole number from 1 to 64, got 65"),
        ({"count": 0}, "count must be a whole number from 1 .* got 0"),
        ({"seed": -1}, "seed must be a whole number from 0 .* got -1"),
        ({"arms": 0}, "arms must be a whole number from 1 to 64, got 0"),
        ({"hub": 1}, "a hub of 1 x 1 cells does not hold 4 agents"),
        ({"hub": 3, "arms": 9}, "a hub of 3 x 3 cells has 8 doors, too few for 9 arms"),
        ({"corridors": (4, 3)}, "most cells of corridors must be a whole number from 4 to 64, got"),
        ({"corridors": 4}, "corridors must be a pair, the fewest and the most, got 4"),
        ({"corridors": (0, 3)}, "fewest cells of corridors must be a whole number from 1 .* got 0"),
        ({"rooms": (8, 30)}, "fewest cells of rooms must be a whole number from 9 to 30, got 8"),
        ({"rooms": (10, 11)}, "no room of 10 to 11 cells has sides of 3 or more"),
        ({"turns": -1}, "turns must be a whole number from 0 to 16, got -1"),
        (
            {"arms": 8, "hub": 3, "corridors": (1, 1), "rooms": (30, 30)},
            "maze 0 has no place for 8 arms; fewer arms, a larger hub, longer corridors",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        paxmen.generate_mazes(**{"num_agents": 4, "count": 1, "seed": 0} | options)
    assert "\n" not in str(caught.value)


# --- The sets that ship ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATED)
def test_a_set_that_ships_is_what_its_seed_draws(name):
    mazes = load_set(name)  # which checks the digest
    assert len(mazes) == (HELD_OUT if name.endswith("heldout") else TRAINING)
    assert mazes.name == name
    assert draw_set(name, 3) == mazes[:3]


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATED)
def test_a_whole_set_is_drawn_again(name):
    assert draw_set(name).digest == load_set(name).digest


@pytest.mark.parametrize("num_agents", [4, 8, 16])
def test_no_level_is_held_out_and_trained_on(num_agents):
    train, test = (load_set(f"paxmen-generated-{num_agents}{end}") for end in ("", "-heldout"))
    both = [cells.tobytes() for mazes in (train, test) for cells in mazes.cells]
    assert len(set(both)) == TRAINING + HELD_OUT
    assert (train.num_cells, train.num_rooms) == (test.num_cells, test.num_rooms)


def test_a_file_of_other_levels_is_refused(monkeypatch, tmp_path):
    name = "paxmen-generated-4-heldout"
    load_set(name)[:2].save(tmp_path / f"{name}.npz")
    load_set.cache_clear()
    monkeypatch.setattr("paxmen.generated._FOLDER", tmp_path)
    with pytest.raises(ValueError, match=rf"{name}: the levels' digest is \w+, not \w+"):
        load_set(name)
