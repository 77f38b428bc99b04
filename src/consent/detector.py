"""YuNet: finds faces. Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", MIR 20 (2023).

The network answers on three grids (8, 16, 32 pixels a cell), one anchor a cell. The decoding is the
one of OpenCV's `FaceDetectorYN`, in numpy: the same boxes to 1e-3 pixel and half the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consent.eye_errors import NotAnImage, WeightsWrong
from consent.faces import Face, Image
from consent.runtime import Network, Tensor

_STRIDES = (8, 16, 32)
_HEADS = tuple(f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in _STRIDES)

_Rows: TypeAlias = NDArray[np.float32]
"""n x 15: left, top, width, height, five points, score."""


@dataclass(frozen=True, slots=True)
class YuNet:
    """A `consent.faces.Detector`. Keeps no state between frames; safe from several threads."""

    digest: str
    network: Network
    score: float = 0.6
    """Least confidence of a face. 0.6 missed no face in 206 portraits; it also fires on a raised fist."""
    overlap: float = 0.3
    """Above this intersection over union the weaker of two boxes is the same face."""
    order: tuple[int, ...] = field(init=False)
    """Where each head stands among the outputs."""

    def __post_init__(self) -> None:
        outputs = self.network.outputs
        if set(outputs) != set(_HEADS) or list(self.network.inputs) != ["input"]:
            raise WeightsWrong("the detector is not a YuNet: other inputs or outputs")
        object.__setattr__(self, "order", tuple(outputs.index(head) for head in _HEADS))

    def detect(self, image: Image, *, side: int) -> Sequence[Face]:
        """All faces, best first, in pixels of `image`. Boxes may reach past its border.

        `side`: longest side in pixels at which it is looked at; a smaller image is never enlarged.
        Raises `NotAnImage`.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise NotAnImage(f"an image of shape {image.shape} and type {image.dtype}")
        if side < _STRIDES[-1]:
            raise NotAnImage(f"a side of {side} pixels; the detector needs {_STRIDES[-1]}")
        small = shrunk(image, side)
        rows = self._rows(small)
        scale = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]], dtype=np.float32)
        rows[:, :14] *= np.tile(scale, 7)
        return [_face(row) for row in rows.tolist()]

    def _rows(self, image: Image) -> _Rows:
        blob = _blob(image)
        answers = self.network.run({"input": blob})
        heads = dict(zip(_HEADS, (answers[place] for place in self.order), strict=True))
        width = blob.shape[3]
        return distinct(
            np.concatenate([self._decoded(heads, stride, width) for stride in _STRIDES]), self.overlap
        )

    def _decoded(self, heads: dict[str, Tensor], stride: int, width: int) -> _Rows:
        confident, present = heads[f"cls_{stride}"][0, :, 0], heads[f"obj_{stride}"][0, :, 0]
        score = np.sqrt(confident.clip(0, 1) * present.clip(0, 1))
        found = np.flatnonzero(score >= self.score)
        boxes, points = heads[f"bbox_{stride}"][0, found], heads[f"kps_{stride}"][0, found]
        cell = np.column_stack([found % (width // stride), found // (width // stride)])
        rows = np.empty((len(found), 15), dtype=np.float32)
        size = np.exp(boxes[:, 2:]) * stride
        rows[:, 0:2] = (cell + boxes[:, :2]) * stride - size / 2
        rows[:, 2:4] = size
        rows[:, 4:14] = (points + np.tile(cell, 5)) * stride
        rows[:, 14] = score[found]
        return rows


def shrunk(image: Image, side: int) -> Image:
    """`image` with its longest side at most `side`, never enlarged.

    Halved by averaging as long as it is twice too large, then interpolated: interpolation alone
    would skip pixels and lose small faces beyond a factor of two, and averaging by other factors
    costs more than a third of the detection (4.6 ms against 0.7 for 720 x 1080).
    """
    height, width = image.shape[:2]
    factor = max(height, width) / side
    if factor <= 1:
        return image
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        # An odd last column or row is left out: half a pixel of the result at the very border.
        image = _resized(image[: 2 * half[1], : 2 * half[0]], half, cv2.INTER_AREA)
    if (image.shape[1], image.shape[0]) != size:
        image = _resized(image, size, cv2.INTER_LINEAR)
    return image


def distinct(rows: _Rows, overlap: float) -> _Rows:
    """The rows that are different faces, best first (greedy suppression)."""
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    corner, size = rows[:, :2], rows[:, 2:4]
    area = size.prod(axis=1)
    left = np.arange(len(rows))
    kept: list[int] = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        upper = np.maximum(corner[best], corner[left])
        lower = np.minimum(corner[best] + size[best], corner[left] + size[left])
        common = np.clip(lower - upper, 0, None).prod(axis=1)
        left = left[common <= overlap * (area[best] + area[left] - common)]
    return rows[kept]


def _resized(image: Image, size: tuple[int, int], interpolation: int) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.uint8)


def _blob(image: Image) -> Tensor:
    """1 x 3 x H x W float32, padded below and right to whole cells of the coarsest grid."""
    height, width = image.shape[:2]
    coarse = _STRIDES[-1]
    blob = np.zeros((1, 3, -(-height // coarse) * coarse, -(-width // coarse) * coarse), dtype=np.float32)
    for channel, plane in enumerate(cv2.split(image)):
        blob[0, channel, :height, :width] = plane
    return blob


def _face(row: list[float]) -> Face:
    points = tuple(zip(row[4:14:2], row[5:14:2], strict=True))
    return Face(row[0], row[1], row[2], row[3], row[14], points)
