"""Where one shot ends and the next begins, and where the picture changes under a face.

Both ask the same: did a coarse grey thumbnail change more than motion explains? Too many cuts cost
a few more crops to compare; a missed one could hang two people on one track. So the threshold leans
to cutting.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consent.faces import Face, Image

Thumbnail: TypeAlias = NDArray[np.int16]

CUT = 25
"""Mean change of grey, of 255, from one frame to the next. Separated all shots of the test clips."""
_FRAME = (32, 18)
_PATCH = (12, 12)


def frame_thumbnail(image: Image) -> Thumbnail:
    """A frame in 32 x 18 greys."""
    step = max(1, min(image.shape[0] // 72, image.shape[1] // 128))
    return _grey(image[::step, ::step], _FRAME)


def face_thumbnail(image: Image, face: Face) -> Thumbnail:
    """A face with a rim around it in 12 x 12 greys; what lies outside the frame is left out."""
    height, width = image.shape[:2]
    rim = 0.25
    left = _within(face.x - rim * face.width, width - 1)
    top = _within(face.y - rim * face.height, height - 1)
    right = max(left + 1, _within(face.x + (1 + rim) * face.width, width))
    bottom = max(top + 1, _within(face.y + (1 + rim) * face.height, height))
    step = max(1, min(bottom - top, right - left) // 48)
    return _grey(image[top:bottom:step, left:right:step], _PATCH)


def is_cut(before: Thumbnail, after: Thumbnail) -> bool:
    """Whether two thumbnails show different things."""
    return float(np.abs(before - after).mean()) > CUT


def _grey(image: Image, size: tuple[int, int]) -> Thumbnail:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.int16)


def _within(place: float, most: int) -> int:
    return int(min(max(place, 0), most))
