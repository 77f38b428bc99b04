"""The donor's face made ready once: points, triangles, and the photo at the sizes that are needed."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from consent.faces import Image
from swap import colour, outline
from swap.colour import Cover, Tone
from swap.engine import Portrait
from swap.landmarks import LandmarkModel, Points, yaw
from swap.misconduct import PortraitUnusable
from swap.warp import Area, triangulate

# Degrees, as the mesh measures it. A photo shows one side only; half of it stretched over a whole
# face is nobody's face, so a donor must look more nearly into the camera than a performer need.
_PROFILE = 20.0


@dataclass(frozen=True, slots=True)
class Plate:
    """The photo at one size."""

    image: Image
    points: Points
    usable: Cover
    tone: Tone


class Donor:
    """One portrait for one run; dropped with it."""

    def __init__(self, portrait: Portrait, model: LandmarkModel) -> None:
        """Raises `PortraitUnusable` where the mesh does not fit the face."""
        points = model.find(portrait.image, portrait.face)
        if points is None:
            raise PortraitUnusable("the face mesh doesn't fit the face in the portrait")
        if abs(yaw(points)) > _PROFILE:
            raise PortraitUnusable("the face in the portrait is seen from the side; one half is missing")
        self.triangles = triangulate(points)
        self._image, self._points = portrait.image, points
        self._plates: dict[int, Plate] = {}

    def plate(self, height: float) -> Plate:
        """The photo for a target face of `height` pixels: reduced in steps of sqrt(2), never enlarged.

        A warp samples single pixels. Onto a face half the size it would pick every second one, and
        the picks would change with every frame: the skin would boil.
        """
        ratio = height / outline.height(self._points)
        step = max(0, round(-2 * math.log2(ratio)))
        if step not in self._plates:
            self._plates[step] = self._reduced(2 ** (-step / 2))
        return self._plates[step]

    def _reduced(self, scale: float) -> Plate:
        height, width = self._image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = self._image
        if size != (width, height):
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        exact = (size[0] / width, size[1] / height)
        points = self._points * (*exact, scale)
        points[:, :2] += (np.array(exact) - 1) / 2  # pixel centres, as cv2.resize moves them
        whole = Area(0, 0, *size)
        usable = outline.usable(points, whole)
        tall = outline.height(points)
        shown = usable * outline.cover(points, whole)
        return Plate(image, points, usable, colour.tone(colour.lab(image), shown, tall))
