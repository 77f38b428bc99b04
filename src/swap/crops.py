"""The few moments of a track worth comparing, chosen while the frames go by.

Crops show people: they live in memory, are never written anywhere, and go with the scan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from consent.alignment import align
from consent.faces import Crop, Embedder, Embeddings, Face, Image
from consent.quality import PROBE, Floor, Quality, Shortfall, measure

MOST = 3
"""Crops kept of a track of ordinary length; a longer one keeps one for every `LONGEST` frames."""
LONGEST = 48
"""Frames a stretch may have, about two seconds. Whoever is in a track for twice as long is among its
crops, however much better somebody else's look. Costs a twentieth of the detection a face."""
_STRETCH = 6
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class _Moment:
    crop: Crop
    quality: Quality


@dataclass(slots=True)
class Chooser:
    """The best crop of each stretch of one track.

    Stretches are equally long and cover the whole track, so that a track which turned from one
    person into another shows both of them: the best few crops alone could all be of the first.
    When there are too many stretches, neighbours are joined and the better crop stays. Of each
    stretch three moments are looked at closely, so a long track costs no more than a short one.
    """

    floor: Floor
    _length: int = _STRETCH
    _offered: int = 0
    _start: int | None = None
    _best: dict[int, _Moment] = field(default_factory=dict)
    _lacks: tuple[Shortfall, ...] = (Shortfall.TURNED,)
    _least: int = 99

    def offer(self, index: int, image: Image, face: Face) -> None:
        """The face stands in frame `index`; frames come in order."""
        turn, self._offered = self._offered, self._offered + 1
        if turn % (self._length // _LOOKS):
            return
        self._start = index if self._start is None else self._start
        stretch = (index - self._start) // self._length
        held = self._best.get(stretch)
        crop = align(image, face)
        if crop is None:
            return
        quality = measure(face, crop)
        lacks = self.floor.shortfalls(quality)
        if lacks:
            if len(lacks) < self._least:
                self._lacks, self._least = lacks, len(lacks)
            return
        if held is None or quality.worth > held.quality.worth:
            self._best[stretch] = _Moment(crop, quality)
        if len(self._best) > MOST and self._length < LONGEST:
            self._join()

    @property
    def crops(self) -> tuple[Crop, ...]:
        """The chosen crops in order of time; none if no moment was good enough."""
        return tuple(self._best[stretch].crop for stretch in sorted(self._best))

    @property
    def lacks(self) -> tuple[Shortfall, ...]:
        """Why there are none: the shortfalls of the moment that lacked least. Empty when there are some."""
        return () if self._best else self._lacks

    def _join(self) -> None:
        joined: dict[int, _Moment] = {}
        for stretch, moment in sorted(self._best.items()):
            other = joined.get(stretch // 2)
            if other is None or moment.quality.worth > other.quality.worth:
                joined[stretch // 2] = moment
        self._best, self._length = joined, self._length * 2


@dataclass(frozen=True, slots=True)
class TrackCrops:
    """Crops by track id. No way to serialise it, on purpose."""

    crops: Mapping[str, Sequence[Crop]]

    def __repr__(self) -> str:
        return f"TrackCrops({len(self.crops)} tracks)"

    def __reduce__(self) -> str:
        raise TypeError("crops of faces are not serialised")

    def embed(self, embedder: Embedder, tracks: Sequence[str]) -> Mapping[str, Embeddings]:
        """One array of unit rows for each of `tracks`; no rows for a track without a usable crop.

        This is face recognition: ask the gate first (MATCHING), and ask it for these tracks. Drop the
        result with the decision.
        """
        return {track: embedder.embed(self.crops.get(track, ())) for track in tracks}


def probe_floor(side: int, longest: int, floor: Floor = PROBE) -> Floor:
    """`floor` for faces measured in a frame whose longest side is `longest`, looked at with `side`."""
    return replace(floor, width=floor.width * max(1.0, longest / side))
