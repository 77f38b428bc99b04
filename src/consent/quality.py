"""How well a face can be seen, so that the best moments of a track are compared and poor ones aren't."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from consent.faces import Crop, Face

# The middle of a crop: brows to chin, cheek to cheek. Hair and background would decide otherwise.
_INNER = (slice(24, 104), slice(20, 92))
_LUMA = np.array([0.114, 0.587, 0.299], dtype=np.float32)  # of B, G, R (ITU-R BT.601)


class Shortfall(StrEnum):
    """Why a face can't be resolved, or a photo can't be used. Stable words: they reach the log."""

    TOO_SMALL = "TOO_SMALL"
    TURNED = "TURNED"
    DARK = "DARK"
    OVEREXPOSED = "OVEREXPOSED"
    FLAT = "FLAT"
    BLURRED = "BLURRED"


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of one face. Says nothing about who it is."""

    width: float
    """Width in pixels of the image the face was found in."""
    frontality: float
    """1 looks into the camera; 0.5 the nose stands under an eye; 0.2 in profile."""
    brightness: float
    """Mean luma of the inner face, 0 to 255."""
    contrast: float
    """Standard deviation of that luma."""
    sharpness: float
    """Detail per contrast at half the crop's size. 0.4 and more in focus from 28 pixels of width on; 0.13
    when blurred by a twentieth of the width, where the cosine to the sharp face falls to 0.57."""

    @property
    def worth(self) -> float:
        """Ranks the moments of one track, 0 to 1. Frontality counts most: a profile is hard to match."""
        small = min(1.0, self.width / 64)
        soft = min(1.0, self.sharpness / 0.5)
        dim = min(1.0, self.brightness / 60, (255 - self.brightness) / 30)
        return small * soft * dim * self.frontality


@dataclass(frozen=True, slots=True)
class Floor:
    """The least quality for some use."""

    width: float
    frontality: float
    darkest: float = 25.0
    brightest: float = 240.0
    contrast: float = 8.0
    sharpness: float = 0.15

    def shortfalls(self, quality: Quality) -> tuple[Shortfall, ...]:
        """Everything `quality` lacks, in a fixed order; empty means good enough."""
        lacks = {
            Shortfall.TOO_SMALL: quality.width >= self.width,
            Shortfall.TURNED: quality.frontality >= self.frontality,
            Shortfall.DARK: quality.brightness >= self.darkest,
            Shortfall.OVEREXPOSED: quality.brightness <= self.brightest,
            Shortfall.FLAT: quality.contrast >= self.contrast,
            Shortfall.BLURRED: quality.sharpness >= self.sharpness,
        }
        # Asked the other way round, a NaN would pass every one of them.
        return tuple(shortfall for shortfall, met in lacks.items() if not met)


PROBE = Floor(width=28, frontality=0.2)
"""A crop that may be compared. 28 px: no false rejection at 0.40 in 30 probes, 8 % at half of it.

`width` is meant at the size the detector looked at: with a scan at 640 px of a 1920 px frame, ask for 84.
"""


def measure(face: Face, crop: Crop) -> Quality:
    """The quality of `face`, whose aligned crop (`consent.alignment`) is `crop`."""
    luma = crop[_INNER].astype(np.float32) @ _LUMA
    rows, columns = luma.shape
    # Halved first: rounding to 8 bits is detail too, and at full size a heavy blur looked sharp by it.
    halved = luma.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
    detail = np.asarray(cv2.Laplacian(halved, cv2.CV_32F, ksize=1)[1:-1, 1:-1])
    contrast = float(luma.std())
    return Quality(
        width=min(face.width, face.height),
        frontality=_frontality(face),
        brightness=float(luma.mean()),
        contrast=contrast,
        # Relative, so that a dim face isn't called blurred; below 1 there is no contrast to relate to.
        sharpness=float(detail.std()) / max(float(halved.std()), 1.0),
    )


def _frontality(face: Face) -> float:
    """1 / (1 + turn^2); turn: how far the nose tip is off the middle of the eyes, in half eye distances."""
    right, left, nose = (np.asarray(point, dtype=np.float64) for point in face.landmarks[:3])
    axis = left - right
    length = float(axis @ axis)
    if not length > 0:  # both eyes in one place: seen from the side, or no face
        return 0.0
    turn = 2 * float((nose - right) @ axis) / length - 1
    return 1 / (1 + turn * turn)
