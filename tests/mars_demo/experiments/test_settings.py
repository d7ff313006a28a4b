"""Changes to presets: which they reach, and what is refused."""

import pytest

from mars_demo.experiments.settings import apply_settings, changes_for, check_used, read_settings
from mars_demo.learning.config import Config
from mars_demo.runs.reading import RunError

SETTINGS = {
    "*": {"eps": 0.2},
    "lbf/*": {"lr": 0.1},
    "*/mars": {"eps": 0.3},
    "mpe/spread-3/mappo": {"epochs": 1},
}


def test_the_last_pattern_that_matches_counts():
    lbf = apply_settings([SETTINGS], "lbf/8x8", Config(algo="mars"))
    assert lbf == Config(algo="mars").replace(eps=0.3, lr=0.1)
    assert apply_settings([SETTINGS], "mpe/spread-3", Config(algo="mappo")) == Config(
        algo="mappo"
    ).replace(eps=0.2, epochs=1)


def test_later_settings_are_made_on_top_of_earlier_ones():
    given = {"lbf/8x8/mars": {"eps": 0.9, "lr": 0.1}, "*": {"eps": 0.7}}
    changes = {"lbf/8x8/mars": {"eps": 0.05}}
    config = apply_settings([given, changes], "lbf/8x8", Config())
    assert config == Config(eps=0.05, lr=0.1)
    assert apply_settings([given], "lbf/8x8", Config()) == Config(eps=0.7, lr=0.1)
    assert changes_for([given, changes], "lbf/8x8", "mars") == {"eps": 0.05, "lr": 0.1}


def test_patterns_are_whole_names():
    assert apply_settings([{"mars": {"eps": 0.3}}], "toy", Config()) == Config()
    # MABrax has a bar in a name, which is nothing special in a pattern.
    name = "mabrax/humanoid_9|8"
    assert apply_settings([{f"{name}/*": {"eps": 0.3}}], name, Config()).eps == 0.3


def test_a_pattern_that_matches_nothing_is_refused():
    check_used(SETTINGS, ["lbf/8x8", "mpe/spread-3"], ["mars", "mappo"])
    with pytest.raises(ValueError, match=r"'lbf/\*' matches none of mpe/spread-3/mars"):
        check_used(SETTINGS, ["mpe/spread-3"], ["mars"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged: Expecting"),
        ("[]", "must be like"),
        ('{"eps": 0.2}', "must be like"),
        ('{"*": {"epsilon": 0.2}}', "unknown field 'epsilon'; valid: eps"),
        ('{"*": {"seed": 1}}', "unknown field 'seed'"),
        ('{"*": {"algo": "mars"}}', "unknown field 'algo'"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(RunError, match=message):
        read_settings(tmp_path / "settings.json")


def test_a_file_is_read_as_it_stands(tmp_path):
    (tmp_path / "settings.json").write_text('{"*": {"eps": 0.2}, "lbf/*": {"lr": 0.1}}')
    assert read_settings(tmp_path / "settings.json") == {"*": {"eps": 0.2}, "lbf/*": {"lr": 0.1}}
