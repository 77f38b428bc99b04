"""A complete scan with verdicts, over decoding the same clip."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from audit.canonical import digest
from bench.clips import clip
from bench.decoding import decoded
from bench.house import cast_of_two, house
from bench.meter import ROUNDS, children, cpu_seconds, settled
from bench.row import Bound, Promise, Row
from consent.faces import Embeddings
from service.studio import Studio
from swap.sandbox import Sandbox
from swap.scan import scan

LIMITS = {"013": 8, "016": 8, "026": 4, "017": 25}
"""At most so many times the decoding."""


def rows() -> Iterator[Row]:
    """One row a clip."""
    with house() as place:
        references = cast_of_two(place.studio)
        for name, most in LIMITS.items():
            promise = Promise(
                name=f"scan-{name}",
                what=f"complete scan of clip {name} with verdicts, over decoding it",
                unit="CPU s",
                bound=Bound("<=", most),
                how=(
                    "Ours: frames from a confined cell, YuNet on every frame with its longest side at 640, "
                    "tracks, crops, SFace embeddings of every track, closed-set match against a cast of "
                    "two. Reference: PyAV decodes the clip and makes every frame bgr24, one thread, in a "
                    "process of its own with a cell's allocator settings. CPU with child processes, "
                    "process start taken off on both sides, interleaved, medians."
                ),
            )
            path = clip(name)
            yield (
                promise.missing("no such clip here")
                if path is None
                else _measured(promise, path, place.studio, references)
            )


def _measured(promise: Promise, path: Path, studio: Studio, references: dict[str, Embeddings]) -> Row:
    ours, theirs, said, tracks = [], [], None, 0
    media = digest(path.read_bytes())
    for _ in range(ROUNDS):
        said = decoded(path)
        theirs.append(said.seconds)
        seconds, tracks = scanned(studio, path, media, references)
        ours.append(seconds)
    if said is not None:
        seen = f"{said.frames} frames of {said.size}, {tracks} tracks. "
        promise = replace(promise, how=seen + promise.how)
    return promise.kept(ours, theirs)


def scanned(studio: Studio, path: Path, media: str, references: dict[str, Embeddings]) -> tuple[float, int]:
    """CPU seconds of one complete scan, and how many tracks got a verdict."""
    admission, tracks, others = studio.admission, 0, children()
    with Sandbox(admission.sandbox.limits, mode=admission.sandbox.mode) as sandbox, path.open("rb") as file:
        sandbox.warm()
        started = settled(others)

        def work() -> None:
            nonlocal tracks
            with sandbox.frames(file.fileno()) as footage:
                seen, crops = scan(
                    footage,
                    media_digest=media,
                    detector=admission.detector,
                    limits=sandbox.limits,
                    side=admission.side,
                )
            tracks = len(admission.recogniser.recognise(seen, crops, references))

        return cpu_seconds(work) - started, tracks
