"""The default engine: a swap by geometry and colour, without neural swap weights.

The donor's photo is warped piece by piece onto the performer's 468 points, brought into her
light and blended within brows and chin. Expression and gaze stay the performer's where the mesh
follows them, and the donor's where it doesn't: fit for demos and defaults, not for film.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from consent.eye_errors import WeightsMissing
from consent.faces import Face, Image
from swap import colour, outline
from swap.colour import Tone
from swap.engine import Mask, PermittedTrack, Portrait, Rendered, Report, Skip, SkipReason
from swap.fence import reach
from swap.frames import Frame
from swap.landmarks import LandmarkModel, Points, yaw
from swap.portrait import Donor
from swap.steady import REACH, steadied
from swap.warp import sources

# Below this width (pixels) the scan itself calls a face unresolvable; there is nothing to warp onto.
_SMALLEST = 28.0
# Degrees the head may be turned, as the mesh measures it (it understates). Judged by eye on talking
# heads: past 32 the far half of a frontal photo smears. Coming back needs less, or it would flicker.
_PROFILE, _BACK = 32.0, 28.0
# A face cut by the edge of the picture is swapped while at most this share of its points is outside.
_OUTSIDE = 0.15
# How fast tone follows the performer: about 8 frames to cover two thirds of a change of light.
_FOLLOW = 0.12


@dataclass(slots=True)
class _Progress:
    """What one track carries from frame to frame."""

    track: PermittedTrack
    seen: dict[int, Points] = field(default_factory=dict)
    tone: Tone | None = None
    tone_at: int = -2
    turned: bool = False

    def follow(self, now: Tone, index: int) -> Tone:
        """The performer's tone, following `now` slowly; at once after a break."""
        share = _FOLLOW if self.tone_at == index - 1 else 1.0
        self.tone = now if self.tone is None else self.tone.towards(now, share)
        self.tone_at = index
        return self.tone

    def reason_to_skip(self, points: Points | None, face: Face, size: tuple[int, ...]) -> SkipReason | None:
        """Why this frame's face, whose steadied points are given, is to be left alone."""
        if face.width < _SMALLEST:
            return SkipReason.TOO_SMALL
        if points is None:
            return SkipReason.NO_LANDMARKS
        self.turned = abs(yaw(points)) > (_BACK if self.turned else _PROFILE)
        if self.turned:
            return SkipReason.PROFILE
        inside = ((points[:, :2] >= 0) & (points[:, :2] < (size[1], size[0]))).all(axis=1)
        if inside.mean() < 1 - _OUTSIDE:
            return SkipReason.OUT_OF_FRAME
        # Filled-in points may lie beside a face that jumped; there is nothing to put them on.
        room = outline.area(points, reach(face, size))
        return SkipReason.NO_LANDMARKS if min(room.width, room.height) < _SMALLEST / 2 else None


class MeshEngine:
    """`mesh`. One thread, no state between runs, same input same bytes; one run at a time."""

    name = "mesh"
    version = "1"

    def __init__(self, landmark_file: Path) -> None:
        """`landmark_file` is `face_landmark.tflite`, found by `consent.models.locate("face-landmark")`.

        Raises `WeightsMissing`, `WeightsWrong`.
        """
        try:
            # Read once: the digest in the permit is that of the very bytes that run.
            weights = landmark_file.read_bytes()
        except OSError as error:
            raise WeightsMissing(f"the face landmark file can't be read ({error.strerror})") from None
        self._model = LandmarkModel(weights)
        self.digests: Mapping[str, str] = {"face-landmark": sha256(weights).hexdigest()}

    def render(
        self,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        """See `swap.engine.Engine`. Reads `swap.steady.REACH` frames ahead; raises `PortraitUnusable`."""
        donor = Donor(portrait, self._model)
        run = _Run(donor, [_Progress(track) for track in tracks])
        waiting: deque[Frame] = deque()
        for frame in frames:
            if cancelled():
                return run.report()
            self._look(frame, run)
            waiting.append(frame)
            if len(waiting) > REACH:
                yield run.finish(waiting.popleft())
        while waiting and not cancelled():
            yield run.finish(waiting.popleft())
        return run.report()

    def _look(self, frame: Frame, run: "_Run") -> None:
        for each in run.progress:
            face = each.track.sightings.get(frame.index)
            if face is not None and face.width >= _SMALLEST:
                points = self._model.find(frame.image, face, each.seen.get(frame.index - 1))
                if points is not None:
                    each.seen[frame.index] = points


class _Run:
    """One clip on its way through the engine."""

    def __init__(self, donor: Donor, progress: list[_Progress]) -> None:
        self._donor = donor
        self.progress = progress
        self._swapped = 0
        self._skipped: list[Skip] = []

    def report(self) -> Report:
        return Report(self._swapped, tuple(self._skipped))

    def finish(self, frame: Frame) -> Rendered:
        image, mask = frame.image, None
        for each in self.progress:
            face = each.track.sightings.get(frame.index)
            if face is None:
                continue
            points = steadied(each.seen, frame.index)
            reason = each.reason_to_skip(points, face, image.shape)
            if reason is not None or points is None:
                self._skipped.append(Skip(each.track.id, frame.index, reason or SkipReason.NO_LANDMARKS))
                continue
            if mask is None:
                image, mask = image.copy(), np.zeros(image.shape[:2], np.uint8)
            self._swap(image, mask, each, frame.index, points)
            self._swapped += 1
        for each in self.progress:
            each.seen.pop(frame.index - REACH, None)
        return Rendered(frame.index, frame.pts, image, mask)

    def _swap(self, image: Image, mask: Mask, each: _Progress, index: int, points: Points) -> None:
        """Change `image` and mark `mask`, both in place."""
        tall = outline.height(points)
        area = outline.area(points, reach(each.track.sightings[index], image.shape))
        plate = self._donor.plate(tall)
        places, covered = sources(plate.points, points, self._donor.triangles, area)
        across, down = places[..., 0], places[..., 1]
        usable = cv2.remap(plate.usable, across, down, cv2.INTER_LINEAR)
        cover = outline.cover(points, area) * usable * covered
        warped = cv2.remap(plate.image, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        face = colour.lab(np.asarray(warped, np.uint8))
        here = image[area.slices]
        target = colour.lab(here)
        wanted = each.follow(colour.tone(target, cover, tall), index)
        matched = colour.matched(face, target, cover, was=plate.tone, wanted=wanted, height=tall)
        mixed = here + cover[..., None] * (colour.bgr(matched) - here)
        image[area.slices] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        mask[area.slices] |= np.where(cover > 0, np.uint8(255), np.uint8(0))
