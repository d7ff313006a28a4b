"""Time limits: truncation, told apart from an end by the rules."""

import numpy as np
import pytest

from wrappers import AgentId, AutoReset, TimeLimit


def ends(seen):
    """`__all__`, terminated and truncated of each step."""
    return [
        tuple(bool(x) for x in (dones["__all__"], info["terminated"], info["truncated"]))
        for *_, dones, info in seen
    ]


def test_a_limit_truncates(tally, play):
    seen = play(AutoReset(TimeLimit(tally, 2)), [(1, 0), (1, 0), (1, 0)])
    assert ends(seen) == [(False, False, False), (True, False, True), (False, False, False)]
    assert bool(seen[1][3]["agent_0"])
    assert [int(step[1].step) for step in seen] == [1, 0, 1]
    np.testing.assert_array_equal(seen[1][4]["final_observation"]["agent_0"], [2])


def test_an_end_before_the_limit_is_no_truncation(tally, play):
    seen = play(AutoReset(TimeLimit(tally, 3)), [(2, 2), (2, 2), (1, 0)])
    assert ends(seen) == [(False, False, False), (True, True, False), (False, False, False)]


def test_an_end_at_the_limit_is_a_truncation_unless_the_environment_says_not(tally, play):
    class Telling(type(tally)):
        def step_env(self, key, state, actions):
            *rest, dones, info = super().step_env(key, state, actions)
            return *rest, dones, info | {"terminated": dones["__all__"]}

    moves = [(2, 2), (2, 2)]
    assert ends(play(AutoReset(TimeLimit(tally, 2)), moves))[-1] == (True, False, True)
    assert ends(play(AutoReset(TimeLimit(Telling(), 2)), moves))[-1] == (True, True, False)


def test_an_end_at_the_environments_own_limit_is_a_truncation(tally, play):
    class Limited(type(tally)):
        def step_env(self, key, state, actions):
            *rest, info = super().step_env(key, state, actions)
            return *rest, info | {"terminated": np.zeros(2, bool)}

    for step, done in zip(
        play(TimeLimit(Limited(), 9), [(2, 2), (2, 2)]), (False, True), strict=True
    ):
        np.testing.assert_array_equal(step[4]["terminated"], [False, False])
        np.testing.assert_array_equal(step[4]["truncated"], [done, done])


def test_without_auto_reset_each_agent_is_told(tally, play):
    (*_, info), (*_, last) = play(TimeLimit(tally, 2), [(1, 0), (1, 0)])
    np.testing.assert_array_equal(info["truncated"], [False, False])
    np.testing.assert_array_equal(last["truncated"], [True, True])


def test_a_limit_that_another_one_forestalls_is_refused(tally, play):
    seen = play(TimeLimit(AgentId(TimeLimit(tally, 3)), 2), [(1, 0), (1, 0)])
    assert [bool(step[3]["__all__"]) for step in seen] == [False, True]
    assert TimeLimit(TimeLimit(tally, 3), 3).max_steps == 3
    with pytest.raises(ValueError, match=r"max_steps is 4, but the TimeLimit inside.* after 3"):
        TimeLimit(AgentId(TimeLimit(tally, 3)), 4)


@pytest.mark.parametrize("limit", [0, -3, 2.0, True, "5"])
def test_a_limit_is_a_positive_integer(tally, limit):
    with pytest.raises(ValueError, match=r"max_steps is .*; valid: a positive integer"):
        TimeLimit(tally, limit)
