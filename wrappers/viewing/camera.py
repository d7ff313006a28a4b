"""A camera in three dimensions: projects places to pixels, and clips them to the picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEAR = 1.0  # m: anything nearer is cut off
_UP = np.array([0.0, 0.0, 1.0])


def axes(yaw: float, pitch: float, bank: float) -> NDArray:
    """(3, 3): forward, right and up of a body, in the world; angles in radians.

    Yaw goes from x towards y, the nose up and the right wing down.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = np.array([cp * cy, cp * sy, sp])
    right = np.array([sy, -cy, 0.0])
    up = np.array([-sp * cy, -sp * sy, cp])
    cb, sb = np.cos(bank), np.sin(bank)
    return np.stack([forward, cb * right - sb * up, cb * up + sb * right])


class Camera(NamedTuple):
    """A camera."""

    place: NDArray  # (3,), m
    axes: NDArray  # (3, 3): forward, right, up
    size: tuple[int, int]  # of the picture, pixels
    focal: float  # pixels

    def see(self, places: ArrayLike) -> NDArray:
        """Places (..., 3) from the camera: metres ahead, to the right and up, (..., 3)."""
        return (np.asarray(places) - self.place) @ self.axes.T

    def pixels(self, seen: NDArray) -> NDArray:
        """Pixels (..., 2) of what `see` returned, (..., 3); it must be in front of the camera."""
        scale = self.focal / seen[..., :1]
        middle = np.array([self.size[0] / 2, self.size[1] / 2])
        return middle + seen[..., 1:] * [1, -1] * scale

    def spot(self, place: ArrayLike) -> tuple[NDArray, float]:
        """The pixel (2,) of a place (3,), and metres ahead; the pixel is NaN behind the camera."""
        seen = self.see(place)
        if seen[0] < NEAR:
            return np.full(2, np.nan), float(seen[0])
        return self.pixels(seen), float(seen[0])

    def polygon(self, places: NDArray) -> NDArray | None:
        """Pixels (K, 2) of a flat polygon (N, 3), clipped to the picture; None if outside."""
        return self.outline(self.see(places))

    def outline(self, seen: NDArray) -> NDArray | None:
        """`polygon` of what `see` returned, (N, 3)."""
        sides = seen @ self.frustum.T  # (N, 5), negative outside
        sides[:, 0] -= NEAR
        outside = sides < 0
        if outside.all(axis=0).any():
            return None
        for plane in np.flatnonzero(outside.any(axis=0)):
            seen = _cut(seen, seen @ self.frustum[plane] - (NEAR if plane == 0 else 0.0))
            if len(seen) < 3:
                return None
        return self.pixels(seen)

    def lines(self, starts: NDArray, ends: NDArray) -> tuple[NDArray, NDArray]:
        """Lines between places (N, 3), clipped to the picture.

        Returns:
            both ends in pixels, (K, 2, 2), of the visible lines, and the indices (K,) of these.
        """
        seen = self.see(np.stack([starts, ends], axis=1))
        kept = np.ones(len(seen), bool)
        for plane, normal in enumerate(self.frustum):
            side = seen @ normal - (NEAR if plane == 0 else 0.0)
            outside = side < 0
            kept &= ~outside.all(axis=1)
            way = side[:, :1] - side[:, 1:]
            share = side[:, :1] / np.where(way == 0, 1.0, way)
            crossing = seen[:, 0] + (seen[:, 1] - seen[:, 0]) * share
            seen = np.where(outside[..., None], crossing[:, None], seen)
        index = np.flatnonzero(kept)
        return self.pixels(seen[index]), index

    @property
    def frustum(self) -> NDArray:
        """(5, 3): inward normals of the planes around the view: near, left, right, bottom, top."""
        # A little wider than the picture, so that the ends of clipped lines are out of sight.
        wide, high = (0.53 * side / self.focal for side in self.size)
        return np.array([[1, 0, 0], [wide, 1, 0], [wide, -1, 0], [high, 0, 1], [high, 0, -1]])

    def horizon(self) -> tuple[NDArray, float]:
        """The horizon in the picture: a normal (2,) towards the sky, and an offset.

        A pixel p is above it by `normal @ p + offset` pixels.
        """
        ahead, right, up = self.axes @ _UP
        length = max(np.hypot(right, up), 1e-6)
        normal = np.array([right, -up]) / length
        offset = ahead * self.focal / length - normal @ np.array(self.size) / 2
        return normal, float(offset)


def _cut(corners: NDArray, side: NDArray) -> NDArray:
    """The part of a polygon (N, D) where `side` (N,) is positive."""
    kept = []
    for i in range(len(corners)):
        j = (i + 1) % len(corners)
        if side[i] >= 0:
            kept.append(corners[i])
        if (side[i] < 0) != (side[j] < 0):
            kept.append(corners[i] + (corners[j] - corners[i]) * (side[i] / (side[i] - side[j])))
    return np.array(kept).reshape(-1, corners.shape[1])
