"""A clip of somebody who turns her head as she was told: watched frame by frame, with nobody recognised.

What is left of it in the end is one aligned crop for each time she looked into the camera, before, between
and after the turns. Whether they show her is `consent.capturing`'s question, and needs her consent.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from audit.errors import BadInput
from consent.alignment import align
from consent.faces import Crop, Detector, Face, Image
from consent.photo import SIDE
from consent.pose import Side, frontal, side
from consent.quality import PROBE, measure

LOOK_EVERY = 0.05
"""Seconds between two looks: 20 a second show a turn of a head, and a detection costs 10 ms."""
GAP = 0.4
"""Longest time in seconds without a look at the face: longer, and another head could take its place."""
FEWEST = 30
"""Looks at the face, or it is no clip."""
LONGEST = 60.0
"""Seconds of a clip."""
OVERLAP = 0.3
"""Least share that the face's boxes of two looks have in common. Heads turn, they do not jump."""
STEADY = 2
"""Looks in a row that make a turn: in one alone a landmark may have slipped."""


class Miss(StrEnum):
    """Why a clip is no answer. Stable words: they reach the log."""

    NO_FACE = "NO_FACE"
    MANY_FACES = "MANY_FACES"
    JUMPED = "JUMPED"
    GAP = "GAP"
    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    TIME_BACKWARDS = "TIME_BACKWARDS"
    NOT_FRONT = "NOT_FRONT"
    TOO_FAST = "TOO_FAST"
    OTHER_TURNS = "OTHER_TURNS"
    POOR = "POOR"
    OTHER_PERSON = "OTHER_PERSON"


class CaptureMissed(BadInput):
    """A live capture did not show what was asked for."""

    code = "CAPTURE_MISSED"
    zh = "现场采集未按要求完成。"
    hint = "Ask for a new challenge; alone, in good light, turning as told, back to the camera each time."
    hint_zh = "请重新获取指令；须本人单独出镜、光线充足，按指令转头，每次转回正对镜头。"

    def __init__(self, miss: Miss) -> None:
        super().__init__(f"the capture is no answer: {miss}")
        self.miss = miss


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of the clip."""

    at: float
    """Seconds on the clip's own clock."""
    image: Image


@dataclass(slots=True)
class _Watch:
    """What was seen so far."""

    sides: list[Side] = field(default_factory=list)
    fronts: list[Crop | None] = field(default_factory=list)
    """The best crop of each time she looked into the camera; None where none was good enough."""
    away: Side | None = None
    """The side she is turned to; None while she is back, or was not yet away."""
    row: int = 0
    """How many looks in a row were to the side of the last one."""
    last: Side | None = None
    best: float = -1.0
    looks: int = 0

    def see(self, image: Image, face: Face) -> None:
        """Take one look in."""
        self.looks += 1
        now = side(face)
        self.row = self.row + 1 if now is not None and now is self.last else 1
        self.last = now
        if frontal(face):
            self._front(image, face)
        elif now is not None and self.row >= STEADY and now is not self.away:
            if not self.fronts:
                raise CaptureMissed(Miss.NOT_FRONT)
            if self.away is not None:
                # From one side to the other and not seen in between: it may have been two heads.
                raise CaptureMissed(Miss.TOO_FAST)
            self.away = now
            self.sides.append(now)

    def _front(self, image: Image, face: Face) -> None:
        if self.away is not None or not self.fronts:
            self.fronts.append(None)
            self.away, self.best = None, -1.0
        crop = align(image, face)
        if crop is None:
            return
        quality = measure(face, crop)
        if not PROBE.shortfalls(quality) and quality.worth > self.best:
            self.best, self.fronts[-1] = quality.worth, crop


def watch(shots: Iterable[Shot], turns: Sequence[Side], detector: Detector) -> list[Crop]:
    """The crops, one more than `turns`, if the clip shows one head that made just these turns.

    Raises `CaptureMissed`.
    """
    seen, before = _Watch(), None
    started = None
    for shot, face in _looks(shots, detector):
        started = shot.at if started is None else started
        if shot.at - started > LONGEST:
            raise CaptureMissed(Miss.TOO_LONG)
        if before is not None and not _overlap(before, face) >= OVERLAP:
            raise CaptureMissed(Miss.JUMPED)
        before = face
        seen.see(shot.image, face)
    if seen.looks < FEWEST:
        raise CaptureMissed(Miss.TOO_SHORT if seen.looks else Miss.NO_FACE)
    if not seen.fronts or seen.away is not None:
        raise CaptureMissed(Miss.NOT_FRONT)
    # All of them, in order, and none beside: who shakes her head answers every challenge otherwise.
    if seen.sides != list(turns):
        raise CaptureMissed(Miss.OTHER_TURNS)
    crops = [crop for crop in seen.fronts if crop is not None]
    if len(crops) != len(turns) + 1:
        raise CaptureMissed(Miss.POOR)
    return crops


def _looks(shots: Iterable[Shot], detector: Detector) -> Iterator[tuple[Shot, Face]]:
    """Each look with its one face."""
    last = looked = found = None
    for shot in shots:
        if last is not None and not shot.at > last:
            raise CaptureMissed(Miss.TIME_BACKWARDS)
        last = shot.at
        found = shot.at if found is None else found
        # Of the clock of the clip, whoever made it: what he leaves out he can't show either.
        if not shot.at - found <= GAP:
            raise CaptureMissed(Miss.GAP)
        if looked is not None and shot.at - looked < LOOK_EVERY:
            continue
        looked = shot.at
        faces = detector.detect(shot.image, side=SIDE)
        if len(faces) > 1:
            raise CaptureMissed(Miss.MANY_FACES)
        if faces:
            found = shot.at
            yield shot, faces[0]


def _overlap(one: Face, other: Face) -> float:
    """Intersection over union of their boxes."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    common = max(0.0, width) * max(0.0, height)
    return common / (one.width * one.height + other.width * other.height - common)
