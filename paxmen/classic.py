"""The twelve classic mazes: a hub, straight arms and the rooms at their ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from paxmen.mazes import Arm, Block, Level, Mazes, assemble

_ROOM_LENGTH, _ROOM_WIDTH = 5, 3
_LONGEST_CORRIDOR = 12
_MARGIN = 2  # of walls around it all
_HUB_CORNER = _MARGIN + _ROOM_LENGTH + _LONGEST_CORRIDOR


@dataclass(frozen=True)
class Sizes:
    """What depends on the agent count."""

    hub_side: int
    max_steps: int
    layouts: tuple[str, ...]
    """The arms of each layout, in the order of the rooms and of the world state. `N12` leaves the
    hub northwards at its centre line and is 12 cells long; of two arms on one side, `N0:12` leaves
    at -2 and `N1:4` at +2 from the centre line."""


SIZES = {
    4: Sizes(
        hub_side=3,
        max_steps=100,
        layouts=("N12 S4 E8 W8", "N4 S12 E8 W8", "N8 S8 E12 W4", "N8 S8 E4 W12"),
    ),
    5: Sizes(
        hub_side=5,
        max_steps=115,
        layouts=(
            "N0:12 N1:4 S8 E8 W8",
            "S0:12 S1:4 N8 E8 W8",
            "E0:12 E1:4 N8 S8 W8",
            "W0:12 W1:4 N8 S8 E8",
        ),
    ),
    6: Sizes(
        hub_side=7,
        max_steps=130,
        layouts=(
            "N0:12 N1:8 S0:12 S1:8 E4 W4",
            "E0:12 E1:8 W0:12 W1:8 N4 S4",
            "N0:12 N1:8 E0:12 E1:8 S4 W4",
            "S0:12 S1:8 W0:12 W1:8 N4 E4",
        ),
    ),
}


@cache
def classic_mazes(num_agents: int) -> Mazes:
    """The four levels of an agent count in `SIZES`."""
    sizes = SIZES[num_agents]
    hub = Block(_HUB_CORNER, _HUB_CORNER, sizes.hub_side, sizes.hub_side)
    levels = [
        Level([*hub.places()], [_arm(hub, text) for text in line.split()]) for line in sizes.layouts
    ]
    return assemble(2 * _HUB_CORNER + sizes.hub_side, levels, f"paxmen-{num_agents}")


def _arm(hub: Block, text: str) -> Arm:
    """An arm as `Sizes.layouts` writes it."""
    side = text[0]
    which, colon, number = text[1:].rpartition(":")
    offset = {"0": -2, "1": 2}[which] if colon else 0  # from the hub's centre line
    length = int(number)
    upright = side in "NS"
    near, size = (hub.top, hub.rows) if upright else (hub.left, hub.cols)
    line = (hub.left if upright else hub.top) + size // 2 + offset
    if side in "NW":
        corridor = near - length
        room = corridor - _ROOM_LENGTH
    else:
        corridor = near + size
        room = corridor + length
    across = line - _ROOM_WIDTH // 2
    if upright:
        return Arm(
            [*Block(corridor, line, length, 1).places()],
            Block(room, across, _ROOM_LENGTH, _ROOM_WIDTH),
        )
    return Arm(
        [*Block(line, corridor, 1, length).places()],
        Block(across, room, _ROOM_WIDTH, _ROOM_LENGTH),
    )
