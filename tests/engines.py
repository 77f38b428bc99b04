"""Engines that need no model: an honest one, and some that cheat."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from swap.engine import PermittedTrack, Portrait, Rendered, Report, Skip, SkipReason
from swap.frames import Frame


class Tint:
    """Honest: colours the middle of every permitted face with the portrait's mean colour."""

    name, version = "tint", "1"
    digests: Mapping[str, str] = {}

    def render(
        self,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        colour = portrait.image.reshape(-1, 3).mean(axis=0).astype(np.uint8)
        swapped, skipped = 0, []
        for frame in frames:
            if cancelled():
                break
            image, mask = frame.image.copy(), np.zeros(frame.image.shape[:2], np.uint8)
            for track in tracks:
                face = track.sightings.get(frame.index)
                if face is None:
                    continue
                if face.width < 28:
                    skipped.append(Skip(track.id, frame.index, SkipReason.TOO_SMALL))
                    continue
                rows = slice(max(0, int(face.y + face.height / 4)), max(0, int(face.y + face.height * 3 / 4)))
                columns = slice(
                    max(0, int(face.x + face.width / 4)), max(0, int(face.x + face.width * 3 / 4))
                )
                image[rows, columns] = colour
                mask[rows, columns] = 255
                swapped += 1
            yield self.given(frame, Rendered(frame.index, frame.pts, image, mask if mask.any() else None))
        return Report(swapped, tuple(skipped))

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        """What is handed out for `frame`; a cheat changes it."""
        return rendered


class StraysOnePixel(Tint):
    """Changes one pixel in a far corner, which its mask does not admit."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        rendered.image[-1, -1, 0] ^= 1
        return rendered


class StraysBesideTheFace(Tint):
    """Changes a pixel within the face's box that its mask does not admit."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        assert rendered.mask is not None
        row, column = (int(each[0]) for each in np.nonzero(rendered.mask))
        rendered.image[row - 1, column, 1] ^= 1
        return rendered


class AdmitsItsStraying(Tint):
    """Changes the far corner and says so in the mask: admitting is not being allowed."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        assert rendered.mask is not None
        rendered.image[-1, -1] ^= 1
        rendered.mask[-1, -1] = 255
        return rendered


class HidesTheMask(Tint):
    """Changes the face and says nothing changed."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        return replace(rendered, mask=None)


class CoversEverything(Tint):
    """A mask over the whole frame."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        return replace(rendered, mask=np.full(frame.image.shape[:2], 255, np.uint8))


class CoversTheReach(Tint):
    """A mask as large as the fence, far larger than a face."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        mask = np.zeros(frame.image.shape[:2], np.uint8)
        face = self.face
        mask[
            int(face.y - 0.3 * face.height) : int(face.y + 1.3 * face.height),
            int(face.x - 0.3 * face.width) : int(face.x + 1.3 * face.width),
        ] = 255
        assert rendered.mask is not None
        return replace(rendered, mask=mask | rendered.mask)

    def render(self, frames, tracks, portrait, *, cancelled):
        self.face = tracks[0].sightings[0]
        return super().render(frames, tracks, portrait, cancelled=cancelled)


class ChangesTheOriginal(Tint):
    """Draws into the frame it was lent, hoping that it is compared with itself."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        frame.image[:] = 0
        return replace(rendered, image=frame.image, mask=None)


class OtherSize(Tint):
    """Half the height."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        return replace(rendered, image=rendered.image[::2].copy(), mask=None)


class OtherType(Tint):
    """Floating-point pixels."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        return replace(rendered, image=rendered.image.astype(np.float32))


class OtherMaskSize(Tint):
    """A mask that fits no frame."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        assert rendered.mask is not None
        return replace(rendered, mask=rendered.mask[:-1])


class OtherTime(Tint):
    """Moves a frame in time."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        return replace(rendered, pts=frame.pts + 1)


class GrantsItselfMore(Tint):
    """Adds a sighting of its own to the permitted track."""

    def render(self, frames, tracks, portrait, *, cancelled):
        face = tracks[0].sightings[0]
        tracks[0].sightings[0] = replace(face, x=0.0, y=0.0)
        return super().render(frames, tracks, portrait, cancelled=cancelled)


class Drops(Tint):
    """Leaves the last frame out."""

    def render(self, frames, tracks, portrait, *, cancelled):
        given = list(super().render(frames, tracks, portrait, cancelled=cancelled))
        yield from given[:-1]
        return Report(len(given), ())


class Swaps(Tint):
    """Gives two frames back in the wrong order."""

    def render(self, frames, tracks, portrait, *, cancelled):
        first, second, *rest = super().render(frames, tracks, portrait, cancelled=cancelled)
        yield from (second, first, *rest)
        return Report(len(rest) + 2, ())


class Repeats(Tint):
    """Gives the last frame twice."""

    def render(self, frames, tracks, portrait, *, cancelled):
        given = list(super().render(frames, tracks, portrait, cancelled=cancelled))
        yield from given
        yield given[-1]
        return Report(len(given), ())


class StopsEarly(Tint):
    """Doesn't even read the last frames."""

    def render(self, frames, tracks, portrait, *, cancelled):
        yield from super().render(iter([next(frames)]), tracks, portrait, cancelled=cancelled)
        return Report(1, ())


class Hoards(Tint):
    """Reads everything first."""

    def render(self, frames, tracks, portrait, *, cancelled):
        return (yield from super().render(iter(list(frames)), tracks, portrait, cancelled=cancelled))


class KeepsQuiet(Tint):
    """Reports more than it did."""

    def render(self, frames, tracks, portrait, *, cancelled):
        report = yield from super().render(frames, tracks, portrait, cancelled=cancelled)
        return replace(report, swapped=report.swapped + 1)


class NamesStrangers(Tint):
    """Reports a skipped face that nobody saw."""

    def render(self, frames, tracks, portrait, *, cancelled):
        report = yield from super().render(frames, tracks, portrait, cancelled=cancelled)
        return Report(report.swapped - 1, (Skip("nobody", 0, SkipReason.PROFILE),))


class ReportsNothing(Tint):
    """Ends without a report."""

    def render(self, frames, tracks, portrait, *, cancelled):
        yield from super().render(frames, tracks, portrait, cancelled=cancelled)


class Crashes(Tint):
    """Falls over."""

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        raise ZeroDivisionError


class NeverStops(Tint):
    """Ignores cancellation and renders on."""

    def render(self, frames, tracks, portrait, *, cancelled):
        return super().render(frames, tracks, portrait, cancelled=lambda: False)


class Hangs(Tint):
    """Neither gives nor asks nor polls, until the test lets it go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.hanging = threading.Event()

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        self.hanging.set()
        self.release.wait()
        return rendered


class KeepsTheArray(Tint):
    """Goes on drawing into a frame after it was checked."""

    def __init__(self) -> None:
        self.last: Rendered | None = None

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        if self.last is not None:
            self.last.image[:] = 0
        self.last = rendered
        return rendered
