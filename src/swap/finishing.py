"""From permitted frames to a finished file: render, label, encode with AIGC, sign, read everything back.

The order is the law's and the formats': the mark is in the pixels before they are encoded, AIGC is
muxed before signing because the manifest hashes it, and C2PA is last because whatever touches the
file after it breaks it. What is claimed of the file is measured on the file.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

from audit import manifest
from audit.canonical import Json
from audit.certificate import ManifestSigner
from audit.claim import OutputManifest
from audit.errors import ConsentryError
from consent.faces import Image
from swap import aigc
from swap.encode import encode
from swap.engine import Engine, Fenced, PermittedTrack, Portrait, Report
from swap.errors import Tampered
from swap.label import Label, make_label
from swap.masks import Rendering, checked
from swap.media import read_back
from swap.misconduct import RenderCancelled
from swap.sandbox import Sandbox, never
from swap.store import MediaStore
from swap.wording import wording

PATIENCE = (5, 15, 40, 60)
"""Seconds between attempts at a time stamp. An authority is away for a minute more often than for an hour,
and a rendered file is worth waiting with; after them the job waits, without the file."""

READ_BACK_EVERY = 12
"""Frames between two looks at the label in the finished file, besides the first and the last."""


@dataclass(frozen=True, slots=True)
class Order:
    """One run of the engine under a redeemed permit. The engine sees only tracks and portrait of it."""

    job: str
    attempt: int
    output: str
    """Id of the output to be, and its ProduceID in the AIGC field."""
    media_digest: str
    tracks: Sequence[PermittedTrack]
    portrait: Portrait
    voice_kept: bool
    claim: OutputManifest


@dataclass(frozen=True, slots=True)
class Made:
    """A finished file, still unreachable, and what was measured on it."""

    output: str
    path: Path
    digest: str
    size: int
    label: bool
    aigc: bool
    manifest: bool
    frames: int
    swapped: int
    skipped: Mapping[str, int]
    """Track-frames left as they were, by reason."""
    attempt: int = 0
    """Under which redemption of the permit it was made."""
    finished: str = ""
    """Leaf hash of its `RunFinished`, which holds the same account."""

    def account(self) -> Mapping[str, Json]:
        """What the log keeps of a run: counts and digests."""
        return {
            "output": self.digest,
            "frames": self.frames,
            "swapped": self.swapped,
            "skipped": dict(self.skipped),
            "label": self.label,
            "aigc": self.aigc,
            "manifest": self.manifest,
        }

    def to_text(self) -> str:
        """As a durable job remembers it between two steps."""
        return json.dumps({**asdict(self), "path": str(self.path)})

    @classmethod
    def from_text(cls, text: str) -> "Made":
        """As remembered. Raises `Tampered` for what is not an account."""
        try:
            value = json.loads(text)
            return cls(**{**value, "path": Path(value["path"])})
        except (ValueError, KeyError, TypeError):
            raise Tampered("the account of a finished file can't be read") from None


@dataclass(frozen=True, slots=True)
class Finisher:
    """Makes output files. Holds no session and sees no permit row."""

    engine: Engine
    sandbox: Sandbox
    media: MediaStore
    signer: ManifestSigner
    trust_pem: str
    producer: str
    demo: bool
    tsa_url: str | None = None
    pause: Callable[[float], None] = time.sleep
    """Waits, in seconds."""

    def make(
        self,
        order: Order,
        folder: Path,
        *,
        cancelled: Callable[[], bool] = never,
        progress: Callable[[int, int | None], None] = lambda _done, _total: None,
    ) -> Made:
        """Run the engine and finish the file in `folder`. All or nothing at the final name.

        Raises what the sandbox, the engine's fence, the encoder or the signer raise.
        """
        field = aigc.field(self.producer, order.output, demo=self.demo)
        bare, final = folder / "labelled.mp4", folder / "output.mp4"
        with self.media.descriptor(order.media_digest) as source:
            with self.sandbox.frames(source, cancelled=cancelled) as frames:
                clip = frames.clip
                label = make_label(wording(demo=self.demo), clip.width, clip.height)
                rendering = checked(
                    self._engine(order), iter(frames), order.tracks, order.portrait, cancelled=cancelled
                )
                pictures = _labelled(rendering, label, lambda done: progress(done, clip.frames))
                encoded = encode(
                    pictures,
                    bare,
                    clip=clip,
                    sound=self.sandbox.sound(source, cancelled=cancelled) if order.voice_kept else (),
                    metadata={aigc.KEY: field},
                )
            signed = self._signed(
                order, bare, final, cancelled, lambda: progress(encoded.frames, clip.frames)
            )
        bare.unlink()
        report: Report = rendering.report
        return Made(
            output=order.output,
            path=final,
            digest=signed.sha256,
            size=signed.size,
            label=self._label_stands(final, label, encoded.frames),
            aigc=_aigc_stands(final, field),
            manifest=manifest.read(final, self.trust_pem).ok,
            frames=encoded.frames,
            swapped=report.swapped,
            skipped=dict(sorted(Counter(str(skip.reason) for skip in report.skipped).items())),
        )

    def _signed(
        self, order: Order, bare: Path, final: Path, cancelled: Callable[[], bool], tell: Callable[[], None]
    ) -> manifest.Signed:
        patience = iter(PATIENCE)
        while True:
            try:
                return manifest.sign(
                    bare,
                    final,
                    order.claim,
                    template=self.media.path(order.media_digest),
                    signer=self.signer,
                    trust_pem=self.trust_pem,
                    tsa_url=self.tsa_url,
                )
            except manifest.TimeStampFailed:
                wait = next(patience, None)
                if wait is None:
                    raise
            for _ in range(wait):
                # A worker that is told to stop says so in `tell`, by raising.
                tell()
                if cancelled():
                    raise RenderCancelled("cancelled while it waited for a time stamp")
                self.pause(1)

    def _engine(self, order: Order) -> Engine:
        engine = self.engine
        return engine.bound(order.job, order.attempt) if isinstance(engine, Fenced) else engine

    def _label_stands(self, path: Path, label: Label, frames: int) -> bool:
        """The label is legible in the first, the last and every few frames of the file as it is."""
        seen = 0
        with read_back(path, self.sandbox.limits) as again:
            for frame in again.frames:
                looked_at = frame.index % READ_BACK_EVERY == 0 or frame.index == frames - 1
                # The encoder pads an odd side by one; the label was made for the picture without.
                if looked_at and not label.present(frame.image[: label.height, : label.width]):
                    return False
                seen += 1
        return seen == frames


def seconds(ticks: int, tick: int) -> int:
    """A duration as the manifest prints it: whole seconds, rounded up, at least one."""
    return max(1, ceil(ticks / tick))


def _labelled(
    rendering: Rendering, label: Label, progress: Callable[[int], None]
) -> Iterator[tuple[int, Image]]:
    for done, rendered in enumerate(rendering, start=1):
        label.draw(rendered.image)
        progress(done)
        yield rendered.pts, rendered.image


def _aigc_stands(path: Path, field: str) -> bool:
    try:
        return bool(dict(aigc.read(path)) == json.loads(field))
    except ConsentryError:
        return False
