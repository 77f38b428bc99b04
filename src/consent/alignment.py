"""From a face to the crop an embedder was trained on: a similarity transform of five points.

Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
IEEE PAMI 13 (1991), equations 40 to 42; the target points are ArcFace's. Pixel-identical to OpenCV's
`FaceRecognizerSF.alignCrop` (measured on version 5).
"""

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consent.faces import Crop, Face, Image

SIDE = 112
"""Width and height of a crop."""

_Points: TypeAlias = NDArray[np.float64]

# Right eye, left eye, nose tip, right and left mouth corner in a crop.
_TARGET: _Points = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def align(image: Image, face: Face) -> Crop | None:
    """The aligned crop of `face`, or None when its landmarks don't span a face.

    None is unresolvable, as a face too small is: a hostile frame must not stop a scan with an error.
    """
    transform = similarity(np.asarray(face.landmarks, dtype=np.float64))
    if transform is None:
        return None
    crop: Any = cv2.warpAffine(image, transform, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, dtype=np.uint8)


def similarity(points: _Points) -> _Points | None:
    """The 2 x 3 matrix that takes five points (5 x 2, pixels) nearest to a crop's, without mirroring."""
    if points.shape != _TARGET.shape or not np.isfinite(points).all():
        return None
    from_centre, to_centre = points.mean(axis=0), _TARGET.mean(axis=0)
    source, target = points - from_centre, _TARGET - to_centre
    variance = float((source**2).sum() / len(source))
    if variance < 1.0:  # five points within about a pixel: no direction, no scale
        return None
    left, singular, right = np.linalg.svd(target.T @ source / len(source))
    sign = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = left @ np.diag(sign) @ right
    scale = float((singular * sign).sum()) / variance
    if not scale > 1e-3:  # nothing like a face, or one of 60,000 pixels
        return None
    shift = to_centre - scale * rotation @ from_centre
    return np.column_stack([scale * rotation, shift])
