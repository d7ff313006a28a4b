"""What a task may be, and what is refused before anything is traced."""

import dataclasses
import pickle
from pathlib import Path

import jax
import pytest

import aerojax
from aerojax.config import Config
from aerojax.objectives.combat import Combat
from aerojax.objectives.escort import Escort
from aerojax.objectives.pursuit import Pursuit
from aerojax.objectives.search import Search
from aerojax.objectives.waypoint import Waypoint

ONE, TEN = ("fighter",), ("fighter",) * 10
OWN = dataclasses.replace(aerojax.CLASSES["fighter"], name="own", mass=8000.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: aerojax.make("identical_5v5"), ValueError, "'identical_5v5'; valid: identical_5_"),
        (lambda: aerojax.make("serch_4"), ValueError, "'serch_4'; valid: search_4, "),
        (lambda: aerojax.make("1_vs_1", opponent="ace"), TypeError, "'opponent'; valid: opponents"),
        (lambda: aerojax.make("1_vs_1", opponents="purser"), ValueError, "'purser'; valid: pursu"),
        (lambda: aerojax.make("1_vs_1", opponents=None), ValueError, "unknown opponents None"),
        (lambda: aerojax.make("1_vs_1", actions="discret"), ValueError, "'discret'; valid: disc"),
        (lambda: aerojax.make("1_vs_1", control="manual"), ValueError, "'manual'; valid: .*guided"),
        (lambda: Config(("figther",)), ValueError, "'figther'; valid: fighter, .* of your own"),
        (lambda: Config(ONE, ("bomber", "ace")), ValueError, "unknown aircraft class 'bomber'"),
        (lambda: Config(ONE, ONE, objective="combat"), ValueError, "Objective, got 'combat'"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest_first(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"allies": ()}, "allies must be 1 to 200 aircraft, got 0"),
        ({"allies": ONE * 201}, "allies .* got 201"),
        ({"enemies": ONE * 201}, "enemies .* got 201"),
        ({"enemies": ()}, "Combat needs enemies, got none"),
        ({"enemies": (), "objective": Pursuit()}, "Pursuit needs enemies"),
        ({"enemies": (), "objective": Escort()}, "Escort needs enemies"),
        (
            {"enemies": (), "objective": Waypoint(), "opponents": "selfplay"},
            "selfplay' need enemies, got none",
        ),
        ({"opponents": "hider"}, "'hider' need obstacles .* got 0"),
        ({"opponents": "waypoint"}, "'waypoint' need an objective with points"),
        ({"obstacles": 17}, "obstacles must be 0 to 16, got 17"),
        ({"obstacles": -1}, "obstacles must be 0 to 16, got -1"),
        ({"link_dropout": 1.5}, r"link_dropout must lie in \[0, 1\], got 1.5"),
        ({"link_dropout": float("nan")}, "link_dropout .* got nan"),
        ({"radius": 500.0}, "radius must be at least 6000 m, got 500"),
        ({"radius": float("nan")}, "radius .* got nan"),
        ({"ceiling": 100.0}, "ceiling must be at least 5000 m, got 100"),
        (
            {"allies": ONE * 50, "radius": 6000.0},
            "50 against 1 .* 6500 m .* radius of 6000.* small",
        ),
        ({"enemies": ONE * 51, "ceiling": 5000.0}, "1 against 51 .* 5000 m high.* ceiling of 5000"),
        ({"enemies": ONE * 16, "objective": Pursuit()}, "1 against 16 .* 8013 m from the middle"),
        ({"max_steps": 0}, "max_steps must be at least 1, got 0"),
        ({"max_steps": 2.5}, "max_steps must be an integer, got 2.5"),
        ({"obstacles": True}, "obstacles must be an integer, got True"),
        ({"obstacles": "3"}, "obstacles must be an integer, got '3'"),
        ({"ceiling": float("inf")}, "ceiling must be a finite number, got inf"),
        ({"stochastic_guns": "no"}, "stochastic_guns must be True or False, got 'no'"),
        ({"name": 5}, "name must be a text, got 5"),
        ({"allies": "fighter"}, r"allies must be several aircraft, such as \('fighter',\)"),
        ({"radius": float("inf")}, "radius must be a finite number, got inf"),
        ({"max_steps": 10.5}, "max_steps must be an integer, got 10.5"),
        ({"obstacles": 2.5}, "obstacles must be an integer, got 2.5"),
        (
            {"enemies": (dataclasses.replace(OWN, name="fighter"),)},
            "two different aircraft classes are called 'fighter': rename one",
        ),
    ],
)
def test_an_impossible_task_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Config(**{"allies": ONE, "enemies": ONE} | fields)


