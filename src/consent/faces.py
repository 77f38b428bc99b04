"""Faces as values, and the two eyes as protocols. Nothing here recognises anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""Height x width x 3, 8 bit, BGR (OpenCV's order)."""

Crop: TypeAlias = NDArray[np.uint8]
"""An aligned face, 112 x 112 x 3, BGR."""

Embeddings: TypeAlias = NDArray[np.float32]
"""One unit vector a row: n x 128 for SFace. Biometric data: lives in memory, dies with the decision."""


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face, in pixels of the image it was found in."""

    x: float
    y: float
    width: float
    height: float
    score: float
    """The detector's confidence, 0 to 1."""
    landmarks: tuple[tuple[float, float], ...]
    """Five points: right eye, left eye, nose tip, right and left mouth corner (the person's own sides)."""

    def scaled(self, factor: float) -> "Face":
        """The same face in an image `factor` times as large."""
        return Face(
            self.x * factor,
            self.y * factor,
            self.width * factor,
            self.height * factor,
            self.score,
            tuple((x * factor, y * factor) for x, y in self.landmarks),
        )


class Detector(Protocol):
    """Finds faces; does not recognise them (EDPB 05/2022 para. 14 draws that line)."""

    @property
    def digest(self) -> str:
        """SHA-256 of the model file, as pinned."""
        ...

    def detect(self, image: Image, *, side: int) -> Sequence[Face]:
        """All faces, best first, in pixels of `image`; looked at with its longest side at most `side`."""
        ...


class Embedder(Protocol):
    """Turns aligned crops into embeddings. This is face recognition: ask the gate first."""

    @property
    def digest(self) -> str:
        """SHA-256 of the model file, as pinned."""
        ...

    def embed(self, crops: Sequence[Crop]) -> Embeddings:
        """One unit row a crop, in order; an empty sequence gives a 0 x d array."""
        ...
