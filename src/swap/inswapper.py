"""inswapper: the neural engine. Weights from a folder that the operator names; none come with us.

Two files: the swapper's network, and the recogniser whose embeddings it was trained on. Both are
pinned by cards, and the package they come in needs a grant that covers the deployment.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent.alignment import align
from consent.embedder import open_embedder
from consent.eye_errors import CardWrong, WeightsMissing
from consent.faces import Embedder, Face, Image
from consent.grant import check_grant
from consent.modelcard import Deployment, ModelCard, ModelRole
from consent.models import card, read, whereabouts
from consent.runtime import Tensor
from swap.engine import PermittedTrack, Portrait, Rendered, Report, Skip, SkipReason
from swap.frames import Frame
from swap.landmarks import Points
from swap.misconduct import PortraitUnusable
from swap.patch import Place, cut, paste, place
from swap.steady import REACH, steadied
from swap.swapper import GraphUnfit, Swapper

MODEL, RECOGNISER = "inswapper", "inswapper-recogniser"
"""The names their cards have in the folder's `models.toml`; roles `engine` and `embedder`."""

# Below this width (pixels) the scan itself calls a face unresolvable.
_SMALLEST = 28.0
# Eyes, nose and mouth corners that must be in the picture: with fewer the network invents the face.
_LANDMARKS_INSIDE = 4


def open_inswapper(
    folder: Path | None,
    *,
    deployment: Deployment,
    now: datetime,
    providers: Sequence[str],
    threads: int,
    issuers: Sequence[Ed25519PublicKey] | None = None,
) -> "InswapperEngine":
    """Licence, digests, networks, and that they fit each other; in this order.

    `issuers` as for `consent.grant.check_grant`. Raises `LicenceRefused`, `ModelUnknown`,
    `CardWrong`, `WeightsMissing`, `WeightsWrong`, `GraphUnfit`, `ProviderMissing`.
    """
    if folder is None:
        raise WeightsMissing("the engine inswapper needs a model folder, and no folder is set")
    model = _card(MODEL, ModelRole.ENGINE, folder)
    knows = _card(RECOGNISER, ModelRole.EMBEDDER, folder)
    check_grant(folder, deployment=deployment, now=now, issuers=issuers)
    swapper = Swapper.open(
        read(model, folder=folder, deployment=deployment), providers=providers, threads=threads
    )
    read(knows, folder=folder, deployment=deployment)
    if knows.preprocessing is None:
        raise CardWrong(f"model {RECOGNISER} states no preprocessing")
    recogniser = open_embedder(
        whereabouts(knows, folder=folder),
        digest=knows.sha256,
        preprocessing=knows.preprocessing,
        providers=providers,
        threads=threads,
    )
    if recogniser.dimensions != swapper.dimensions:
        raise GraphUnfit(f"the recogniser gives {recogniser.dimensions} numbers, not {swapper.dimensions}")
    return InswapperEngine(swapper, recogniser, {MODEL: model.sha256, RECOGNISER: knows.sha256})


def _card(name: str, role: ModelRole, folder: Path) -> ModelCard:
    found = card(name, folder=folder)
    if found.role is not role:
        raise CardWrong(f"model {name} has the role {found.role}, wanted {role}")
    return found


