"""Piecewise-affine warp: where in the donor's photo each pixel of the performer's face comes from.

The triangles are laid once, over the donor's unrolled face. For every frame they are rasterised all
at once into a map for `cv2.remap`; there is no loop over triangles.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from swap.landmarks import Points

Triangles: TypeAlias = NDArray[np.intp]
"""n x 3 indices into the 468 points, all wound the same way when seen from the front."""

# The map is piecewise linear, so enlarging it loses next to nothing: this many pixels on its longest
# side bound the cost of a close-up.
_MAP_SIDE = 224
# A triangle of less than this many square pixels (doubled) is seen edge-on; inverting it means nothing.
_SLIVER = 1e-3
# Barycentric slack, so that two neighbours leave no crack of unassigned pixels between them.
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels inside the frame."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, for indexing an image."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


def triangulate(points: Points) -> Triangles:
    """Delaunay triangles over the face unrolled from a cylinder around its vertical axis.

    Unrolled, because a slightly turned head would otherwise tie points of the cheek to points
    behind them, and the triangles would fold over on a performer who faces the other way.
    """
    x, y, z = points.T
    radius = np.ptp(x) / 2
    unrolled = np.column_stack([np.arctan2(x - x.mean(), z.max() + radius / 2 - z) * radius, y])
    places = (unrolled - unrolled.min(axis=0) + 10).astype(np.float32)
    width, height = (int(each) + 20 for each in places.max(axis=0))
    plane = cv2.Subdiv2D((0, 0, width, height))
    plane.insert([(float(x), float(y)) for x, y in places])
    index_of = {tuple(place): index for index, place in enumerate(places.tolist())}
    found = []
    for corners in plane.getTriangleList():
        # Corners outside our points belong to the outer triangle that Subdiv2D starts from.
        triangle = [index_of.get(tuple(corner), -1) for corner in np.reshape(corners, (3, 2)).tolist()]
        if min(triangle) >= 0:
            found.append(triangle)
    triangles = np.array(sorted(found), dtype=np.intp)
    flipped = _areas(unrolled[triangles]) < 0
    triangles[flipped] = triangles[flipped][:, ::-1]
    return triangles


def sources(
    donor: Points, target: Points, triangles: Triangles, area: Area
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """For each pixel of `area` its place in the donor's photo (h x w x 2), and whether it has one.

    Triangles that the performer's pose turns away from the camera are left out; where two cover a
    pixel the nearer one wins.
    """
    shrink = min(1.0, _MAP_SIDE / max(area.width, area.height))
    width, height = math.ceil(area.width * shrink), math.ceil(area.height * shrink)
    scale = np.array([width / area.width, height / area.height])
    # Pixel centres are at whole numbers, as cv2.remap and cv2.resize have them.
    flat = (target[:, :2] - (area.x, area.y) + 0.5) * scale - 0.5
    facing = triangles[_areas(flat[triangles]) > _SLIVER]
    facing = facing[np.argsort(-target[facing, 2].mean(axis=1), kind="stable")]
    corners, origins = flat[facing], donor[facing][:, :, :2]
    each, x, y = _boxes(corners, width, height)
    inverse = np.linalg.inv(np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=2))
    dx, dy = x - corners[each, 0, 0], y - corners[each, 0, 1]
    first = inverse[each, 0, 0] * dx + inverse[each, 0, 1] * dy
    second = inverse[each, 1, 0] * dx + inverse[each, 1, 1] * dy
    inside = (first >= -_EDGE) & (second >= -_EDGE) & (first + second <= 1 + _EDGE)
    each, x, y, first, second = (part[inside] for part in (each, x, y, first, second))
    sides = origins[:, 1:] - origins[:, :1]
    places = np.zeros((height, width, 2), np.float32)
    for axis in (0, 1):
        # Where an index repeats numpy keeps the last value: the nearest triangle, by the sort above.
        places[y, x, axis] = (
            origins[each, 0, axis] + first * sides[each, 0, axis] + second * sides[each, 1, axis]
        )
    covered = np.zeros((height, width), np.uint8)
    covered[y, x] = 1
    if shrink < 1.0:
        size = (area.width, area.height)
        places = np.asarray(cv2.resize(places, size, interpolation=cv2.INTER_LINEAR), np.float32)
        # Linear interpolation next to a hole mixes in its zeros, so only fully covered places count.
        covered = np.asarray(
            cv2.resize(cv2.erode(covered, np.ones((3, 3))), size, interpolation=cv2.INTER_NEAREST)
        )
    return places, covered.astype(np.bool_)


def _areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the signed area of each triangle (n x 3 x 2)."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])


def _boxes(
    corners: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Every pixel of every triangle's bounding box: triangle number, x, y."""
    limits = np.array([width - 1, height - 1])
    low = np.clip(np.ceil(corners.min(axis=1) - _EDGE), 0, limits + 1).astype(np.intp)
    high = np.clip(np.floor(corners.max(axis=1) + _EDGE), -1, limits).astype(np.intp)
    across, down = np.maximum(high - low + 1, 0).T
    count = across * down
    each = np.repeat(np.arange(len(corners)), count)
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return each, low[each, 0] + step % across[each], low[each, 1] + step // across[each]
