"""Tracks: one face through consecutive frames of one shot, as geometry and nothing else."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audit.canonical import Json
from consent.faces import Face
from swap.faults import ScanMalformed

GRID = 16
"""Coordinates are whole sixteenths of a pixel of the upright full-size frame."""
_MOST = 1 << 24
_ROW = np.dtype(
    [
        ("index", "<i4"),
        ("pts", "<i8"),
        ("box", "<i4", (4,)),
        ("landmarks", "<i4", (5, 2)),
        ("score", "<i4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one frame."""

    index: int
    pts: int
    box: tuple[int, int, int, int]
    """Left, top, width, height, in 1/16 pixel; may reach past the frame's border."""
    landmarks: tuple[tuple[int, int], ...]
    """Five points as in `consent.faces.Face`, in 1/16 pixel."""
    score: int
    """The detector's confidence in thousandths."""

    @classmethod
    def of(cls, index: int, pts: int, face: Face) -> "Sighting":
        """Put a detected face onto the grid. What a detector says beyond reason is cut to reason."""
        left, top, width, height = (_whole(v * GRID) for v in (face.x, face.y, face.width, face.height))
        points = tuple((_whole(x * GRID), _whole(y * GRID)) for x, y in face.landmarks)
        return cls(index, pts, (left, top, width, height), points, _whole(face.score * 1000))

    @property
    def face(self) -> Face:
        """The face in pixels again."""
        left, top, width, height = (value / GRID for value in self.box)
        points = tuple((x / GRID, y / GRID) for x, y in self.landmarks)
        return Face(left, top, width, height, self.score / 1000, points)


@dataclass(frozen=True, slots=True)
class Track:
    """One face through one shot, with gaps where the detector lost it for a moment."""

    id: str
    """`t001` and so on, by first appearance, within a frame from left to right: always the same."""
    shot: int
    """Number of the shot, from 0."""
    widest: int
    """Width of its largest sighting, in 1/16 pixel."""
    resolvable: bool
    """Whether at least one crop is good enough to be compared. If not: hold or refuse, never drop."""
    lacks: tuple[str, ...]
    """Why not, as words of `consent.quality.Shortfall`; empty when resolvable."""
    weak: bool
    """Seen in few frames and never with confidence: perhaps no face at all. Listed like any other."""
    geometry: bytes
    """The sightings, packed; read them through `sightings`."""

    def sightings(self) -> Iterator[Sighting]:
        """In order of frames."""
        for row in np.frombuffer(self.geometry, _ROW).tolist():
            index, pts, box, landmarks, score = row
            yield Sighting(index, pts, tuple(box), tuple((x, y) for x, y in landmarks), score)

    def faces(self) -> Mapping[int, Face]:
        """By frame index, in pixels: what an engine may change (`swap.engine.PermittedTrack`)."""
        return {sighting.index: sighting.face for sighting in self.sightings()}

    @property
    def frames(self) -> tuple[int, ...]:
        """Indexes of the frames it was seen in, ascending."""
        return tuple(np.frombuffer(self.geometry, _ROW)["index"].tolist())

    @property
    def first(self) -> int:
        """Index of the frame it was first seen in."""
        return self.frames[0]

    @property
    def last(self) -> int:
        """Index of the frame it was last seen in."""
        return self.frames[-1]

    def to_json(self) -> Mapping[str, Json]:
        """As stored: geometry in base64 of little-endian rows (index, pts 64 bit, box, landmarks, score)."""
        return {
            "id": self.id,
            "shot": self.shot,
            "widest": self.widest,
            "resolvable": self.resolvable,
            "lacks": list(self.lacks),
            "weak": self.weak,
            "geometry": base64.b64encode(self.geometry).decode(),
        }

    @classmethod
    def from_json(cls, value: Any) -> "Track":
        """Read a track back. Raises `ScanMalformed`."""
        try:
            fields = dict(value)
            geometry = base64.b64decode(fields.pop("geometry"), validate=True)
            track = cls(**{**fields, "lacks": tuple(fields.pop("lacks")), "geometry": geometry})
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise ScanMalformed("a stored track is not a track") from None
        if not geometry or len(geometry) % _ROW.itemsize or list(track.frames) != sorted(set(track.frames)):
            raise ScanMalformed("a stored track has no sightings in order")
        return track


def packed(sightings: Sequence[Sighting]) -> bytes:
    """Sightings as a track keeps them: 72 bytes each."""
    rows = [(s.index, s.pts, s.box, s.landmarks, s.score) for s in sightings]
    return np.array(rows, dtype=_ROW).tobytes()


def _whole(value: float) -> int:
    return round(min(max(value, -_MOST), _MOST)) if value == value else 0  # noqa: PLR0124  (NaN)