class InswapperEngine:
    """`inswapper`. No state between runs; the same code on every execution provider."""

    name = "inswapper"

    def __init__(self, swapper: Swapper, recogniser: Embedder, digests: Mapping[str, str]) -> None:
        """Made by `open_inswapper`."""
        self._swapper, self._recogniser = swapper, recogniser
        self.digests = digests

    @property
    def provider(self) -> str:
        """The execution provider it came to run on."""
        return self._swapper.provider

    @property
    def version(self) -> str:
        """With the provider: another device rounds otherwise, and gives other pixels."""
        return f"1-{self.provider.removesuffix('ExecutionProvider').lower()}"

    def render(
        self,
        frames: Iterator[Frame],
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
    ) -> Generator[Rendered, None, Report]:
        """See `swap.engine.Engine`. Reads a batch and `swap.steady.REACH` frames ahead: 19 at most.

        Raises `PortraitUnusable`.
        """
        run = _Run(self._swapper, self._latent(portrait), [_Progress(track) for track in tracks])
        waiting: deque[Frame] = deque()
        for frame in frames:
            if cancelled():
                return run.report()
            run.look(frame)
            waiting.append(frame)
            if len(waiting) == self._swapper.batch + REACH:
                yield from run.finish([waiting.popleft() for _ in range(self._swapper.batch)], cancelled)
        while waiting and not cancelled():
            few = [waiting.popleft() for _ in range(min(len(waiting), self._swapper.batch))]
            yield from run.finish(few, cancelled)
        return run.report()

    def _latent(self, portrait: Portrait) -> Tensor:
        """The donor's identity. Biometric data: it lives in this run and dies with it."""
        crop = align(portrait.image, portrait.face)
        if crop is None:
            raise PortraitUnusable("the landmarks of the portrait's face don't span a face")
        return self._swapper.latent(self._recogniser.embed([crop])[0])


@dataclass(slots=True)
class _Progress:
    track: PermittedTrack
    seen: dict[int, Points] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Work:
    """One face to swap in one frame of the batch."""

    frame: int
    face: Face
    where: Place
    crop: Image


class _Run:
    """One clip on its way through the engine."""

    def __init__(self, swapper: Swapper, latent: Tensor, progress: Sequence[_Progress]) -> None:
        self._swapper, self._latent, self._progress = swapper, latent, progress
        self._swapped = 0
        self._skipped: list[Skip] = []

    def report(self) -> Report:
        return Report(self._swapped, tuple(self._skipped))

    def look(self, frame: Frame) -> None:
        for each in self._progress:
            face = each.track.sightings.get(frame.index)
            if face is None:
                continue
            points = np.array(face.landmarks, np.float64)
            # Points without extent can't be steadied, nor their neighbours by them.
            if place(points) is not None:
                each.seen[frame.index] = np.column_stack([points, np.zeros(len(points))])

    def finish(self, frames: Sequence[Frame], cancelled: Callable[[], bool]) -> Iterator[Rendered]:
        """The frames of one batch, swapped; none once it is cancelled."""
        works = [work for position, frame in enumerate(frames) for work in self._works(position, frame)]
        faces: list[Image] = []
        for start in range(0, len(works), self._swapper.batch):
            if cancelled():
                return
            some = works[start : start + self._swapper.batch]
            faces += self._swapper.swapped([work.crop for work in some], self._latent)
        for position, frame in enumerate(frames):
            image, mask = frame.image, None
            for work, face in zip(works, faces, strict=True):
                if work.frame != position:
                    continue
                if mask is None:
                    image, mask = image.copy(), np.zeros(image.shape[:2], np.uint8)
                paste(image, mask, face, work.where, work.face)
                self._swapped += 1
            yield Rendered(frame.index, frame.pts, image, mask)

    def _works(self, position: int, frame: Frame) -> Iterator[_Work]:
        for each in self._progress:
            face = each.track.sightings.get(frame.index)
            if face is None:
                continue
            points = steadied(each.seen, frame.index)
            each.seen.pop(frame.index - REACH, None)
            where = None if points is None else place(points[:, :2])
            reason = _reason_to_skip(face, points, where, frame.image.shape)
            if reason is None and where is not None:
                yield _Work(position, face, where, cut(frame.image, where))
            else:
                skip = Skip(each.track.id, frame.index, reason or SkipReason.NO_LANDMARKS)
                self._skipped.append(skip)


def _reason_to_skip(
    face: Face, points: Points | None, where: Place | None, shape: tuple[int, ...]
) -> SkipReason | None:
    if face.width < _SMALLEST:
        return SkipReason.TOO_SMALL
    if points is None or where is None:
        return SkipReason.NO_LANDMARKS
    inside = ((points[:, :2] >= 0) & (points[:, :2] < (shape[1], shape[0]))).all(axis=1)
    return SkipReason.OUT_OF_FRAME if inside.sum() < _LANDMARKS_INSIDE else None