@pytest.mark.parametrize(
    ("objective", "fields", "message"),
    [
        (Pursuit, {"win": float("nan")}, "Pursuit's weight win must be a finite number, got nan"),
        (Combat, {"kills": float("nan")}, "Combat's weight kills must be .* number, got nan"),
        (Waypoint, {"hits": "many"}, "Waypoint's weight hits must be a finite number, got 'many'"),
        (Combat, {"discount": 2.0}, r"Combat's discount must lie in \[0, 1\], got 2.0"),
        (Escort, {"discount": None}, r"Escort's discount must lie in \[0, 1\], got None"),
    ],
)
def test_an_impossible_objective_is_refused(objective, fields, message):
    with pytest.raises(ValueError, match=message):
        objective(**fields)


@pytest.mark.parametrize("field", ["num_points", "crew"])
def test_impossible_waypoints_are_refused(field):
    with pytest.raises(ValueError, match=f"{field} must be an integer of at least 1, got 0"):
        Waypoint(**{field: 0})


def test_script_actions_name_what_is_valid(duel, state_of):
    state = state_of(duel, [(0, 0, 3000, 0, 200), (900, 0, 3000, 0, 200)])
    with pytest.raises(ValueError, match=r"no script 'pursue' for this task; valid: pursuit"):
        duel.script_actions(state, "pursue")
    with pytest.raises(ValueError, match="self-play only"):
        aerojax.make("1_vs_1").script_actions(state, "pursuit", enemies=True)


# --- Rosters --------------------------------------------------------------------------------------


def test_a_roster_of_ones_own():
    env = aerojax.make(Config((OWN, "scout"), ("heavy",) * 3, opponents="selfplay"))
    assert env.agents == ["ally_0", "ally_1", "enemy_0", "enemy_1", "enemy_2"]
    assert env.agent_classes == {
        "own": ["ally_0"],
        "scout": ["ally_1"],
        "heavy": ["enemy_0", "enemy_1", "enemy_2"],
    }
    assert env.name == "custom"
    assert aerojax.make(env.config, max_steps=10).max_steps == 10


def test_changes_are_arguments_and_show_in_the_name():
    env = aerojax.make("search_4", actions="continuous", max_steps=50)
    assert env.name == "search_4*"
    assert aerojax.make("search_4", max_steps=200).name == "search_4", "no change"
    assert aerojax.make("search_4", max_steps=50, name="short").name == "short"
    assert env.config.actions == "continuous"
    assert env.config.objective == Search()
    assert env.config == aerojax.make("search_4", max_steps=50, actions="continuous").config


def test_an_escorted_asset_is_no_agent():
    env = aerojax.make("escort_4_vs_3", opponents="selfplay")
    assert env.num_agents == 7
    assert env.config.num_aircraft == 8
    assert env.slot_names[4] == "asset"
    assert "asset" not in env.agents


# --- Equality -------------------------------------------------------------------------------------


def test_equal_configurations_are_equal():
    one, other = (Config(("fighter", OWN), TEN, Pursuit(win=3.0)) for _ in range(2))
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other)
    assert one == Config([aerojax.CLASSES["fighter"], OWN], list(TEN), Pursuit(win=3.0))
    for change in (
        {"objective": Pursuit()},
        {"allies": TEN},
        {"obstacles": 1},
        {"stochastic_guns": True},
    ):
        assert dataclasses.replace(one, **change) != one


def test_every_scenario_has_a_sentence_and_a_configuration():
    scenarios = aerojax.list_scenarios()
    assert list(scenarios)[:7] == list(aerojax.BENCHMARK)
    assert len(scenarios) == 15
    for name, sentence in scenarios.items():
        assert sentence.endswith(".")
        assert aerojax.make(name).name == name


def test_a_script_that_cannot_play_the_task_is_refused():
    env = aerojax.make("waypoint_5")
    state = env.reset(jax.random.key(0))[1]
    with pytest.raises(ValueError, match=r"no script 'pursuit' for this task; valid: .*waypoint"):
        env.script_actions(state, "pursuit")


def test_nobody_else_searches():
    with pytest.raises(ValueError, match="Search takes no enemies, got 2"):
        aerojax.Config(("fighter",), ("fighter",) * 2, objective=Search())


def test_the_errata_end_with_the_version_of_the_rules():
    page = (Path(__file__).parents[2] / "docs" / "aerojax.md").read_text()
    table = page.partition("## Versions of the rules")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert rows[1:] == [str(version) for version in range(1, aerojax.RULES_VERSION + 1)]
