"""The formation in which a team starts, and how much room it takes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

DISTANCE = 2500.0  # m of the front rank from the arena's middle
SPACING = 700.0  # m between neighbours, abreast and between ranks
ALTITUDE = 3000.0  # m
ABREAST, RANKS, LAYER = 10, 5, 1500.0  # larger teams: ranks of 10, 5 deep, then 1500 m higher
JITTER_ALONG, JITTER_ACROSS, JITTER_ALTITUDE = 300.0, 150.0, 500.0  # m


def formation(size: int) -> NDArray:
    """float32 (size, 3): metres behind the front rank, to the left of its middle and above it."""
    places = []
    for i in range(size):
        rank, column = divmod(i, ABREAST)
        width = min(size - rank * ABREAST, ABREAST)
        layer, depth = divmod(rank, RANKS)
        places.append((SPACING * depth, SPACING * (column - (width - 1) / 2), LAYER * layer))
    return np.array(places, np.float32).reshape(size, 3)


def reach(size: int, front: float = DISTANCE) -> float:
    """How far from the arena's middle a team may start, m.

    Args:
        size: of the team.
        front: where its front rank is, m from the middle.
    """
    behind, aside, _ = np.abs(formation(size)).max(axis=0, initial=0.0)
    return math.hypot(front + behind + JITTER_ALONG, aside + JITTER_ACROSS)


def top(size: int) -> float:
    """How high a team may start, m."""
    return ALTITUDE + JITTER_ALTITUDE + float(formation(size)[:, 2].max(initial=0.0))
