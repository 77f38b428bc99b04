"""A log of a million entries: what an entry costs as it grows, a proof, opening it again, reading it all."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median

from sqlalchemy import Table, insert

from audit import tree
from audit.fsck import fsck
from audit.log import Log
from audit.storage import PosixStorage
from audit.tables import EntryRow
from bench.engines import sqlite
from bench.facts import TENANT, Desk
from bench.house import temporary
from bench.meter import ROUNDS
from bench.row import Bound, Promise, Row

SIZE = int(os.environ.get("CONSENTRY_BENCH_ENTRIES", "1000000"))
_SMALL = 10_000
_BATCH = 1000
_ONE_LEAF = 300
_WHERE = f"A log of {SIZE:,} entries of {_ONE_LEAF} bytes on SQLite, published {_BATCH} at a time. "
FLAT = Promise(
    name="log-flat",
    what=f"publishing an entry in a log of {SIZE:,}, over one of {_SMALL:,}",
    unit="us",
    bound=Bound("<=", 1.5),
    how=_WHERE + "CPU time of `Log.publish` an entry; medians of the last and the first twenty publications.",
)
PROOF = Promise(
    name="log-proof-large",
    what=f"one inclusion proof in a log of {SIZE:,}",
    unit="ms",
    bound=Bound("<", 1),
    how=_WHERE + "`Log.proof` of 400 entries spread over it, warm, in a session each, checked. Median by the "
    "clock, against 1 ms.",
)
OPEN = Promise(
    name="log-open-large",
    what=f"opening a log of {SIZE:,} again",
    unit="ms",
    bound=Bound("<", 1),
    how=_WHERE
    + "`Log.start` of another object on the same files: rows held against head and checkpoint, every "
    "file looked for. Median by the clock, against 50 ms.",
)
REPLAY = Promise(
    name="log-replay",
    what="entries a second read again from files alone",
    unit="entries/s",
    bound=Bound(">=", 1),
    how=_WHERE
    + "`audit.fsck` of the tile directory, files in the page cache: every entry hashed, every tile held "
    "against it, up to the signed root. By the clock, against 100,000 entries a second.",
)


def rows() -> Iterator[Row]:
    """All of one log, which takes minutes to make."""
    with temporary() as folder, sqlite(folder) as database:
        desk, now = Desk.founded(database, folder), datetime.now(UTC)
        hashes: list[str] = []
        costs: list[float] = []
        for begin in range(0, SIZE, _BATCH):
            hashes += _filled(desk, begin, now)
            before = time.process_time()
            desk.log.publish(now=now)
            costs.append(1e6 * (time.process_time() - before) / _BATCH)
        first = _SMALL // _BATCH
        flat = FLAT.kept(costs[-20:], costs[first : first + 20])
        yield replace(flat, across="entries in the log", series=tuple(_series(costs, first)))
        yield PROOF.within(_proofs(desk, hashes), 1)
        yield OPEN.within([_opened(desk, folder) for _ in range(ROUNDS)], 50)
        yield REPLAY.within([_read(desk, folder) for _ in range(ROUNDS)], 100_000)


def _series(costs: Sequence[float], first: int) -> Iterator[tuple[float, float]]:
    """Entries in the log, and microseconds an entry: medians of twenty publications."""
    for begin in range(first, len(costs) - 19, 20):
        yield (begin + 10) * _BATCH, median(costs[begin : begin + 20])


def _filled(desk: Desk, begin: int, now: datetime) -> list[str]:
    table: Table = EntryRow.__table__  # type: ignore[attr-defined]
    made = []
    for number in range(begin, begin + _BATCH):
        eid = sha256(b"%d" % number).hexdigest()[:32]
        leaf = f'{{"eid":"{eid}","fill":"{"x" * (_ONE_LEAF - 66)}"}}'.encode()
        made.append(
            {
                "tenant_id": TENANT,
                "eid": eid,
                "leaf": leaf,
                "leaf_hash": tree.leaf_hash(leaf).hex(),
                "at": now,
            }
        )
    with desk.database.write() as session:
        session.connection().execute(insert(table), made)
    return [str(row["leaf_hash"]) for row in made]


def _proofs(desk: Desk, hashes: list[str]) -> list[float]:
    chosen, taken = hashes[:: max(1, len(hashes) // 400)], list[float]()
    for warm in (False, True):
        taken.clear()
        for leaf_hash in chosen:
            before = time.perf_counter()
            with desk.database.read() as session:
                desk.log.proof(session, leaf_hash)
            taken.append(1000 * (time.perf_counter() - before))
        assert warm or taken
    return taken


def _opened(desk: Desk, folder: Path) -> float:
    log = Log(
        TENANT,
        desk.log.verifier.name,
        desk.log._key,
        PosixStorage(folder / "log"),
        desk.log._head,
        desk.database,
        "again",
    )
    before = time.perf_counter()
    log.start()
    return 1000 * (time.perf_counter() - before)


def _read(desk: Desk, folder: Path) -> float:
    before = time.perf_counter()
    done = fsck(PosixStorage(folder / "log"), desk.log.verifier)
    taken = time.perf_counter() - before
    if not done.sound:
        raise RuntimeError("the log that was made is not sound")
    return SIZE / taken
