"""468 points on a face, by the MediaPipe face mesh: the one door to ai_edge_litert.

It finds where a face's parts are; it does not recognise anybody.
"""

import contextlib
import math
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consent.eye_errors import WeightsWrong
from consent.faces import Face, Image

Points: TypeAlias = NDArray[np.float64]
"""468 x 3, pixels of the image: x, y, and depth growing away from the camera in the same unit."""

COUNT = 468
_SIDE = 192
# Margin around the face in the crop: what the model was trained on (MediaPipe face_landmark graph:
# the region of interest is the face's square enlarged by 1.5).
_ENLARGED = 1.5
_EYE_CORNERS, _SIDES = (33, 263), (234, 454)
# Which mesh points lie where the detector's five lie: means of the eye corners, nose tip, mouth corners.
_FIVE = ((33, 133), (362, 263), (4,), (61,), (291,))
# Confidence is a logit. Faces give 8 to 48, a wall gives below -5: the middle of nowhere is a safe line.
_CONFIDENT = 2.0
# Mesh and detector are two opinions on one face. Further apart than this share of the face's
# size, one of them looks at something else, and a swap would land beside the face.
_AGREE = 0.22
# Looks per face and frame. Measured on a panned portrait, trembling between frames: one look 0.75 px,
# two 0.40, three 0.25; each costs 4 ms. The crop counts as settled when points move less than this share.
_LOOKS, _SETTLED = 4, 0.0008


@dataclass(frozen=True, slots=True)
class _View:
    """Where the square crop lies in the image."""

    centre: tuple[float, float]
    angle: float
    size: float


class LandmarkModel:
    """Finds the 468 points in a crop given by a detection or by the points of the frame before."""

    def __init__(self, weights: bytes) -> None:
        """`weights` are the bytes of `face_landmark.tflite`. Raises `WeightsWrong` for any other model."""
        with _quiet():
            from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  (it speaks on import)

            try:
                self._net: Any = Interpreter(model_content=weights, num_threads=1)
                self._net.allocate_tensors()
            except (ValueError, RuntimeError):
                raise WeightsWrong("the face landmark file is no TensorFlow Lite model") from None
        self._input = int(self._net.get_input_details()[0]["index"])
        outputs = sorted(self._net.get_output_details(), key=lambda each: -int(np.prod(each["shape"])))
        if [int(np.prod(each["shape"])) for each in outputs] != [COUNT * 3, 1]:
            raise WeightsWrong(f"the landmark model doesn't give {COUNT} points and a score")
        self._points, self._score = (int(each["index"]) for each in outputs)

    def find(self, image: Image, face: Face, before: Points | None = None) -> Points | None:
        """The points of `face`, or None where the model is unsure or contradicts the detector.

        `before` are the same face's points in the previous frame: a crop from them sits steadier
        than one from five points. If what it gives doesn't agree with `face`, `face` decides.
        """
        if before is not None:
            points = self._settle(image, _around(before))
            if points is not None and _agrees(points, face):
                return points
        points = self._settle(image, _at(face))
        return points if points is not None and _agrees(points, face) else None

    def _settle(self, image: Image, view: _View) -> Points | None:
        """Look again around what was found until it stays: where the crop lies sways the points."""
        points: Points | None = None
        for _ in range(_LOOKS):
            found = self._look(image, view)
            if found is None:
                return None
            view = _around(found)
            moved = math.inf if points is None else float(np.hypot(*(found - points).T[:2]).mean())
            points = found
            if moved < _SETTLED * view.size:
                break
        return points

    def _look(self, image: Image, view: _View) -> Points | None:
        if not view.size >= 1:  # also when it is no number: five points on one spot, or worse
            return None
        scale = _SIDE / view.size
        cos, sin = math.cos(view.angle) * scale, math.sin(view.angle) * scale
        x, y = view.centre
        matrix = np.array(
            [[cos, sin, _SIDE / 2 - cos * x - sin * y], [-sin, cos, _SIDE / 2 + sin * x - cos * y]]
        )
        crop = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        self._net.set_tensor(self._input, crop[None, ..., ::-1].astype(np.float32) / 255.0)
        self._net.invoke()
        if float(self._net.get_tensor(self._score).ravel()[0]) < _CONFIDENT:
            return None
        found = np.asarray(self._net.get_tensor(self._points), np.float64).reshape(COUNT, 3)
        points = np.empty((COUNT, 3))
        points[:, :2] = (found[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        points[:, 2] = found[:, 2] / scale
        return points


def yaw(points: Points) -> float:
    """Degrees the face is turned from the camera, by the depths of its two sides; 0 is frontal.

    The mesh understates it: a head at 70 degrees reads about 50.
    """
    x, _, z = points[_SIDES[1]] - points[_SIDES[0]]
    return math.degrees(math.atan2(z, x))


def _at(face: Face) -> _View:
    right, left, _, mouth_right, mouth_left = np.asarray(face.landmarks)
    eyes, mouth = (right + left) / 2, (mouth_right + mouth_left) / 2
    across, down = left - right, mouth - eyes
    # Seen from the side the eyes close up, so the longer of the two spans sets the size.
    size = 3.6 * max(float(np.hypot(*across)), float(np.hypot(*down)))
    x, y = (eyes + mouth) / 2
    return _View((float(x), float(y)), math.atan2(across[1], across[0]), size)


def _around(points: Points) -> _View:
    across = points[_EYE_CORNERS[1], :2] - points[_EYE_CORNERS[0], :2]
    angle = math.atan2(across[1], across[0])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    upright = points[:, :2] @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = turn.T @ ((low + high) / 2)
    return _View((float(x), float(y)), angle, _ENLARGED * float((high - low).max()))


def _agrees(points: Points, face: Face) -> bool:
    mesh = np.array([points[list(each), :2].mean(axis=0) for each in _FIVE])
    apart = np.hypot(*(mesh - np.asarray(face.landmarks)).T)
    return bool(apart.mean() <= _AGREE * math.sqrt(face.width * face.height))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the runtime's start-up chatter, Python warnings and native lines alike, off our stderr."""
    with warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere:
        warnings.simplefilter("ignore")
        kept = os.dup(2)
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
