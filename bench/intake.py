"""What taking a video in over HTTP costs, over writing the same bytes to the same disk."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import av
import numpy as np
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from bench.house import House, house
from bench.meter import ROUNDS
from bench.row import Bound, Promise, Row
from bench.served import served, together
from bench.shoot import granted, permitted, privately
from consent.case import SourceKind
from consent.words import Role
from service.api.house import House as Served
from service.apikeys import KeyRole
from service.demo.cast import Player, enrol
from service.demo.story import OPERATOR
from swap.casting import CastMember
from swap.source import Source

SIZE = 64 << 20
AT_ONCE = 2
_FRAMES = 48
_HOW = (
    f"`serve` in a process of its own, on SQLite and this machine's disk; {AT_ONCE} uploads at once, by the "
    "clock, in turn, medians. Reference: a route of the same application that nobody guards, which writes "
    "the body to a file as it comes, hashes it with SHA-256 in the same pass, syncs file and folder, and "
    "deletes it. "
)
TAKEN = Promise(
    name="upload",
    what=f"{SIZE >> 20} MiB sent to PUT /v1/templates/…/content",
    unit="MiB/s",
    bound=Bound(">=", 0.7),
    how=_HOW + "Ours: bytes of which the last is not as announced, so they are taken in whole (key, role, "
    "hold, quarantine, digest, sync) and then refused unparsed and deleted: the way of the bytes alone.",
)
ADMITTED = Promise(
    name="upload-admitted",
    what="a video sent to the same address and let in",
    unit="MiB/s",
    bound=Bound(">=", 0.2),
    how=_HOW + "Ours: a film of noise, let in: besides the above the normalised re-mux in a confined cell, "
    "which reads and writes everything once more, its digest and sync, the entry, a checkpoint over it. "
    "The bound guards against getting worse.",
)


def rows() -> Iterator[Row]:
    """The bytes, then the whole admission."""
    with house() as place:
        film = place.folder / "film.mp4"
        _film(film)
        record = place.record
        player = enrol(record, "astronaut", privately(place))
        with record.database.write() as session:
            keys = Served(record, place.studio).keys
            token = keys.issue(session, KeyRole.OPERATOR, OPERATOR, now=record.clock()).token
        with served(record.settings.data, _references, place.folder) as port:
            body = os.urandom(SIZE)
            other = hashlib.sha256(body[:-1] + bytes([body[-1] ^ 1])).hexdigest()
            refused = HTTPStatus.UNPROCESSABLE_ENTITY
            yield _row(
                TAKEN, Uploader(place, port, token, _agreed(place, player, other), other), body, refused
            )
            body = film.read_bytes()
            own = hashlib.sha256(body).hexdigest()
            yield _row(
                ADMITTED, Uploader(place, port, token, _agreed(place, player, own), own), body, HTTPStatus.OK
            )


@dataclass(frozen=True, slots=True)
class Uploader:
    """Who sends bytes that were announced by `digest`, with somebody in them who agreed."""

    place: House
    port: int
    token: str
    cast: CastMember
    digest: str

    def announced(self) -> str:
        """A template that waits for its bytes."""
        source = Source(
            supplier="bench",
            kind=SourceKind.COMMISSIONED,
            acquired_how="noise",
            acquired_at=self.place.record.clock(),
            copyright_licence=hashlib.sha256(b"nobody's").hexdigest(),
        )
        done = self.place.studio.admission.announce(OPERATOR, source, self.digest, [self.cast])
        permitted(done.decision)
        return done.template or ""


def _agreed(place: House, player: Player, source: str) -> CastMember:
    return CastMember(
        player.person, Role.PERFORMER, granted(place, player, Role.PERFORMER, source).authorization
    )


def _row(promise: Promise, by: Uploader, body: bytes, expected: HTTPStatus) -> Row:
    mine, others = [], []
    headers = {"Authorization": f"Bearer {by.token}", "Content-Type": "application/octet-stream"}
    for number in range(ROUNDS + 1):
        paths = iter([f"/v1/templates/{by.announced()}/content" for _ in range(AT_ONCE)])
        ours, _ = together(by.port, 1, partial(_put, paths, body, headers, expected), AT_ONCE)
        paths = iter(["/reference/file"] * AT_ONCE)
        theirs, _ = together(by.port, 1, partial(_put, paths, body, headers, HTTPStatus.OK), AT_ONCE)
        if number:  # the first round warms up
            mine.append(AT_ONCE * len(body) / ours / (1 << 20))
            others.append(AT_ONCE * len(body) / theirs / (1 << 20))
    return promise.kept(mine, others)


def _put(
    paths: Iterator[str],
    body: bytes,
    headers: dict[str, str],
    expected: HTTPStatus,
    line: HTTPConnection,
    _number: int,
) -> None:
    path = next(paths)
    line.request("PUT", path, body, headers)
    answer = line.getresponse()
    said = answer.read()
    if answer.status != expected:
        raise RuntimeError(f"{path}: {answer.status} {said[:300]!r}")


def _film(target: Path) -> None:
    """Noise: nothing else fills a film so fast."""
    random = np.random.default_rng(1)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(_FRAMES):
            image = random.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _references(folder: Path) -> APIRouter:
    router = APIRouter(prefix="/reference")

    @router.put("/file")
    async def file(request: Request) -> str:
        digest, path = hashlib.sha256(), folder / f"reference-{os.urandom(8).hex()}"
        with path.open("xb", buffering=0) as target:
            async for chunk in request.stream():
                digest.update(chunk)
                target.write(chunk)
            await run_in_threadpool(os.fsync, target.fileno())
        await run_in_threadpool(_sync, folder)
        path.unlink()
        return digest.hexdigest()

    return router


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
