"""Rows that no issue asks for and that would hurt if they got worse: engine, signature, proofs."""

import hashlib
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from audit import manifest
from audit.fact import Fact, Part, Seal, Subject
from bench.engines import sqlite
from bench.facts import TENANT, Desk
from bench.house import House, house, temporary
from bench.meter import ROUNDS, cpu_seconds
from bench.row import Bound, Promise, Row
from bench.shares import frames_of
from bench.shoot import Shoot, Taken
from swap.sandbox import never

ENTRIES = 20_000
_PROOFS = 200
MESH = Promise(
    name="mesh-frames",
    what="frames a second of the mesh engine on one core",
    unit="frames/s",
    bound=Bound(">=", 1),
    how=(
        "The default engine alone, one permitted face, on the demo's 1280x720 clip of 132 frames, decoded "
        "before the clock starts. Frames over CPU seconds, median, against eight a second."
    ),
)
SIGNING = Promise(
    name="c2pa-sign",
    what="signing a manifest into a file and reading it back, over copying and hashing the file",
    unit="CPU ms",
    bound=Bound("<=", 40),
    how=(
        "Ours: `audit.manifest.sign` on the demo's clip (half a megabyte or so); lint, sign, read-back, "
        "rename and sync included. Reference: the same file copied and hashed with SHA-256. CPU, "
        "interleaved, medians. The bound guards against getting worse: most of the cost is the same for "
        "any size."
    ),
)
PROVING = Promise(
    name="proof",
    what=f"one inclusion proof in a log of {ENTRIES} entries",
    unit="ms",
    bound=Bound("<", 1),
    how=(
        f"`Log.proof` of {_PROOFS} entries spread over the log, each in a session of its own on SQLite, "
        "checked before it is handed out. CPU time, median, against 10 ms."
    ),
)


def rows() -> Iterator[Row]:
    """The engine, the signature, the proof."""
    with house() as place:
        shoot = Shoot.prepared(place)
        taken = shoot.take()
        yield _mesh(place, taken)
        yield _signing(place, shoot, taken)
    yield _proving()


def _mesh(place: House, taken: Taken) -> Row:
    frames = list(frames_of(place.studio.admission.media.path(taken.order.media_digest)))
    engine, order = place.studio.pipeline.finisher.engine, taken.order

    def render() -> None:
        for _ in engine.render(iter(frames), order.tracks, order.portrait, cancelled=never):
            pass

    rates = [len(frames) / cpu_seconds(render) for _ in range(min(ROUNDS, 3))]
    return MESH.within(rates, 8)


def _signing(place: House, shoot: Shoot, taken: Taken) -> Row:
    finisher, folder = place.studio.pipeline.finisher, place.folder
    template = finisher.media.path(taken.order.media_digest)

    def sign() -> None:
        manifest.sign(
            shoot.clip,
            folder / "signed.mp4",
            taken.order.claim,
            template=template,
            signer=finisher.signer,
            trust_pem=finisher.trust_pem,
        )

    def copy() -> None:
        shutil.copyfile(shoot.clip, folder / "copied.mp4")
        with (folder / "copied.mp4").open("rb") as file:
            hashlib.file_digest(file, "sha256")

    ours, theirs = [], []
    for _ in range(10 * ROUNDS):
        ours.append(1000 * cpu_seconds(sign))
        theirs.append(1000 * cpu_seconds(copy))
    return SIGNING.kept(ours, theirs)


def _proving() -> Row:
    with temporary() as folder, sqlite(folder) as database:
        desk, entries, now = Desk.founded(database, folder), [], datetime.now(UTC)
        for start in range(0, ENTRIES, 1000):
            with database.write() as session:
                for number in range(start, start + 1000):
                    part = Part(Subject("tenant", TENANT), Seal.EVID, {"number": number})
                    entries.append(desk.ledger.append(session, Fact("Filled", (part,)), now).leaf_hash)
            desk.log.publish(now=now)
        taken = []
        for leaf_hash in entries[:: ENTRIES // _PROOFS]:
            before = time.process_time()
            with database.read() as session:
                desk.log.proof(session, leaf_hash)
            taken.append(1000 * (time.process_time() - before))
        return PROVING.within(taken, 10)
