"""Colour: the donor's face in the performer's light.

Everything here works on floating-point L, a, b (CIE 1976; L 0..100) and is weighted by a cover
image (h x w, 0..1) that says how much of each pixel is face.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consent.faces import Image

Lab: TypeAlias = NDArray[np.float32]
"""h x w x 3: L, a, b."""

Cover: TypeAlias = NDArray[np.float32]
"""h x w, 0 where nothing of the face is, 1 where only the face is."""

# Contrast is hardly raised (grain and JPEG blocks of the photo would come up with it) and lowered
# no further than this; colour may fade to nothing: a black and white performer gets a grey face.
_LEAST_GAIN, _MOST_GAIN = 0.5, 1.1
# The performer's light: what remains of the difference after a blur of this share of the face's
# height. Less would bring her features back with her shadows, more would miss the shadows.
_LIGHT_REACH, _LIGHT_SHARE = 0.12, 0.8
# Detail finer than this share of the height is damped to the target's own sharpness, but never
# by more than this: skin is smoother than any photo, and a donor without wrinkles is nobody.
_FINE, _LEAST_DETAIL = 0.012, 0.6
# Less covered than this, a pixel says more about hair and background than about the face.
_COUNTS = 0.05


@dataclass(frozen=True, slots=True)
class Tone:
    """What a face's colour is like as a whole."""

    mean: NDArray[np.float64]
    """Of L, a and b."""
    spread: NDArray[np.float64]
    """Standard deviation of L, a and b."""
    detail: float
    """Root mean square of L's finest details; the height it was measured at sets how fine."""

    def towards(self, other: "Tone", share: float) -> "Tone":
        """This tone moved by `share` (0..1) of the way to `other`."""
        return Tone(
            self.mean + share * (other.mean - self.mean),
            self.spread + share * (other.spread - self.spread),
            self.detail + share * (other.detail - self.detail),
        )


def lab(image: Image) -> Lab:
    """L, a, b of a BGR image."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_BGR2LAB), np.float32)


def bgr(image: Lab) -> NDArray[np.float32]:
    """BGR 0..255 of L, a, b; neither rounded nor clipped."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_LAB2BGR), np.float32) * np.float32(255.0)


def tone(image: Lab, cover: Cover, height: float) -> Tone:
    """The tone of a face of `height` pixels under `cover`."""
    fine = image[..., 0] - _blur(image[..., 0], _FINE * height)
    inside = cover > _COUNTS
    pixels, shares = image[inside].astype(np.float64), cover[inside].astype(np.float64)
    # Plain sums, no matrix product: BLAS may add in another order on another machine.
    shares /= max(float(shares.sum()), 1e-9)
    mean = (shares[:, None] * pixels).sum(axis=0)
    spread = np.sqrt((shares[:, None] * (pixels - mean) ** 2).sum(axis=0))
    return Tone(mean, spread, float(np.sqrt((shares * fine[inside].astype(np.float64) ** 2).sum())))


def matched(face: Lab, target: Lab, cover: Cover, *, was: Tone, wanted: Tone, height: float) -> Lab:
    """`face`, whose tone is `was`, in the colours, the light and the sharpness of `target`."""
    gain = np.minimum(wanted.spread / np.maximum(was.spread, 1e-3), _MOST_GAIN)
    gain[0] = max(float(gain[0]), _LEAST_GAIN)
    face = ((face - was.mean) * gain + wanted.mean).astype(np.float32)
    face += np.float32(_LIGHT_SHARE) * _light(target - face, cover, _LIGHT_REACH * height)
    coarse = _blur(face, _FINE * height)
    fine = face - coarse
    weight = float(cover.sum(dtype=np.float64))
    here = float(np.sqrt((cover * fine[..., 0] ** 2).sum(dtype=np.float64) / max(weight, 1e-9)))
    keep = np.clip(wanted.detail / max(here, 1e-3), _LEAST_DETAIL, 1.0)
    return coarse + np.float32(keep) * fine


def _light(difference: Lab, cover: Cover, reach: float) -> Lab:
    """`difference` blurred within the face only, so that hair and background don't bleed in."""
    height, width = cover.shape
    # A wide blur loses nothing on a smaller picture; there its cost doesn't grow with the face.
    step = max(1, int(reach / 4))
    size = (max(4, width // step), max(4, height // step))
    sums = np.asarray(
        cv2.resize(difference * cover[..., None], size, interpolation=cv2.INTER_AREA), np.float32
    )
    weights = np.asarray(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), np.float32)
    blurred = _blur(sums, reach / step) / np.maximum(_blur(weights, reach / step), 1e-3)[..., None]
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _blur(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.5)), np.float32)
