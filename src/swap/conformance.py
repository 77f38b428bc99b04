"""What any engine must do, as checks that anybody can run against his own: `conform` gives a report.

The engine is run bare, without the fence that a job puts around it, so that a fault is seen as the
engine's and not as the fence's refusal. A scene needs a performer's face that the engine can swap in
some frames and that is not sighted in others. That an engine isn't started without a redeemed permit
is not its own doing, and is tested on the pipeline.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from audit.errors import ConsentryError
from swap.engine import Engine, PermittedTrack, Portrait, Rendered, Report
from swap.fence import check
from swap.frames import Frame
from swap.masks import LOOK_AHEAD, checked
from swap.writes import Writes

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ENOUGH = 3
"""Frames given back before a run is cancelled or dropped."""


class Unfit(Exception):
    """A check found what an engine must not do. The text says what."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the engine is tried on. At least 4 frames, one of them without a sighting of the track."""

    frames: Sequence[Frame]
    track: PermittedTrack
    portrait: Portrait


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check, and what it found."""

    check: str
    fault: str | None

    @property
    def kept(self) -> bool:
        """Whether the engine does as it must."""
        return self.fault is None


@dataclass(slots=True)
class _Trial:
    """One engine on one scene."""

    engine: Engine
    scene: Scene
    folders: Sequence[Path]
    own: Path | None
    read: int = 0
    given: list[Rendered] = field(default_factory=list)

    def run(
        self,
        frames: Iterator[Frame] | None = None,
        tracks: Sequence[PermittedTrack] | None = None,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        most: int | None = None,
    ) -> Report | None:
        """Drive the engine to its end, or drop it after `most` frames; what came is in `given`."""
        self.read, self.given = 0, []
        shown = tracks if tracks is not None else [self._handed()]
        portrait = replace(self.scene.portrait, image=self.scene.portrait.image.copy())
        fed = self._counted(frames if frames is not None else iter(self.scene.frames))
        rendering = self.engine.render(fed, shown, portrait, cancelled=cancelled)
        try:
            while most is None or len(self.given) < most:
                try:
                    self.given.append(next(rendering))
                except StopIteration as end:
                    report: Report = end.value
                    return report
        finally:
            rendering.close()
        return None

    def endless(self) -> Iterator[Frame]:
        """The scene over and over, for `endless_track`; an engine that hoards is stopped."""
        index = 0
        while True:
            for frame in self.scene.frames:
                if index - len(self.given) >= LOOK_AHEAD:
                    raise Unfit(f"more than {LOOK_AHEAD} frames were read before one was given back")
                yield replace(frame, index=index, pts=index)
                index += 1

    def endless_track(self, rounds: int) -> PermittedTrack:
        long = len(self.scene.frames)
        first = self.scene.frames[0].index
        seen = self.scene.track.sightings
        return replace(
            self.scene.track,
            sightings={at - first + long * turn: face for turn in range(rounds) for at, face in seen.items()},
        )

    def _handed(self) -> PermittedTrack:
        return replace(self.scene.track, sightings=dict(self.scene.track.sightings))

    def _counted(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.read += 1
            yield replace(frame, image=frame.image.copy())


def conform(
    engine: Engine, scene: Scene, *, folders: Sequence[Path] = (), own: Path | None = None
) -> tuple[Verdict, ...]:
    """Every check, in order; one that fails doesn't stop the rest.

    `folders` are compared before and after for files that the engine leaves there, besides what the
    interpreter itself reports of files being opened for writing. `own` is where the engine may write.
    """
    _usable(scene)
    return tuple(
        Verdict(name, _fault(each, _Trial(engine, scene, folders, own))) for name, each in CHECKS.items()
    )


def _fault(each: Callable[[_Trial], None], trial: _Trial) -> str | None:
    try:
        each(trial)
    except (Unfit, ConsentryError) as fault:
        return str(fault)
    except Exception as fault:  # noqa: BLE001  (whatever an engine raises is its own fault)
        return f"the engine raised {type(fault).__name__}"
    return None


def _usable(scene: Scene) -> None:
    seen = {frame.index for frame in scene.frames} & set(scene.track.sightings)
    if len(scene.frames) < _ENOUGH + 1 or not seen or len(seen) == len(scene.frames):
        raise ValueError("a scene has 4 frames or more, and its track is seen in some of them, not in all")


def _names_itself(trial: _Trial) -> None:
    engine = trial.engine
    if not engine.name.strip() or not engine.version.strip():
        raise Unfit("name or version is empty")
    if not all(_DIGEST.fullmatch(digest) for digest in engine.digests.values()):
        raise Unfit("a model's digest is not 64 lower-case hex digits")


def _gives_each_frame_once(trial: _Trial) -> None:
    trial.run()
    places = [(each.index, each.pts) for each in trial.given]
    if places != [(frame.index, frame.pts) for frame in trial.scene.frames]:
        raise Unfit(f"{len(trial.scene.frames)} frames went in; {len(places)} came back, or in another order")


def _keeps_within_masks(trial: _Trial) -> None:
    trial.run()
    for frame, given in zip(trial.scene.frames, trial.given, strict=False):
        face = trial.scene.track.sightings.get(frame.index)
        check(frame, given, [] if face is None else [face])


def _leaves_the_unsighted_alone(trial: _Trial) -> None:
    trial.run()
    for frame, given in zip(trial.scene.frames, trial.given, strict=False):
        if frame.index not in trial.scene.track.sightings and _changed(frame, given):
            raise Unfit(f"frame {frame.index} was changed, and nobody was sighted in it")


def _changes_nothing_without_tracks(trial: _Trial) -> None:
    report = trial.run(tracks=[])
    if any(_changed(frame, given) for frame, given in zip(trial.scene.frames, trial.given, strict=False)):
        raise Unfit("a frame was changed without a permitted track")
    if report != Report(0, ()):
        raise Unfit("the report of a run without tracks is not empty")


def _accounts_for_every_face(trial: _Trial) -> None:
    scene = trial.scene
    rendering = checked(
        trial.engine, iter(scene.frames), [scene.track], scene.portrait, cancelled=lambda: False
    )
    changed = sum(given.mask is not None and bool(given.mask.any()) for given in rendering)
    if rendering.report.swapped == 0:
        raise Unfit("not one face of the scene was swapped; this scene shows nothing about the engine")
    if changed < rendering.report.swapped:
        raise Unfit(f"{rendering.report.swapped} faces are reported as swapped, {changed} frames changed")


def _gives_the_same_again(trial: _Trial) -> None:
    first_report, first = trial.run(), _digest(trial.given)
    # A run that was dropped in the middle, of a mirrored donor, must leave nothing behind.
    portrait = trial.scene.portrait
    flipped = np.ascontiguousarray(portrait.image[:, ::-1])
    other = replace(trial, scene=replace(trial.scene, portrait=replace(portrait, image=flipped)))
    with suppress(ConsentryError):
        other.run(most=_ENOUGH)
    second_report, second = trial.run(), _digest(trial.given)
    if first != second or first_report != second_report:
        raise Unfit("the same frames, tracks and portrait gave other bytes or another report")


def _leaves_what_it_was_lent(trial: _Trial) -> None:
    scene = trial.scene
    lent = [replace(frame, image=frame.image.copy()) for frame in scene.frames]
    portrait = replace(scene.portrait, image=scene.portrait.image.copy())
    sightings = dict(scene.track.sightings)
    track = replace(scene.track, sightings=sightings)
    for _ in trial.engine.render(iter(lent), [track], portrait, cancelled=lambda: False):
        pass
    if any(not np.array_equal(a.image, b.image) for a, b in zip(lent, scene.frames, strict=True)):
        raise Unfit("a frame that was lent was written to")
    if not np.array_equal(portrait.image, scene.portrait.image) or sightings != scene.track.sightings:
        raise Unfit("the portrait or the sightings were written to")


def _stops_when_cancelled(trial: _Trial) -> None:
    most = 2 * LOOK_AHEAD
    track = trial.endless_track(rounds=2 + most // len(trial.scene.frames))
    at: list[int] = []

    def cancelled() -> bool:
        if len(trial.given) >= _ENOUGH and not at:
            at.append(trial.read)
        return bool(at)

    # Dropped at the latest here: an engine that never stops must not hold up the report.
    ended = trial.run(trial.endless(), [track], cancelled=cancelled, most=_ENOUGH + most)
    after = trial.read - (at[0] if at else _ENOUGH)
    if ended is None or after > LOOK_AHEAD or len(trial.given) > _ENOUGH + LOOK_AHEAD:
        raise Unfit(f"{after} more frames were read and {len(trial.given) - _ENOUGH} given after cancelling")


def _reads_a_few_ahead(trial: _Trial) -> None:
    track = trial.endless_track(rounds=2 + 4 * LOOK_AHEAD // len(trial.scene.frames))

    trial.run(trial.endless(), [track], most=LOOK_AHEAD)


def _writes_nowhere(trial: _Trial) -> None:
    with Writes(trial.folders, own=trial.own) as writes:
        trial.run()
    if writes.seen:
        raise Unfit(f"files were written, made or removed outside its own folder: {len(writes.seen)}")


CHECKS: Mapping[str, Callable[[_Trial], None]] = {
    "names itself and its models": _names_itself,
    "gives each frame back once, in order": _gives_each_frame_once,
    "changes nothing outside fair masks over permitted faces": _keeps_within_masks,
    "leaves a frame without a sighting alone": _leaves_the_unsighted_alone,
    "changes nothing without permitted tracks": _changes_nothing_without_tracks,
    "accounts for every permitted face": _accounts_for_every_face,
    "gives the same bytes again": _gives_the_same_again,
    "leaves what it was lent as it was": _leaves_what_it_was_lent,
    "stops when cancelled": _stops_when_cancelled,
    "reads only a few frames ahead": _reads_a_few_ahead,
    "writes nowhere but in its own folder": _writes_nowhere,
}
"""In the order of the report. The names are for people; they may be reworded."""


def _changed(frame: Frame, given: Rendered) -> bool:
    marked = given.mask is not None and bool(given.mask.any())
    return marked or not np.array_equal(frame.image, given.image)


def _digest(given: Sequence[Rendered]) -> str:
    total = hashlib.sha256()
    for each in given:
        total.update(np.ascontiguousarray(each.image).tobytes())
        total.update(b"-" if each.mask is None else np.ascontiguousarray(each.mask).tobytes())
    return total.hexdigest()
