"""The picture of the demo: template above, output below, at the same moments, label in sight."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from consent.faces import Image
from swap.limits import Limits
from swap.media import read_back

_WIDTH = 480
_GAP = 8


def sheet(before: Path, after: Path, target: Path, moments: Sequence[int]) -> None:
    """Write a PNG with the frames `moments` of both clips."""
    rows = [_row(_frames(path, moments), moments) for path in (before, after)]
    gap = np.full((_GAP, rows[0].shape[1], 3), 255, np.uint8)
    cv2.imwrite(str(target), np.vstack([rows[0], gap, rows[1]]))


def _frames(path: Path, moments: Sequence[int]) -> Mapping[int, Image]:
    # Both files came out of our own encoder: the demo made the one and released the other.
    with read_back(path, Limits()) as again:
        return {frame.index: frame.image for frame in again.frames if frame.index in moments}


def _row(frames: Mapping[int, Image], moments: Sequence[int]) -> Image:
    cells: list[Image] = []
    for moment in moments:
        image = frames[moment]
        size = (_WIDTH, round(image.shape[0] * _WIDTH / image.shape[1]))
        cells += [cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)]
        cells += [np.full((size[1], _GAP, 3), 255, np.uint8)]
    return np.hstack(cells[:-1])
