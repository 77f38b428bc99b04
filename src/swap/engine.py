"""What a swap engine is given and what it owes. Decoding, labels, encoding and permits are not its business.

An engine sees decoded frames, the tracks it may change, and the donor's photo. It never sees a
permit, a session, or a path outside the folder its own weights were loaded from. Nothing it yields
is believed: `swap.masks.checked` compares every frame with the original before anybody else sees it.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from consent.faces import Face, Image
from swap.frames import Frame

Mask: TypeAlias = NDArray[np.uint8]
"""Height x width of the frame; not 0 where the engine may have changed the picture."""


@dataclass(frozen=True, slots=True)
class PermittedTrack:
    """One face the permit allows to change, in every frame where the scan saw it."""

    id: str
    sightings: Mapping[int, Face]
    """By frame index, in pixels of the full-size frame. A frame without a sighting may not be changed."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """The donor's photo and the one face that was found in it."""

    image: Image
    face: Face


@dataclass(frozen=True, slots=True)
class Rendered:
    """One frame as the engine leaves it, under the index and time stamp it came with."""

    index: int
    pts: int
    image: Image
    mask: Mask | None
    """None where nothing changed."""


class SkipReason(StrEnum):
    """Why a permitted face was left as it was. The words are in the log: they never change."""

    PROFILE = "PROFILE"
    TOO_SMALL = "TOO_SMALL"
    NO_LANDMARKS = "NO_LANDMARKS"
    OUT_OF_FRAME = "OUT_OF_FRAME"


@dataclass(frozen=True, slots=True)
class Skip:
    """One face in one frame that was not swapped: the performer's own face is still there."""

    track: str
    index: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Report:
    """What the engine says it did, after the last frame."""

    swapped: int
    """Track-frames that were changed."""
    skipped: tuple[Skip, ...]
    """In order of frames; within a frame in order of the tracks given."""


class Engine(Protocol):
    """Puts the donor's face on the permitted tracks. The same input gives the same bytes."""

    @property
    def name(self) -> str:
        """Short and stable; permits name it."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same input would give other pixels."""
        ...

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 (hex) of every model file that has a say in the pixels, by model name."""
        ...

    def render(
        self,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        """Yield one `Rendered` for every frame, in order, then return the report.

        May read a few frames ahead (at most `swap.masks.LOOK_AHEAD`). Polls `cancelled` at every
        frame and returns early once it says yes. Raises an `audit.errors.ConsentryError` where the
        portrait can't be used; any other exception counts as a crash.
        """
        ...


@runtime_checkable
class Fenced(Protocol):
    """An engine that two attempts of one job might reach at once: it is told which one is speaking."""

    def bound(self, job: str, attempt: int) -> Engine:
        """The engine for this attempt alone. A later attempt ends what an earlier one has running."""
        ...
