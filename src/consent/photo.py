"""A photo that shall stand for a person: exactly one face, well enough seen.

Detection only. Whether the face may be embedded is for the gate to say, not for this module.
"""

from dataclasses import dataclass
from typing import Protocol

from consent.alignment import align
from consent.eye_errors import PhotoManyFaces, PhotoNoFace, PhotoPoor
from consent.faces import Crop, Detector, Face, Image
from consent.quality import Floor, Quality, Shortfall, measure

SIDE = 640
"""Longest side in pixels at which a photo is looked at. Larger, the detector loses faces that fill it."""

ENROLMENT = Floor(width=56, frontality=0.2, darkest=35, sharpness=0.25)
"""For a biometric reference. Turned faces are welcome: side views are what later matching lacks."""

DONOR = Floor(width=56, frontality=0.7, darkest=35, sharpness=0.25)
"""For a face to be put into a video: one that looks into the camera."""


class PhotoReader(Protocol):
    """Makes pixels of an untrusted photo. Lives where untrusted bytes are decoded: in the sandbox."""

    def read(self, photo: bytes) -> Image:
        """The decoded photo, upright (Exif orientation applied), limits on bytes and pixels enforced.

        Raises `audit.errors.BadInput` for what is no photo, or too large a one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Portrait:
    """The one face of a photo, ready to be embedded once the gate allows it."""

    face: Face
    crop: Crop
    quality: Quality


def check_photo(photo: Image, detector: Detector, *, floor: Floor, side: int = SIDE) -> Portrait:
    """The only face of `photo`. Raises `PhotoNoFace`, `PhotoManyFaces`, `PhotoPoor`.

    A second face refuses the photo however small it is: nobody's face is picked by its size.
    """
    faces = detector.detect(photo, side=side)
    if not faces:
        raise PhotoNoFace("no face in the photo, wanted exactly one")
    if len(faces) > 1:
        raise PhotoManyFaces(f"{len(faces)} faces in the photo, wanted exactly one")
    face = faces[0]
    crop = align(photo, face)
    if crop is None:
        raise PhotoPoor([Shortfall.TURNED])
    quality = measure(face, crop)
    shortfalls = floor.shortfalls(quality)
    if shortfalls:
        raise PhotoPoor(shortfalls)
    return Portrait(face, crop, quality)
