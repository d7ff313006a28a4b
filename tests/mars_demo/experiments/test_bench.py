import re

import pytest

from mars_demo.experiments.bench import bench

pytestmark = pytest.mark.loose_promotion


def test_every_environment_gets_a_row_of_numbers(toy_task):
    envs = [("plain", toy_task().make()), ("hidden", toy_task(hide=True).make())]
    table = bench(envs, num_envs=4, steps=3, repeats=2)
    assert "jax" in table.splitlines()[0]
    assert "4 environments x 3 steps" in table
    for name, row in zip(("plain", "hidden"), table.splitlines()[-2:], strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[0] == name
        numbers = [float(cell.replace(",", "")) for cell in cells[1:]]
        assert all(number > 0 for number in numbers), row


@pytest.mark.parametrize("name", ["num_envs", "steps", "repeats"])
def test_numbers_below_one_are_refused(name):
    sizes = {"num_envs": 1, "steps": 1, "repeats": 1} | {name: 0}
    with pytest.raises(ValueError, match=re.escape(f"{name} must be at least 1, got 0")):
        bench([], **sizes)
