"""A face out of a frame and back: aligned by five points, blended in under a soft oval that we draw.

The oval is computed, not warped: every pixel of the frame knows its place in the aligned face, so
the mask that is reported is exactly what the blend used.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from consent.alignment import similarity
from consent.faces import Face, Image
from swap.engine import Mask
from swap.fence import reach
from swap.warp import Area

_SIDE = 128
# insightface's alignment for 128 pixels is that for 112, moved to the right only (face_align.py, 2.1).
# The network was trained on faces that lie like this; centring them properly would move the chin.
_RIGHT = 8.0
# Centre and half-axes of a face in the aligned square: brows and cheeks to just below the chin.
_CENTRE, _AXES = (64.0, 67.0), (45.0, 56.0)
_FEATHER = 0.3
# The fence lets a mask take 1.4 times the detector's box. A face seen from the side has a narrow box
# and an alignment that makes much of it; there the oval is drawn smaller.
_MOST = 1.3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face lies: 2 x 3, frame pixels to pixels of the aligned square."""

    matrix: NDArray[np.float64]

    @property
    def scale(self) -> float:
        """Aligned pixels a frame pixel."""
        return float(np.hypot(*self.matrix[:, 0]))


def place(points: NDArray[np.float64]) -> Place | None:
    """From five landmarks (5 x 2, pixels); None where they don't span a face."""
    matrix = similarity(points)
    if matrix is None:
        return None
    moved = matrix.copy()
    moved[0, 2] += _RIGHT
    return Place(moved)


def cut(image: Image, where: Place) -> Image:
    """The aligned face, 128 x 128 x 3; black where the frame ends."""
    return np.asarray(cv2.warpAffine(image, where.matrix, (_SIDE, _SIDE)), np.uint8)


def paste(image: Image, mask: Mask, swapped: Image, where: Place, face: Face) -> None:
    """Blend `swapped` into `image` and mark `mask`, both in place and nowhere else."""
    axes = np.array(_AXES) * _shrink(where, face)
    area = _area(where, face, image.shape, axes)
    if not area.width or not area.height:
        return
    local = where.matrix.copy()
    local[:, 2] += where.matrix[:, :2] @ (area.x, area.y)
    size = (area.width, area.height)
    cover = _oval(local, size, axes)
    warped = cv2.warpAffine(
        _softened(swapped, where.scale),
        local,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    here = image[area.slices]
    mixed = here + cover[..., None] * (np.asarray(warped, np.float32) - here)
    # Rounding can bring a pixel of the feather back to what it was; it never moves one with cover 0.
    image[area.slices] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    mask[area.slices] |= np.where(cover > 0, np.uint8(255), np.uint8(0))


def _shrink(where: Place, face: Face) -> float:
    oval = np.pi * _AXES[0] * _AXES[1] / where.scale**2
    return float(min(1.0, np.sqrt(_MOST * face.width * face.height / oval)))


def _area(where: Place, face: Face, shape: tuple[int, ...], axes: NDArray[np.float64]) -> Area:
    """The pixels the oval can touch, within where this face may be changed at all."""
    bounds = reach(face, shape)
    back = cv2.invertAffineTransform(where.matrix)
    centre = back[:, :2] @ _CENTRE + back[:, 2]
    half = np.sqrt((back[:, :2] ** 2) @ (axes**2))  # of an ellipse under an affine map
    limit = (bounds.x + bounds.width, bounds.y + bounds.height)
    low = np.clip(np.floor(centre - half), (bounds.x, bounds.y), limit).astype(int)
    high = np.clip(np.ceil(centre + half) + 1, low, limit).astype(int)
    return Area(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def _oval(
    local: NDArray[np.float64], size: tuple[int, int], axes: NDArray[np.float64]
) -> NDArray[np.float32]:
    """1 inside, falling smoothly to 0 at the oval's edge, 0 outside."""
    x, y = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)[:, None]
    rows = ((local - [[0, 0, _CENTRE[0]], [0, 0, _CENTRE[1]]]) / axes[:, None]).astype(np.float32)
    across = rows[0, 0] * x + rows[0, 1] * y + rows[0, 2]
    down = rows[1, 0] * x + rows[1, 1] * y + rows[1, 2]
    inside = np.clip((1 - np.sqrt(across * across + down * down)) / np.float32(_FEATHER), 0, 1)
    return np.asarray(inside * inside * (3 - 2 * inside), np.float32)


def _softened(swapped: Image, scale: float) -> Image:
    """Onto a face smaller than the square every second pixel would be picked, and the picks would boil."""
    if scale <= 1.5:
        return swapped
    return np.asarray(cv2.GaussianBlur(swapped, (0, 0), 0.4 * scale), np.uint8)
