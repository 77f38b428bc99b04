"""The fence around an engine: what it may change, checked on every frame before anybody else sees it.

`checked` is the only way an engine is run. The engine gets copies; the originals stay here and are
compared. A frame that breaks a rule ends the run. There is no repair: an engine that strays once
has shown that its masks mean nothing.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from consent.faces import Face
from swap.engine import Engine, PermittedTrack, Portrait, Rendered, Report
from swap.fence import check
from swap.frames import Frame
from swap.leash import Asks, Ends, Gives, Leash
from swap.misconduct import (
    EngineHoards,
    EngineLong,
    EngineMisreported,
    EngineShort,
    RenderCancelled,
)

LOOK_AHEAD = 32
"""Frames an engine may hold before it gives the first one back: 84 MiB of 1280x720."""
PATIENCE = 120.0
"""Seconds an engine may be silent: enough to warm up a large model on a slow machine."""
GRACE = 10.0
"""Seconds an engine may go on once the run is cancelled: one slow frame."""


class Rendering:
    """The frames of one run, each of them checked. Iterate once; then `report` is there."""

    def __init__(self, frames: Iterator[Rendered], report: list[Report]) -> None:
        """Made by `checked`."""
        self._frames = frames
        self._report = report

    def __iter__(self) -> Iterator[Rendered]:
        return self._frames

    @property
    def report(self) -> Report:
        """What the engine reported. Raises `EngineShort` before the last frame was taken."""
        if not self._report:
            raise EngineShort("the report was asked for before the engine had finished")
        return self._report[0]


def checked(
    engine: Engine,
    frames: Iterator[Frame],
    tracks: Sequence[PermittedTrack],
    portrait: Portrait,
    *,
    cancelled: Callable[[], bool],
    patience: float = PATIENCE,
    grace: float = GRACE,
) -> Rendering:
    """Run `engine` over `frames` and let through only what keeps the fence.

    As many frames as were given, in order, same index, time stamp, size and type; bit-identical
    outside the mask; the mask within the enlarged boxes of that frame's permitted faces and not
    over most of them; a report that accounts for every one of them. `frames` and `cancelled` are
    only used from the caller's thread. Nothing runs before the first frame is asked for.

    Raises, while iterating, `EngineStrayed`, `EngineShort`, `EngineLong`, `EngineHoards`,
    `EngineStalled`, `EngineMisreported`, `EngineCrashed`, `RenderCancelled`, or what the engine
    says is wrong with the portrait. `patience` (seconds) bounds the engine's silence, not the run;
    `grace` bounds it once `cancelled` says yes.
    """
    report: list[Report] = []
    # Private copies: an engine that adds sightings to what it was handed moves its own fence only.
    own = [replace(track, sightings=MappingProxyType(dict(track.sightings))) for track in tracks]
    handed = [replace(track, sightings=dict(track.sightings)) for track in tracks]
    shown = replace(portrait, image=portrait.image.copy())
    leash = Leash(engine, handed, shown, cancelled=cancelled, patience=patience, grace=grace)
    return Rendering(_run(leash, frames, own, cancelled, report), report)


def _run(
    leash: Leash,
    frames: Iterator[Frame],
    tracks: Sequence[PermittedTrack],
    cancelled: Callable[[], bool],
    report: list[Report],
) -> Iterator[Rendered]:
    held: deque[Frame] = deque()
    owed = 0
    try:
        while True:
            word = leash.next_word()
            if cancelled():
                raise RenderCancelled("the run was cancelled while frames were rendered")
            match word:
                case Asks():
                    frame = next(frames, None)
                    if frame is not None:
                        held.append(frame)
                        if len(held) > LOOK_AHEAD:
                            raise EngineHoards(f"the engine holds more than {LOOK_AHEAD} frames")
                        frame = replace(frame, image=frame.image.copy())
                    leash.answer(frame)
                case Gives(rendered=given):
                    if not held:
                        raise EngineLong("the engine gave a frame that it was never given")
                    original = held.popleft()
                    faces = _faces(tracks, original.index)
                    owed += len(faces)
                    yield check(original, given, faces)
                    leash.answer()
                case Ends(report=said):
                    if held or next(frames, None) is not None:
                        raise EngineShort("the engine ended before every frame came back")
                    report.append(_accounted(said, tracks, owed))
                    return
    finally:
        leash.drop()


def _faces(tracks: Sequence[PermittedTrack], index: int) -> list[Face]:
    return [track.sightings[index] for track in tracks if index in track.sightings]


def _accounted(report: Report, tracks: Sequence[PermittedTrack], owed: int) -> Report:
    """The report, if every permitted face in every frame is either swapped or skipped in it, once."""
    if not isinstance(report, Report):
        raise EngineMisreported("the engine ended without a report")
    sightings: Mapping[str, Mapping[int, Face]] = {track.id: track.sightings for track in tracks}
    places = {(skip.track, skip.index) for skip in report.skipped}
    known = all(index in sightings.get(track, {}) for track, index in places)
    if not known or len(places) != len(report.skipped) or report.swapped + len(places) != owed:
        raise EngineMisreported(f"the engine's report doesn't account for {owed} faces, each once")
    return report
