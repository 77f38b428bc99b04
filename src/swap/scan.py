"""Every face in a template, as tracks. Detection only: nobody is recognised here.

Two steps, so that the gate can stand between them. `scan` finds, follows and counts; it needs each
cast member's consent to MATCHING because it picks crops. `TrackCrops.embed` recognises, and is
called only for tracks the gate allows, once their number fits the cast.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from audit.canonical import Json, canonical, digest
from audit.errors import BadInput
from consent.faces import Detector
from swap.clip import Clip
from swap.coverage import Coverage
from swap.crops import TrackCrops, probe_floor
from swap.faults import Cancelled, ScanMalformed
from swap.frames import Frame
from swap.limits import Limits
from swap.tracker import Tracker
from swap.tracks import Track

SIDE = 640
"""Longest side in pixels at which frames are searched, unless the settings say otherwise."""


class Footage(Protocol):
    """A video being read; `swap.reading.Reading` is one."""

    @property
    def clip(self) -> Clip:
        """What the video says of itself."""
        ...

    @property
    def unread(self) -> int:
        """Frames that could not be read; right once all frames were taken."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Every frame, in order."""
        ...


@dataclass(frozen=True)
class Scan:
    """What was seen in a template: geometry and counts. The same media and detector give the same scan."""

    media_digest: str
    detector: str
    """Digest of the detector's weights."""
    clip: Clip
    coverage: Coverage
    cuts: tuple[int, ...]
    """Indexes of the frames that begin a new shot, without the first."""
    most_at_once: int
    """Faces in the fullest frame: at least so many people are in the template."""
    tracks: tuple[Track, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form."""
        return digest(self.to_bytes())

    def to_json(self) -> Mapping[str, Json]:
        """As stored."""
        return {
            "v": 1,
            "media": self.media_digest,
            "detector": self.detector,
            "clip": self.clip.to_json(),
            "coverage": self.coverage.to_json(),
            "cuts": list(self.cuts),
            "most_at_once": self.most_at_once,
            "tracks": [track.to_json() for track in self.tracks],
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Scan":
        """Read a scan back. Raises `ScanMalformed` for anything but the bytes of a scan."""
        try:
            value = json.loads(data)
            scan = cls(
                media_digest=value["media"],
                detector=value["detector"],
                clip=Clip.from_json(value["clip"]),
                coverage=Coverage.from_json(value["coverage"]),
                cuts=tuple(value["cuts"]),
                most_at_once=value["most_at_once"],
                tracks=tuple(Track.from_json(track) for track in value["tracks"]),
            )
            same = scan.to_bytes() == data
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, BadInput):
            raise ScanMalformed("stored scan bytes are not a scan") from None
        if not same:
            raise ScanMalformed("a stored scan is not in its canonical form")
        return scan


def scan(
    footage: Footage,
    *,
    media_digest: str,
    detector: Detector,
    limits: Limits,
    side: int = SIDE,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Scan, TrackCrops]:
    """Search every frame of `footage`; the scan, and the crops that may be compared later.

    `cancelled` is asked at every frame, `progress` told frames done and expected. Raises `Cancelled`,
    `TooManyFaces`, and what reading raises. A frame that could not be read does not stop it: the
    coverage says so, and the policy refuses.
    """
    clip = footage.clip
    floor = probe_floor(side, max(clip.width, clip.height))
    tracker = Tracker(floor, max_faces=limits.max_faces, max_tracks=limits.max_tracks)
    done = 0
    for frame in footage:
        if cancelled():
            raise Cancelled(f"stopped after {done} frames")
        tracker.step(frame, detector.detect(frame.image, side=side))
        done += 1
        progress(done, clip.frames)
    tracks = tracker.finish()
    found = Scan(
        media_digest=media_digest,
        detector=detector.digest,
        clip=clip,
        coverage=Coverage.of(clip, frames=done, unread=footage.unread, side=side),
        cuts=tracker.cuts,
        most_at_once=tracker.most_at_once,
        tracks=tuple(track for track, _ in tracks),
    )
    return found, TrackCrops({track.id: crops for track, crops in tracks})
