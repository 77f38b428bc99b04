"""The eyes' self-test: known answers, and real faces. It runs before the first decision, every time.

A recogniser fed wrongly still answers, and answers that all people are one (0.93 between strangers,
measured). Nothing downstream could notice; so this must.
"""

from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from consent.alignment import SIDE, align
from consent.eye_errors import SelfTestFailed
from consent.faces import Crop, Detector, Embedder, Face, Image

DIFFERENT = 0.40
"""Two known different people must stay below: the default matching threshold."""

SAME = 0.90
"""One face in two exposures must stay above."""

_TOLERANCE = 0.01
"""A tenth of a per cent apart are CPUs; a mean of 10 instead of 0 moves the answers by up to 0.019."""

# Cosines between the embeddings of the patterns 0..3, by source digest, in the order of
# combinations(range(4), 2). A new embedder of ours gets a line; an operator's own has only the faces.
_ANSWERS = {
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee": (
        0.6064, 0.5316, 0.4706, 0.7191, 0.5797, 0.7803,
    ),
}  # fmt: skip

# Portraits that scikit-image ships (insightface depends on it): NASA's astronaut, public domain, and
# the cameraman, CC0. With the centre of the face in pixels and its width.
_PORTRAITS = (("astronaut.png", (223, 120), 90), ("camera.png", (226, 153), 61))


def check_eyes(detector: Detector, embedder: Embedder) -> None:
    """Raises `SelfTestFailed` unless faces are found where they are and told apart."""
    check_detector(detector)
    _check_answers(embedder)
    _check_faces(detector, embedder)


def check_detector(detector: Detector) -> None:
    """Raises `SelfTestFailed` unless it finds the one face of each portrait, and none in a grey wall."""
    for file, centre, width in _PORTRAITS:
        face = _only_face(detector, _portrait(file), file)
        seen = (face.x + face.width / 2, face.y + face.height / 2)
        if not all(abs(a - b) < width / 4 for a, b in zip(seen, centre, strict=True)):
            raise SelfTestFailed(f"the face of {file} was found in the wrong place")
        if not 0.7 < face.width / width < 1.4:
            raise SelfTestFailed(f"the face of {file} was found in the wrong size")
    if detector.detect(np.full((240, 320, 3), 128, dtype=np.uint8), side=320):
        raise SelfTestFailed("a face was found in a grey wall")


def pattern(number: int) -> Crop:
    """A coloured crop that is nobody's face, from integers alone: the same on every machine."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
    planes = [
        x * (3 + 2 * number + colour) + y * (5 - colour + number) + x * y * (number + 1) // (17 + 5 * colour)
        for colour in range(3)
    ]
    return (np.stack(planes, axis=2) % 256).astype(np.uint8)


def _check_answers(embedder: Embedder) -> None:
    answers = _ANSWERS.get(embedder.digest)
    if answers is None:
        return
    rows = embedder.embed([pattern(number) for number in range(4)])
    seen = [float(rows[a] @ rows[b]) for a, b in combinations(range(4), 2)]
    # `not all(...)` and not `any(>)`: a NaN must fail.
    if not all(abs(one - other) < _TOLERANCE for one, other in zip(seen, answers, strict=True)):
        raise SelfTestFailed("the embedder does not give the known answers; wrong preprocessing?")


def _check_faces(detector: Detector, embedder: Embedder) -> None:
    pictures = [_portrait(file) for file, _, _ in _PORTRAITS]
    dimmed = [np.asarray(picture * 0.7, dtype=np.uint8) for picture in pictures]
    crops = []
    for picture in pictures + dimmed:
        crop = align(picture, _only_face(detector, picture, "a portrait"))
        if crop is None:
            raise SelfTestFailed("the landmarks of a portrait don't span a face")
        crops.append(crop)
    rows = embedder.embed(crops)
    if not np.isfinite(rows).all() or not np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3):
        raise SelfTestFailed("embeddings are not finite unit vectors")
    people = len(pictures)
    for a, b in combinations(range(2 * people), 2):
        likeness = float(rows[a] @ rows[b])
        if a % people == b % people:
            if not likeness > SAME:
                raise SelfTestFailed("one face in two exposures is not recognised")
        elif not likeness < DIFFERENT:
            raise SelfTestFailed("two different people look alike to the embedder")
    if not np.allclose(embedder.embed(crops[:1])[0], rows[0], atol=1e-3):
        raise SelfTestFailed("an embedding depends on what is embedded beside it")


def _only_face(detector: Detector, picture: Image, name: str) -> Face:
    faces = detector.detect(picture, side=640)
    if len(faces) != 1:
        raise SelfTestFailed(f"{len(faces)} faces were found in {name}, which shows one")
    return faces[0]


def _portrait(file: str) -> Image:
    spec = find_spec("skimage")
    places = spec.submodule_search_locations if spec is not None else None
    picture: Any = cv2.imread(str(Path(places[0], "data", file)), cv2.IMREAD_COLOR) if places else None
    if picture is None:
        raise SelfTestFailed(f"the portrait {file} of the package scikit-image is missing")
    return np.asarray(picture, dtype=np.uint8)
