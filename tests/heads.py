"""Heads that turn, made of a packaged portrait: an honest fake, for nobody here can be filmed.

The picture is taken as a relief, highest at the nose, and looked at from a side: what stands out moves.
It is what a real-time forger would do too, which is why a capture says that it can't tell him from her.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np

from consent.faces import Face, Image
from consent.pose import Side
from consent.turning import Shot
from portraits import only_face, portrait

RATE = 10
"""Frames a second."""
SIDE = 320
FAR = 1.0
"""A turn that is beyond doubt, in units of `turned`."""


@cache
def close(person: str) -> tuple[Image, Face]:
    """A square of the portrait around the head, and the face in it."""
    picture = portrait(person)
    face = only_face(picture)
    half = int(1.1 * max(face.width, face.height))
    x, y = int(face.x + face.width / 2), int(face.y + face.height / 2)
    padded = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REPLICATE)
    square = padded[y : y + 2 * half, x : x + 2 * half]
    head = np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
    return head, only_face(head)


def turned(person: str, amount: float) -> Image:
    """The head turned: 1 clearly to her left, -1 to her right, 0 as it was photographed."""
    head, face = close(person)
    (right, _), (left, _), (nose, height) = face.landmarks[:3]
    round_ = 0.8 * abs(left - right)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    # A cylinder about the head's axis, turned back to where the camera was; beyond its edge, what is there.
    middle = (right + left) / 2
    out = np.clip((x - middle) / round_, -0.999, 0.999)
    back = round_ * np.sin(np.clip(np.arcsin(out) - np.radians(48 * amount), -1.5, 1.5))
    inside = np.clip((1 - np.abs(out)) * 4, 0, 1)
    ridge = np.exp(-(((x - nose) / (0.5 * round_)) ** 2 + ((y - height) / (0.5 * round_)) ** 2))
    found = inside * (middle + back) + (1 - inside) * x - 0.15 * round_ * amount * ridge
    return np.asarray(
        cv2.remap(head, found.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def slanted(person: str, amount: float) -> Image:
    """A flat photo of her, held before the camera and turned about its middle, in true perspective."""
    head, _ = close(person)
    angle = np.radians(amount)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    depth = 4 + corners[:, 0] * np.sin(angle)
    seen = np.column_stack([corners[:, 0] * np.cos(angle), corners[:, 1]]) * 4 / depth[:, None]
    there = ((seen + 1) * SIDE / 2).astype(np.float32)
    here = ((corners + 1) * SIDE / 2).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(here, there)
    return np.asarray(cv2.warpPerspective(head, matrix, (SIDE, SIDE), borderValue=(120, 120, 120)), np.uint8)


def movement(turns: Sequence[Side]) -> list[float]:
    """How far the head is turned, frame by frame: front, a turn, front, and so on."""
    amounts = [0.0] * 5
    for side in turns:
        far = FAR if side is Side.LEFT else -FAR
        amounts += [far / 2, far, far, far, far / 2, 0.0, 0.0, 0.0, 0.0]
    return amounts


def film(turns: Sequence[Side], person: str = "astronaut", **changes: Any) -> Iterator[Shot]:
    """A clip of her who turns so. `who`: another portrait from that frame on."""
    start, other = changes.get("who", (10**6, ""))
    for number, amount in enumerate(movement(turns)):
        yield Shot(number / RATE, turned(other if number >= start else person, amount))
