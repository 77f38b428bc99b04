"""Joins the faces of one frame to those of the frames before, shot by shot.

When in doubt it starts a new track: one person on two tracks costs a second look, two people on one
track could let one consent stand for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from consent.faces import Crop, Face
from consent.quality import Floor
from swap.crops import Chooser
from swap.faults import TooManyFaces
from swap.frames import Frame
from swap.shots import Thumbnail, face_thumbnail, frame_thumbnail, is_cut
from swap.tracks import Sighting, Track, packed

OVERLAP = 0.3
"""Least intersection over union of a face with where it was last seen."""
GAP = 12
"""Frames the detector may lose a face for, about half a second, before it is a new track."""
WEAK_FRAMES = 2
WEAK_SCORE = 750
"""A track of so few frames that never reaches this confidence (thousandths) may be a raised fist."""


@dataclass(slots=True)
class _Thread:
    """A track still being seen."""

    shot: int
    face: Face
    thumbnail: Thumbnail
    chooser: Chooser
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.sightings[-1].index


class Tracker:
    """Feed it every frame in order with all its faces, then ask for the tracks."""

    def __init__(self, floor: Floor, *, max_faces: int, max_tracks: int) -> None:
        self._floor = floor
        self._max_faces, self._max_tracks = max_faces, max_tracks
        self._open: list[_Thread] = []
        self._all: list[_Thread] = []
        self._cuts: list[int] = []
        self._before: Thumbnail | None = None
        self._most = 0

    @property
    def cuts(self) -> tuple[int, ...]:
        """Indexes of the frames that begin a new shot, without the first."""
        return tuple(self._cuts)

    @property
    def most_at_once(self) -> int:
        """Faces in the fullest frame: at least so many people are in the clip."""
        return self._most

    def step(self, frame: Frame, faces: Sequence[Face]) -> None:
        """Take in one frame. Raises `TooManyFaces`."""
        if len(faces) > self._max_faces:
            raise TooManyFaces(f"{len(faces)} faces in one frame; at most {self._max_faces}")
        self._most = max(self._most, len(faces))
        now = frame_thumbnail(frame.image)
        if self._before is not None and is_cut(self._before, now):
            self._cuts.append(frame.index)
            self._open = []
        self._before = now
        self._open = [thread for thread in self._open if frame.index - thread.last <= GAP]
        # From left to right, so that ids do not hang on the order a detector lists faces in.
        ordered = sorted(faces, key=lambda face: (face.x, face.y, face.width, face.height))
        for face, thread in self._joined(frame, ordered):
            sighting = Sighting.of(frame.index, frame.pts, face)
            thread.sightings.append(sighting)
            # The face as it is stored: whoever goes through the clip again makes the same choice.
            thread.chooser.offer(frame.index, frame.image, sighting.face)

    def finish(self) -> tuple[tuple[Track, tuple[Crop, ...]], ...]:
        """Every track there was, in order of their ids, with its chosen crops."""
        return tuple(
            (_track(f"t{number:03d}", thread), thread.chooser.crops)
            for number, thread in enumerate(self._all, start=1)
        )

    def _joined(self, frame: Frame, faces: Sequence[Face]) -> list[tuple[Face, _Thread]]:
        thumbnails = [face_thumbnail(frame.image, face) for face in faces]
        pairs = [
            (-overlap, t, f)
            for t, thread in enumerate(self._open)
            for f, face in enumerate(faces)
            if (overlap := _overlap(thread.face, face)) >= OVERLAP
        ]
        taken: dict[int, _Thread] = {}
        for _, t, f in sorted(pairs):
            thread = self._open[t]
            if f in taken or any(thread is other for other in taken.values()):
                continue
            if is_cut(thread.thumbnail, thumbnails[f]):
                continue  # another face stands where this one stood: a cut that moved only the middle
            thread.face, thread.thumbnail = faces[f], thumbnails[f]
            taken[f] = thread
        return [(face, taken.get(f) or self._begin(face, thumbnails[f])) for f, face in enumerate(faces)]

    def _begin(self, face: Face, thumbnail: Thumbnail) -> _Thread:
        if len(self._all) >= self._max_tracks:
            raise TooManyFaces(f"more than {self._max_tracks} tracks")
        thread = _Thread(len(self._cuts), face, thumbnail, Chooser(self._floor))
        self._all.append(thread)
        self._open.append(thread)
        return thread


def _track(name: str, thread: _Thread) -> Track:
    seen = thread.sightings
    lacks = thread.chooser.lacks
    return Track(
        id=name,
        shot=thread.shot,
        widest=max(s.box[2] for s in seen),
        resolvable=not lacks,
        lacks=tuple(shortfall.value for shortfall in lacks),
        weak=len(seen) <= WEAK_FRAMES and max(s.score for s in seen) < WEAK_SCORE,
        geometry=packed(seen),
    )


def _overlap(a: Face, b: Face) -> float:
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    return common / (a.width * a.height + b.width * b.height - common)
