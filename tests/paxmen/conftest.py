"""Boards drawn by hand: pictures of a part of the maze that become states, and back.

    #  wall    .  floor    o  dot    0..5  agent

A board's legend gives a letter to what has none: {"A": "01", "B": "0o"} are two agents in one
cell and an agent on a dot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import paxmen

ACTIONS = {"^": 0, "v": 1, ">": 2, "<": 3, "e": 4}  # up, down, right, left, eat

# The layouts once more: arms in the order of the dots and of the world state. The hub's side goes
# first; "N-2:12" is a corridor of 12 northwards, two columns left of the centre line.
LAYOUTS = {
    4: (
        3,
        "N+0:12 S+0:4 E+0:8 W+0:8",
        "N+0:4 S+0:12 E+0:8 W+0:8",
        "N+0:8 S+0:8 E+0:12 W+0:4",
        "N+0:8 S+0:8 E+0:4 W+0:12",
    ),
    5: (
        5,
        "N-2:12 N+2:4 S+0:8 E+0:8 W+0:8",
        "S-2:12 S+2:4 N+0:8 E+0:8 W+0:8",
        "E-2:12 E+2:4 N+0:8 S+0:8 W+0:8",
        "W-2:12 W+2:4 N+0:8 S+0:8 E+0:8",
    ),
    6: (
        7,
        "N-2:12 N+2:8 S-2:12 S+2:8 E+0:4 W+0:4",
        "E-2:12 E+2:8 W-2:12 W+2:8 N+0:4 S+0:4",
        "N-2:12 N+2:8 E-2:12 E+2:8 S+0:4 W+0:4",
        "S-2:12 S+2:8 W-2:12 W+2:8 N+0:4 E+0:4",
    ),
}


@dataclass(frozen=True)
class Layout:
    """The cells of one layout, (row, col) each, in the order of the world state."""

    hub: list[tuple[int, int]]
    corridors: list[list[tuple[int, int]]]
    rooms: list[list[tuple[int, int]]]

    @property
    def cells(self) -> list[tuple[int, int]]:
        arms = zip(self.corridors, self.rooms, strict=True)
        return self.hub + [cell for corridor, room in arms for cell in corridor + room]


def _layout(num_agents: int, layout_id: int) -> Layout:
    """Walks along each arm from the hub's centre, instead of placing rectangles."""
    side, *lines = LAYOUTS[num_agents]
    centre = 19 + side // 2
    hub = [(row, col) for row in range(19, 19 + side) for col in range(19, 19 + side)]
    corridors, rooms = [], []
    for arm in lines[layout_id].split():
        offset, length = map(int, arm[1:].split(":"))
        ahead, aside = (
            {"N": (-1, 0), "S": (1, 0), "E": (0, 1), "W": (0, -1)}[arm[0]],
            arm[0] in "NS",
        )

        def cell(distance, sideways, ahead=ahead, aside=aside):
            steps = side // 2 + distance
            row, col = centre + steps * ahead[0], centre + steps * ahead[1]
            return (row, col + sideways) if aside else (row + sideways, col)

        corridors.append(sorted(cell(i, offset) for i in range(1, length + 1)))
        rooms.append(sorted(cell(length + i, offset + j) for i in range(1, 6) for j in (-1, 0, 1)))
    return Layout(hub, corridors, rooms)


@pytest.fixture(scope="session")
def layout_of():
    """`layout_of(num_agents, layout_id)`: the cells of a layout, from this file's own table."""
    return _layout


@dataclass(frozen=True)
class Board:
    """A window on one layout of an environment; what lies outside of it is given as positions.

    Agents that a picture does not show stand in `parked`, and their action is a failed *eat*.
    """

    env: "paxmen.PaxMen"
    layout_id: int
    corner: tuple[int, int]
    parked: tuple[int, int] = (19, 19)
    dots_elsewhere: tuple[tuple[int, int], ...] = ()
    legend: Mapping[str, str] = field(default_factory=dict)

    def state(self, picture: str, step: int = 0) -> "paxmen.State":
        rows = _rows(picture)
        grid = np.asarray(self.env.grid(self.layout_id))
        positions = np.tile(self.parked, (self.env.num_agents, 1))
        dots = np.zeros(grid.shape, bool)
        dots[tuple(np.array(self.dots_elsewhere, int).reshape(-1, 2).T)] = True
        for row, line in enumerate(rows, start=self.corner[0]):
            for col, sign in enumerate(line, start=self.corner[1]):
                assert (sign == "#") == (grid[row, col] == -1), f"walls drawn wrong: {row, col}"
                for content in self.legend.get(sign, sign):
                    dots[row, col] |= content == "o"
                    if content.isdigit():
                        positions[int(content)] = row, col
        return self.env.make_state(self.layout_id, positions, dots, step)

    def picture(self, state: "paxmen.State", like: str) -> str:
        """The same part of the maze as the picture `like`."""
        signs = {contents: sign for sign, contents in self.legend.items()} | {"": "."}
        grid = np.asarray(self.env.grid(state.layout_id))
        positions = np.asarray(self.env.agent_positions(state)).tolist()
        dots = np.asarray(self.env.dots_on_grid(state))

        def sign(row, col):
            agents = [str(i) for i, position in enumerate(positions) if position == [row, col]]
            contents = "".join(agents) + "o" * bool(dots[row, col])
            return "#" if grid[row, col] == -1 else signs.get(contents, contents)

        return "\n".join(
            "".join(sign(row, col) for col in range(self.corner[1], self.corner[1] + len(line)))
            for row, line in enumerate(_rows(like), start=self.corner[0])
        )

    def actions(self, signs: str) -> dict[str, jax.Array]:
        """From one sign for each agent, in order; those left out try to eat."""
        signs = signs.ljust(self.env.num_agents, "e")
        return {a: jnp.int32(ACTIONS[s]) for a, s in zip(self.env.agents, signs, strict=True)}

    def play(self, before: str, actions: str, after: str) -> float:
        """Compares the board after one step with a picture; returns the team's reward."""
        _, state, rewards, _, _ = self.env.step_env(
            jax.random.key(0), self.state(before), self.actions(actions)
        )
        assert self.picture(state, after) == "\n".join(_rows(after))
        assert len({float(reward) for reward in rewards.values()}) == 1, "one reward for all"
        return float(rewards["agent_0"])

    def window(self, obs: jax.Array) -> str:
        """An agent's observation as a picture: `a` another agent, `?` what nobody should see."""
        signs = {
            np.float32(value): sign for value, sign in zip((-1, 0, 1, 0.1), "#.oa", strict=True)
        }
        return "\n".join(
            "".join(signs.get(np.float32(value), "?") for value in row)
            for row in np.asarray(obs).reshape(5, 5)
        )


def _rows(picture: str) -> list[str]:
    return picture.split()


@pytest.fixture(scope="session")
def draw():
    """`draw(name, layout_id, corner, ...)`: a `Board` on that environment."""
    return lambda name, *args, **kwargs: Board(paxmen.make(name), *args, **kwargs)
