"""How much of a swap is compliance: the whole pipeline against decoding, rendering and encoding bare."""

from collections.abc import Iterator
from pathlib import Path

import av

from bench.house import house
from bench.meter import ROUNDS, cpu_seconds
from bench.row import Bound, Promise, Row
from bench.shoot import Shoot, Taken
from swap.encode import encode
from swap.frames import Frame
from swap.sandbox import never

PROMISE = Promise(
    name="compliance-share",
    what="compliance share of one swap, template and donor included",
    unit="CPU s",
    bound=Bound("<", 0.15),
    how=(
        "Reference: one swap of the demo's clip (132 frames, 1280x720, two people) from announcement to "
        "settled release: decisions, log, re-mux, sandboxed scan and matching, donor photo, permit, fence, "
        "render, label, encode, AIGC, C2PA, read-back, release; the starts of its decoding cells included, "
        "the job queue not. Ours: the same less what decode (PyAV to bgr24), engine and encoder take bare "
        "on the same frames and tracks. CPU with child processes, interleaved, medians of each."
    ),
)


def rows() -> Iterator[Row]:
    """The one row."""
    with house() as place:
        shoot = Shoot.prepared(place)
        place.studio.sandbox.warm()
        shoot.take()  # once before it counts: first use of codecs and models
        whole, ours = [], []
        for _ in range(min(ROUNDS, 3)):
            taken: list[Taken] = []
            all_of_it = cpu_seconds(lambda into=taken: into.append(shoot.take()))  # type: ignore[misc]
            if not taken[0].released:
                raise RuntimeError("the bench's swap was not released")
            bare = cpu_seconds(lambda last=taken[0]: _bare(shoot, last))  # type: ignore[misc]
            whole.append(all_of_it)
            ours.append(all_of_it - bare)
        yield PROMISE.kept(ours, whole)


def _bare(shoot: Shoot, taken: Taken) -> None:
    studio, target = shoot.house.studio, shoot.house.folder / "bare.mp4"
    path = studio.admission.media.path(taken.order.media_digest)
    with path.open("rb") as file:
        clip = studio.sandbox.probe(file.fileno())
    rendered = studio.pipeline.finisher.engine.render(
        frames_of(path), taken.order.tracks, taken.order.portrait, cancelled=never
    )
    encode(((each.pts, each.image) for each in rendered), target, clip=clip)
    target.unlink()


def frames_of(path: Path) -> Iterator[Frame]:
    """Decode a file of ours, bare."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        for index, frame in enumerate(container.decode(stream)):
            yield Frame(index, frame.pts, frame.to_ndarray(format="bgr24"))
