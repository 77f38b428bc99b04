"""Which part of a face is exchanged: brows to chin. The forehead stays, for fringes and caps do."""

import cv2
import numpy as np
from numpy.typing import NDArray

from swap.colour import Cover
from swap.landmarks import Points
from swap.warp import Area

_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_TEMPLE_TO_TEMPLE = (
    *(389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162),
)
_FOREHEAD = (21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251)
_LIPS_INSIDE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_TOP, _CHIN, _CHEEKS = 10, 152, (234, 454)

# All shares are of the face's height (mesh point 10 to 152).
_LIFT = 0.05  # above the brows: her own must vanish with their shadow
_INSET, _DONOR_INSET = 0.05, 0.12  # off the silhouette; more in the photo, where ears and hair begin
_FEATHER = 0.035
_LIP_FEATHER = 0.008


def height(points: Points) -> float:
    """Distance from the top of the forehead to the chin, in pixels."""
    return float(np.hypot(*(points[_TOP, :2] - points[_CHIN, :2])))


def area(points: Points, bounds: Area) -> Area:
    """The pixels a cover of this face can touch, within `bounds`; empty where it lies outside."""
    border = _border(points, _INSET)
    # A Gaussian reaches three sigma; without this margin its cut edge would show as a straight seam.
    low = np.floor(border.min(axis=0) - 3 * _FEATHER * height(points)).astype(int)
    high = np.ceil(border.max(axis=0) + 3 * _FEATHER * height(points)).astype(int) + 1
    low = np.clip(low, (bounds.x, bounds.y), (bounds.x + bounds.width, bounds.y + bounds.height))
    high = np.clip(high, low, (bounds.x + bounds.width, bounds.y + bounds.height))
    return Area(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def cover(points: Points, area: Area) -> Cover:
    """What is exchanged of the performer's face. The inside of an open mouth stays: the teeth are hers."""
    tall = height(points)
    face = _soft(_border(points, _INSET), area, _FEATHER * tall)
    mouth = _filled(points[list(_LIPS_INSIDE), :2], area)
    return face * (1 - cv2.GaussianBlur(mouth, (0, 0), max(0.6, _LIP_FEATHER * tall)))


def usable(points: Points, area: Area) -> Cover:
    """What of the donor's photo is skin and features, without ears, hair and background."""
    tall = height(points)
    border = _inward(points, (*_FOREHEAD, *_TEMPLE_TO_TEMPLE), _DONOR_INSET)
    return _soft(border, area, _FEATHER * tall)


def _border(points: Points, inset: float) -> NDArray[np.float64]:
    up = (points[_TOP, :2] - points[_CHIN, :2]) * _LIFT
    return np.vstack([points[list(_BROWS), :2] + up, _inward(points, _TEMPLE_TO_TEMPLE, inset)])


def _inward(points: Points, chosen: tuple[int, ...], inset: float) -> NDArray[np.float64]:
    """The chosen points drawn towards the line between forehead and chin, and up from the chin a little."""
    up = (points[_TOP, :2] - points[_CHIN, :2]) / height(points)
    side = np.array([-up[1], up[0]])
    away = points[list(chosen), :2] - points[list(_CHEEKS), :2].mean(axis=0)
    across, along = away @ side, away @ up
    drawn = np.outer(across * inset, side) + np.outer(np.minimum(along, 0) * inset / 2, up)
    return np.asarray(points[list(chosen), :2] - drawn)


def _soft(border: NDArray[np.float64], area: Area, feather: float) -> Cover:
    """1 inside the convex hull of `border`, falling smoothly to 0 at the hull itself, 0 outside."""
    hull = cv2.convexHull(border.astype(np.float32))[:, 0].astype(np.float64)
    blurred = cv2.GaussianBlur(_filled(hull, area), (0, 0), max(feather, 0.5))
    inside = np.clip(2 * blurred - 1, 0, 1)
    return np.asarray(inside * inside * (3 - 2 * inside), np.float32)


def _filled(border: NDArray[np.float64], area: Area) -> Cover:
    canvas = np.zeros((area.height, area.width), np.uint8)
    # Sixteenths of a pixel and soft edges: whole pixels would make the border tremble in a slow pan.
    corners = np.round((border - (area.x, area.y)) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [corners], 255, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / np.float32(255)
