"""How much of a swap is compliance: the pipeline against its decoding, rendering and encoding alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

import av

from bench.house import House, house
from bench.meter import ROUNDS, children, cpu_seconds, settled
from bench.row import Bound, Promise, Row
from bench.shoot import Shoot, Taken
from swap import sandbox
from swap.clip import Clip
from swap.encode import encode
from swap.frames import Frame
from swap.sandbox import Sandbox, never
from swap.scan import SIDE
from swap.warden import Warden

_HOW = (
    "Ours: the same less decode, render and encode: PyAV to bgr24 of every frame, once for each pass that "
    "is made of the clip ({passes}), the engine, the encoder, each run bare on the same frames and tracks. "
    "What is left is compliance: decisions, log, {detection}matching, sandbox, fence, label, manifest, "
    "read-back. CPU with child processes; the starts of the decoding cells are taken off, as for the scans, "
    "and the job queue is not run. Interleaved, medians. The demo's clip: 132 frames of 1280x720, two people."
)
_FROM_THE_START = "Reference: from announcement to settled release. " + _HOW
WHOLE = Promise(
    name="compliance-share",
    what="compliance share of the whole pipeline: a template admitted and swapped once",
    unit="CPU s",
    bound=Bound("<", 0.15),
    how=_FROM_THE_START.format(passes="scan, render, read-back", detection="")
    + " Finding the faces, the bare detector once over every frame, counts as rendering.",
)
STRICT = Promise(
    name="compliance-share-strict",
    what="the same, with finding the faces counted as compliance",
    unit="CPU s",
    bound=Bound("<", 0.25),
    how=_FROM_THE_START.format(passes="scan, render, read-back", detection="detection, "),
)
AGAIN = Promise(
    name="compliance-share-again",
    what="compliance share of each further swap of an admitted template",
    unit="CPU s",
    bound=Bound("<", 0.15),
    how="Reference: from the donor's photo to the settled release. "
    + _HOW.format(passes="render, read-back", detection=""),
)


@dataclass(slots=True)
class Bill:
    """CPU seconds of steps, without what their cells took to start."""

    start: float
    seconds: float = 0.0

    def add(self, step: Callable[[], None]) -> None:
        """Run a step and add what it cost."""
        cells = 0

        class Counted(Warden):
            def __init__(self, *arguments: object) -> None:
                nonlocal cells
                cells += 1
                super().__init__(*arguments)  # type: ignore[arg-type]

        # One spare is started for each that is used up: as many begin in here as end.
        with patch.object(sandbox, "Warden", Counted):
            self.seconds += cpu_seconds(step) - cells * self.start


def rows() -> Iterator[Row]:
    """With the template's admission, and without."""
    with house() as place:
        shoot, start = Shoot.prepared(place), _start(place)
        place.studio.sandbox.warm()
        shoot.take()  # once before it counts: first use of codecs and models
        whole, again, ours, strict, ours_again = [], [], [], [], []
        for _ in range(min(ROUNDS, 3)):
            admitting, swapping = Bill(start), Bill(start)
            template: list[str] = []
            admitting.add(lambda into=template: into.append(shoot.admit()))  # type: ignore[misc]
            taken = shoot.swap(template[0], swapping.add)
            decode = cpu_seconds(lambda last=taken: _decoded(shoot, last))  # type: ignore[misc]
            with _media(shoot, taken).open("rb") as file:
                clip = place.studio.sandbox.probe(file.fileno())
            bare = cpu_seconds(lambda last=taken, of=clip: _bare(shoot, last, of))  # type: ignore[misc]
            whole.append(admitting.seconds + swapping.seconds)
            strict.append(whole[-1] - bare - 2 * decode)
            ours.append(strict[-1] - (cpu_seconds(lambda last=taken: _located(shoot, last)) - decode))  # type: ignore[misc]
            again.append(swapping.seconds)
            ours_again.append(again[-1] - bare - decode)
        yield WHOLE.kept(ours, whole)
        yield STRICT.kept(strict, whole)
        yield AGAIN.kept(ours_again, again)


def frames_of(path: Path) -> Iterator[Frame]:
    """Decode a file of ours, bare."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for index, frame in enumerate(container.decode(stream)):
            yield Frame(index, frame.pts or 0, frame.to_ndarray(format="bgr24"))


def _start(place: House) -> float:
    """What one cell takes to start."""
    limits, taken = place.studio.sandbox.limits, []
    for _ in range(3):
        others = children()
        with Sandbox(limits, mode=place.studio.sandbox.mode) as spare:
            spare.warm()
            taken.append(settled(others))
    return median(taken)


def _media(shoot: Shoot, taken: Taken) -> Path:
    return shoot.house.studio.admission.media.path(taken.order.media_digest)


def _decoded(shoot: Shoot, taken: Taken) -> None:
    for _ in frames_of(_media(shoot, taken)):
        pass


def _located(shoot: Shoot, taken: Taken) -> None:
    """What any engine needs before it can render, whoever asks for consent: where the faces are."""
    detector = shoot.house.studio.admission.detector
    for frame in frames_of(_media(shoot, taken)):
        detector.detect(frame.image, side=SIDE)


def _bare(shoot: Shoot, taken: Taken, clip: Clip) -> None:
    """Decode, render, encode, and nothing else."""
    studio, target, path = shoot.house.studio, shoot.house.folder / "bare.mp4", _media(shoot, taken)
    rendered = studio.pipeline.finisher.engine.render(
        frames_of(path), taken.order.tracks, taken.order.portrait, cancelled=never
    )
    encode(((each.pts, each.image) for each in rendered), target, clip=clip)
    target.unlink()
